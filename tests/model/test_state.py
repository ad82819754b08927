"""State files: a saved state comes back exactly, and other files are refused."""

import io
import json
import tracemalloc
import zipfile
from dataclasses import asdict, replace

import numpy as np
import pytest

from bep_model import state, words
from bep_model.config import Config
from bep_model.network import Network
from bep_model.parameters import Parameters

CONFIG = Config(9, (6, 4), 3, counter_bits=4, weight_lanes=8, counter_lanes=4, max_batch=3)
PARAMETERS = Parameters.from_reals(CONFIG, r=0.9, p_r=0.1, thinning=0.5, batch=3, sweep=6)


def samples(n):
    rng = np.random.default_rng(5)
    return rng.integers(0, 2, (n, 9), np.uint8), rng.integers(0, 3, n)


def edited(path, **changes):
    """Write a copy of a state file with entries replaced, or removed if None."""
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
    ({"bank": np.zeros(1, np.uint32)}, "is damaged: bank must have no generator whose state is 0"),
    ({"header": "[" * 3000 + "]" * 3000}, "is not a state file of format 1, or is damaged"),
    ({"header": "9" * 5000}, "is not a state file of format 1, or is damaged"),
    ({"header": np.array(["{}", "{}"])}, "is not a state file of format 1, or is damaged"),
    ({"header": json.dumps({"format": 2})}, "is a state file of format 2, which this version do"),
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


def test_a_file_from_before_recurrence(saved):
    path, network = saved
    with np.load(path) as archive:
        header = json.loads(str(archive["header"]))
    del header["config"]["max_steps"]
    other = Network(CONFIG)
    state.load(edited(path, header=json.dumps(header)), other)
    np.testing.assert_array_equal(other.counters[0], network.counters[0])
    assert state.describe(edited(path, header=json.dumps(header))) == (CONFIG, None)


def test_what_an_estimator_adds(saved):
    path, network = saved
    state.save(path, network, estimator={"classes": [1.5, "a"]})
    assert state.describe(path) == (CONFIG, {"classes": [1.5, "a"]})
    other = Network(CONFIG)
    state.load(path, other)
    for mine, theirs in zip(other.counters, network.counters, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("text", [
    "[1]", "{", "[" * 3000 + "]" * 3000, '{"a":' * 3000 + "1" + "}" * 3000,
    f'{{"a": {"9" * 5000}}}', '{"a": NaN}', '{"a": [-Infinity]}'])
def test_damaged_estimators(saved, text):
    path = edited(saved[0], estimator=np.array(text))
    with pytest.raises(ValueError, match=r"edited\.npz is damaged: the estimator [^\n]*$"):
        state.describe(path)
    state.load(path, Network(CONFIG))  # which does not look at it


def claiming(path, name, shape, dtype):
    """Write a copy of a state file whose entry ``name`` claims this shape."""
    other = path.with_name("claiming.npz")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(other, "w") as target:
        for entry in source.namelist():
            octets = source.read(entry)
            if entry == f"{name}.npy":
                file = io.BytesIO()
                np.lib.format.write_array_header_1_0(
                    file, {"descr": dtype, "fortran_order": False, "shape": shape})
                octets = file.getvalue() + octets[-8:]
            target.writestr(entry, octets)
    return other


@pytest.mark.parametrize(("name", "shape", "dtype", "text"), [
    ("bank", (1 << 40,), "<u4", r"is damaged: bank must be uint32 of shape \(1,\), not"),
    ("bank", (3,), "<u4", r"is damaged: bank must be uint32 of shape \(1,\), not"),
    ("counters_1", (6, 1 << 40), "<i2", r"is damaged: counters of layer 1 must have shape \(6, 9"),
    ("counters_2", (4, 6), "<i2", "is damaged: counters_2 is cut off or too long for its shape"),
    ("counters_2", (4, 6), "|V1000000000", "is damaged: counters of layer 2 must be integers"),
    ("header", (), "<U100000000", "is not a state file of format 1, or is damaged"),
    ("header", (1 << 40,), "<U8", "is not a state file of format 1, or is damaged"),
    ("estimator", (), "<U100000000", "is damaged: JSON must be one string of at most 16777216"),
])
def test_a_claim_of_gigabytes_takes_no_memory(saved, name, shape, dtype, text):
    path, network = saved
    state.save(path, network, estimator={})
    path = claiming(path, name, shape, dtype)
    for read in (lambda: state.load(path, Network(CONFIG)), lambda: state.load(path),
                 lambda: state.describe(path)):
        tracemalloc.start()
        with pytest.raises(ValueError, match=rf"claiming\.npz {text}"):
            read()
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["header", "bank", "counters_2"])
@pytest.mark.parametrize("text", ["(", ")", "  x", "'", "\0"])
def test_a_header_that_is_no_python(saved, name, text):
    """NumPy reads the header of an array with Python's tokeniser."""
    path, _ = saved
    other = path.with_name("header.npz")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(other, "w") as target:
        for entry in source.namelist():
            octets = source.read(entry)
            if entry == f"{name}.npy":
                octets = octets.replace(b"}" + b" " * len(text), text.encode() + b" ", 1)
            target.writestr(entry, octets)
    with pytest.raises(ValueError, match=r"header\.npz is (not a state file|damaged)"):
        state.load(other)


