from itertools import product

import numpy as np
import pytest
from sklearn.utils.estimator_checks import check_estimator

from bep_model.data.selection import Informative


@pytest.mark.filterwarnings("ignore::Warning")
def test_scikit_learn_accepts_it():
    check_estimator(Informative(2))


def information(labels, feature, known):
    """N I(labels; feature | known) from its definition."""
    total = 0.0
    for y, f, g in product(np.unique(labels), (0, 1), (0, 1)):
        here = known == g
        joint = np.sum(here & (labels == y) & (feature == f))
        if joint:
            total += joint * np.log(joint * here.sum() / (
                np.sum(here & (labels == y)) * np.sum(here & (feature == f))))
    return total


def oracle(x, labels, count):
    """Plain loops: the largest of the least conditional information over the chosen bits."""
    chosen = []
    while len(chosen) < count:
        known = [x[:, f] for f in chosen] or [np.zeros(len(x), int)]
        told = [-1 if f in chosen else min(information(labels, x[:, f], g) for g in known)
                for f in range(x.shape[1])]
        chosen.append(int(np.argmax(np.round(told, 9))))
    return chosen


@pytest.mark.parametrize("seed", range(5))
def test_the_choice_equals_plain_loops(seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, 150)
    x = rng.integers(0, 2, (3, 12))[labels] ^ (rng.random((150, 12)) < rng.random(12) / 2)
    np.testing.assert_array_equal(Informative(7).fit(x, labels).ranking_, oracle(x, labels, 7))


def test_a_bit_that_repeats_another_comes_last():
    labels = np.arange(400) % 4
    strong, weak = labels >= 2, (labels % 2 == 1) ^ (np.arange(400) % 40 < 10)
    x = np.stack([strong, weak, strong], axis=1).astype(np.uint8)
    selector = Informative(2).fit(x, labels)
    np.testing.assert_array_equal(selector.ranking_, [0, 1])
    np.testing.assert_array_equal(selector.transform(x), x[:, :2])
    with pytest.warns(UserWarning, match="there are 3 bits to choose from: all are kept, not 9"):
        everything = Informative(9).fit(x, labels)
    np.testing.assert_array_equal(everything.ranking_, [0, 1, 2])


def test_no_bits_are_refused():
    with pytest.raises(ValueError, match="bits must be at least 1, not 0"):
        Informative(0).fit([[0], [1]], [0, 1])
