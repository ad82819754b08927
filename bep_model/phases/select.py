"""Phase 4, select: the winner of every group of neurons (sec. 3.3, docs/algorithm.md)."""

import numpy as np

from bep_model.phases.bits import bit, kernel, lowest


@kernel
def select(z, activations, targets, valid, group, stability, winners):
    """In each group, the wrong neuron that is easiest to correct wins, or one that is barely right.

    A neuron with a target is eligible if its activation differs from the target, or if its abs(z)
    is below the stability. The eligible neuron of a group with the smallest abs(z) wins, the lowest
    index on a tie. A group without an eligible neuron has no winner. With stability 0 only wrong
    neurons win.

    Parameters
    ----------
    z : int32 array (K,)
    activations, targets, valid : uint64 array (ceil(K / 64),)
        Packed.
    group : int
        gamma, neurons per contiguous group, a divisor of K.
    stability : int
        kappa, 0..F + 1.
    winners : uint64 array (ceil(K / 64),)
        Receives the packed winners.
    """
    for word in range(winners.shape[0]):
        eligible = targets[word] ^ activations[word]
        if stability:
            for j in range(64 * word, min(64 * word + 64, z.shape[0])):
                eligible |= np.uint64(abs(z[j]) < stability) << np.uint64(j & 63)
        winners[word] = eligible & valid[word]
    keep_nearest(z, group, winners)


@kernel
def keep_nearest(z, group, winners):
    """Of the packed eligible neurons keep the one with the smallest abs(z) in each group.

    The key abs(z) << 16 | j decides ties as well; a layer has less than 2**16 neurons.
    """
    none = np.int64(-1)
    best, end = none, group
    for word in range(winners.shape[0]):
        left, winners[word] = winners[word], 0
        while left:
            j = 64 * word + lowest(left)
            left &= left - np.uint64(1)
            if j >= end:  # in another group than the best so far
                _win(best, winners)
                best, end = none, (j // group + 1) * group
            key = np.int64(abs(z[j])) << 16 | j
            best = key if best < 0 else min(best, key)
    _win(best, winners)


@kernel
def _win(key, winners):
    if key >= 0:
        j = key & 0xFFFF
        winners[j >> 6] |= np.uint64(1) << np.uint64(j & 63)


@kernel
def select_through_time(z, targets, valid, group, sums, winners):
    """In each group, of the neurons that disagree with their targets over time the nearest wins.

    A neuron disagrees if sigma, the sum over time of target times pre-activation, is negative. The
    disagreeing neuron of a group with the smallest -sigma wins, the lowest index on a tie. Where
    sigma is 0 a neuron is not wrong, whereas :func:`select` compares signs, with sign(0) = +1: a
    neuron with z = 0 and target -1 is wrong there.

    Parameters
    ----------
    z : int32 array (T, K_s)
    targets, valid : uint64 array (T, ceil(K_s / 64))
        Packed, of the same steps.
    group : int
        gamma.
    sums : int32 array (K_s,)
        Receives sigma.
    winners : uint64 array (ceil(K_s / 64),)
        Receives the packed winners.
    """
    sums[:] = 0
    for t in range(z.shape[0]):
        for j in range(z.shape[1]):
            target = np.int32(2 * bit(targets[t], j) - 1)  # no branches, for speed
            sums[j] += np.int32(bit(valid[t], j)) * target * z[t, j]
    winners[:] = 0
    for j in range(sums.shape[0]):
        winners[j >> 6] |= np.uint64(sums[j] < 0) << np.uint64(j & 63)
    keep_nearest(sums, group, winners)
