"""The order of samples in an epoch that the trainer runs by itself (docs/algorithm.md)."""

import math

import numpy as np

from bep_model.checks import integer
from bep_model.phases import random

FIRST = 1 << 16
"""The stride of epoch e comes from the start state of generator FIRST + e: none that a bank has."""


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
