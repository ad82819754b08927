"""The jobs that the cases of ``configurations`` and ``recurrent`` run."""

from dataclasses import replace

import numpy as np

from bep_model.config import divisors
from bep_model.data.datasets import random_prototypes
from bep_model.phases import random
from bep_model.protocol import Mode
from sim.job import Job, Run


def job(case, seed=1, samples=26, idle=0.3, backpressure=0.3):
    """Train batch by batch; train without rests and with other parameters; infer; train again.

    Parameters
    ----------
    case : Case
    seed : int
        Of samples, counters, random bank and bench.
    samples : int
        In each of the four runs.
    idle, backpressure : float
        See ``Job``.
    """
    rng = np.random.default_rng(seed)
    first, second = case.parameters, case.changed()

    def order():
        return rng.permutation(samples)

    runs = [Run(first, order(), every=True), Run(second, order()),
            Run(second, order(), Mode.INFER), Run(first, order())]
    return _job(case, seed, samples, 0.25, runs, rng, idle, backpressure)


def learning_job(case, seed=1, samples=30, epochs=8):
    """Train on data that can be learned, until only few groups still have a winner.

    Then rows of different samples follow one another in every order (``orders.rows``). Every epoch
    after the first has other margins, gates and groups.

    Parameters
    ----------
    case : Case
    seed, samples
        As for :func:`job`.
    epochs : int
    """
    rng = np.random.default_rng(seed)
    parameters = [case.parameters, *(_other(case, rng) for _ in range(epochs - 1))]
    runs = [Run(each, rng.permutation(samples)) for each in parameters]
    return _job(case, seed, samples, 0.08, runs, rng)


def _other(case, rng):
    """Parameters under which nearly every sample triggers, and a few rows win."""
    config = case.config
    margin = config.layers[-1] * 2 if rng.random() < 0.7 else rng.integers(1, config.layers[-1] + 1)
    return replace(
        case.parameters, margin=int(margin),
        gates=[int(rng.choice([0, 1, f // 4, f])) for _, f in config.shapes],
        groups=[int(rng.choice(divisors(k)[-3:])) for k in config.layers],
        horizon=int(rng.integers(1, max(1, config.max_steps), endpoint=True)),
    ).validate(config)


def _job(case, seed, samples, flip, runs, rng, idle=0.0, backpressure=0.0):
    """A job on samples around prototypes; the part ``flip`` of their bits is wrong."""
    config, lengths = case.config, None
    steps = max(1, config.max_steps)
    data = random_prototypes(train=samples, test=1, inputs=steps * config.inputs,
                             classes=config.classes, flip=flip, seed=seed, validation=False).train
    x = data.x
    if config.recurrent:
        low, high = case.lengths or (1, steps)
        x = x.reshape(samples, steps, config.inputs)
        lengths = rng.integers(low, high, samples, endpoint=True)
    counters = ()
    if case.saturated:
        low, high = config.counter_range
        values = np.clip([low, low + 1, -1, 0, high - 1, high], low, high).astype(np.int16)
        counters = tuple(rng.choice(values, shape) for shape in config.shapes)
    thresholds = tuple(
        rng.integers(-layer.fan_in // 2, layer.fan_in // 2, layer.neurons, endpoint=True)
        for layer in config.network if layer.window)
    return Job(config, x, data.labels, runs, random.seeds(seed, config.generators), counters,
               seed, idle, backpressure, lengths, thresholds)
