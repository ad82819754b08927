"""Delay lines of recurrent networks: the state keeps the last steps, whatever they were."""

import numpy as np
import pytest

from bep_model.config import Config
from bep_model.data.datasets import Dataset, Samples
from bep_model.data.sequences import Pairs
from bep_model.fit import delay, training
from bep_model.fit.hyper import Hyper
from bep_model.network import Network


def data(rng, steps, width, count=40, lengths=False):
    """Random sequences of pairs, and their bits (count, steps, width) before that."""
    x = rng.integers(0, 2, (count, steps, width), dtype=np.uint8)
    lengths = rng.integers(1, steps + 1, count) if lengths else None
    bits = Pairs().fit_transform(x)
    if lengths is not None:
        bits[np.arange(steps) >= lengths[:, None]] = 0
    samples = Samples(bits, rng.integers(0, 3, count), lengths)
    none = samples.first(0)
    return x, Dataset("toy", samples, none, none, 3)


def trainer(width, features, kept, steps, outputs=9):
    return Config(2 * width + 1, (2 * features * kept + 1, outputs), 3, 6, 8, 4, max_steps=steps)


@pytest.mark.parametrize("width, features, kept, steps", [
    (14, 4, 6, 6), (5, 2, 3, 3), (28, 10, 3, 9), (3, 3, 4, 4), (1, 1, 5, 5), (2, 1, 2, 4)])
def test_the_state_has_the_last_steps(width, features, kept, steps):
    rng = np.random.default_rng(width)
    x, found = data(rng, steps, width)
    config = trainer(width, features, kept, steps)
    network = Network(config)
    training.begin(network, found.train.x, Hyper(delay=features), 7)
    weights = np.where(network.counters[0] >= 0, 1, -1).astype(int)
    signs, state = 2 * found.train.x.astype(int) - 1, 0
    for step in range(steps):
        z = signs[:, step] @ weights[:, :config.inputs].T + state @ weights[:, config.inputs:].T \
            if step else signs[:, step] @ weights[:, :config.inputs].T
        state = np.where(z >= 0, 1, -1)
    begin, end = delay.windows(width, features)
    assert (begin >= 0).all() and (end <= width).all() and ((end - begin) % 2 == 1).all()
    ones = np.stack([x[:, :, a:b].sum(axis=2) * 2 > b - a for a, b in zip(begin, end, strict=True)],
                    axis=2)
    kept_bits = ones[:, ::-1][:, :kept].reshape(len(x), -1)  # the last step first
    np.testing.assert_array_equal(state[:, :-1:2] == 1, kept_bits)
    np.testing.assert_array_equal(state[:, 1::2] == -1, kept_bits)
    assert (state[:, -1] == 1).all()


@pytest.mark.parametrize("lengths", [False, True])
def test_with_closed_gates_only_the_output_layer_learns(lengths):
    _, found = data(np.random.default_rng(3), 5, 6, lengths=lengths)
    network = Network(trainer(6, 2, 5, 5))
    hyper = Hyper(nu=0, horizon=1, group=3, delay=2)
    training.begin(network, found.train.x, hyper, 1)
    before = network.counters
    training.fit(network, found, epochs=3, hyper=hyper, seed=1)
    np.testing.assert_array_equal(before[0] >= 0, network.counters[0] >= 0)
    assert (before[1] >= 0).tolist() != (network.counters[1] >= 0).tolist()


@pytest.mark.parametrize("changes, told", [
    ({"inputs": 12}, "must be odd, not 12"),
    ({"features": 7}, "delay must be at most 6, the pairs of a step's inputs, not 7"),
    ({"state": 20}, "needs a state of 4 neurons for each step that it keeps, and one more, not 20"),
    ({"state": 1}, "and one more, not 1"),
])
def test_refusals(changes, told):
    found = {"inputs": 13, "features": 2, "state": 21} | changes
    config = Config(found["inputs"], (found["state"], 8), 3, 6, 8, 4, max_steps=5)
    with pytest.raises(ValueError, match=told):
        delay.line(config, found["features"])


def test_other_inputs_are_refused():
    _, found = data(np.random.default_rng(5), 5, 6)
    for position in (0, -1):
        x = found.train.x.copy()
        x[2, 1, position] ^= 1
        other = Dataset("toy", Samples(x, found.train.labels), found.test, found.test, 3)
        with pytest.raises(ValueError, match="pairs of a bit and its complement, and a 1"):
            training.check(trainer(6, 2, 5, 5), other, 1, Hyper(delay=2))
