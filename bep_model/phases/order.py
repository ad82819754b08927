"""The order of samples in an epoch that the trainer runs by itself (docs/algorithm.md)."""

import numpy as np

from bep_model.checks import MOST_SEED, integer
from bep_model.phases import random

ROUNDS = 8
"""Rounds of the permutation; the seed is turned by 32 / ROUNDS bits in each."""

UP, DOWN = 3, 5
"""By how many bits a round shifts: towards the high end, then towards the low end."""

FIRST = 1 << 16
"""The seed of epoch e is the start state of generator FIRST + e: none that a bank has."""


def order(count, seed):
    """The order in which ``count`` samples are taken.

    Parameters
    ----------
    count : int
        0 or more, below 2**31.
    seed : int
        0..2**32-1. 0 is the order in which the samples are stored.

    Returns
    -------
    int64 array (count,)
        A permutation of 0..count-1.
    """
    count = integer("count", count, 0, (1 << 31) - 1)
    seed = integer("seed", seed, 0, MOST_SEED)
    if not seed:
        return np.arange(count)
    bits = count.bit_length()
    mask = np.int64((1 << bits) - 1)
    x = np.arange(1 << bits)
    for _ in range(ROUNDS):
        x = x + np.int64(seed) & mask
        x ^= x << UP & mask
        x ^= x >> DOWN
        seed = (seed << 32 // ROUNDS | seed >> 32 - 32 // ROUNDS) & MOST_SEED
    return x[x < count]


def epoch_seed(seed, epoch):
    """The seed of the order of epoch ``epoch`` (from 0) in a training with a seed: int, not 0.

    Raises TypeError or ValueError if ``seed`` is not an integer from 0 to 2**32-1.
    """
    return int(random.seeds(seed, 1, first=FIRST + epoch)[0])
