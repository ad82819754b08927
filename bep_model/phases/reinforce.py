"""Reinforcement (sec. 3.3) and initialisation of the counters: both go over a whole layer."""

import numpy as np

from bep_model.phases.bits import kernel
from bep_model.phases.random import ALWAYS, bernoulli
from bep_model.phases.update import step


@kernel
def reinforce(counters, sections, p, bank, lanes, drawn, scratch):
    """Step every counter away from its sign change with probability p / 2**16, saturating.

    h >= 0 steps up, else down, so no sign bit changes.

    Parameters
    ----------
    counters : uint64 array (K, B_h, words of a row)
        Bit planes of one layer's counters; unused ones at the end of a section do not change.
    sections : integer array
        Counters in each section of a row, which takes whole words of 64.
    p : int
        0..2**16-1; 0 does nothing.
    bank, lanes, drawn, scratch
        As for :func:`bep_model.phases.update.update`.
    """
    if p == 0:
        return
    bernoulli(bank, lanes, p, sections, drawn, scratch)
    for j in range(counters.shape[0]):
        step(counters[j], counters[j, -1], ~np.uint64(0), drawn[j])


@kernel
def initialise(counters, sections, bank, lanes, drawn, scratch):
    """Draw the counters of one layer: one random word per counter word, 1 gives 0 and 0 gives -1.

    Parameters as for :func:`reinforce`.
    """
    top = counters.shape[1] - 1
    bernoulli(bank, lanes, ALWAYS // 2, sections, drawn, scratch)  # exactly one draw per word
    for j in range(counters.shape[0]):
        for k in range(counters.shape[2]):
            counters[j, top, k] = drawn[j, k]
            for b in range(top):
                counters[j, b, k] = ~drawn[j, k]
