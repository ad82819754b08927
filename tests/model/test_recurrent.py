"""Recurrent networks: the golden model equals the naive oracle; learning over time."""

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
from bep_model.config import Config
from bep_model.data.datasets import Dataset, Samples
from bep_model.fit import training
from bep_model.network import Network
from bep_model.parameters import Parameters
from tests.model.recurrent_oracle import RecurrentOracle
from tests.model.test_network import assert_equal, examples, parameters


@st.composite
def configurations(draw):
    """Some widths are multiples of the lanes P and Q and of the model's 64 bits, some are not."""
    counter_lanes = draw(st.sampled_from([1, 3, 8, 13, 32, 33, 64, 70]))
    width = st.integers(1, 12) | st.sampled_from([16, 30, 64, 66])
    return Config(
        inputs=draw(width), layers=(draw(width), draw(width)), classes=draw(st.integers(2, 5)),
        counter_bits=draw(st.integers(2, 6) | st.just(15)),
        weight_lanes=counter_lanes * draw(st.integers(1, 3)), counter_lanes=counter_lanes,
        max_batch=draw(st.just(1) | st.integers(2, 5)), seed=draw(st.integers(0, 2**32 - 1)),
        max_steps=draw(st.just(1) | st.integers(2, 7)))


def recurrent_parameters(config):
    horizon = st.integers(1, config.max_steps) | st.just(65535)
    return st.builds(replace, parameters(config), horizon=horizon)


def sequences(rng, config, n):
    """n sequences x, labels and unequal lengths; the steps beyond a length are not 0."""
    steps = int(rng.integers(1, config.max_steps + 1))
    return (rng.integers(0, 2, (n, steps, config.inputs), dtype=np.uint8),
            rng.integers(0, config.classes, n), rng.integers(1, steps + 1, n))


@examples(120)
@given(st.data(), configurations(), st.booleans(), st.booleans(), st.integers(0, 2**32 - 1))
def test_training_equals_the_oracle(data, config, literal, literal_steps, seed):
    """Batches go on over several calls of train; a flush closes a partial one."""
    network = Network(config, literal_targets=literal, literal_steps=literal_steps)
    oracle = RecurrentOracle(config, network.prototypes, literal, literal_steps)
    network.reset(seed)
    oracle.reset(seed)
    assert_equal(network, oracle)
    p = data.draw(recurrent_parameters(config))
    rng = np.random.default_rng(seed)
    for samples in data.draw(st.lists(st.integers(0, 8), min_size=1, max_size=3)):
        x, labels, lengths = sequences(rng, config, samples)
        if data.draw(st.booleans()):
            results = network.train(x, labels, p, lengths)
        else:
            lengths = np.full(samples, x.shape[1])
            results = network.train(x, labels, p)
        expected = oracle.train(x, labels.tolist(), p, lengths)
        np.testing.assert_array_equal(np.column_stack(results).reshape(samples, 3),
                                      np.array(expected, int).reshape(samples, 3))
        assert_equal(network, oracle)
        if data.draw(st.booleans()):
            network.flush(p)
            oracle.flush(p)
            assert_equal(network, oracle)


