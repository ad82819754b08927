from dataclasses import replace

import numpy as np
import pytest

from bep_model.config import Config
from bep_model.data import datasets
from bep_model.fit import training
from bep_model.network import Network, Results

CONFIG = Config(192, (32, 32), 10, counter_lanes=32)


class Recorder:
    """A fake network: records its calls and always makes the same share of errors."""

    counters = ()

    def __init__(self, config, right=0.75):
        self.config, self.right, self.calls = config, right, []

    def train(self, x, labels, parameters, lengths=None):
        self.calls.append(("train", x, labels, parameters, lengths))
        error = np.arange(len(x)) >= self.right * len(x)
        return Results(labels, error, error)

    def flush(self, parameters):
        self.calls.append(("flush", parameters))

    def predict(self, x, lengths=None):
        self.asked = lengths
        return np.zeros(len(x), np.int64)


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits").limit(200)


def test_epoch_order_is_a_fixed_permutation():
    np.testing.assert_array_equal(training.epoch_order(1, 0, 10), ORDER)
    assert sorted(training.epoch_order(3, 2, 1000)) == list(range(1000))
    for other in ((1, 1), (2, 0)):
        assert (training.epoch_order(*other, 1000) != training.epoch_order(1, 0, 1000)).any()


ORDER = [9, 2, 4, 7, 5, 0, 8, 6, 3, 1]  # fixed for ever: changing it changes every trained network


def test_every_epoch_trains_in_its_order_then_flushes(digits):
    network = Recorder(CONFIG)
    history = training.fit(network, digits, epochs=2, seed=5)
    assert [call[0] for call in network.calls] == ["train", "flush"] * 2
    for epoch in range(2):
        order = training.epoch_order(5, epoch, 200)
        np.testing.assert_array_equal(network.calls[2 * epoch][1], digits.train.x[order])
        np.testing.assert_array_equal(network.calls[2 * epoch][2], digits.train.labels[order])
        assert network.calls[2 * epoch][3] == history[epoch].parameters
        assert network.calls[2 * epoch + 1][1] == history[epoch].parameters


def test_an_epoch_may_be_trained_with_changed_samples(digits):
    def inverted(samples, epoch):
        return replace(samples, x=samples.x ^ (epoch == 1))

    network = Recorder(CONFIG)
    training.fit(network, digits, epochs=2, seed=5, augment=inverted)
    for epoch in range(2):
        order = training.epoch_order(5, epoch, 200)
        np.testing.assert_array_equal(network.calls[2 * epoch][1], digits.train.x[order] ^ epoch)
        np.testing.assert_array_equal(network.calls[2 * epoch][2], digits.train.labels[order])


def test_lengths_and_horizon_of_sequences():
    x = np.zeros((30, 5, 8), np.uint8)
    parts = [datasets.Samples(x, np.arange(30) % 2, lengths)
             for lengths in (np.arange(30) % 5 + 1, np.arange(30) % 4 + 2)]
    data = datasets.Dataset("steps", parts[0], parts[1], parts[1], 2)
    network = Recorder(Config(8, (16, 16), 2, max_steps=5))
    history = training.fit(network, data, epochs=1, hyper=training.Hyper(horizon=3), seed=5)
    np.testing.assert_array_equal(
        network.calls[0][4], parts[0].lengths[training.epoch_order(5, 0, 30)])
    np.testing.assert_array_equal(network.asked, parts[1].lengths)
    assert history[0].parameters.horizon == 3


def test_reinforcement_follows_the_error(digits):
    hyper = training.Hyper(p_r=0.3)
    history = training.fit(Recorder(CONFIG), digits, epochs=3, hyper=hyper)
    assert [epoch.error for epoch in history] == [0.25] * 3
    assert history[0].parameters.reinforce == hyper.reinforcement(CONFIG, 100.0)
    assert history[1].parameters.reinforce == hyper.reinforcement(CONFIG, 25.0)
    assert history[1].parameters.reinforce != history[0].parameters.reinforce
    changed = replace(history[0].parameters, reinforce=history[1].parameters.reinforce)
    assert changed == history[1].parameters == history[2].parameters


def test_thinning_is_annealed_in_the_second_half(digits):
    hyper = training.Hyper(thinning=0.5, anneal=1 / 16)
    history = training.fit(Recorder(CONFIG), digits, epochs=5, hyper=hyper)
    assert [epoch.parameters.thinning for epoch in history] == [32768, 32768, 32768, 8192, 2048]
    history = training.fit(Recorder(CONFIG), digits, epochs=1, hyper=hyper)
    assert history[0].parameters.thinning == 32768


