"""Convolutional networks: the golden model equals the naive oracle; thresholds, rates, files."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bep_model import state
from bep_model.config import Config, divisors
from bep_model.data.datasets import Dataset, Samples
from bep_model.fit import training
from bep_model.fit.hyper import Hyper
from bep_model.network import Network
from bep_model.parameters import Parameters
from tests.model.convolution_oracle import ConvolutionOracle
from tests.model.test_network import assert_equal, examples, parameters


@st.composite
def configurations(draw):
    """One or two convolutional layers; patches of up to 3 words, sums of bits that cross words."""
    rows, columns = draw(st.integers(1, 9)), draw(st.integers(1, 9) | st.sampled_from([21, 30]))
    image = (rows, columns, draw(st.integers(1, 3) | st.sampled_from([9, 70])))
    windows, seen, filters = [], image, []
    for _ in range(draw(st.integers(1, 2))):
        height, width = draw(st.integers(1, seen[0])), draw(st.integers(1, min(9, seen[1])))
        stride = draw(st.integers(1, 3))
        grid = ((seen[0] - height) // stride + 1, (seen[1] - width) // stride + 1)
        pool = draw(st.just(1) | st.integers(1, max(grid)))
        windows.append((height, width, stride, pool))
        filters.append(draw(st.integers(1, 6) | st.sampled_from([12, 66])))
        seen = (-(-grid[0] // pool), -(-grid[1] // pool), filters[-1])
    dense = tuple(draw(st.integers(1, 8)) for _ in range(draw(st.integers(1, 2))))
    lanes = draw(st.sampled_from([1, 3, 8, 32, 33, 64, 70]))
    return Config(
        inputs=int(np.prod(image)), layers=(*filters, *dense), classes=draw(st.integers(2, 5)),
        counter_bits=draw(st.integers(2, 6) | st.just(15)), weight_lanes=lanes,
        counter_lanes=lanes, max_batch=draw(st.just(1) | st.integers(2, 5)),
        seed=draw(st.integers(0, 2**32 - 1)), image=image, windows=windows)


def convolutional_parameters(config):
    rate = st.just(1 << 16) | st.sampled_from([0, 1 << 15]) | st.integers(0, 1 << 16)
    return st.builds(replace, parameters(config),
                     rates=st.tuples(*(rate for _ in config.layers)))


def thresholds(rng, config):
    return [rng.integers(-fan_in // 3, fan_in // 3 + 1, filters)
            for filters, fan_in in config.shapes[:len(config.windows)]]


def pair(config, literal, seed):
    """A network and its oracle, with the same thresholds."""
    network = Network(config, literal_targets=literal)
    oracle = ConvolutionOracle(config, network.prototypes, literal)
    network.reset(seed)
    oracle.reset(seed)
    network.thresholds = thresholds(np.random.default_rng(seed), config)
    oracle.thresholds = [each.tolist() for each in network.thresholds]
    return network, oracle


@examples(60)
@given(st.data(), configurations(), st.booleans(), st.integers(0, 2**32 - 1))
def test_training_equals_the_oracle(data, config, literal, seed):
    """Batches go on over several calls of train; a flush closes a partial one."""
    network, oracle = pair(config, literal, seed)
    assert_equal(network, oracle)
    p = data.draw(convolutional_parameters(config))
    rng = np.random.default_rng(seed)
    for samples in data.draw(st.lists(st.integers(0, 6), min_size=1, max_size=2)):
        x = rng.integers(0, 2, (samples, config.inputs), dtype=np.uint8)
        labels = rng.integers(0, config.classes, samples)
        results = network.train(x, labels, p)
        expected = oracle.train(x, labels.tolist(), p)
        np.testing.assert_array_equal(np.column_stack(results).reshape(samples, 3),
                                      np.array(expected, int).reshape(samples, 3))
        assert_equal(network, oracle)
        if data.draw(st.booleans()):
            network.flush(p)
            oracle.flush(p)
            assert_equal(network, oracle)


@examples(60)
@given(st.data(), configurations(), st.booleans())
def test_phases_equal_the_oracle(data, config, literal):
    """On random counters instead of trained ones, and the state does not change."""
    p = data.draw(convolutional_parameters(config)).validate(config)
    network, oracle = pair(config, literal, data.draw(st.integers(0, 2**32 - 1)))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    counters = [rng.integers(*config.counter_range, shape, np.int16, endpoint=True)
                for shape in config.shapes]
    network.load(counters)
    oracle.counters = [layer.tolist() for layer in counters]
    x = rng.integers(0, 2, config.inputs, dtype=np.uint8)
    label, bank = int(rng.integers(config.classes)), network.bank.copy()

    phases = network.phases(x, label, p)

    run = oracle.process(x, label, p)
    assert phases.logits.tolist() == run.y
    assert (phases.prediction, phases.triggered) == (run.prediction, run.triggered)
    for l, (filters, _) in enumerate(config.shapes):
        def shaped(values, filters=filters):
            return np.reshape(values, (-1, filters)).tolist()

        assert phases.z[l].tolist() == shaped(run.z[l])
        assert phases.activations[l].tolist() == shaped([int(a > 0) for a in run.a[l + 1]])
        assert phases.targets[l].tolist() == shaped([int(t > 0) for t in run.targets[l]])
        assert phases.valid[l].tolist() == shaped([int(t != 0) for t in run.targets[l]])
        assert phases.winners[l].tolist() == run.winners[l]
        if l < len(config.windows):
            assert phases.sums[l].tolist() == oracle.sums(l, run.z[l], run.targets[l])
            assert phases.chosen[l].tolist() == shaped([number for number, _ in run.chosen[l]])
    for actual, before in zip(network.counters, counters, strict=True):
        np.testing.assert_array_equal(actual, before)
    np.testing.assert_array_equal(network.bank, bank)
    assert network.logits(x[np.newaxis]).tolist() == [run.y]
    assert network.predict(x[np.newaxis]).tolist() == [run.prediction]


CONFIG = Config(7 * 6 * 2, (6, 5, 4), 3, counter_bits=4, weight_lanes=8, counter_lanes=4,
                max_batch=3, image=(7, 6, 2), windows=((3, 2, 1, 2), (2, 2)))
P = Parameters(6, (12, 24, 20), (3, 5, 2), (900, 500, 100), thinning=40000, batch=3, sweep=6,
               rates=(30000, 50000, 1 << 16))


def run(network, n, p=P):
    rng = np.random.default_rng(n)
    x = rng.integers(0, 2, (n, network.config.inputs), dtype=np.uint8)
    return network.train(x, rng.integers(0, 3, n), p)


def test_shapes():
    first, second, dense = CONFIG.network
    assert (first.grid, first.cells, first.outputs, first.fan_in) == ((5, 5), (3, 3), 54, 12)
    assert second.image == (3, 3, 6) and second.window.stride == second.window.pool == 1
    assert (second.grid, second.cells, second.outputs, second.fan_in) == ((2, 2), (2, 2), 20, 24)
    assert (dense.window, dense.image, dense.fan_in, dense.outputs) == (None, (), 20, 4)
    assert CONFIG.shapes == ((6, 12), (5, 24), (4, 20))
    assert [each.shape for each in Network(CONFIG).counters] == list(CONFIG.shapes)


@pytest.mark.parametrize("quantile", [0, 0.5, 0.8, 1])
def test_thresholds_are_a_quantile_of_z(quantile):
    """Of the cells of all samples, 4 and 2 of each, layer after layer."""
    config = replace(CONFIG, windows=((3, 2, 2, 2), (2, 1)), layers=(6, 5, 4))
    network = Network(config)
    x = np.random.default_rng(1).integers(0, 2, (5, config.inputs), dtype=np.uint8)
    network.thresholds = [[1] * 6, [2] * 5]  # what was there does not matter
    network.set_thresholds(x, quantile)
    first, second = network.thresholds
    p = replace(P, rates=(1 << 16,) * 3)
    for l, (thresholds, cells) in enumerate(((first, 4), (second, 2))):
        z = np.concatenate([network.phases(row, 0, p).z[l] for row in x]) + thresholds
        assert len(z) == 5 * cells
        np.testing.assert_array_equal(np.sort(z, axis=0)[int(quantile * (len(z) - 1))], thresholds)
    assert (first % 2 == 0).all()  # as F is


def test_a_layer_of_rate_0_stays():
    network = Network(CONFIG)
    network.reset(3)
    before = network.counters
    p = replace(P, rates=(0, 0, 1 << 16), reinforce=(0, 0, 0))
    assert run(network, 30, p).triggered.any()
    for l, changed in enumerate((False, False, True)):
        assert (network.counters[l] != before[l]).any() == changed


def test_a_rate_is_a_probability():
    """Of 2,000 triggered samples; only filters are counted that change."""
    network, changes = Network(replace(CONFIG, max_batch=1)), 0
    p = replace(P, batch=1, margin=8, rates=(1 << 14, 0, 0), reinforce=(0, 0, 0), thinning=1 << 16,
                gates=(12, 48, 20))
    always = replace(p, rates=(1 << 16, 0, 0))
    possible = 0
    rng = np.random.default_rng(0)
    for x in rng.integers(0, 2, (2000, CONFIG.inputs), dtype=np.uint8):
        counters = network.counters
        possible += len(network.phases(x, 1, always).winners[0]) > 0
        network.train(x[np.newaxis], [1], p)
        changes += any((a != b).any() for a, b in zip(counters, network.counters, strict=True))
        network.load(counters)
    assert possible > 500
    assert abs(changes / possible - 0.25) < 0.05


def test_inference_in_the_middle_of_a_batch_changes_nothing():
    quiet, queried = Network(CONFIG), Network(CONFIG)
    x = np.random.default_rng(1).integers(0, 2, (9, CONFIG.inputs), dtype=np.uint8)
    for network in (quiet, queried):
        run(network, 5)
        if network is queried:
            network.predict(x)
            network.phases(x[0], 1, P)
        run(network, 7)
    assert_same(quiet, queried)


def assert_same(network, other):
    for actual, expected in zip((*network.counters, *network.thresholds, network.bank),
                                (*other.counters, *other.thresholds, other.bank), strict=True):
        np.testing.assert_array_equal(actual, expected)


def test_states_in_files(tmp_path):
    network, other = Network(CONFIG), Network(CONFIG)
    network.thresholds = thresholds(np.random.default_rng(2), CONFIG)
    run(network, 9)
    state.save(tmp_path / "state.npz", network)
    state.load(tmp_path / "state.npz", other)
    for each in (network, other):
        run(each, 6)
    assert_same(network, other)
    assert state.describe(tmp_path / "state.npz")[0] == CONFIG
    for changes, text in (({"thresholds_2": None}, "it lacks thresholds_2"),
                          ({"thresholds_1": np.full(6, 13, np.int32)}, "must be between -12 and"),
                          ({"thresholds_1": np.zeros(5, np.int32)}, r"must have shape \(6,\)"),
                          ({"thresholds_1": np.zeros(6)}, "must be integers, not float64")):
        with np.load(tmp_path / "state.npz") as file:
            arrays = {name: file[name] for name in file.files} | changes
        np.savez(tmp_path / "other.npz",
                 **{name: value for name, value in arrays.items() if value is not None})
        with pytest.raises(ValueError, match=f"other.npz is damaged: .*{text}"):
            state.load(tmp_path / "other.npz", other)
    assert_same(network, other)


@pytest.mark.parametrize(("values", "error", "text"), [
    ([np.zeros(6, int)], ValueError, "thresholds must have 2 layers, not 1"),
    ([np.zeros(6), np.zeros(5, int)], TypeError, "thresholds of layer 1 must be integers"),
    ([np.zeros(6, int), np.zeros(6, int)], ValueError, r"layer 2 must have shape \(5,\), not"),
    ([np.zeros(6, int), np.full(5, -25)], ValueError, "layer 2 must be between -24 and 24, not"),
])
def test_wrong_thresholds(values, error, text):
    with pytest.raises(error, match=text):
        Network(CONFIG).thresholds = values


@pytest.mark.parametrize(("changes", "error", "text"), [
    ({"windows": 3}, TypeError, "windows must be a list of integers, not 3"),
    ({"windows": [8]}, TypeError, r"windows\[0\] must be a list of integers, not 8"),
    ({"windows": [[3]]}, ValueError, r"windows\[0\] must have rows, columns, stride and pool"),
    ({"windows": [[3, 2, 0, 1]]}, ValueError, r"windows\[0\].stride must be between 1 and 65535"),
    ({"windows": [[3, 2.5]]}, TypeError, r"windows\[0\].columns must be an integer, not 2.5"),
    ({"windows": [[8, 2]]}, ValueError, r"windows\[0\] must fit into the image of 7 x 6 that it"),
    ({"windows": [[3, 2, 1, 6]]}, ValueError, r"windows\[0\].pool must be at most 5"),
    ({"windows": [[3, 2, 1, 2], [2, 4]]}, ValueError, r"windows\[1\] must fit into the image of "
     "3 x 3"),
    ({"windows": [[1, 1]] * 3}, ValueError, r"windows must have fewer entries than layers \(3\)"),
    ({"windows": []}, ValueError, r"image must be empty without windows, not \[7, 6, 2\]"),
    ({"image": (7, 6)}, ValueError, "image must be rows, columns and channels of a sample's 84"),
    ({"image": (7, 6, 3)}, ValueError, r"84 bits, not \[7, 6, 3\]"),
    ({"image": (7, 12, 0)}, ValueError, r"image\[2\] must be between 1 and 65535, not 0"),
    ({"image": (65535, 1, 1), "inputs": 65535, "windows": [[1, 1]]}, ValueError,
     r"windows\[0\] must have at most 32767 cells"),
    ({"stable": True}, ValueError, "a convolutional network has no stability"),
    ({"max_steps": 3, "layers": (6, 5), "windows": [[3, 2]]}, ValueError,
     "a recurrent network has no convolution"),
])
def test_wrong_configurations(changes, error, text):
    with pytest.raises(error, match=text):
        replace(CONFIG, **changes)


def test_wrong_rates():
    with pytest.raises(ValueError, match=r"rates\[1\] must be between 0 and 65536, not 65537"):
        replace(P, rates=(0, 65537, 0)).validate(CONFIG)
    dense = Config(9, (3, 4), 2)
    with pytest.raises(ValueError, match=r"rates must be 65536 without convolutional layers"):
        Parameters(1, (1, 1), (3, 4), (0, 0), rates=(65536, 5)).validate(dense)


def test_hyper_parameters():
    hyper = Hyper(nu=0.5, group=4, filter_nu=0.25, filter_group=3, filter_rate=0.5,
                  filter_rate_end=0.125)
    p = hyper.parameters(CONFIG)
    assert (p.gates, p.groups, p.rates) == ((3, 6, 10), (3, 1, 4), (1 << 15, 1 << 15, 1 << 16))
    assert [hyper.rates(CONFIG, epoch, 3)[0] for epoch in range(3)] == [1 << 15, 1 << 14, 1 << 13]
    assert hyper.rates(CONFIG, 0, 1)[0] == 1 << 15
    assert replace(hyper, filter_rate=0).rates(CONFIG, 2, 3) == (0, 0, 1 << 16)
    assert all(divisors(k).count(g) for k, g in zip(CONFIG.layers, p.groups, strict=True))


def shifted_patterns(rng, n):
    """Images of noise with one of two patterns of 4 x 4 somewhere: only filters can find it."""
    patterns = np.random.default_rng(0).integers(0, 2, (2, 4, 4), dtype=np.uint8)
    labels = rng.integers(0, 2, n)
    x = (rng.random((n, 12, 12)) < 0.2).astype(np.uint8)
    for image, label, (row, column) in zip(x, labels, rng.integers(0, 9, (n, 2)), strict=True):
        image[row:row + 4, column:column + 4] = patterns[label]
    return Samples(x.reshape(n, -1), labels)


def test_filters_learn_what_is_shifted():
    rng = np.random.default_rng(5)
    parts = [shifted_patterns(rng, n) for n in (4000, 1, 1000)]
    data = Dataset("shifted", *parts, 2, image=(12, 12, 1))
    found = {}
    for name, layers, windows in (("dense", (16, 32), ()), ("filters", (16, 32), ((4, 4, 1, 9),))):
        config = Config(144, layers, 2, windows=windows, image=(12, 12, 1) if windows else ())
        hyper = Hyper(group=4, filter_nu=0.2) if windows else Hyper(group=4)
        network = Network(config)
        training.begin(network, data.train.x, hyper, 1)
        training.fit(network, data, epochs=6, hyper=hyper, seed=1)
        found[name] = training.accuracy(network, data.test)
    assert found["filters"] > 0.9 > 0.8 > found["dense"]


def test_compiled_and_plain_python_agree():
    """With NUMBA_DISABLE_JIT the same kernels run as plain Python."""
    program = (
        "from tests.model.test_convolution import *\n"
        "network = Network(CONFIG)\n"
        "network.set_thresholds(np.eye(3, CONFIG.inputs, dtype=np.uint8), 0.5)\n"
        "results = run(network, 20)\n"
        "print([a.tolist() for a in (*results, *network.counters, network.bank)])\n")
    outputs = [
        subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True,
                       text=True, check=True, cwd=Path(__file__).parents[2],
                       env=os.environ | {"NUMBA_DISABLE_JIT": disable}).stdout
        for disable in ("0", "1")]
    assert outputs[0] == outputs[1]
    assert len(outputs[0]) > 500
