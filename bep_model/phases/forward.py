"""Phase 1, forward: z = W a, activations sign(z)."""

import numpy as np

from bep_model.phases.bits import compiled, popcount


@compiled
def forward(signs, inputs, fan_in, z, activations):
    """One layer: z_l = W_l a_(l-1) by XNOR and popcount, a_l = sign(z_l) with sign(0) = +1.

    z = F - 2 popcount(w xor a) counts where weight and input differ, so that the unused high bits,
    which are 0 in both, do not count.

    Parameters
    ----------
    signs : uint64 array (K, ceil(F / 64) or more)
        Visible weights, one packed row per neuron; words beyond those of the inputs do not count.
    inputs : uint64 array (ceil(F / 64),)
        Packed a_(l-1).
    fan_in : int
        F.
    z : int32 array (K,)
        Receives the pre-activations, -F..F.
    activations : uint64 array (ceil(K / 64),)
        Receives packed a_l.
    """
    for word in range(activations.shape[0]):
        packed = np.uint64(0)
        for j in range(64 * word, min(64 * word + 64, z.shape[0])):
            differing = 0
            for k in range(inputs.shape[0]):
                differing += np.int64(popcount(signs[j, k] ^ inputs[k]))
            value = fan_in - 2 * differing
            z[j] = value
            packed |= np.uint64(value >= 0) << np.uint64(j & 63)
        activations[word] = packed
