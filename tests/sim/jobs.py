"""The job that every case of ``configurations`` runs."""

import numpy as np

from bep_model import random
from bep_model.datasets import random_prototypes
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
    config = case.config
    data = random_prototypes(train=samples, test=1, inputs=config.inputs, classes=config.classes,
                             flip=0.25, seed=seed, validation=False).train
    rng = np.random.default_rng(seed)
    low, high = config.counter_range
    counters = ()
    if case.saturated:
        values = np.clip([low, low + 1, -1, 0, high - 1, high], low, high).astype(np.int16)
        counters = tuple(rng.choice(values, shape) for shape in config.shapes)
    first, second = case.parameters, case.changed()
    runs = [Run(first, rng.permutation(samples), every=True), Run(second, rng.permutation(samples)),
            Run(second, rng.permutation(samples), Mode.INFER),
            Run(first, rng.permutation(samples))]
    return Job(config, data.x, data.labels, runs, random.seeds(seed, config.generators), counters,
               seed, idle, backpressure)
