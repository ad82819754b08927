"""The order of samples in an epoch that the trainer runs by itself (docs/algorithm.md)."""

import math

import numpy as np

from bep_model.checks import integer
from bep_model.phases import random

FIRST = 1 << 16
"""The stride of epoch e comes from the start state of generator FIRST + e: none that a bank has."""


def sorted_keys(seeds, n):
    """A permutation of 0..n-1: int64 (n,).

    The key of number i is the i-th raw 64-bit output of PCG64 with these seeds; the keys are
    sorted. NumPy guarantees this stream for ever, but not that of `permutation`.
    """
    return np.argsort(np.random.PCG64(seeds).random_raw(n), kind="stable")


def shuffled(n):
    """The order in which ``n`` samples are stored: int64 (n,), always the same."""
    return sorted_keys([0, 0], n)


def order(count, stride):
    """Numbers of the stored samples in the order in which they are taken.

    Parameters
    ----------
    count : int
        1 or more.
    stride : int
        1..max(1, count - 1), coprime to the count.

    Returns
    -------
    int64 array (count,)
        i * stride modulo count: a permutation of 0..count-1.
    """
    count = integer("count", count, 1)
    stride = integer("stride", stride, 1, max(1, count - 1))
    if math.gcd(stride, count) != 1:
        raise ValueError(f"stride must be coprime to the count {count}, not {stride}")
    return np.arange(count) * stride % count


def epoch_stride(seed, epoch, count):
    """The stride of epoch ``epoch`` (from 0) in a training with a seed, for ``count`` samples.

    It is the first number coprime to the count among r, r + 1, ..., where r is a random number
    modulo the count, and 1 follows count - 1.

    Raises TypeError or ValueError if ``seed`` is not an integer from 0 to 2**32-1.
    """
    stride = int(random.seeds(seed, 1, first=FIRST + epoch)[0]) % count
    while math.gcd(stride, count) != 1:  # gcd(0, count) is count
        stride = stride % count + 1
    return max(1, stride % count)
