"""Numbers by classes in an order."""

import doctest

import numpy as np
import pytest
from sklearn.datasets import make_friedman1
from sklearn.linear_model import Ridge
from sklearn.utils.estimator_checks import parametrize_with_checks

import bep_model.fit.regressor
from bep_model import BEPClassifier, BEPRegressor, Thermometer

X, Y = make_friedman1(900, noise=1.0, random_state=0)


def small(**options):
    return BEPClassifier(**{"hidden_layer_sizes": (32, 32), "random_state": 1, "r": 0.1} | options)


@parametrize_with_checks([BEPRegressor(small())])
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)


def test_the_example_in_the_documentation():
    results = doctest.testmod(bep_model.fit.regressor)
    assert results.attempted and not results.failed


def test_it_is_the_classifier_of_levels(tmp_path):
    found = BEPRegressor(small(epochs=5), levels=4).fit(X, Y)
    edges = np.sort(Y)[[225, 450, 675]]
    level = np.searchsorted(edges, Y, side="right")
    values = [Y[level == each].mean() for each in range(4)]
    np.testing.assert_allclose(found.classifier_.classes_, values)
    wanted = small(epochs=5, code="thermometer").fit(X, level)
    np.testing.assert_array_equal(found.classifier_.network_.counters[0],
                                  wanted.network_.counters[0])
    np.testing.assert_allclose(found.predict(X), wanted.predict_proba(X) @ values)
    found.classifier_.save(tmp_path / "state.npz")
    loaded = BEPClassifier.load(tmp_path / "state.npz")
    assert loaded.code == "thermometer"
    np.testing.assert_array_equal(loaded.predict(X), found.classifier_.predict(X))
    assert set(loaded.predict(X)) <= set(found.classifier_.classes_)


def test_it_learns_what_a_line_cannot():
    X, Y = make_friedman1(3000, noise=1.0, random_state=0)
    train, test = slice(0, 2100), slice(2100, None)
    found = BEPRegressor(small(hidden_layer_sizes=(128, 128), group=16, encoder=Thermometer(16)))
    line = Ridge().fit(X[train], Y[train]).score(X[test], Y[test])
    assert found.fit(X[train], Y[train]).score(X[test], Y[test]) > line + 0.05


@pytest.mark.parametrize("values", [[0, 1], [3, 3, 3, 3, 3, 8], [-1e9, 0.5, 1e9], [1, 2, 2, 2]])
def test_few_values(values):
    """There are no more levels than values, and each value is met."""
    y = np.resize(values, 60)
    x = np.searchsorted(np.unique(y), y)[:, None]
    found = BEPRegressor(small(epochs=3), levels=16).fit(x, y)
    np.testing.assert_allclose(found.classifier_.classes_, np.unique(y))


@pytest.mark.parametrize(("options", "y", "error", "text"), [
    ({"levels": 1}, Y, ValueError, "levels must be between 2 and 256, not 1"),
    ({"levels": 2.5}, Y, TypeError, "levels must be an integer, not 2.5"),
    ({"levels": 64}, Y, ValueError, "code must be random where the last layer has fewer than the"),
    ({}, np.full(900, 7.0), ValueError, "y must have two different values at least, not only 7.0"),
])
def test_what_is_refused(options, y, error, text):
    found = BEPRegressor(small(epochs=1)).fit(X, Y)
    before = found.predict(X)
    with pytest.raises(error, match=f"^{text}"):
        found.set_params(**options).fit(X, y)
    np.testing.assert_array_equal(found.set_params(levels=16).predict(X), before)
