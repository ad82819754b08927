"""Reinforcement (sec. 3.3), and the initial counters: the two sweeps over a whole layer."""

import numpy as np

from bep_model.bits import compiled
from bep_model.random import ALWAYS, bernoulli


@compiled
def reinforce(counters, fan_in, p, bounds, bank, lanes, taken):
    """Step every counter away from its sign change with probability p / 2**16, saturating.

    h >= 0 steps up, else down, so no sign bit changes.

    Parameters
    ----------
    counters : int16 array (K, at least F)
        The counters of one layer.
    fan_in : int
        F.
    p : int
        0..2**16-1; 0 does nothing.
    bounds : (int, int)
        Lowest and highest value of a counter.
    bank, lanes
        As for :func:`bep_model.random.bernoulli`.
    taken : int16 array (at least F,)
        Scratch.
    """
    if p == 0:
        return
    for j in range(counters.shape[0]):
        bernoulli(bank, lanes, p, taken[:fan_in])
        _step_row(counters[j, :fan_in], taken, np.int16(bounds[0]), np.int16(bounds[1]))


@compiled
def _step_row(row, taken, low, high):
    for i in range(row.shape[0]):
        value = np.int16(row[i] + taken[i] if row[i] >= 0 else row[i] - taken[i])
        row[i] = low if value < low else (high if value > high else value)


@compiled
def initialise(counters, fan_in, bank, lanes, drawn):
    """Draw the counters of one layer: one random word per counter word, 1 gives 0 and 0 gives -1."""
    for j in range(counters.shape[0]):
        bernoulli(bank, lanes, ALWAYS // 2, drawn[:fan_in])  # takes exactly one draw per word
        for i in range(fan_in):
            counters[j, i] = drawn[i] - np.int16(1)
