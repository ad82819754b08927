"""Reinforcement (sec. 3.3) and initialisation of the counters: both go over a whole layer."""

import numpy as np

from bep_model.phases.bits import WORD, compiled, expand
from bep_model.phases.random import ALWAYS, bernoulli


@compiled
def reinforce(counters, sections, p, bounds, bank, lanes, drawn, taken):
    """Step every counter away from its sign change with probability p / 2**16, saturating.

    h >= 0 steps up, else down, so no sign bit changes.

    Parameters
    ----------
    counters : int16 array (K, 64 * words of a row)
        The counters of one layer; unused ones at the end of a section do not change.
    sections : integer array
        Counters in each section of a row, which takes whole words of 64.
    p : int
        0..2**16-1; 0 does nothing.
    bounds : (int, int)
        Lowest and highest value of a counter.
    bank, lanes
        As for :func:`bep_model.phases.random.bernoulli`.
    drawn : uint64 array (at least words of a row,)
    taken : int16 array (at least 64 times as many,)
        Scratch.
    """
    if p == 0:
        return
    for j in range(counters.shape[0]):
        begin = 0
        for fan_in in sections:
            words = -(-fan_in // WORD)
            row = counters[j, WORD * begin:WORD * (begin + words)]
            bernoulli(bank, lanes, p, fan_in, drawn[:words])
            expand(drawn[:words], taken)
            _step_row(row, taken, np.int16(bounds[0]), np.int16(bounds[1]))
            begin += words


@compiled
def _step_row(row, taken, low, high):
    for i in range(row.shape[0]):
        value = np.int16(row[i] + taken[i] if row[i] >= 0 else row[i] - taken[i])
        row[i] = low if value < low else (high if value > high else value)


@compiled
def initialise(counters, sections, bank, lanes, drawn):
    """Draw the counters of one layer: one random word per counter word, 1 gives 0 and 0 gives -1.

    The unused counters at the end of a section become -1. Parameters as for :func:`reinforce`.
    """
    for j in range(counters.shape[0]):
        begin = 0
        for fan_in in sections:
            words = -(-fan_in // WORD)
            # takes exactly one draw per word
            bernoulli(bank, lanes, ALWAYS // 2, fan_in, drawn[:words])
            expand(drawn[:words], counters[j, WORD * begin:WORD * (begin + words)])
            begin += words
        counters[j] -= np.int16(1)
