"""A network refuses bad input by name, and has then changed nothing."""

from dataclasses import replace

import numpy as np
import pytest

from bep_model import state
from bep_model.config import Config
from bep_model.fit import training
from bep_model.network import Network
from bep_model.parameters import Parameters

CONFIG = Config(5, (6, 4), 3, counter_bits=4, max_batch=2)
P = Parameters(2, (3, 3), (2, 2), (100, 100), batch=1, sweep=2)
X = np.zeros((2, 5), np.uint8)
RECURRENT = replace(CONFIG, max_steps=7)
S = np.zeros((2, 7, 5), np.uint8)


@pytest.fixture
def network():
    network = Network(CONFIG)
    counters, bank = [layer.copy() for layer in network.counters], network.bank.copy()
    yield network
    for actual, before in zip(network.counters, counters, strict=True):
        np.testing.assert_array_equal(actual, before)
    np.testing.assert_array_equal(network.bank, bank)


@pytest.mark.parametrize(("x", "error", "message"), [
    (X.astype(float), TypeError, "x must be integers or bool, not float64"),
    (X.astype(object), TypeError, "x must be integers or bool, not object"),
    (X.astype(int) - 1, ValueError, "x must be between 0 and 1, not -1"),
    (X[0], ValueError, r"x must have shape \(N, 5\), not \(5,\)"),
    (X[:, :4], ValueError, r"x must have shape \(N, 5\), not \(2, 4\)"),
    (X + np.uint8(2), ValueError, "x must be between 0 and 1, not 2"),
])
def test_bad_samples(network, x, error, message):
    for call in (network.predict, network.logits, lambda x: network.train(x, [0, 0], P)):
        with pytest.raises(error, match=f"^{message}$"):
            call(x)


@pytest.mark.parametrize(("labels", "error", "message"), [
    ([0.0, 1.0], TypeError, "labels must be integers, not float64"),
    ([0], ValueError, r"labels must have shape \(2,\), not \(1,\)"),
    ([0, 3], ValueError, "labels must be between 0 and 2, not 3"),
    ([-1, 0], ValueError, "labels must be between 0 and 2, not -1"),
    (np.array([0, 2**63], np.uint64), ValueError, f"labels must be between 0 and 2, not {2**63}"),
])
def test_bad_labels(network, labels, error, message):
    with pytest.raises(error, match=f"^{message}$"):
        network.train(X, labels, P)


def test_bad_parameters(network):
    with pytest.raises(ValueError, match="group size of layer 1 must divide its 6 neurons, not 4"):
        network.train(X, [0, 0], Parameters(2, (3, 3), (4, 2), (0, 0), batch=1, sweep=2))
    with pytest.raises(ValueError, match="batch must be between 1 and 2, not 3"):
        network.flush(Parameters(2, (3, 3), (2, 2), (0, 0), batch=3, sweep=3))


@pytest.mark.parametrize(("counters", "error", "message"), [
    ([np.zeros((6, 5), int)], ValueError, "counters must have 2 layers, not 1"),
    ([np.zeros((6, 5), int), np.zeros((4, 6))], TypeError,
     "counters of layer 2 must be integers, not float64"),
    ([np.zeros((5, 6), int), np.zeros((4, 6), int)], ValueError,
     r"counters of layer 1 must have shape \(6, 5\), not \(5, 6\)"),
    ([np.ones((6, 5), int), np.full((4, 6), 8)], ValueError,
     "counters of layer 2 must be between -8 and 7, not 8"),
    ([np.full((6, 5), -9), np.zeros((4, 6), int)], ValueError,
     "counters of layer 1 must be between -8 and 7, not -9"),
])
def test_bad_counters(network, counters, error, message):
    with pytest.raises(error, match=f"^{message}$"):
        network.load(counters)


def test_bad_seeds(network):
    for call in (network.reset, network.seed):
        with pytest.raises(ValueError, match="seed must be between 0 and 4294967295, not -1"):
            call(-1)


def test_bad_label_or_row_of_phases(network):
    with pytest.raises(ValueError, match="labels must be between 0 and 2, not 5"):
        network.phases(X[0], 5, P)
    with pytest.raises(ValueError, match=r"x must have shape \(N, 5\), not \(1, 4\)"):
        network.phases(X[0, :4], 0, P)