def test_a_configuration_of_gigabytes_takes_no_memory(saved):
    """The file does not hold the counters that its configuration would have."""
    config = replace(CONFIG, layers=(40000, 800, 4))
    with np.load(saved[0]) as archive:
        header = json.loads(str(archive["header"]))
    header |= {"config": asdict(config), "digest": config.digest}
    path = edited(saved[0], header=json.dumps(header))
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"counters of layer 1 must have shape \(40000, 9\)"):
        state.load(path)
    assert tracemalloc.get_traced_memory()[1] < 1 << 22
    tracemalloc.stop()


def test_a_new_network_of_a_file(saved):
    path, network = saved
    other = state.load(path)
    assert other.config == CONFIG and other.sweep_count == network.sweep_count
    np.testing.assert_array_equal(other.bank, network.bank)
    for mine, theirs in zip(other.counters, network.counters, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_any_damage_is_noticed_or_harmless(saved):
    path, network = saved
    original, rng, other = path.read_bytes(), np.random.default_rng(1), Network(CONFIG)
    for _ in range(300):
        octets = np.frombuffer(original, np.uint8).copy()
        octets[rng.integers(len(octets), size=2)] ^= np.uint8(1) << rng.integers(8, dtype=np.uint8)
        path.write_bytes(octets.tobytes())
        try:
            state.describe(path)
            state.load(path, other)
        except ValueError as error:
            assert str(error).startswith(str(path))
        else:
            np.testing.assert_array_equal(other.counters[0], network.counters[0])


@pytest.mark.parametrize("config", [
    CONFIG, Config(5, (3, 2), 2, counter_bits=2, weight_lanes=6, counter_lanes=2),
    Config(70, (5,), 2, counter_bits=15, weight_lanes=40, counter_lanes=40),
    Config(5, (6, 4), 3, counter_bits=5, weight_lanes=4, counter_lanes=2, max_steps=3),
])
def test_words_of_the_state_port(config):
    rng = np.random.default_rng(1)
    low, high = config.counter_range
    counters = [rng.integers(low, high + 1, shape).astype(np.int16) for shape in config.shapes]
    expected, b = {}, config.counter_bits
    for layer, values in zip(config.network, counters, strict=True):
        for row in range(layer.neurons):
            for word, (_, first, count) in enumerate(layer.spans):
                expected[layer.counter_address(row, word)] = sum(
                    (int(values[row, first + i]) & (1 << b) - 1) << i * b for i in range(count))
    pairs = list(zip(words.counter_addresses(config), words.counters_to_words(config, counters),
                     strict=True))
    assert dict(pairs) == expected and len(pairs) == len(expected)
    rng.shuffle(pairs)
    for back, layer in zip(state.from_words(config, pairs), counters, strict=True):
        np.testing.assert_array_equal(back, layer)
        assert back.dtype == np.int16


def test_words_of_a_network(saved):
    network, other = saved[1], Network(CONFIG)
    other.load(state.from_words(CONFIG, state.words(network)))
    for mine, theirs in zip(other.counters, network.counters, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize(("change", "text"), [
    (lambda pairs: pairs[1:], "address 0 is missing"),
    (lambda pairs: [*pairs, pairs[0]], "address 0 occurs twice"),
    (lambda pairs: [*pairs, (999, 0)], "address 999 is not one of a counter word"),
    (lambda pairs: [(0, 1 << 16), *pairs[1:]], "at address 0 must have 16 bits, not 0x10000"),
])
def test_words_that_do_not_fit(saved, change, text):
    with pytest.raises(ValueError, match=text):
        state.from_words(CONFIG, change(state.words(saved[1])))


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        state.load(tmp_path / "none.npz", Network(CONFIG))
