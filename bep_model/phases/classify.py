"""Phase 2, classify: logits against the fixed prototypes, prediction, and the trigger (Eq. 1)."""

import numpy as np

from bep_model.phases.bits import kernel, popcount


@kernel
def classify(prototypes, activations, width, logits):
    """Logits y = P a_L and the prediction: the largest logit, the lowest index on a tie.

    Parameters
    ----------
    prototypes : uint64 array (C, ceil(K_L / 64))
        Packed class prototypes.
    activations : uint64 array (ceil(K_L / 64),)
        Packed a_L.
    width : int
        K_L.
    logits : int32 array (C,)
        Receives y, -K_L..K_L.

    Returns
    -------
    int
        The predicted class.
    """
    prediction = 0
    for c in range(logits.shape[0]):
        differing = 0
        for k in range(prototypes.shape[1]):
            differing += np.int64(popcount(prototypes[c, k] ^ activations[k]))
        logits[c] = width - 2 * differing
        if logits[c] > logits[prediction]:
            prediction = c
    return prediction


@kernel
def triggers(logits, label, margin):
    """Whether a sample of class ``label`` triggers an update: y_c - max_(k != c) y_k < M."""
    rival = logits[1 if label == 0 else 0]
    for k in range(logits.shape[0]):
        if k != label:
            rival = max(rival, logits[k])
    return logits[label] - rival < margin
