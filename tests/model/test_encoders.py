import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.estimator_checks import check_estimator

from bep_model.encoders import Median, Thermometer, Threshold


@pytest.mark.parametrize("encoder", [Threshold(), Median(), Thermometer(), Thermometer((0.0, 1.0))])
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
    (0, "at least 1, not 0"), ((), r"ascending list of numbers, not \(\)"),
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
