"""The sequencer of the golden model: state, and the order of the phases over the samples.

:mod:`bep_model.phases.recurrent` has functions of the same names for recurrent networks.
"""

from collections import namedtuple
from typing import NamedTuple

import numpy as np

from bep_model.phases.backward import backward, gate
from bep_model.phases.bits import WORD, compiled, pack, unpack, words
from bep_model.phases.classify import classify, triggers
from bep_model.phases.forward import forward
from bep_model.phases.reinforce import reinforce
from bep_model.phases.select import select
from bep_model.phases.update import update
from bep_model.registers import FIELDS

Registers = namedtuple("Registers", [row.field for row in FIELDS])
""":class:`bep_model.parameters.Parameters` as the kernels take them: int, or int64 array (L,)."""


class Phases(NamedTuple):
    """All intermediate values of one sample; entry 0 of the tuples is layer 1.

    A sample that does not trigger has no targets, passes none and has no winners.
    """

    z: tuple
    """int32 (K_l,), pre-activations."""
    activations: tuple
    """uint8 (K_l,), bits of a_l."""
    logits: np.ndarray
    """int32 (C,)."""
    prediction: int
    error: bool
    triggered: bool
    targets: tuple
    """uint8 (K_l,), target bits; 0 without a target."""
    valid: tuple
    """uint8 (K_l,), 1 where the neuron has a target."""
    passing: tuple
    """int64, ascending: rows with a target and an open gate, which the backward phase reads.
    Empty for layer 1, whose gate has no effect."""
    winners: tuple
    """int64, ascending: rows that are updated."""


class State(NamedTuple):
    """All that the kernels read and write; the layers of a plane stand one after another.

    Layer l of a plane is ``plane[at[l - 1]:at[l]]``; packed vectors have the input as layer 0,
    layer l in ``word_at[l]:word_at[l + 1]``.
    """

    widths: np.ndarray  # int64 (L + 1,), K_0..K_L
    lanes: int  # Q
    bounds: tuple  # of a counter
    literal: bool  # sign(0) = +1 for targets
    prototypes: np.ndarray  # uint64 (C, words of K_L)
    bank: np.ndarray  # uint32 (generators,)
    progress: np.ndarray  # int64 (2,), samples in the open batch, samples since the last sweep
    counters: np.ndarray  # int16, per row whole words of 64, the unused -1
    counter_at: np.ndarray
    signs: np.ndarray  # uint64, sign bits of the counters by rows
    sign_at: np.ndarray
    columns: np.ndarray  # uint64, the same by columns
    column_at: np.ndarray
    word_at: np.ndarray
    activations: np.ndarray  # uint64 (samples of a batch, packed vectors of all layers)
    targets: np.ndarray  # likewise
    winners: np.ndarray  # likewise
    valid: np.ndarray  # uint64, one packed vector of all layers: of the last sample
    passing: np.ndarray  # likewise
    z: np.ndarray  # int32, of the last sample, layer l in z_at[l - 1]:z_at[l]
    z_at: np.ndarray
    logits: np.ndarray  # int32 (C,), of the last sample
    drawn: np.ndarray  # uint64, scratch of one row
    steps: np.ndarray  # int16, likewise
    taken: np.ndarray  # int16, likewise


def new_state(config, literal, prototypes):
    def at(sizes):
        return np.cumsum([0, *sizes], dtype=np.int64)

    packed = [words(k) for k in config.widths]
    row_words = [sum(map(words, parts)) for parts in config.sections]
    layers = list(zip(config.shapes, packed[1:], row_words, strict=True))
    word_at, z_at = at(packed), at(config.layers)
    sign_at = at(k * row for (k, _), _, row in layers)
    column_at = at(f * width_words for (_, f), width_words, _ in layers)
    batch = (config.max_batch, word_at[-1])
    row = WORD * max(row_words)
    return State(
        np.array(config.widths, np.int64), config.counter_lanes, config.counter_range, literal,
        pack(prototypes), np.zeros(config.generators, np.uint32), np.zeros(2, np.int64),
        np.full(WORD * sign_at[-1], -1, np.int16), WORD * sign_at,
        np.zeros(sign_at[-1], np.uint64), sign_at,
        np.zeros(column_at[-1], np.uint64), column_at, word_at,
        np.zeros(batch, np.uint64), np.zeros(batch, np.uint64), np.zeros(batch, np.uint64),
        np.zeros(word_at[-1], np.uint64), np.zeros(word_at[-1], np.uint64),
        np.zeros(z_at[-1], np.int32), z_at, np.zeros(config.classes, np.int32),
        np.zeros(max(row_words), np.uint64), np.zeros(row, np.int16), np.zeros(row, np.int16),
    )


