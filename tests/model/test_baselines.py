"""The baselines: integer learning against plain loops, budgets, determinism."""

from dataclasses import replace

import numpy as np
import pytest

from bep_model.data import datasets
from bep_model.fit import baselines
from bep_model.phases.bits import pack, unpack

DIGITS = datasets.load("digits")
BUDGET = 7 * (192 * 32 + 32 * 32)


@pytest.mark.parametrize(("count", "margin", "bits"), [(5, 1, 2), (64, 40, 3), (70, 200, 15)])
def test_read_out_is_the_plain_perceptron(count, margin, bits):
    rng = np.random.default_rng(1)
    features, labels = rng.integers(0, 2, (60, count), np.uint8), rng.integers(0, 3, 60)
    order = rng.permutation(60)
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    expected = [[0] * count for _ in range(3)]
    for n in order:
        signs = [2 * int(bit) - 1 for bit in features[n]]
        logits = [sum(h * s for h, s in zip(row, signs, strict=True)) for row in expected]
        others = [c for c in range(3) if c != labels[n]]
        rival = max(others, key=lambda c: (logits[c], -c))
        if logits[labels[n]] - logits[rival] < margin:
            for c, direction in ((labels[n], 1), (rival, -1)):
                expected[c] = [min(high, max(low, h + direction * s))
                               for h, s in zip(expected[c], signs, strict=True)]
    packed = pack(features)
    counters = np.zeros((3, 64 * packed.shape[1]), np.int16)
    baselines.learn(counters, packed, labels, order, count, margin, high)
    np.testing.assert_array_equal(counters[:, :count], expected)
    assert not counters[:, count:].any()
    predictions = np.empty(60, np.int64)
    baselines.predict(counters, packed, count, predictions)
    logits = (2 * features.astype(int) - 1) @ np.array(expected).T
    np.testing.assert_array_equal(predictions, logits.argmax(axis=1))


def test_features_are_signs_of_projections():
    frozen = baselines.projections(3, 50, 192)
    weights = 2 * unpack(frozen, 192).astype(int) - 1
    assert abs(weights.mean()) < 0.05
    assert abs((weights * (2 * unpack(baselines.projections(4, 50, 192), 192) - 1.)).mean()) < 0.05
    x = DIGITS.test.x
    z = (2 * x.astype(int) - 1) @ weights.T
    found = unpack(baselines._encode(frozen, 192, DIGITS.test), 50)
    np.testing.assert_array_equal(found, z >= 0)


def test_unused_bits_of_projections_are_0():
    assert not unpack(baselines.projections(3, 50, 70), 128)[:, 70:].any()


@pytest.mark.parametrize("stored", [False, True])
def test_random_features_meet_the_budget(stored):
    result = baselines.fit_random_features(DIGITS, 1, budget=BUDGET, counter_bits=8,
                                           stored_weights=stored, epochs=5)
    per_feature = 80 + 192 * stored
    assert result["settings"]["features"] == BUDGET // per_feature
    assert BUDGET - per_feature < result["stored_bits"] <= BUDGET
    assert result["frozen_bits"] == 192 * result["settings"]["features"]
    assert result["test_accuracy"] > (0.85 if stored else 0.92)
    again = baselines.fit_random_features(DIGITS, 1, budget=BUDGET, counter_bits=8,
                                          stored_weights=stored, epochs=5)
    assert again == result


def test_logistic_regression():
    result = baselines.fit_logistic_regression(DIGITS)
    assert result["stored_bits"] == 32 * 10 * 193
    assert result["test_accuracy"] > 0.93
    assert baselines.fit_logistic_regression(DIGITS) == result
    alone = baselines.fit_logistic_regression(DIGITS, strengths=(1e-4,))
    assert alone["settings"] == {"C": 1e-4}
    assert alone["validation_accuracy"] < result["validation_accuracy"]


def test_the_test_samples_choose_nothing():
    """Other test labels change the test accuracy, and nothing else."""
    wrong = replace(DIGITS, test=replace(DIGITS.test, labels=(DIGITS.test.labels + 1) % 10))
    for fit in (lambda data: baselines.fit_random_features(data, budget=BUDGET, epochs=2),
                baselines.fit_logistic_regression):
        right, other = fit(DIGITS), fit(wrong)
        assert other.pop("test_accuracy") < 0.2 < right.pop("test_accuracy")
        assert other == right


@pytest.mark.parametrize(("options", "text"), [
    ({"budget": 119}, "budget must be at least 120 bits, not 119"),
    ({"budget": 311, "stored_weights": True}, "budget must be at least 312 bits, not 311"),
    ({"budget": 999, "counter_bits": 16}, "counter_bits must be between 2 and 15, not 16"),
    ({"budget": 999, "epochs": 0}, r"epochs must be at least 1 and margins not empty, not 0 and"),
    ({"budget": 999, "margins": ()}, r"margins not empty, not 20 and \(\)"),
])
def test_refusals(options, text):
    with pytest.raises(ValueError, match=text):
        baselines.fit_random_features(DIGITS, **options)


def test_validation_samples_are_needed():
    data = datasets.load("digits", validation=False)
    for fit in (lambda data: baselines.fit_random_features(data, budget=BUDGET),
                baselines.fit_logistic_regression):
        with pytest.raises(ValueError, match="digits has no validation samples to choose settings"):
            fit(data)
