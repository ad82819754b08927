import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.estimator_checks import check_estimator

from bep_model.data.encoders import Differences, Local, Median, Thermometer, Threshold


@pytest.mark.parametrize("encoder", [
    Threshold(), Median(), Thermometer(), Thermometer((0.0, 1.0)), Local(), Local((1, 2)),
    Differences(bits=5, pixels=2)])
@pytest.mark.filterwarnings("ignore::Warning")
def test_scikit_learn_accepts_it(encoder):
    check_estimator(encoder)


def test_threshold_is_inclusive():
    bits = Threshold(4).fit_transform([[3, 4], [5, -1]])
    assert bits.dtype == np.uint8
    np.testing.assert_array_equal(bits, [[0, 1], [1, 0]])


def test_median_is_learnt_per_feature_and_exclusive():
    encoder = Median().fit([[0, 10], [0, 20], [9, 30]])
    np.testing.assert_array_equal(encoder.median_, [0, 20])
    np.testing.assert_array_equal(encoder.transform([[0, 20], [1, 21]]), [[0, 0], [1, 1]])


def test_thermometer_of_given_levels_is_feature_major():
    bits = Thermometer((4, 8, 12)).fit_transform([[0, 16], [4, 11], [8, 12]])
    assert bits.dtype == np.uint8
    np.testing.assert_array_equal(
        bits, [[0, 0, 0, 1, 1, 1], [1, 0, 0, 1, 1, 0], [1, 1, 0, 1, 1, 1]])


def test_thermometer_learns_quantiles():
    x = np.arange(100)[:, None]
    encoder = Thermometer(3).fit(x)
    np.testing.assert_array_equal(encoder.levels_, [[24.75, 49.5, 74.25]])
    np.testing.assert_array_equal(encoder.transform(x).sum(axis=0), [75, 50, 25])


@pytest.mark.parametrize(("levels", "text"), [
    (0, "between 1 and 65535, not 0"), ((), r"ascending list of numbers, not \(\)"),
    ((3, 2), r"ascending list of numbers, not \(3, 2\)"), ((1, 1), "ascending"),
])
def test_thermometer_refuses(levels, text):
    with pytest.raises(ValueError, match=text):
        Thermometer(levels).fit([[1], [2]])


@given(st.lists(st.integers(0, 255), min_size=2, max_size=40), st.integers(1, 6))
def test_a_thermometer_has_no_gaps_and_keeps_the_order(values, levels):
    bits = Thermometer(levels).fit_transform(np.array(values)[:, None]).astype(int)
    assert (np.diff(bits, axis=1) <= 0).all()
    height = bits.sum(axis=1)
    assert (np.diff(height[np.argsort(values)]) >= 0).all()


def test_median_is_the_one_level_thermometer():
    x = np.random.default_rng(1).integers(0, 256, (51, 7))
    np.testing.assert_array_equal(Median().fit_transform(x), Thermometer(1).fit_transform(x))


@pytest.mark.parametrize("levels", [(), (60, 200)])
def test_local_bits_are_above_the_mean_around_the_pixel(levels):
    x = np.random.default_rng(2).integers(0, 256, (9, 6 * 7), np.uint8)
    bits = Local(levels, 7, window=3, above=4).fit_transform(x).reshape(9, 6, 7, len(levels) + 1)
    assert bits.dtype == np.uint8
    images = x.reshape(9, 6, 7).astype(int)
    for k, level in enumerate(levels):
        np.testing.assert_array_equal(bits[..., k], images >= level)
    around = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    for row in range(6):
        for column in range(7):
            mean = around[:, row:row + 3, column:column + 3].sum(axis=(1, 2)) / 9
            np.testing.assert_array_equal(
                bits[:, row, column, -1], images[:, row, column] > mean + 4)


def test_local_windows_may_be_larger_than_the_image():
    x = np.random.default_rng(3).integers(0, 256, (5, 20))
    bits = Local((), 5, window=99, above=0).fit_transform(x)
    np.testing.assert_array_equal(bits, x > x.sum(axis=1, keepdims=True) / 99 ** 2)
    np.testing.assert_array_equal(Local(window=41).fit_transform(x),  # one row
                                  x > x.sum(axis=1, keepdims=True) / 41 ** 2 + 4)


