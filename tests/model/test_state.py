"""State files: what is saved comes back exactly, and nothing else is taken."""

import json
from dataclasses import replace

import numpy as np
import pytest

from bep_model import state
from bep_model.config import Config, Parameters
from bep_model.network import Network

CONFIG = Config(9, (6, 4), 3, counter_bits=4, weight_lanes=8, counter_lanes=4, max_batch=3)
PARAMETERS = Parameters.from_reals(CONFIG, r=0.9, p_r=0.1, thinning=0.5, batch=3, sweep=6)


def samples(n):
    rng = np.random.default_rng(5)
    return rng.integers(0, 2, (n, 9), np.uint8), rng.integers(0, 3, n)


def edited(path, **changes):
    """Write a copy of a state file with entries replaced, or with None left out."""
    with np.load(path) as archive:
        arrays = dict(archive) | changes
    other = path.with_name("edited.npz")
    np.savez(other, **{name: array for name, array in arrays.items() if array is not None})
    return other


@pytest.fixture
def saved(tmp_path):
    network = Network(CONFIG)
    x, labels = samples(9)
    network.train(x, labels, PARAMETERS)
    state.save(tmp_path / "state.npz", network)
    return tmp_path / "state.npz", network


def test_a_loaded_network_goes_on_exactly(saved):
    path, network = saved
    other = Network(CONFIG)
    state.load(path, other)
    assert other.sweep_count == network.sweep_count == 3
    x, labels = samples(30)
    for each in (network, other):
        each.train(x, labels, PARAMETERS)
    np.testing.assert_array_equal(other.bank, network.bank)
    for mine, theirs in zip(other.counters, network.counters, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_an_open_batch_is_not_saved(tmp_path):
    network = Network(CONFIG)
    network.train(*samples(2), PARAMETERS)
    with pytest.raises(ValueError, match=r"^a batch of 2 samples is open: flush it before saving$"):
        state.save(tmp_path / "state.npz", network)
    assert not list(tmp_path.iterdir())


def test_another_configuration(saved):
    other = Network(replace(CONFIG, layers=(6, 5)))
    before = other.counters[0].copy()
    with pytest.raises(ValueError, match=r"is the state of another configuration: "
                                         r"layers \[6, 4\] instead of \[6, 5\]$"):
        state.load(saved[0], other)
    np.testing.assert_array_equal(other.counters[0], before)


@pytest.mark.parametrize("changes, text", [
    ({"counters_2": np.full((4, 6), 8, np.int16)}, "counters of layer 2 must be between -8 and 7"),
    ({"counters_1": np.zeros((6, 8), np.int16)}, r"layer 1 must have shape \(6, 9\), not \(6, 8\)"),
    ({"counters_1": np.zeros((6, 9))}, "counters of layer 1 must be integers, not float64"),
    ({"counters_2": None}, "is damaged: it lacks counters_2"),
    ({"bank": np.zeros(2, np.uint32)}, r"bank must be uint32 of shape \(1,\)"),
    ({"header": json.dumps({"format": 2})}, "is not a state file of format 1, or is damaged"),
    ({"header": None}, "is not a state file of format 1, or is damaged"),
])
def test_damaged_entries(saved, changes, text):
    path, network = saved
    before = [layer.copy() for layer in network.counters]
    with pytest.raises(ValueError, match=text):
        state.load(edited(path, **changes), network)
    for layer, was in zip(network.counters, before, strict=True):
        np.testing.assert_array_equal(layer, was)


@pytest.mark.parametrize("edit", [lambda b: b[:-40], lambda b: b[:10], lambda b: b"",
                                  lambda b: b"no archive"])
def test_damaged_files(saved, edit):
    path, network = saved
    path.write_bytes(edit(path.read_bytes()))
    with pytest.raises(ValueError, match=r"state\.npz is not a state file of format 1, or is dam"):
        state.load(path, network)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        state.load(tmp_path / "none.npz", Network(CONFIG))
