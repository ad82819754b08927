"""Phase 5, update: one step of the counters of every winner (Eq. 8, 9), thinned and saturating."""

import numpy as np

from bep_model.phases.bits import bit, compiled, expand, lowest
from bep_model.phases.random import ALWAYS, bernoulli


@compiled
def update(counters, signs, columns, inputs, targets, winners, bounds, thinning, bank, lanes,
           drawn, steps, taken):
    """Apply the updates of one sample to one layer, rows ascending.

    Winner j with target t steps counter i by +1 where t = a_(l-1),i, else by -1, saturating; with
    thinning q < 2**16 each step is taken with probability q / 2**16.

    Parameters
    ----------
    counters : int16 array (K, 64 * ceil(F / 64))
        Counters; unused ones at the end of a row stay -1, so that their sign bits stay 0.
    signs : uint64 array (K, ceil(F / 64))
    columns : uint64 array (F, ceil(K / 64))
        The sign bits by rows and by columns, kept in step with the counters.
    inputs, targets, winners : uint64 arrays
        Packed a_(l-1), targets and winners of the layer.
    bounds : (int, int)
        Lowest and highest value of a counter.
    thinning : int
        q, 0..2**16.
    bank, lanes
        Random bank and counter lanes, as for :func:`bep_model.phases.random.bernoulli`.
    drawn : uint64 array (at least ceil(F / 64),)
    steps, taken : int16 array (at least 64 * ceil(F / 64),)
        Scratch.
    """
    if thinning == 0 or not winners.any():
        return
    fan_in, padded = columns.shape[0], counters.shape[1]
    drawn = drawn[:signs.shape[1]]
    bernoulli(bank, lanes, ALWAYS, fan_in, drawn)
    expand(drawn, taken)  # all taken, but for the unused counters at the end
    expand(inputs, steps)
    for i in range(padded):
        steps[i] = np.int16(2 * steps[i] - 1)
    for word in range(winners.shape[0]):
        left = winners[word]
        while left:
            j = 64 * word + lowest(left)
            left &= left - np.uint64(1)
            if thinning != ALWAYS:
                bernoulli(bank, lanes, thinning, fan_in, drawn)
                expand(drawn, taken)
            step_row(counters[j], np.int16(1 if bit(targets, j) else -1), steps, taken,
                      np.int16(bounds[0]), np.int16(bounds[1]))
            renew_signs(counters[j], signs[j], columns, j)


@compiled
def step_row(row, sign, steps, taken, low, high):
    for i in range(row.shape[0]):
        value = np.int16(row[i] + sign * steps[i] * taken[i])
        row[i] = low if value < low else (high if value > high else value)


@compiled
def renew_signs(row, signs, columns, j):
    """Renew the sign bits of row ``j``; in the columns only those that have changed."""
    for word in range(signs.shape[0]):
        packed = np.uint64(0)
        for i in range(64):
            packed |= np.uint64(row[64 * word + i] >= 0) << np.uint64(i)
        changed = signs[word] ^ packed
        signs[word] = packed
        while changed:
            i = 64 * word + lowest(changed)
            changed &= changed - np.uint64(1)
            columns[i, j >> 6] ^= np.uint64(1) << np.uint64(j & 63)


@compiled
def update_through_time(counters, signs, columns, sections, inputs, targets, valid, winners,
                        literal, bounds, thinning, bank, lanes, drawn, steps, taken):
    """Apply the updates of one sequence to a layer with state, rows ascending.

    A winner takes one step per counter: the sign of the sum, over the steps t at which it has a
    target, of target times input; a sum of 0 is no step. The state section has no input at t = 1.
    A row's random bits are drawn for all counters, also where there is no step, section by section.

    Parameters
    ----------
    counters : int16 array (K_s, 64 * words of a row)
    signs : uint64 array (K_s, words of a row)
    columns : uint64 array (K_x + K_s, ceil(K_s / 64))
        As for :func:`update`; both sections of a row begin a new word.
    sections : int64 array
        K_x and K_s.
    inputs : uint64 array (T, words of a row)
        Packed [x_t | s_(t-1)].
    targets, valid : uint64 array (T, ceil(K_s / 64))
        Packed targets of every step and which neurons have one.
    winners : uint64 array (ceil(K_s / 64),)
    literal : bool
        Step by the sum itself.
    bounds, thinning, bank, lanes, drawn, steps, taken
        As for :func:`update`.
    """
    if thinning == 0:
        return
    for word in range(winners.shape[0]):
        left = winners[word]
        while left:
            j = 64 * word + lowest(left)
            left &= left - np.uint64(1)
            begin = first = 0
            for section, fan_in in enumerate(sections):
                end = begin + -(-fan_in // 64)
                _sum_over_time(inputs, begin, end, section, targets, valid, j, literal, steps)
                bernoulli(bank, lanes, thinning, fan_in, drawn[begin:end])
                expand(drawn[begin:end], taken)
                row = counters[j, 64 * begin:64 * end]
                step_row(row, np.int16(1), steps, taken, np.int16(bounds[0]), np.int16(bounds[1]))
                renew_signs(row, signs[j, begin:end], columns[first:first + fan_in], j)
                begin = end
                first += fan_in


@compiled
def _sum_over_time(inputs, begin, end, start, targets, valid, j, literal, steps):
    """Sum over the steps from ``start`` of target j times the inputs in words begin..end - 1."""
    steps[:64 * (end - begin)] = 0
    for t in range(start, inputs.shape[0]):
        if bit(valid[t], j):
            flip = np.uint64(0) if bit(targets[t], j) else ~np.uint64(0)
            for word in range(end - begin):
                agreeing = inputs[t, begin + word] ^ flip
                for i in range(64):
                    agrees = np.int16((agreeing >> np.uint64(i)) & np.uint64(1))
                    steps[64 * word + i] += np.int16(2 * agrees - 1)
    if not literal:
        for i in range(64 * (end - begin)):
            steps[i] = np.int16(steps[i] > 0) - np.int16(steps[i] < 0)
