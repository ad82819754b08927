"""The sample that takes a trainer longest, and its clock cycles."""

from types import SimpleNamespace

import numpy as np

from bep_model.protocol import Cause
from rtl.cycles import BETWEEN


def slowest(config, parameters):
    """A sample that triggers, opens every gate, and has a winner in every group.

    It has as many steps as the trainer takes. The members are those of
    ``bep_model.phases.sequencer.Phases`` that ``rtl.cycles.Cycles`` asks for.
    """
    steps = [layer.outputs // layer.neurons if layer.window else layer.steps
             for layer in config.network]
    shapes = list(zip(steps, config.layers, strict=True))
    return SimpleNamespace(
        triggered=True, updated=(True,) * config.depth,
        z=[np.zeros(shape, np.int32) for shape in shapes],
        valid=[np.ones(shape, np.uint8) for shape in shapes],
        passing=[[np.arange(width)] * count for count, width in shapes],
        winners=[np.arange(group - 1, width, group)
                 for group, width in zip(parameters.groups, config.layers, strict=True)])


def phases(cycles, sample, parameters):
    """Clock cycles per sample if all are alike, their share of a batch and of a sweep, by Cause."""
    found = {cause: count / parameters.batch for cause, count
             in cycles.batch([sample] * parameters.batch, parameters).items()}
    if any(parameters.reinforce):
        found[Cause.REINFORCE] = \
            cycles.sweep(parameters.reinforce)[Cause.REINFORCE] / parameters.sweep
    return found


def worst(cycles, sample, parameters):
    """The sum of :func:`phases`, and the clocks between two samples."""
    return BETWEEN + sum(phases(cycles, sample, parameters).values())