def test_no_samples_is_no_mistake(network):
    assert [len(result) for result in network.train(X[:0], np.zeros(0, int), P)] == [0, 0, 0]
    assert network.predict(X[:0]).shape == (0,)
    assert network.logits(X[:0]).shape == (0, 3)


def test_loaded_counters_are_read_back():
    network = Network(CONFIG)
    rng = np.random.default_rng(0)
    counters = [rng.integers(-8, 8, shape) for shape in CONFIG.shapes]
    network.load(counters)
    for actual, expected in zip(network.counters, counters, strict=True):
        np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize(("x", "lengths", "error", "message"), [
    (S.astype(float), None, TypeError, "x must be integers or bool, not float64"),
    (S[0], None, ValueError, r"x must have shape \(N, 1..7, 5\), not \(7, 5\)"),
    (S[:, :, :4], None, ValueError, r"x must have shape \(N, 1..7, 5\), not \(2, 7, 4\)"),
    (S[:, :0], None, ValueError, r"x must have shape \(N, 1..7, 5\), not \(2, 0, 5\)"),
    (np.zeros((2, 8, 5), bool), None, ValueError,
     r"x must have shape \(N, 1..7, 5\), not \(2, 8, 5\)"),
    (S + np.uint8(2), None, ValueError, "x must be between 0 and 1, not 2"),
    (S, [1.0, 2.0], TypeError, "lengths must be integers, not float64"),
    (S, [1], ValueError, r"lengths must have shape \(2,\), not \(1,\)"),
    (S, [0, 7], ValueError, "lengths must be between 1 and 7, not 0"),
    (S[:, :4], [2, 5], ValueError, "lengths must be between 1 and 4, not 5"),
])
def test_bad_sequences(x, lengths, error, message):
    network = Network(RECURRENT)
    for call in (network.predict, network.logits, lambda x, n: network.train(x, [0, 0], P, n)):
        with pytest.raises(error, match=f"^{message}$"):
            call(x, lengths)
    assert network.open_batch == 0


def test_bad_row_or_length_of_phases():
    network = Network(RECURRENT)
    with pytest.raises(ValueError, match=r"^x must have shape \(N, 1..7, 5\), not \(1, 5\)$"):
        network.phases(S[0, 0], 0, P)
    with pytest.raises(ValueError, match=r"^lengths must be between 1 and 7, not 8$"):
        network.phases(S[0], 0, P, 8)


def test_lengths_and_literal_steps_are_for_recurrent_networks():
    with pytest.raises(ValueError, match=r"^literal_steps is for recurrent networks, max_steps of "
                                         r"this one is 0$"):
        Network(CONFIG, literal_steps=True)
    network = Network(CONFIG)
    for call in (lambda: network.train(X, [0, 0], P, [1, 1]), lambda: network.predict(X, [1, 1]),
                 lambda: network.logits(X, [1, 1]), lambda: network.phases(X[0], 0, P, 1)):
        with pytest.raises(ValueError, match=r"^lengths are for recurrent networks, max_steps of "
                                             r"this one is 0$"):
            call()


INTEGERS = [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64]
integer_types = pytest.mark.parametrize("dtype", INTEGERS, ids=lambda dtype: dtype.__name__)