@compiled
def layer_of(plane, at, l, rows):
    span = plane[at[l - 1]:at[l]]
    return span.reshape(rows, span.shape[0] // rows)


@compiled
def infer(state, slot):
    """Forward and classify the sample in ``slot`` of the batch; return the prediction."""
    w, k, depth = state.word_at, state.widths, len(state.widths) - 1
    a = state.activations[slot]
    for l in range(1, depth + 1):
        forward(layer_of(state.signs, state.sign_at, l, k[l]), a[w[l - 1]:w[l]], k[l - 1],
                state.z[state.z_at[l - 1]:state.z_at[l]], a[w[l]:w[l + 1]])
    return classify(state.prototypes, a[w[depth]:], k[depth], state.logits)


@compiled
def correct(state, registers, slot, label):
    """Backward and select for the sample in ``slot``, just inferred; return whether it triggers."""
    w, k, depth = state.word_at, state.widths, len(state.widths) - 1
    a, targets, winners = state.activations[slot], state.targets[slot], state.winners[slot]
    winners[:] = 0
    if not triggers(state.logits, label, registers.margin):
        return False
    valid, passing = state.valid, state.passing
    targets[w[depth]:] = state.prototypes[label]
    valid[w[depth]:] = ~np.uint64(0)
    for l in range(depth, 0, -1):
        here = slice(w[l], w[l + 1])
        z = state.z[state.z_at[l - 1]:state.z_at[l]]
        select(z, a[here], targets[here], valid[here], registers.groups[l - 1],
               registers.stabilities[l - 1], winners[here])
        if l > 1:
            gate(z, registers.gates[l - 1], passing[here])
            passing[here] &= valid[here]
            below = slice(w[l - 1], w[l])
            backward(layer_of(state.columns, state.column_at, l, k[l - 1]), targets[here],
                     passing[here], state.literal, targets[below], valid[below])
    return True


@compiled
def apply(state, registers):
    """Apply the updates of the open batch, and the sweep that may be due."""
    w, k, depth = state.word_at, state.widths, len(state.widths) - 1
    samples = state.progress[0]
    for slot in range(samples):
        for l in range(depth, 0, -1):
            here = slice(w[l], w[l + 1])
            update(layer_of(state.counters, state.counter_at, l, k[l]),
                   layer_of(state.signs, state.sign_at, l, k[l]),
                   layer_of(state.columns, state.column_at, l, k[l - 1]),
                   state.activations[slot, w[l - 1]:w[l]], state.targets[slot, here],
                   state.winners[slot, here], state.bounds, registers.thinning,
                   state.bank, state.lanes, state.drawn, state.steps, state.taken)
    state.progress[0] = 0
    state.progress[1] += samples
    if samples and state.progress[1] >= registers.sweep:
        state.progress[1] = 0
        for l in range(1, depth + 1):
            reinforce(layer_of(state.counters, state.counter_at, l, k[l]), k[l - 1],
                      registers.reinforce[l - 1], state.bounds, state.bank, state.lanes,
                      state.drawn, state.taken)


@compiled
def train(state, registers, x, lengths, labels, predictions, triggered):
    """Train on samples in order; ``lengths`` is for recurrent networks only."""
    for n in range(x.shape[0]):
        slot = state.progress[0]
        state.activations[slot, :x.shape[1]] = x[n]
        predictions[n] = infer(state, slot)
        triggered[n] = correct(state, registers, slot, labels[n])
        state.progress[0] += 1
        if state.progress[0] >= registers.batch:
            apply(state, registers)


@compiled
def infer_all(state, x, lengths, predictions, logits):
    for n in range(x.shape[0]):
        state.activations[0, :x.shape[1]] = x[n]
        predictions[n] = infer(state, 0)
        logits[n] = state.logits


def aside(state):
    """The state with room for one sample that is apart from the open batch."""
    one = {name: np.zeros_like(getattr(state, name)[:1])
           for name in ("activations", "targets", "winners")}
    scratch = {name: np.zeros_like(getattr(state, name))
               for name in ("valid", "passing", "z", "logits")}
    return state._replace(**one, **scratch)


def phases(state, registers, x, length, label):
    """The :class:`Phases` of one packed sample; changes nothing."""
    state = aside(state)
    state.activations[0, :x.shape[0]] = x
    prediction = int(infer(state, 0))
    triggered = bool(correct(state, registers, 0, label))

    def split(packed):
        return tuple(unpack(packed[begin:end], width) for begin, end, width in
                     zip(state.word_at[1:], state.word_at[2:], state.widths[1:], strict=False))

    def rows(packed):
        return tuple(np.flatnonzero(layer) for layer in split(packed))

    return Phases(
        tuple(np.split(state.z, state.z_at[1:-1])), split(state.activations[0]),
        state.logits, prediction, prediction != label, triggered,
        split(state.targets[0]), split(state.valid), rows(state.passing), rows(state.winners[0]))
