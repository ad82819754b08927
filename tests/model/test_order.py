"""The order of the samples of an epoch on the chip."""

import math
from itertools import pairwise

import numpy as np
import pytest

from bep_model.fit.training import ORDERS
from bep_model.phases.order import FIRST, epoch_stride, order
from bep_model.phases.random import seeds


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 30, 63, 64, 65, 1437, 2310, 50_000])
def test_a_permutation_for_every_stride(count):
    strides = {epoch_stride(seed, epoch, count) for seed in (0, 7, 2**32 - 1)
               for epoch in range(20)}
    for stride in strides | {1, max(1, count - 1)}:
        found = order(count, stride)
        np.testing.assert_array_equal(np.sort(found), np.arange(count))
        assert found[0] == 0 and (count < 2 or found[1] == stride)


def test_strides_by_hand():
    for epoch in range(50):
        r = int(seeds(7, FIRST + 1 + epoch)[FIRST + epoch]) % 30
        coprime = [s for s in (*range(r, 30), *range(1, r)) if math.gcd(s, 30) == 1]
        assert epoch_stride(7, epoch, 30) == coprime[0]
    assert len({epoch_stride(7, epoch, 50_000) for epoch in range(100)}) > 95
    assert epoch_stride(7, 0, 1) == 1 and epoch_stride(7, 0, 2) == 1


def test_the_order_of_an_epoch_is_like_a_random_one():
    """Statistics of neighbours and of the parity, within about 5 standard deviations of those of
    random permutations."""
    count = 10_000
    orders = [ORDERS["chip"](1, epoch, count) for epoch in range(40)]
    for each in orders:
        np.testing.assert_array_equal(np.sort(each), np.arange(count))
        assert abs(np.corrcoef(each[1:], each[:-1])[0, 1]) < 5 / np.sqrt(count)
        odd = each & 1
        assert abs(np.mean(odd[1:] != odd[:-1]) - 0.5) < 5 * 0.5 / np.sqrt(count)
        assert abs(len(np.unique(np.diff(each) % count)) / count - (1 - 1 / np.e)) < 0.02
    pairs = [frozenset(pairwise(each)) for each in orders]
    assert max(len(a & b) for a, b in pairwise(pairs)) < 10  # neighbours do not stay neighbours


@pytest.mark.parametrize("count, stride, text", [
    (0, 1, "count must be at least 1, not 0"), (3, 0, "stride must be between 1 and 2, not 0"),
    (3, 3, "stride must be between 1 and 2, not 3"), (6, 4, "coprime to the count 6, not 4"),
    (2.5, 1, "count must be an integer")])
def test_refused(count, stride, text):
    with pytest.raises((TypeError, ValueError), match=text):
        order(count, stride)
