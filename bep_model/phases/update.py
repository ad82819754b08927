"""Phase 5, update: one step of the counters of every winner (Eq. 8, 9), thinned and saturating."""

import numpy as np

from bep_model.phases.bits import bit, kernel, lowest, ones, stage
from bep_model.phases.random import ALWAYS, bernoulli
from bep_model.phases.wide import four, read, some, write


@stage
def step(row, inputs, flip, taken):
    """Step the counters of a row by +1, or by -1 where ``inputs ^ flip`` is 1, saturating.

    Parameters
    ----------
    row : uint64 array (B_h, words)
        Bit planes of the counters, see :class:`bep_model.phases.memory.State`.
    inputs : uint64 array (words,)
    flip : uint64
        0 or all ones.
    taken : uint64 array (words,)
        Which counters step.
    """
    fours = row.shape[1] & ~3
    for k in range(0, fours, 4):
        _ripple(row, k, four(inputs, k) ^ flip, four(taken, k))
    for k in range(fours, row.shape[1]):
        _ripple(row, k, inputs[k] ^ flip, taken[k])


@stage
def _ripple(row, k, down, carry):
    """The same for the counters of one word, or of four from word k on.

    They step at once, as a ripple of carries through the bits of their value. The ones' complement
    of a counter that goes down goes up.
    """
    for b in range(row.shape[0]):
        value = read(row[b], k, carry)
        write(row[b], k, value ^ carry)
        carry = carry & (value ^ down)
    if some(carry):  # these were at the end of their range, and have gone to the other one
        for b in range(row.shape[0]):
            write(row[b], k, read(row[b], k, carry) ^ carry)


@kernel
def renew_signs(row, signs, columns, j):
    """Renew the visible weights of row ``j``; in the columns only those that have changed."""
    top = row.shape[0] - 1
    first = row.shape[1] - (columns.shape[1] + 63) // 64  # word of a row; columns may be its end
    for k in range(row.shape[1]):
        changed = signs[k, j] ^ row[top, k]
        signs[k, j] = row[top, k]
        while changed and k >= first:
            i = 64 * (k - first) + lowest(changed)
            changed &= changed - np.uint64(1)
            columns[j >> 6, i] ^= np.uint64(1) << np.uint64(j & 63)


@stage
def update(counters, signs, columns, sections, inputs, targets, winners, thinning, bank, lanes,
           drawn, scratch):
    """Apply the updates of some samples to one layer: rows ascending, samples in order.

    Winner j with target t steps counter i by +1 where t = a_(l-1),i, else by -1, saturating; with
    thinning q < 2**16 each step is taken with probability q / 2**16. The random bits of a sample
    come before those of the next, so there may be only one then.

    Parameters
    ----------
    counters : uint64 array (K, B_h, words of a row)
        Bit planes of the counters, row by row.
    signs : uint64 array (words of a row, K)
    columns : uint64 array (ceil(K / 64), all F or those of the last section or none)
        The highest bits of the counters by rows and by columns, kept in step with them.
    sections : integer array
        Counters in each section of a row: here (F,).
    inputs, targets, winners : uint64 arrays (samples, words)
        Packed a_(l-1), targets and winners of the layer.
    thinning : int
        q, 0..2**16.
    bank, lanes, scratch
        As for :func:`bep_model.phases.random.bernoulli`.
    drawn : uint64 array (K, words of a row)
        Scratch for the random bits of all winners.
    """
    if thinning == 0:
        return
    drawing = np.int64(thinning != ALWAYS)  # else all winners take the same row, of ones
    bernoulli(bank, lanes, thinning, sections, drawn[:ones(winners[0]) if drawing else 1], scratch)
    at = 0
    for word in range(winners.shape[1]):
        remaining = np.uint64(0)
        for n in range(winners.shape[0]):
            remaining |= winners[n, word]
        while remaining:
            j = 64 * word + lowest(remaining)
            remaining &= remaining - np.uint64(1)
            for n in range(winners.shape[0]):
                if bit(winners[n], j):
                    flip = ~np.uint64(0) if bit(targets[n], j) else np.uint64(0)
                    step(counters[j], inputs[n], flip, drawn[at])
                    at += drawing
            renew_signs(counters[j], signs, columns, j)


@kernel
def update_through_time(counters, signs, columns, sections, inputs, targets, valid, winners,
                        literal, thinning, bank, lanes, drawn, scratch, sums, down, taken):
    """Apply the updates of one sequence to a layer with state, rows ascending.

    A winner takes one step per counter: the sign of the sum, over the steps t at which it has a
    target, of target times input; a sum of 0 is no step. The state section has no input at t = 1.
    A row's random bits are drawn for all counters, also where there is no step, section by section.

    Parameters
    ----------
    counters : uint64 array (K_s, B_h, words of a row)
    signs : uint64 array (words of a row, K_s)
    columns : uint64 array (ceil(K_s / 64), K_s)
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
    thinning, bank, lanes, drawn, scratch
        As for :func:`update`.
    sums : int16 array (64 * words of a row,)
    down, taken : uint64 array (words of a row,)
        Scratch.
    """
    if thinning == 0:
        return
    bernoulli(bank, lanes, thinning, sections, drawn[:ones(winners)], scratch)
    at = 0
    for word in range(winners.shape[0]):
        remaining = winners[word]
        while remaining:
            j = 64 * word + lowest(remaining)
            remaining &= remaining - np.uint64(1)
            _sum_over_time(inputs, (sections[0] + 63) // 64, targets, valid, j, sums)
            steps = 1
            if literal:
                for i in range(sums.shape[0]):
                    steps = max(steps, np.int64(abs(sums[i])))
            for n in range(1, steps + 1):  # as many single steps as the sum is large
                step_by_sums(counters[j], sums, n, drawn[at], down, taken)
            renew_signs(counters[j], signs, columns, j)
            at += 1


@kernel
def step_by_sums(row, sums, least, drawn, down, taken):
    """Step a row's counters up or down, by the sign of their sum, where it is at least ``least``.

    Of these only the ``drawn`` ones step. Parameters as for :func:`step` and
    :func:`update_through_time`.
    """
    for k in range(down.shape[0]):
        falls = rises = np.uint64(0)
        for i in range(64):
            falls |= np.uint64(sums[64 * k + i] <= -least) << np.uint64(i)
            rises |= np.uint64(sums[64 * k + i] >= least) << np.uint64(i)
        down[k] = falls
        taken[k] = drawn[k] & (falls | rises)
    step(row, down, np.uint64(0), taken)


@kernel
def _sum_over_time(inputs, second, targets, valid, j, sums):
    """Sum over time of target j times each input; words from ``second`` on have none at t = 1."""
    sums[:] = 0
    for t in range(inputs.shape[0]):
        if bit(valid[t], j):
            flip = np.uint64(0) if bit(targets[t], j) else ~np.uint64(0)
            for k in range(inputs.shape[1] if t else second):
                agreeing = inputs[t, k] ^ flip
                for i in range(64):
                    agrees = np.int16((agreeing >> np.uint64(i)) & np.uint64(1))
                    sums[64 * k + i] += np.int16(2 * agrees - 1)
