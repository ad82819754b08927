"""The permutation that orders the samples of an epoch on the chip."""

from itertools import pairwise

import numpy as np
import pytest

from bep_model.fit.training import ORDERS
from bep_model.phases.order import FIRST, epoch_seed, order
from bep_model.phases.random import seeds


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 63, 64, 65, 1437, 50_000])
def test_a_permutation_for_every_seed(count):
    for seed in (0, 1, 0x80000000, 0xFFFFFFFF, epoch_seed(1, 0)):
        np.testing.assert_array_equal(np.sort(order(count, seed)), np.arange(count))
    np.testing.assert_array_equal(order(count, 0), np.arange(count))


def test_by_hand():
    """Three samples, so two bits: only the sums matter, because both shifts leave nothing."""
    seed = 0x12345678  # its low two bits as it turns: 0, 1, 2, 3, ... by digits 8, 1, 2, .. 7
    turned = [(seed << 4 * r | seed >> 32 - 4 * r) & 3 for r in range(8)]
    expected = [(i + sum(turned)) % 4 for i in range(4)]
    assert order(3, seed).tolist() == [x for x in expected if x < 3]


def test_like_random_permutations():
    """Statistics of neighbours, of the parity and of successive epochs, at 4 standard deviations
    of true random permutations."""
    count, epochs = 10_000, 40
    orders = [ORDERS["chip"](1, epoch, count) for epoch in range(epochs)]
    first = np.array([each[0] for each in orders]) / count
    assert abs(first.mean() - 0.5) < 4 / np.sqrt(12 * epochs)
    for each in orders:
        assert abs(np.corrcoef(each[1:], each[:-1])[0, 1]) < 5 / np.sqrt(count)
        odd = each & 1
        assert abs(np.mean(odd[1:] != odd[:-1]) - 0.5) < 5 * 0.5 / np.sqrt(count)
        different = len(np.unique(np.diff(each) % count)) / count
        assert abs(different - (1 - 1 / np.e)) < 0.02
    for before, after in pairwise(orders):
        assert abs(np.corrcoef(before, after)[0, 1]) < 5 / np.sqrt(count)


def test_seeds_of_epochs():
    found = [epoch_seed(7, epoch) for epoch in range(100)]
    assert len(set(found)) == 100 and 0 not in found
    assert found[3] == seeds(7, FIRST + 4)[FIRST + 3]


@pytest.mark.parametrize("count, seed, text", [
    (-1, 1, "count must be between 0 and"), (3, -1, "seed must be between 0 and"),
    (3, 1 << 32, "seed must be between 0 and"), (2.5, 1, "count must be an integer")])
def test_refused(count, seed, text):
    with pytest.raises((TypeError, ValueError), match=text):
        order(count, seed)