@examples(80)
@given(st.data(), configurations(), st.booleans())
def test_phases_equal_the_oracle(data, config, literal):
    """On random counters instead of trained ones, and the state does not change."""
    p = data.draw(recurrent_parameters(config)).validate(config)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    low, high = config.counter_range
    counters = [rng.integers(low, high, shape, np.int16, endpoint=True) for shape in config.shapes]
    network = Network(config, literal_targets=literal)
    network.load(counters)
    oracle = RecurrentOracle(config, network.prototypes, literal, False)
    oracle.counters = [layer.tolist() for layer in counters]
    oracle.bank.states = network.bank.tolist()
    x, (label,), (length,) = sequences(rng, config, 1)

    phases = network.phases(x[0], label, p, length)

    run = oracle.forward(x[0, :length])
    y, prediction = oracle.classify(run.a_y)
    (_, _, triggered), = oracle.train(x, [label], p, [length])
    assert phases.logits.tolist() == y
    assert (phases.prediction, phases.error) == (prediction, prediction != label)
    assert phases.triggered == triggered
    assert [z.tolist() for z in phases.z] == [run.z, [run.z_y]]
    assert [a.tolist() for a in phases.activations] == [
        [[int(v > 0) for v in s] for s in a] for a in (run.s, [run.a_y])]
    oracle.counters = [layer.tolist() for layer in counters]
    rho, targets = oracle.backward(run, label, p)
    if not triggered:
        rho, targets = [0] * len(rho), [[0] * len(step) for step in targets]
    for l, expected in enumerate((targets, [rho])):
        assert phases.targets[l].tolist() == [[int(d > 0) for d in step] for step in expected]
        assert phases.valid[l].tolist() == [[int(d != 0) for d in step] for step in expected]
    oldest = max(0, length - p.horizon)  # below its targets are none
    assert [rows.tolist() for rows in phases.passing[0]] == [
        [i for i, d in enumerate(step) if t > oldest and d and abs(z[i]) <= p.gates[0]]
        for t, (step, z) in enumerate(zip(targets, run.z, strict=True))]
    assert [rows.tolist() for rows in phases.passing[1]] == [[
        j for j, target in enumerate(rho) if target and abs(run.z_y[j]) <= p.gates[1]]]
    sums = oracle.sums(run, targets)
    assert [each.tolist() for each in phases.sums] == [sums, [0] * len(rho)]
    assert [rows.tolist() for rows in phases.winners] == [
        oracle.select_state(sums, p.groups[0]),
        oracle.select(run.z_y, run.a_y, rho, p.groups[1], 0)]
    for actual, before in zip(network.counters, counters, strict=True):
        np.testing.assert_array_equal(actual, before)
    assert network.logits(x, [length]).tolist() == [y]
    assert network.predict(x, [length]).tolist() == [prediction]


CONFIG = Config(5, (6, 4), 3, counter_bits=4, weight_lanes=8, counter_lanes=4, max_batch=3,
                max_steps=7)
P = Parameters(2, (6, 3), (3, 2), (900, 500), thinning=40000, batch=3, sweep=6, horizon=4)
X = np.zeros((2, 7, 5), np.uint8)


def run(network, n, p=P):
    x, labels, lengths = sequences(np.random.default_rng(n), network.config, n)
    return network.train(x, labels, p, lengths)


def assert_same(network, other):
    for actual, expected in zip(network.counters, other.counters, strict=True):
        np.testing.assert_array_equal(actual, expected)
    np.testing.assert_array_equal(network.bank, other.bank)


def test_inference_in_the_middle_of_a_batch_changes_nothing():
    quiet, queried = Network(CONFIG), Network(CONFIG)
    for network in (quiet, queried):
        run(network, 5)
        if network is queried:
            network.predict(X)
            network.phases(X[0], 1, P, 3)
        run(network, 7)
    assert_same(quiet, queried)


def test_the_horizon_is_read_when_a_sample_is_processed():
    """Each sample of one batch has its own."""
    network = Network(CONFIG)
    oracle = RecurrentOracle(CONFIG, network.prototypes, False, False)
    oracle.reset(CONFIG.seed)
    x, labels, _ = sequences(np.random.default_rng(3), CONFIG, 3)
    p = replace(P, thinning=1 << 16, margin=8, reinforce=(0, 0))
    lengths = [x.shape[1]]
    assert lengths[0] > 4
    for n, horizon in enumerate((4, 7, 1)):
        one, p = slice(n, n + 1), replace(p, horizon=horizon)
        assert network.train(x[one], labels[one], p, lengths).triggered.all()
        oracle.train(x[one], labels[one], p, lengths)
    assert_equal(network, oracle)


def test_states_in_files(tmp_path):
    network, other = Network(CONFIG), Network(CONFIG)
    run(network, 9)
    state.save(tmp_path / "state.npz", network)
    state.load(tmp_path / "state.npz", other)
    assert other.sweep_count == network.sweep_count == 3
    for each in (network, other):
        run(each, 8)
    assert_same(network, other)


