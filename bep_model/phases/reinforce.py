"""Reinforcement (sec. 3.3), and the initial counters: the two sweeps over a whole layer."""

import numpy as np

from bep_model.phases.bits import WORD, compiled, expand
from bep_model.phases.random import ALWAYS, bernoulli


@compiled
def reinforce(counters, fan_in, p, bounds, bank, lanes, drawn, taken):
    """Step every counter away from its sign change with probability p / 2**16, saturating.

    h >= 0 steps up, else down, so no sign bit changes.

    Parameters
    ----------
    counters : int16 array (K, 64 * ceil(F / 64))
        The counters of one layer; the unused ones at the end of a row stay as they are.
    fan_in : int
        F.
    p : int
        0..2**16-1; 0 does nothing.
    bounds : (int, int)
        Lowest and highest value of a counter.
    bank, lanes
        As for :func:`bep_model.phases.random.bernoulli`.
    drawn : uint64 array (at least ceil(F / 64),)
    taken : int16 array (at least 64 * ceil(F / 64),)
        Scratch.
    """
    if p == 0:
        return
    drawn = drawn[:counters.shape[1] >> 6]
    for j in range(counters.shape[0]):
        bernoulli(bank, lanes, p, fan_in, drawn)
        expand(drawn, taken)
        _step_row(counters[j], taken, np.int16(bounds[0]), np.int16(bounds[1]))


@compiled
def _step_row(row, taken, low, high):
    for i in range(row.shape[0]):
        value = np.int16(row[i] + taken[i] if row[i] >= 0 else row[i] - taken[i])
        row[i] = low if value < low else (high if value > high else value)


@compiled
def initialise(counters, fan_in, bank, lanes, drawn):
    """Draw the counters of one layer: one random word per counter word, 1 gives 0 and 0 gives -1.

    The unused counters at the end of a row become -1. Parameters as for :func:`reinforce`.
    """
    drawn = drawn[:counters.shape[1] >> 6]
    for j in range(counters.shape[0]):
        bernoulli(bank, lanes, ALWAYS // 2, fan_in, drawn)  # takes exactly one draw per word
        expand(drawn, counters[j])
        counters[j] -= np.int16(1)


@compiled
def reinforce_sections(counters, sections, p, bounds, bank, lanes, drawn, taken):
    """:func:`reinforce` for rows in sections of ``sections[i]`` counters, each in whole words."""
    for j in range(counters.shape[0]):
        begin = 0
        for fan_in in sections:
            padded = -(-fan_in // WORD) * WORD
            section = counters[j, begin:begin + padded].reshape((1, padded))
            reinforce(section, fan_in, p, bounds, bank, lanes, drawn, taken)
            begin += padded


@compiled
def initialise_sections(counters, sections, bank, lanes, drawn):
    """:func:`initialise` for rows in sections of ``sections[i]`` counters, each in whole words."""
    for j in range(counters.shape[0]):
        begin = 0
        for fan_in in sections:
            padded = -(-fan_in // WORD) * WORD
            section = counters[j, begin:begin + padded].reshape((1, padded))
            initialise(section, fan_in, bank, lanes, drawn)
            begin += padded
