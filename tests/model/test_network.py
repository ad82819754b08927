"""The golden model equals the naive oracle: every counter, prediction, flag and random state."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bep_model.config import Config, divisors
from bep_model.network import Network
from bep_model.parameters import Parameters
from tests.model.oracle import Oracle


def examples(count):
    """Hypothesis settings: always the same examples, compile time not counted."""
    return settings(max_examples=count, deadline=None, derandomize=True, database=None)


@st.composite
def configurations(draw):
    depth = draw(st.integers(1, 3))
    lanes = draw(st.sampled_from([1, 3, 8, 13, 31, 32, 33, 64, 70, 100]))
    return Config(
        inputs=draw(st.integers(1, 20) | st.integers(60, 70)),
        layers=tuple(draw(st.integers(1, 12) | st.sampled_from([30, 66])) for _ in range(depth)),
        classes=draw(st.integers(2, 6)), counter_bits=draw(st.integers(2, 15)),
        weight_lanes=lanes, counter_lanes=lanes, max_batch=draw(st.integers(1, 9)),
        seed=draw(st.integers(0, 2**32 - 1)), stable=draw(st.booleans()))


def parameters(config):
    batch = st.shared(st.integers(1, config.max_batch), key="batch")
    last = config.layers[-1]
    probability = st.sampled_from([0, 1, 1 << 15, (1 << 16) - 1]) | st.integers(0, (1 << 16) - 1)
    return st.builds(
        Parameters,
        margin=st.sampled_from([-2 * last, 0, 1, last, 2 * last]) | st.integers(0, last),
        gates=st.tuples(*(st.just(f) | st.integers(0, f) for _, f in config.shapes)),
        groups=st.tuples(*(st.sampled_from(divisors(k)) for k in config.layers)),
        stabilities=st.tuples(*(st.integers(0, (f + 1) * config.stable)
                                for _, f in config.shapes)),
        reinforce=st.tuples(*(probability for _ in config.layers)),
        thinning=st.just(1 << 16) | probability,
        batch=batch, sweep=st.builds(lambda b, n: b * n, batch, st.integers(1, 3)))


def assert_equal(network, oracle):
    for l, (actual, expected) in enumerate(zip(network.counters, oracle.counters, strict=True), 1):
        np.testing.assert_array_equal(actual, expected, err_msg=f"counters of layer {l}")
    np.testing.assert_array_equal(network.bank, oracle.bank.states, err_msg="random bank")


@examples(120)
@given(st.data(), configurations(), st.booleans(), st.integers(0, 2**32 - 1))
def test_training_equals_the_oracle(data, config, literal, seed):
    """Batches go on over several calls of train; a flush closes a partial one."""
    network = Network(config, literal_targets=literal)
    oracle = Oracle(config, network.prototypes, literal)
    network.reset(seed)
    oracle.reset(seed)
    assert_equal(network, oracle)
    p = data.draw(parameters(config))
    rng = np.random.default_rng(seed)
    for samples in data.draw(st.lists(st.integers(0, 12), min_size=1, max_size=3)):
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
    p = data.draw(parameters(config)).validate(config)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    low, high = config.counter_range
    counters = [rng.integers(low, high, shape, np.int16, endpoint=True) for shape in config.shapes]
    network = Network(config, literal_targets=literal)
    network.load(counters)
    oracle = Oracle(config, network.prototypes, literal)
    oracle.counters = [layer.tolist() for layer in counters]
    oracle.bank.states = network.bank.tolist()
    x = rng.integers(0, 2, config.inputs, dtype=np.uint8)
    label = int(rng.integers(config.classes))

    phases = network.phases(x, label, p)

    zs, a = oracle.forward(x)
    y, prediction = oracle.classify(a[-1])
    assert phases.logits.tolist() == y
    assert (phases.prediction, phases.error) == (prediction, prediction != label)
    targets = oracle.backward(zs, label, p.gates)
    (_, _, triggered), = oracle.train([x], [label], p)  # changes the oracle, so it comes last
    assert phases.triggered == triggered
    for l, z in enumerate(zs):
        assert phases.z[l].tolist() == [z]
        assert phases.activations[l].tolist() == [[int(v > 0) for v in a[l + 1]]]
        target = targets[l] if triggered else [0] * len(z)
        assert phases.targets[l].tolist() == [[int(t > 0) for t in target]]
        assert phases.valid[l].tolist() == [[int(t != 0) for t in target]]
        gate = p.gates[l] if l else -1
        assert [rows.tolist() for rows in phases.passing[l]] == [[
            j for j, t in enumerate(target) if t and abs(z[j]) <= gate]]
        assert not phases.sums[l].any()
        assert phases.winners[l].tolist() == oracle.select(
            z, a[l + 1], target, p.groups[l], p.stabilities[l])
    for actual, before in zip(network.counters, counters, strict=True):
        np.testing.assert_array_equal(actual, before)
    assert network.logits(x[np.newaxis]).tolist() == [y]
    assert network.predict(x[np.newaxis]).tolist() == [prediction]


def small(**changes):
    return Config(**{"inputs": 30, "layers": (12, 8), "classes": 3, "counter_bits": 3,
                     "max_batch": 4} | changes)


def run(network, p, samples=40, seed=5):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2, (samples, network.config.inputs), dtype=np.uint8)
    return network.train(x, rng.integers(0, network.config.classes, samples), p)


P = Parameters(8, (30, 12), (3, 4), (30000, 5000), thinning=20000, batch=4, sweep=8)


def test_inference_in_the_middle_of_a_batch_changes_nothing():
    quiet, queried = Network(small()), Network(small())
    x = np.random.default_rng(1).integers(0, 2, (9, 30), dtype=np.uint8)
    for network in (quiet, queried):
        run(network, P, 6)
        if network is queried:
            network.predict(x)
            network.logits(x)
            network.phases(x[0], 1, P)
        run(network, P, 6)
    for a, b in zip(quiet.counters, queried.counters, strict=True):
        np.testing.assert_array_equal(a, b)


def test_counters_saturate_at_both_ends():
    network = Network(small())
    run(network, P, 400)
    for layer in network.counters:
        assert (layer.min(), layer.max()) == (-4, 3)


def test_reset_forgets_an_open_batch_and_the_sweep_count():
    fresh, used = Network(small()), Network(small())
    run(used, P, 7)
    used.reset(small().seed)
    for network in (fresh, used):
        run(network, P, 8)
    for a, b in zip(fresh.counters, used.counters, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(fresh.bank, used.bank)


def test_flushing_an_empty_batch_does_nothing():
    """Not even a sweep that is due because `sweep` is less than before."""
    network = Network(small())
    run(network, P, 4)
    before, bank = [layer.copy() for layer in network.counters], network.bank.copy()
    network.flush(replace(P, sweep=4))
    for actual, expected in zip(network.counters, before, strict=True):
        np.testing.assert_array_equal(actual, expected)
    np.testing.assert_array_equal(network.bank, bank)


def test_learning_lowers_the_error():
    config = Config(64, (40,), 4, counter_bits=5)
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 600)
    x = rng.integers(0, 2, (4, 64), dtype=np.uint8)[labels] ^ (rng.random((600, 64)) < 0.3)
    network = Network(config)
    p = Parameters.from_reals(config, group=5)
    first = network.train(x, labels, p).error.mean()
    assert network.train(x, labels, p).error.mean() < min(first, 0.1)


def test_counters_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        Network(small()).counters[0][0, 0] = 1


def test_compiled_and_plain_python_agree():
    """With NUMBA_DISABLE_JIT the same kernels run as plain Python."""
    program = (
        "from tests.model.test_network import *\n"
        "network = Network(small(counter_lanes=1))\n"
        "results = run(network, P)\n"
        "print([a.tolist() for a in (*results, *network.counters, network.bank)])\n")
    outputs = [
        subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True,
                       text=True, check=True, cwd=Path(__file__).parents[2],
                       env=os.environ | {"NUMBA_DISABLE_JIT": disable}).stdout
        for disable in ("0", "1")]
    assert outputs[0] == outputs[1]
    assert len(outputs[0]) > 1000