def assert_equal(a, b):
    for mine, theirs in zip((a.bank, *a.counters), (b.bank, *b.counters), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@integer_types
@pytest.mark.parametrize("classes", [100, 128, 129, 256])
def test_labels_and_bits_of_any_integers(dtype, classes):
    config = Config(5, (6, 40), classes)
    p = Parameters.from_reals(config)
    labels = np.arange(min(classes, np.iinfo(dtype).max + 1))
    x = np.random.default_rng(0).integers(0, 2, (len(labels), 5))
    plain, given = Network(config), Network(config)
    plain.train(x.astype(np.uint8), labels, p)
    given.train(x.astype(dtype), labels.astype(dtype), p)
    assert_equal(given, plain)
    assert given.phases(x[0].astype(dtype), dtype(7), p).prediction == \
        plain.phases(x[0].astype(bool), 7, p).prediction


@integer_types
@pytest.mark.parametrize("bits", [4, 7, 8, 9, 15])
def test_counters_of_any_integers(dtype, bits):
    network = Network(replace(CONFIG, counter_bits=bits))
    rng, most = np.random.default_rng(0), min(np.iinfo(dtype).max, network.config.counter_range[1])
    counters = [rng.integers(0, most, shape, endpoint=True) for shape in CONFIG.shapes]
    network.load([layer.astype(dtype) for layer in counters])
    for actual, expected in zip(network.counters, counters, strict=True):
        np.testing.assert_array_equal(actual, expected)


@integer_types
@pytest.mark.parametrize("steps", [7, 127, 128, 200, 255, 256, 1000])
def test_lengths_of_any_integers(dtype, steps):
    config = replace(RECURRENT, max_steps=steps)
    x = np.random.default_rng(0).integers(0, 2, (2, steps, 5), np.uint8)
    lengths = [1, min(steps, np.iinfo(dtype).max)]
    plain, given = Network(config), Network(config)
    plain.train(x, [0, 1], P, lengths)
    given.train(x, [0, 1], P, np.array(lengths, dtype))
    assert_equal(given, plain)


@integer_types
def test_scalars_of_any_integers(dtype):
    values = dict(inputs=5, classes=3, counter_bits=4, weight_lanes=64, counter_lanes=8,
                  max_batch=2, seed=1, max_steps=0)
    for wrap in (dtype, lambda value: np.array(value, dtype)):
        given = Config(layers=np.array([6, 4], dtype), **{n: wrap(v) for n, v in values.items()})
        assert given == CONFIG and given.digest == CONFIG.digest
        assert all(type(getattr(given, name)) is int for name in values)
        assert all(type(width) is int for width in given.layers)
    given = Parameters(dtype(2), np.array([3, 3], dtype), [dtype(2), dtype(2)],
                       np.array([100, 100], dtype), batch=dtype(1), sweep=dtype(2),
                       horizon=dtype(9), stabilities=np.zeros(2, dtype))
    assert repr(given.validate(CONFIG)) == repr(replace(P, horizon=9).validate(CONFIG))
    network, plain = Network(CONFIG), Network(CONFIG)
    network.reset(dtype(3))
    plain.reset(3)
    assert_equal(network, plain)
    numbers = dict(group=2, batch=2, sweep=4, reinforce_bits=5, thinning_bits=4, horizon=3)
    hyper = training.Hyper(**{name: dtype(value) for name, value in numbers.items()})
    assert repr(hyper.parameters(CONFIG)) == repr(training.Hyper(**numbers).parameters(CONFIG))
    words = [(dtype(address), np.uint32(word)) for address, word in state.words(plain)]
    plain.load(state.from_words(CONFIG, words))
    assert_equal(network, plain)


@pytest.mark.parametrize("value", [True, np.True_, 1.0, np.float32(1), "1", None])
def test_what_is_no_integer_is_refused_by_name(value):
    for name in ("inputs", "counter_bits", "weight_lanes", "max_batch", "seed", "max_steps"):
        with pytest.raises(TypeError, match=f"^{name} must be an integer, not "):
            replace(CONFIG, **{name: value})
    for name in ("margin", "thinning", "batch", "sweep", "horizon"):
        with pytest.raises(TypeError, match=f"^{name} must be an integer, not "):
            replace(P, **{name: value}).validate(CONFIG)
    for name in ("group", "batch", "sweep", "patience", "horizon", "reinforce_bits"):
        with pytest.raises(TypeError, match=f"^{name} must be an integer, not "):
            training.Hyper(**{name: value}).parameters(CONFIG)
    with pytest.raises(TypeError, match=r"^seed must be an integer, not "):
        Network(CONFIG).reset(value)
    with pytest.raises(TypeError, match=r"^layers\[1\] must be an integer, not "):
        replace(CONFIG, layers=(6, value))


@pytest.mark.parametrize("value", [True, np.True_, "1", None, 1j, np.array([1])])
@pytest.mark.parametrize("name", ["r", "nu", "p_r", "thinning", "anneal", "kappa"])
def test_what_is_no_number_is_refused_by_name(name, value):
    with pytest.raises(TypeError, match=f"^{name} must be a number, not "):
        training.Hyper(**{name: value}).parameters(CONFIG)


def test_a_network_says_its_shape():
    assert repr(Network(CONFIG)) == "<Network 5-6-4, 3 classes, 4-bit counters>"
    assert repr(Network(RECURRENT)) == \
        "<Network 5-6-4, 3 classes, 4-bit counters, 7 steps at most>"
