"""The sample that takes a trainer longest, and its clock cycles."""

from types import SimpleNamespace

import numpy as np

from bep_model.protocol import Cause


def slowest(config, parameters):
    """A sample that triggers, opens every gate, and has a winner in every group.

    It has as many steps as the trainer takes. The members are those of
    ``bep_model.phases.sequencer.Phases`` that ``rtl.cycles.Cycles`` asks for.
    """
    steps = [max(1, config.max_steps) if layer.state else 1 for layer in config.network]
    shapes = list(zip(steps, config.layers, strict=True))
    return SimpleNamespace(
        triggered=True,
        z=[np.zeros(shape, np.int32) for shape in shapes],
        valid=[np.ones(shape, np.uint8) for shape in shapes],
        passing=[[np.arange(width)] * count for count, width in shapes],
        winners=[np.arange(group - 1, width, group)
                 for group, width in zip(parameters.groups, config.layers, strict=True)])


def worst(cycles, sample, parameters):
    """Clock cycles per sample if all are alike: their share of a batch and of a sweep."""
    batch = cycles.batch([sample] * parameters.batch, parameters)
    sweep = cycles.sweep(parameters.reinforce) if any(parameters.reinforce) else {}
    return (1 + batch.total() / parameters.batch
            + sweep.get(Cause.REINFORCE, 0) / parameters.sweep)