def test_thinning_has_few_bits_in_every_epoch(digits):
    hyper = training.Hyper(thinning=0.7, anneal=1 / 8, thinning_bits=2)
    history = training.fit(Recorder(CONFIG), digits, epochs=5, hyper=hyper)
    quarters = [epoch.parameters.thinning / 2**14 for epoch in history]
    assert quarters == [3, 3, 3, 1, 0]  # 0.75, then 0.27 and 0.09


def test_groups_grow_only_with_patience(digits):
    history = training.fit(Recorder(CONFIG), digits, epochs=4, hyper=training.Hyper(group=8))
    assert {epoch.parameters.groups for epoch in history} == {(8, 8)}
    history = training.fit(Recorder(CONFIG), digits, epochs=4,
                           hyper=training.Hyper(group=8, patience=1))
    assert [epoch.parameters.groups for epoch in history] == [(8, 8), (8, 8), (16, 16), (32, 32)]


def test_patience_needs_validation_samples():
    data = datasets.load("digits", validation=False)
    with pytest.raises(ValueError, match="patience needs validation samples"):
        training.fit(Recorder(CONFIG), data, epochs=1, hyper=training.Hyper(patience=1))


def test_validation_accuracy_and_progress(digits):
    seen = []
    history = training.fit(Recorder(CONFIG), digits, epochs=2, progress=seen.append)
    assert seen == history and [epoch.epoch for epoch in seen] == [0, 1]
    zeros = np.mean(digits.validation.labels == 0)
    assert [epoch.validation_accuracy for epoch in seen] == [zeros] * 2
    whole = training.fit(Recorder(CONFIG), datasets.load("digits", validation=False), epochs=1)
    assert whole[0].validation_accuracy is None


@pytest.mark.parametrize(("change", "text"), [
    (dict(r=3.0), "r must be between -2 and 2, not 3.0"),
    (dict(nu=-0.1), "nu must be between 0 and 1, not -0.1"),
    (dict(nu=float("nan")), "nu must be between 0 and 1, not nan"),
    (dict(thinning=1.1), "thinning must be between 0 and 1, not 1.1"),
    (dict(p_r=-1), "p_r must be between 0 and 1000, not -1"),
    (dict(anneal=0), "anneal must be above 0 and at most 1, not 0"),
    (dict(anneal=1.5), "anneal must be above 0 and at most 1, not 1.5"),
    (dict(group=0), "group must be at least 1, not 0"),
    (dict(batch=2), "batch must be between 1 and 1, not 2"),
    (dict(sweep=0), "sweep must be between 1 and 65535, not 0"),
    (dict(thinning_bits=17), "thinning_bits must be between 1 and 16, not 17"),
    (dict(reinforce_bits=0), "reinforce_bits must be between 1 and 16, not 0"),
])
def test_hyper_parameters_are_checked(digits, change, text):
    with pytest.raises(ValueError, match=text):
        training.fit(Recorder(CONFIG), digits, epochs=1, hyper=training.Hyper(**change))


def test_other_mistakes(digits):
    with pytest.raises(ValueError, match="epochs must be between 0 and 1000000, not -1"):
        training.fit(Recorder(CONFIG), digits, epochs=-1)
    with pytest.raises(ValueError, match="digits has 192 inputs, the configuration 5"):
        training.fit(Recorder(Config(5, (8,), 10)), digits, epochs=1)


def test_a_network_learns_and_a_run_can_be_repeated():
    data = datasets.load("digits")
    counters = []
    for _ in range(2):
        network = Network(replace(CONFIG, layers=(64, 64)))
        network.reset(3)
        history = training.fit(network, data, epochs=4, seed=3)
        counters.append(network.counters)
    assert history[-1].error < 0.5 * history[0].error
    assert history[-1].validation_accuracy > 0.7
    for first, second in zip(*counters, strict=True):
        np.testing.assert_array_equal(first, second)


def test_confusion():
    got = training.confusion([0, 2, 2, 1, 2], [0, 1, 2, 1, 1], 3)
    assert got.tolist() == [[1, 0, 0], [0, 1, 0], [0, 2, 1]]
    assert training.confusion([], [], 2).tolist() == [[0, 0], [0, 0]]
