"""Tsetlin machines as peers: their size, their settings, what they refuse."""

import sys

import pytest

from bep_model.data import datasets
from bep_model.fit import tsetlin

DIGITS = datasets.load("digits")


def test_the_bits_of_a_clause():
    assert tsetlin.clause_bits(784, 10) == 2 * 784 * 8 + 10 * 16


def test_a_machine_learns_the_digits():
    pytest.importorskip("green_tsetlin", reason="green-tsetlin is not installed")
    result = tsetlin.fit(DIGITS, 1, clauses=60, epochs=10)
    assert result["stored_bits"] == 60 * (2 * 192 * 8 + 160)
    assert result["test_accuracy"] > 0.85 and result["validation_accuracy"] > 0.85
    assert result["samples_per_second"] > 0
    again = tsetlin.fit(DIGITS, 1, clauses=60, epochs=10)
    assert {**again, "samples_per_second": 0} == {**result, "samples_per_second": 0}
    chosen = {name: result["settings"][name] for name in ("clauses", "s", "T", "seed")}
    alone = tsetlin.fit(DIGITS, 1, clauses=60, specificities=(chosen["s"],),
                        thresholds=(chosen["T"] / 60,), epochs=10)
    assert alone["settings"] == result["settings"]  # the best ones were trained
    assert alone["test_accuracy"] == result["test_accuracy"]


def test_refuses(monkeypatch):
    with pytest.raises(ValueError, match="clauses must be at least 1, not 0"):
        tsetlin.fit(DIGITS, clauses=0)
    with pytest.raises(ValueError, match="has no validation samples to choose settings by"):
        tsetlin.fit(DIGITS.refit(), clauses=1)
    monkeypatch.setitem(sys.modules, "green_tsetlin", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'bep-trainer\[tsetlin\]'$"):
        tsetlin.fit(DIGITS, clauses=1)