@pytest.mark.parametrize(("change", "text"), [
    (dict(window=4), "window must be odd, not 4"), (dict(width=6), "width must divide the 49 fea"),
    (dict(levels=(3, 2)), "ascending"), (dict(above=np.inf), "above must be"),
    (dict(levels=3), "an ascending list of numbers, which may be empty, not 3"),
    (dict(levels="12"), "not '12'"), (dict(window=10 ** 10 + 1), "between 1 and 999"),
    (dict(above=10 ** 30), "above must be between"),
])
def test_local_refuses(change, text):
    with pytest.raises(ValueError, match=text):
        Local(**change).fit(np.zeros((3, 49)))


@pytest.mark.parametrize("large", [10 ** 18, 1e308])
def test_local_refuses_numbers_whose_sums_are_none(large):
    with pytest.raises(ValueError, match=r"numbers must be between .* to sum a window of 13 x 13"):
        Local(width=4).fit_transform(np.full((2, 16), large))


def test_local_sums_of_mixed_magnitudes_do_not_cancel():
    x = np.array([[1e20, 1, 100, 1] * 4])
    assert not Local(width=4, window=1, above=0).fit_transform(x).any()


def test_differences_are_those_of_the_pixels_they_name():
    x = np.random.default_rng(1).integers(0, 256, (31, 6 * 7), np.uint8)
    encoder = Differences(bits=70, width=7, window=3, pixels=4, seed=5)
    bits = encoder.fit_transform(x)
    assert bits.dtype == np.uint8 and bits.shape == (31, 70)
    for k in range(70):
        sums = [sum(int(row[i]) for i in encoder.added_[k])
                - sum(int(row[i]) for i in encoder.subtracted_[k]) for row in x]
        assert encoder.median_[k] == sorted(sums)[15]
        np.testing.assert_array_equal(bits[:, k], [s > encoder.median_[k] for s in sums])


def test_differences_take_each_pixel_once_and_stay_in_a_window_that_moves():
    encoder = Differences(bits=300, width=7, window=3, pixels=8).fit(np.zeros((2, 42)))
    places = np.hstack([encoder.added_, encoder.subtracted_])
    assert all(len(set(row)) == 8 for row in places)
    rows, columns = np.divmod(places, 7)
    assert (np.ptp(rows, axis=1) < 3).all() and (np.ptp(columns, axis=1) < 3).all()
    np.testing.assert_array_equal(np.unique(places), np.arange(42))


def test_differences_are_drawn_by_their_seed():
    x = np.random.default_rng(1).integers(0, 256, (9, 49))
    drawn = [Differences(20, 7, 3, 4, seed).fit(x).added_ for seed in (0, 0, 1)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).any()
    # This stream is part of every result that names the encoding.
    first = Differences(2, 28).fit(np.zeros((2, 784)))
    np.testing.assert_array_equal(first.added_, [[353, 326, 381, 355], [271, 80, 158, 137]])


def test_differences_of_a_brighter_image_are_the_same():
    x = np.random.default_rng(1).integers(0, 128, (20, 49))
    encoder = Differences(40, 7, 5, 6).fit(x)
    np.testing.assert_array_equal(encoder.transform(x), encoder.transform(x + 100))


@pytest.mark.parametrize(("change", "text"), [
    (dict(bits=0), "bits must be between 1 and 65535, not 0"),
    (dict(window=0), "window must be at least 1, not 0"),
    (dict(width=5), "width must divide the 49 features, not 5"),
    (dict(width=0), "width must be at least 1, not 0"),
    (dict(pixels=3), "pixels must be even, not 3"),
    (dict(pixels=10), r"pixels must be even, 2 to 9 .*, not 10"),
])
def test_differences_refuse(change, text):
    values = dict(bits=4, width=7, window=3, pixels=4) | change
    with pytest.raises(ValueError, match=text):
        Differences(**values).fit(np.zeros((3, 49)))
