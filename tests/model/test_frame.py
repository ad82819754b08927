"""The class prototypes are as far apart, and as evenly, as a binary frame can be."""

import time

import numpy as np
import pytest

from bep_model.config import Config
from bep_model.phases.frame import prototypes


def products(classes, width, seed=1):
    bits = prototypes(Config(4, (width,), classes, seed=seed))
    assert bits.shape == (classes, width)
    assert bits.dtype == np.uint8
    assert bits.max(initial=0) <= 1
    points = 2 * bits.astype(int) - 1
    return (points @ points.T)[np.triu_indices(classes, 1)]


@pytest.mark.parametrize("width", [1, 2, 35, 1035])
def test_two_classes_are_opposite(width):
    assert products(2, width).tolist() == [-width]


@pytest.mark.parametrize(("classes", "width"), [(3, 35), (10, 35), (10, 75), (10, 525), (26, 64),
                                                (10, 1035), (37, 512)])
@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_the_frame_is_nearly_equiangular(classes, width, seed):
    """A column adds at least -floor(C / 2) to the sum of the products, when it is balanced."""
    pairs = products(classes, width, seed)
    bound = -width * (classes // 2)
    assert bound <= pairs.sum() <= 0.9 * bound
    assert pairs.std() <= 4
    assert pairs.max() < width / 4


def cost(bits):
    """The cost as the docstring states it, times the square of the number of pairs."""
    points = 2 * bits.astype(int) - 1
    pairs = (points @ points.T)[np.triu_indices(len(bits), 1)]
    n = len(pairs)
    return n * n * pairs.sum() + len(bits) // 2 * (n * (pairs**2).sum() - pairs.sum() ** 2)


@pytest.mark.parametrize(("classes", "width"), [(2, 5), (3, 7), (5, 12), (10, 35), (16, 9)])
def test_no_single_flip_lowers_the_cost(classes, width):
    bits = prototypes(Config(4, (width,), classes))
    for c, i in np.ndindex(bits.shape):
        flipped = bits.copy()
        flipped[c, i] ^= 1
        assert cost(flipped) >= cost(bits)


def test_same_seed_same_frame_other_seed_other_frame():
    def frame(seed):
        return prototypes(Config(4, (64,), 10, seed=seed)).tolist()

    assert frame(3) == frame(3) != frame(4)


def test_a_caller_cannot_spoil_the_next_frame():
    config = Config(4, (20,), 3)
    prototypes(config)[:] = 7
    assert prototypes(config).max() == 1


@pytest.mark.parametrize(("classes", "width"), [(3, 1), (256, 1), (256, 64), (256, 1035)])
def test_corners_are_fast(classes, width):
    began = time.process_time()
    products(classes, width)
    assert time.process_time() - began < 20


@pytest.mark.parametrize(("classes", "width"), [(2, 1), (2, 9), (5, 4), (16, 128), (7, 100),
                                                (256, 255)])
def test_classes_in_an_order(classes, width):
    rows = prototypes(Config(4, (width,), classes, code="thermometer"))
    ones = rows.sum(axis=1)
    np.testing.assert_array_equal(rows, np.arange(width) < ones[:, None])
    assert ones[0] == 0 and ones[-1] == width
    steps = np.diff(ones)
    assert steps.min() > 0 and steps.max() - steps.min() <= 1
