"""What the kernels read and write: the planes and vectors of all layers, one after another."""

from typing import NamedTuple

import numpy as np

from bep_model.phases.bits import WORD, compiled, pack, words

LAYER = np.dtype([(name, np.int64) for name in (
    "neurons", "fan_in", "state", "words", "row_words", "first_words",
    "signs_at", "columns_at", "steps_at", "winners_at", "z_at", "sums_at")]
    + [("sections", np.int64, 2)])
"""A :class:`bep_model.layers.Layer` as the kernels take it, in words of 64 bits.

``words`` of its activations at one step, ``row_words`` of a row, ``first_words`` of the row's first
section; ``.._at`` is where it begins in the planes of :class:`State`. A second section is 0
counters long if there is none.
"""


class State(NamedTuple):
    """All arrays of a network; batch is ``max_batch``, T the most steps of a layer."""

    layers: np.recarray  # LAYER (L,)
    lanes: int  # Q
    bounds: tuple  # of a counter
    literal_targets: bool  # sign(0) = +1 for targets
    literal_steps: bool  # step by the sum over time itself
    prototypes: np.ndarray  # uint64 (C, words of K_L)
    bank: np.ndarray  # uint32 (generators,)
    progress: np.ndarray  # int64 (2,), samples in the open batch, samples since the last sweep
    counters: np.ndarray  # int16, per row whole words of 64, the unused -1
    signs: np.ndarray  # uint64, sign bits of the counters by rows
    columns: np.ndarray  # uint64, the same by columns
    lengths: np.ndarray  # int64 (batch,), steps of each sample
    inputs: np.ndarray  # uint64 (batch, T, row words of layer 1), [x_t | s_(t-1)]
    activations: np.ndarray  # uint64 (batch, per layer T packed vectors)
    targets: np.ndarray  # likewise
    valid: np.ndarray  # likewise
    passing: np.ndarray  # likewise, without the batch: of the last sample
    winners: np.ndarray  # uint64 (batch, one packed vector per layer)
    z: np.ndarray  # int32, per layer (T, K_l), of the last sample
    sums: np.ndarray  # int32, per layer (K_l,), of the last sample; where a layer has state
    logits: np.ndarray  # int32 (C,), of the last sample
    drawn: np.ndarray  # uint64, scratch of one row
    steps: np.ndarray  # int16, likewise
    taken: np.ndarray  # int16, likewise


def new_state(config, prototypes, literal_targets=False, literal_steps=False):
    """The arrays of a new network, all counters -1."""
    layers, size = _layers(config.network)
    row, batch, steps = layers.row_words.max(), config.max_batch, config.network[0].steps
    vectors = (batch, size["steps_at"])
    return State(
        layers, config.counter_lanes, config.counter_range, literal_targets, literal_steps,
        pack(prototypes), np.zeros(config.generators, np.uint32), np.zeros(2, np.int64),
        np.full(WORD * size["signs_at"], -1, np.int16), np.zeros(size["signs_at"], np.uint64),
        np.zeros(size["columns_at"], np.uint64), np.ones(batch, np.int64),
        np.zeros((batch, steps, layers.row_words[0]), np.uint64),
        np.zeros(vectors, np.uint64), np.zeros(vectors, np.uint64), np.zeros(vectors, np.uint64),
        np.zeros(vectors[1], np.uint64), np.zeros((batch, size["winners_at"]), np.uint64),
        np.zeros(size["z_at"], np.int32), np.zeros(size["sums_at"], np.int32),
        np.zeros(config.classes, np.int32), np.zeros(row, np.uint64),
        np.zeros(WORD * row, np.int16), np.zeros(WORD * row, np.int16))


def _layers(network):
    """The layers as a table, and the sizes of the planes."""
    table = np.zeros(len(network), LAYER).view(np.recarray)
    at = dict.fromkeys((name for name in LAYER.names if name.endswith("_at")), 0)
    for row, layer in zip(table, network, strict=True):
        sections = [words(part) for part in layer.sections]
        row.neurons, row.fan_in, row.state = layer.neurons, layer.fan_in, layer.state
        row.words, row.row_words, row.first_words = words(layer.neurons), sum(sections), sections[0]
        row.sections[:len(layer.sections)] = layer.sections
        for name, begin in at.items():
            row[name] = begin
        at["signs_at"] += layer.neurons * row.row_words
        at["columns_at"] += layer.fan_in * row.words
        at["steps_at"] += layer.steps * row.words
        at["winners_at"] += row.words
        at["z_at"] += layer.steps * layer.neurons
        at["sums_at"] += layer.neurons
    return table, {name: int(end) for name, end in at.items()}


def aside(state):
    """The state with room for one sample that is apart from the open batch."""
    one = {name: np.zeros_like(getattr(state, name)[:1])
           for name in ("lengths", "inputs", "activations", "targets", "valid", "winners")}
    scratch = {name: np.zeros_like(getattr(state, name))
               for name in ("passing", "z", "sums", "logits")}
    return state._replace(**one, **scratch)


# Views of one layer, l = 0 being layer 1

@compiled
def _rows(plane, begin, rows, width):
    return plane[begin:begin + rows * width].reshape(rows, width)


@compiled
def counters_of(state, l):
    layer = state.layers[l]
    return _rows(state.counters, WORD * layer.signs_at, layer.neurons, WORD * layer.row_words)


@compiled
def signs_of(state, l):
    layer = state.layers[l]
    return _rows(state.signs, layer.signs_at, layer.neurons, layer.row_words)


@compiled
def columns_of(state, l):
    layer = state.layers[l]
    return _rows(state.columns, layer.columns_at, layer.fan_in, layer.words)


@compiled
def sections_of(state, l):
    """Counters in each section of a row."""
    layer = state.layers[l]
    return layer.sections[:1 + layer.state]


@compiled
def steps_of(state, slot, l):
    """Steps in which the sample in ``slot`` passes the layer."""
    return state.lengths[slot] if state.layers[l].state else 1


@compiled
def vectors_of(state, plane, slot, l):
    """Activations, targets or valid bits of the sample in ``slot``, one packed row per step."""
    layer = state.layers[l]
    return _rows(plane[slot], layer.steps_at, steps_of(state, slot, l), layer.words)


@compiled
def passing_of(state, slot, l):
    """Rows of the last sample, which is in ``slot``, that backward reads, packed, per step."""
    layer = state.layers[l]
    return _rows(state.passing, layer.steps_at, steps_of(state, slot, l), layer.words)


@compiled
def inputs_of(state, slot, l):
    """Packed inputs of the layer, one row per step; for l = L those of the classifier."""
    if l == 0:
        return state.inputs[slot]
    return vectors_of(state, state.activations, slot, l - 1)[-1:]


@compiled
def winners_of(state, slot, l):
    """Winners of the sample in ``slot``, packed."""
    layer = state.layers[l]
    return state.winners[slot, layer.winners_at:layer.winners_at + layer.words]


@compiled
def z_of(state, slot, l):
    """Pre-activations of the last sample, which is in ``slot``, one row per step."""
    layer = state.layers[l]
    return _rows(state.z, layer.z_at, steps_of(state, slot, l), layer.neurons)


@compiled
def sums_of(state, l):
    """Sigma of the last sample; see :func:`bep_model.phases.select.select_through_time`."""
    layer = state.layers[l]
    return state.sums[layer.sums_at:layer.sums_at + layer.neurons]
