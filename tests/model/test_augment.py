import numpy as np
import pytest

from bep_model.data.augment import shifted, swapped
from bep_model.data.datasets import Samples

LABELS = np.arange(4000) % 3


def numbered():
    """Samples whose bits are their index within their class, in binary."""
    return Samples((np.arange(4000)[:, None] // 3 >> np.arange(11) & 1).astype(np.uint8), LABELS)


def test_bits_come_from_the_sample_or_one_other_of_its_class():
    whole = swapped(numbered(), 1.0, 1, 0)
    np.testing.assert_array_equal(whole.labels, LABELS)
    partner = whole.x.astype(int) @ (1 << np.arange(11))
    for label in range(3):  # every sample is the partner of exactly one sample of its class
        np.testing.assert_array_equal(np.sort(partner[label == LABELS]),
                                      np.arange(np.sum(label == LABELS)))
    assert np.mean(partner == np.arange(4000) // 3) < 0.01
    half = swapped(numbered(), 0.5, 1, 0)
    own = half.x == numbered().x
    assert (own | (half.x == whole.x)).all()
    differing = numbered().x != whole.x
    assert abs(np.mean(own[differing]) - 0.5) < 0.02


def test_the_swaps_of_an_epoch_are_fixed():
    first = swapped(numbered(), 0.25, 1, 0)
    np.testing.assert_array_equal(first.x, swapped(numbered(), 0.25, 1, 0).x)
    for other in ((2, 0), (1, 1)):
        assert (first.x != swapped(numbered(), 0.25, *other).x).any()
    np.testing.assert_array_equal(swapped(numbered(), 0.0, 1, 0).x, numbered().x)
    assert first.x.dtype == np.uint8
    few = Samples(np.eye(4, 9, dtype=np.uint8), np.array([0, 0, 0, 1]))
    np.testing.assert_array_equal(np.nonzero(swapped(few, 0.5, 7, 3).x), FEW)


FEW = [[0, 1, 2, 3], [1, 1, 2, 3]]  # fixed for ever: changing it changes every trained network


@pytest.mark.parametrize("part", [-0.1, 1.1])
def test_a_part_out_of_range_is_refused(part):
    with pytest.raises(ValueError, match=f"must be between 0 and 1, not {part}"):
        swapped(numbered(), part, 1, 0)


def test_sequences_of_several_lengths_are_refused():
    steps = Samples(np.zeros((2, 3, 4), np.uint8), np.zeros(2, int), np.array([2, 3]))
    with pytest.raises(ValueError, match="sequences of several lengths"):
        swapped(steps, 0.5, 1, 0)


IMAGE = (3, 4, 2)


def images(count):
    return Samples(np.random.default_rng(1).integers(0, 2, (count, 24)).astype(np.uint8),
                   np.arange(count) % 3)


def moved(pixels, down, right):
    """Pixel by pixel."""
    after = np.zeros_like(pixels)
    rows, columns, _ = pixels.shape
    for row in range(rows):
        for column in range(columns):
            if 0 <= row - down < rows and 0 <= column - right < columns:
                after[row, column] = pixels[row - down, column - right]
    return after


@pytest.mark.parametrize("most", [0, 1, 2, 5])
def test_images_are_moved_in_all_ways(most):
    samples = images(30)
    ways = [(down, right) for down in range(-most, most + 1) for right in range(-most, most + 1)]
    for epoch in (0, 1, 7):
        after = shifted(samples, IMAGE, most, epoch)
        assert after.x.dtype == np.uint8 and after.labels is samples.labels
        for i in range(30):
            wanted = moved(samples.x[i].reshape(IMAGE), *ways[(i + epoch) % len(ways)])
            np.testing.assert_array_equal(after.x[i], wanted.ravel())
    assert shifted(samples.first(0), IMAGE, most, 0).x.shape == (0, 24)
