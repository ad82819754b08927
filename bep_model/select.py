"""Phase 4, select: the winner of every group of neurons (SPEC.md 3.5)."""

import numpy as np

from bep_model.bits import bit, compiled


@compiled
def select(z, activations, targets, valid, group, winners):
    """In each group, the wrong neuron that is easiest to correct wins.

    Wrong is a neuron with a target that differs from its activation; of a group's wrong neurons
    the one with the smallest abs(z) wins, the lowest index on a tie. A group whose neurons are
    all right has no winner.

    Parameters
    ----------
    z : int32 array (K,)
    activations, targets, valid : uint64 array (ceil(K / 64),)
        Packed.
    group : int
        gamma, neurons per contiguous group, a divisor of K.
    winners : uint64 array (ceil(K / 64),)
        Receives the packed winners.
    """
    winners[:] = 0
    for begin in range(0, z.shape[0], group):
        winner = -1
        for j in range(begin, begin + group):
            wrong = bit(valid, j) and bit(targets, j) != bit(activations, j)
            if wrong and (winner < 0 or abs(z[j]) < abs(z[winner])):
                winner = j
        if winner >= 0:
            winners[winner >> 6] |= np.uint64(1) << np.uint64(winner & 63)
