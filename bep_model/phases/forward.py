"""Phase 1, forward: z = W a, activations sign(z)."""

import numpy as np

from bep_model.phases.bits import kernel, popcount


@kernel
def forward(signs, inputs, fan_in, z, activations):
    """One layer: z_l = W_l a_(l-1) by XNOR and popcount, a_l = sign(z_l) with sign(0) = +1.

    z = F - 2 popcount(w xor a) counts where weight and input differ, so that the unused high bits,
    which are 0 in both, do not count.

    Parameters
    ----------
    signs : uint64 array (ceil(F / 64) or more, K)
        Visible weights: word k of all neurons in row k, so that several neurons are computed at
        once. Words beyond those of the inputs do not count.
    inputs : uint64 array (ceil(F / 64),)
        Packed a_(l-1).
    fan_in : int
        F.
    z : int32 array (K,)
        Receives the pre-activations, -F..F.
    activations : uint64 array (ceil(K / 64),)
        Receives packed a_l.
    """
    z[:] = fan_in
    fours = inputs.shape[0] & ~3  # four words at a time, since the access to z takes time, too
    for k in range(0, fours, 4):
        a, b, c, d = inputs[k], inputs[k + 1], inputs[k + 2], inputs[k + 3]
        for j in range(z.shape[0]):
            differing = (popcount(signs[k, j] ^ a) + popcount(signs[k + 1, j] ^ b)
                         + popcount(signs[k + 2, j] ^ c) + popcount(signs[k + 3, j] ^ d))
            z[j] -= np.int32(2 * differing)
    for k in range(fours, inputs.shape[0]):
        a = inputs[k]
        for j in range(z.shape[0]):
            z[j] -= np.int32(2 * popcount(signs[k, j] ^ a))
    for word in range(activations.shape[0]):
        packed = np.uint64(0)
        for j in range(64 * word, min(64 * word + 64, z.shape[0])):
            packed |= np.uint64(z[j] >= 0) << np.uint64(j & 63)
        activations[word] = packed
