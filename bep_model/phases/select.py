"""Phase 4, select: the winner of every group of neurons (SPEC.md 3.5)."""

import numpy as np

from bep_model.phases.bits import bit, compiled


@compiled
def select(z, activations, targets, valid, group, stability, winners):
    """In each group, the wrong neuron that is easiest to correct wins, or one that is barely right.

    Eligible is a neuron with a target that differs from its activation, or whose abs(z) is below
    the stability; of a group's eligible neurons the one with the smallest abs(z) wins, the lowest
    index on a tie. A group without any has no winner. With stability 0 only wrong neurons win.

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
    winners[:] = 0
    for begin in range(0, z.shape[0], group):
        winner = -1
        for j in range(begin, begin + group):
            wrong = bit(targets, j) != bit(activations, j)
            eligible = bit(valid, j) and (wrong or abs(z[j]) < stability)
            if eligible and (winner < 0 or abs(z[j]) < abs(z[winner])):
                winner = j
        if winner >= 0:
            winners[winner >> 6] |= np.uint64(1) << np.uint64(winner & 63)
