"""Configuration and parameters: derived values, error texts, TOML and digest."""

import re

import pytest

from bep_model.config import Config, divisors
from bep_model.parameters import Parameters, nearest_divisor, reinforce_probabilities

CONFIG = Config(192, [128, 128], 10, counter_bits=7, weight_lanes=64, counter_lanes=8)
RAGGED = Config(20, (8, 7, 6), 3, weight_lanes=24, counter_lanes=8, max_batch=4)


def test_derived_values():
    assert CONFIG.shapes == ((128, 192), (128, 128))
    assert CONFIG.input_words == 3
    assert [layer.words for layer in CONFIG.network] == [2, 2]
    assert CONFIG.row_words == (3, 2)
    assert CONFIG.bases == (0, 384, 640)
    assert CONFIG.sign_depth == 660
    assert CONFIG.counter_words == (24, 16)
    assert CONFIG.counter_depth == 640 * 8
    assert CONFIG.counter_range == (-64, 63)
    assert RAGGED.subwords == 3 and RAGGED.subword_bits == 2 and RAGGED.counter_depth == 21 * 4


def test_a_layer_with_state():
    """Both sections of a row begin a new sign word: x in words 0 and 1, s in 2 and 3."""
    config = Config(5, (6, 4), 3, weight_lanes=4, counter_lanes=2, max_steps=3)
    state, output = config.network
    assert (state.state, state.steps, state.sections, state.section_words) == \
        (True, 3, (5, 6), (2, 2))
    assert state.spans == ((0, 0, 2), (1, 2, 2), (2, 4, 1), (4, 5, 2), (5, 7, 2), (6, 9, 2))
    assert state.counter_address(2, 3) == 2 * 8 + 4
    assert (output.state, output.steps, output.sections, output.base) == (False, 1, (6,), 24)
    assert output.spans == ((0, 0, 2), (1, 2, 2), (2, 4, 2))
    assert (config.input_words, state.words, output.words) == (2, 2, 1)
    assert (config.row_words, config.counter_words) == ((4, 2), (6, 3))
    assert config.bases == (0, 24, 32)


@pytest.mark.parametrize("config", [
    CONFIG, RAGGED, Config(5, (6, 4), 3, 7, 4, 2, max_steps=3), Config(1, [1], 2, 2, 1, 1)])
def test_counter_addresses_are_distinct_and_in_range(config):
    addresses = [layer.counter_address(row, word) for layer in config.network
                 for row in range(layer.neurons) for word in range(layer.counter_words)]
    assert addresses == sorted(set(addresses))
    assert addresses[-1] < config.counter_depth


@pytest.mark.parametrize("changes, kind, text", [
    ({"inputs": 0}, ValueError, "inputs must be between 1 and 65535, not 0"),
    ({"inputs": 1.0}, TypeError, "inputs must be an integer, not 1.0"),
    ({"inputs": True}, TypeError, "inputs must be an integer, not True"),
    ({"layers": ()}, ValueError, "layers must have 1 to 15 entries, not 0"),
    ({"layers": 5}, TypeError, "layers must be a list of integers, not 5"),
    ({"layers": (5, 0)}, ValueError, "layers[1] must be between 1 and 65535, not 0"),
    ({"classes": 1}, ValueError, "classes must be between 2 and 256, not 1"),
    ({"counter_bits": 16}, ValueError, "counter_bits must be between 2 and 15, not 16"),
    ({"counter_lanes": 24}, ValueError, "counter_lanes must divide weight_lanes (64), not 24"),
    ({"counter_lanes": 128}, ValueError, "counter_lanes must divide weight_lanes (64), not 128"),
    ({"max_batch": 0}, ValueError, "max_batch must be between 1 and 1024, not 0"),
    ({"stable": 1}, TypeError, "stable must be true or false, not 1"),
    ({"code": "frame"}, ValueError, "code must be one of random, thermometer, not 'frame'"),
    ({"code": "thermometer", "classes": 6}, ValueError,
     "code must be random where the last layer has fewer than the 5 neurons that tell 6 classes "
     "apart, not thermometer of 4"),
    ({"seed": -1}, ValueError, "seed must be between 0 and 4294967295, not -1"),
])
def test_bad_configurations(changes, kind, text):
    with pytest.raises(kind, match=f"^{re.escape(text)}$"):
        Config(**{"inputs": 5, "layers": (4,), "classes": 2} | changes)


@pytest.mark.parametrize("changes, kind, text", [
    ({"margin": 257}, ValueError, "margin must be between -256 and 256, not 257"),
    ({"gates": (1,)}, ValueError, "gates must have 2 entries (one per layer), not 1"),
    ({"groups": (16, 5)}, ValueError,
     "groups: the group size of layer 2 must divide its 128 neurons, not 5"),
    ({"reinforce": (0, 65536)}, ValueError, "reinforce[1] must be between 0 and 65535, not 65536"),
    ({"stabilities": (1,)}, ValueError,
     "stabilities must have 2 entries (one per layer), not 1"),
    ({"stabilities": (0, -1)}, ValueError,
     "stabilities[1] must be between 0 and 65535, not -1"),
    ({"stabilities": (0, 3)}, ValueError,
     "stabilities must be 0 without stable = true in the configuration, not (0, 3)"),
    ({"thinning": 65537}, ValueError, "thinning must be between 0 and 65536, not 65537"),
    ({"batch": 2}, ValueError, "batch must be between 1 and 1, not 2"),
    ({"sweep": 0}, ValueError, "sweep must be between 1 and 65535, not 0"),
    ({"sweep": 2.5}, TypeError, "sweep must be an integer, not 2.5"),
])
def test_bad_parameters(changes, kind, text):
    values = {"margin": 1, "gates": (1, 1), "groups": (16, 16), "reinforce": (0, 0)} | changes
    with pytest.raises(kind, match=f"^{re.escape(text)}$"):
        Parameters(**values).validate(CONFIG)


def test_sweep_is_a_multiple_of_the_batch():
    with pytest.raises(ValueError, match=r"^sweep must be a multiple of the batch \(4\), not 6$"):
        Parameters(1, (1,) * 3, (1,) * 3, (0,) * 3, batch=4, sweep=6).validate(RAGGED)


def test_from_reals():
    parameters = Parameters.from_reals(CONFIG, r=0.51, nu=0.2, group=15, p_r=0.5, thinning=0.25)
    assert parameters == Parameters(66, (38, 25), (16, 16), (18869, 23109), 1 << 14,
                                    stabilities=(0, 0), rates=(1 << 16, 1 << 16))
    # 2**16 * 0.5 * sqrt(100) * sqrt(2 / (pi * 192)) = 18869 (rounded), clipped at most.
    assert reinforce_probabilities(CONFIG, 10.0, 100.0) == (65535, 65535)
    assert reinforce_probabilities(CONFIG, 0.5, 0.0) == (0, 0)


def test_divisors():
    assert divisors(12) == (1, 2, 3, 4, 6, 12)
    assert nearest_divisor(12, 5) == 4  # the smaller one on a tie
    assert nearest_divisor(525, 15) == 15
    assert nearest_divisor(7, 100) == 7


def test_digest():
    assert CONFIG.digest == Config(192, (128, 128), 10).digest
    assert CONFIG.digest != Config(192, (128, 128), 10, seed=2).digest
    assert f"{CONFIG.identifier:08x}" == CONFIG.digest[:8]