def test_counters_are_read_only_and_loaded_ones_are_read_back():
    network = Network(CONFIG)
    with pytest.raises(ValueError, match="read-only"):
        network.counters[0][0, 0] = 1
    rng = np.random.default_rng(0)
    counters = [rng.integers(-8, 8, shape) for shape in CONFIG.shapes]
    network.load(counters)
    assert [layer.shape for layer in counters] == [(6, 11), (4, 6)]
    for actual, expected in zip(network.counters, counters, strict=True):
        np.testing.assert_array_equal(actual, expected)


def test_no_samples_is_no_mistake():
    network = Network(CONFIG)
    assert [len(each) for each in network.train(X[:0], np.zeros(0, int), P)] == [0, 0, 0]
    assert network.predict(X[:0], np.zeros(0, int)).shape == (0,)
    assert network.logits(X[:0]).shape == (0, 3)


def first_step_decides(rng, n, config):
    """The label is the class of the pattern in the first step; the other steps are noise."""
    steps, k_x = config.max_steps, config.inputs
    patterns = np.random.default_rng(0).integers(0, 2, (2, k_x), dtype=np.uint8)
    labels = rng.integers(0, 2, n)
    x = rng.integers(0, 2, (n, steps, k_x), dtype=np.uint8)
    x[:, 0] = patterns[labels] ^ (rng.random((n, k_x)) < 0.1)
    return x, labels


@pytest.mark.parametrize("seed", [1, 2])
def test_memory_of_the_first_step_is_learned_through_w_s(seed):
    """If W_s is reset all the time, the network cannot reach the first of eight steps."""
    config = Config(32, (64, 32), 2, counter_bits=7, max_steps=8, seed=seed)
    p = Parameters.from_reals(config, r=0.5, nu=0.125, group=16)
    rng = np.random.default_rng(seed)
    (x, labels), (test, expected) = (first_step_decides(rng, n, config) for n in (4000, 1000))
    accuracy = {}
    for frozen in (False, True):
        network = Network(config)
        w_s = network.counters[0][:, 32:]
        for begin in range(0, len(x), 50):
            network.train(x[begin:begin + 50], labels[begin:begin + 50], p)
            if frozen:
                first, output = network.counters
                network.load([np.hstack([first[:, :32], w_s]), output])
        accuracy[frozen] = np.mean(network.predict(test) == expected)
    assert accuracy[False] > 0.95
    assert accuracy[True] < 0.6


def test_the_training_loop_passes_lengths_on():
    """`fit` and `accuracy` equal training and prediction by hand; the best epoch is kept."""
    rng = np.random.default_rng(4)
    config = replace(CONFIG, max_batch=1)
    parts = [Samples(*sequences(rng, config, n)) for n in (40, 15, 15)]
    data = Dataset("random", *parts, config.classes)
    hyper = training.Hyper(p_r=0, group=2, sweep=1)
    network, other = Network(config), Network(config)
    history = training.fit(network, data, epochs=2, hyper=hyper, seed=3)
    for epoch in range(2):
        order = training.epoch_order(3, epoch, 40)
        other.train(data.train.x[order], data.train.labels[order], history[epoch].parameters,
                    data.train.lengths[order])
    assert_same(network, other)
    assert training.accuracy(network, data.test) == np.mean(
        other.predict(data.test.x, data.test.lengths) == data.test.labels)
    best = Network(config)
    history = training.fit(best, data, epochs=5, hyper=hyper, seed=3, keep_best=True)
    assert training.accuracy(best, data.validation) == max(
        epoch.validation_accuracy for epoch in history)


def test_compiled_and_plain_python_agree():
    """With NUMBA_DISABLE_JIT the same kernels run as plain Python."""
    program = (
        "from tests.model.test_recurrent import *\n"
        "network = Network(CONFIG)\n"
        "results = run(network, 20)\n"
        "print([a.tolist() for a in (*results, *network.counters, network.bank)])\n")
    outputs = [
        subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True,
                       text=True, check=True, cwd=Path(__file__).parents[2],
                       env=os.environ | {"NUMBA_DISABLE_JIT": disable}).stdout
        for disable in ("0", "1")]
    assert outputs[0] == outputs[1]
    assert len(outputs[0]) > 500
