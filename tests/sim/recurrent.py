"""Recurrent trainers that hit the corners, and the job that each of them runs."""

from dataclasses import replace

import numpy as np

from bep_model import random
from bep_model.config import Config, Parameters
from bep_model.protocol import Mode
from sim.job import Job, Run
from tests.sim.configurations import ODD, Case


def case(inputs, layers, classes, bits, p, q, steps, *, horizon=65535, lengths=None, max_batch=1,
         margin=0.5, nu=0.3, group=3, reinforce=(0, 0), thinning=1 << 16, batch=1, sweep=None,
         saturated=False, **options):
    """A case and the lengths of its sequences, from short words; ``lengths`` (low, high)."""
    config = Config(inputs, layers, classes, bits, p, q, max_batch, max_steps=steps)
    parameters = replace(
        Parameters.from_reals(config, r=margin, nu=nu, group=group, horizon=horizon),
        reinforce=reinforce, thinning=thinning, batch=batch, sweep=sweep or 4 * batch,
    ).validate(config)
    return Case(config, parameters, saturated, options), lengths or (1, steps)


CASES = {
    "one-step": case(13, (10, 6), 3, 6, 8, 4, 1),
    "all-steps": case(13, (10, 6), 3, 6, 8, 4, 6, lengths=(6, 6)),
    "unequal-lengths": case(13, (10, 6), 3, 6, 8, 4, 7, reinforce=(ODD, 1 << 15), sweep=3),
    "short-horizon": case(9, (12, 8), 4, 7, 8, 2, 9, horizon=3),
    "horizon-of-one": case(9, (12, 8), 4, 7, 8, 8, 5, horizon=1),
    "batch": case(11, (10, 7), 3, 5, 8, 4, 4, max_batch=3, batch=3, reinforce=(1 << 15, 0)),
    "batch-partial": case(11, (9, 6), 3, 4, 6, 3, 5, max_batch=7, batch=4, horizon=2),
    "thinned": case(11, (10, 6), 3, 5, 8, 4, 4, thinning=ODD),
    "thinned-batch": case(11, (10, 6), 3, 5, 8, 8, 4, thinning=1 << 14, max_batch=2, batch=2),
    "thinned-away": case(11, (10, 6), 3, 5, 8, 4, 4, thinning=0, reinforce=(1 << 15, 1 << 14)),
    "saturated": case(10, (8, 8), 4, 2, 8, 4, 5, saturated=True, reinforce=(1 << 15, 1 << 15)),
    "many-words": case(30, (21, 5), 3, 6, 4, 2, 4),
    "wider-than-every-row": case(5, (9, 8), 3, 7, 24, 8, 5),
    "three-subwords": case(17, (13, 7), 4, 7, 12, 4, 4, reinforce=(ODD, 0)),
    "one-lane": case(3, (5, 4), 3, 5, 1, 1, 3, reinforce=(1 << 15, 1 << 12)),
    "one-of-everything": case(1, (1, 1), 2, 2, 1, 1, 2, nu=1.0),
    "two-generators": case(70, (36, 9), 3, 4, 66, 33, 3, thinning=ODD, reinforce=(1 << 14, ODD)),
    "closed-gates": case(12, (8, 8), 3, 7, 8, 4, 5, nu=0.0),
    "open-gates": case(12, (8, 8), 3, 7, 8, 4, 5, nu=1.0, margin=2.0, group=1),
    "single-port": case(11, (10, 6), 3, 6, 8, 4, 5, thinning=1 << 14, reinforce=(ODD, 0),
                        single_port=True),
    "single-port-batch": case(11, (10, 6), 3, 6, 16, 4, 5, max_batch=3, batch=3,
                              single_port=True),
    "registered": case(11, (10, 6), 3, 6, 8, 4, 5, reinforce=(1 << 15, 0), registered=True),
}


def sequences(config, lengths, count, seed):
    """Random sequences, labels, and lengths between ``lengths``."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2, (count, config.max_steps, config.inputs), np.uint8)
    labels = rng.integers(0, config.classes, count)
    return x, labels, rng.integers(lengths[0], lengths[1] + 1, count)


def job(case, lengths, seed=1, samples=18, idle=0.3, backpressure=0.3):
    """Train batch by batch; train without rests and with other parameters; infer; train again."""
    config = case.config
    x, labels, steps = sequences(config, lengths, samples, seed)
    rng = np.random.default_rng(seed)
    low, high = config.counter_range
    counters = ()
    if case.saturated:
        counters = tuple(rng.choice(np.array([low, -1, 0, high], np.int16), shape)
                         for shape in config.shapes)
    first = case.parameters
    second = replace(case.changed(), horizon=max(1, first.horizon - 1)).validate(config)
    runs = [Run(first, rng.permutation(samples), every=True), Run(second, rng.permutation(samples)),
            Run(second, rng.permutation(samples), Mode.INFER),
            Run(first, rng.permutation(samples))]
    return Job(config, x, labels, runs, random.seeds(seed, config.generators), counters,
               seed, idle, backpressure, steps)
