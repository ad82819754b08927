"""Conversion between arrays and words."""

import numpy as np
import pytest

from bep_model.config import Config
from bep_model.words import counter_addresses, counters_to_words, sample_words, words_to_counters
from tests.sim.configurations import CASES


def test_sample():
    config = Config(11, (1,), 2, weight_lanes=4, counter_lanes=4)
    assert sample_words(config, np.array([1, 0, 0, 0, 0, 1, 0, 0, 1, 1, 1])) == [1, 2, 7]


def test_counters():
    config = Config(3, (2,), 2, counter_bits=4, weight_lanes=4, counter_lanes=2)
    counters = (np.array([[1, -1, -8], [7, 0, 2]], np.int16),)
    words = counters_to_words(config, counters)
    assert words == [0xF1, 0x08, 0x07, 0x02]
    assert counter_addresses(config) == [0, 1, 2, 3]


def test_addresses_skip_words_without_counters():
    config = Config(5, (2,), 2, weight_lanes=6, counter_lanes=2)
    assert counter_addresses(config) == [0, 1, 2, 4, 5, 6]


@pytest.mark.parametrize("name", CASES)
def test_round_trip(name):
    config, rng = CASES[name].config, np.random.default_rng(1)
    low, high = config.counter_range
    counters = [rng.integers(low, high + 1, shape).astype(np.int16) for shape in config.shapes]
    words = counters_to_words(config, counters)
    assert len(words) == len(set(counter_addresses(config)))
    for back, layer in zip(words_to_counters(config, words), counters, strict=True):
        np.testing.assert_array_equal(back, layer)
        assert back.dtype == np.int16
