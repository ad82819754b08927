"""What the kernels read and write: the planes and vectors of all layers, one after another."""

import math
from typing import NamedTuple

import numpy as np

from bep_model.phases import random
from bep_model.phases.bits import WORD, pack, shaped, view, words

LAYER = np.dtype([(name, np.int64) for name in (
    "neurons", "fan_in", "back", "state", "words", "row_words", "first_words", "outputs",
    "output_words", "step_words",
    "signs_at", "columns_at", "steps_at", "winners_at", "z_at", "sums_at",
    "stride", "pool", "window_rows", "patch_bits", "image_bits", "channels", "grid_rows",
    "grid_columns")]
    + [("sections", np.int64, 2)])
"""A :class:`bep_model.layers.Layer` as the kernels take it, in words of 64 bits.

``back`` counts its inputs that get targets along columns, the last ones of a row; ``words`` those
of one bit per neuron, ``output_words`` those of its activations at one step, ``step_words`` those
at all steps, ``row_words`` those of a row, ``first_words`` those of the row's first section;
``.._at`` is its first index in the planes of :class:`State`, to be multiplied by B_h for the
counters, by ``max_batch`` where a layer has a batch of samples. A layer with one section has a
second one of 0 counters. The last two lines are of convolutional layers, 0 of others:
``patch_bits`` and ``image_bits`` are those of one row of a patch and of the image.
"""


class State(NamedTuple):
    """All arrays of a network; batch is ``max_batch``, T the most steps of a layer."""

    layers: np.recarray  # LAYER (L,)
    lanes: int  # Q
    bits: int  # B_h
    literal_targets: bool  # sign(0) = +1 for targets
    literal_steps: bool  # step by the sum over time itself
    prototypes: np.ndarray  # uint64 (C, words of K_L)
    bank: np.ndarray  # uint32 (generators,)
    progress: np.ndarray  # int64 (2,), samples in the open batch, samples since the last sweep
    counters: np.ndarray  # uint64, per row B_h planes: bit b of h + 2**(B_h - 1), the unused 0
    signs: np.ndarray  # uint64, the highest planes, word by word: word k of all neurons of a layer
    columns: np.ndarray  # uint64, the same by columns, of the inputs that get targets
    lengths: np.ndarray  # int64 (batch,), steps of each sample
    inputs: np.ndarray  # uint64 (batch, T, row words of layer 1), [x_t | s_(t-1)]
    activations: np.ndarray  # uint64, per layer (batch, T packed vectors)
    targets: np.ndarray  # likewise
    valid: np.ndarray  # likewise
    winners: np.ndarray  # uint64, per layer (batch, one packed vector)
    passing: np.ndarray  # uint64 (per layer T packed vectors), of the last sample
    z: np.ndarray  # int32, per layer (T, K_l), of the last sample
    sums: np.ndarray  # int32, per layer (K_l,), of the last sample; where a layer has state
    below: np.ndarray  # int32, scratch of the backward phase: u of a layer
    logits: np.ndarray  # int32 (C,), of the last sample
    thresholds: np.ndarray  # int32, per convolutional layer (K_l,)
    chosen: np.ndarray  # int32 (batch, per convolutional layer (cells, K_l)), positions
    updated: np.ndarray  # bool (L,), layers that the last sample updates
    drawn: np.ndarray  # uint64 (K_l rows), random bits of a layer
    random: random.Scratch
    patch: np.ndarray  # uint64, scratch of one row
    patches: np.ndarray  # uint64, of one row per position
    keys: np.ndarray  # int64, of one filter at all positions
    down: np.ndarray  # uint64, scratch of one row
    taken: np.ndarray  # uint64, likewise
    steps: np.ndarray  # int16, for each of its bits


def new_state(config, prototypes, literal_targets=False, literal_steps=False):
    """The arrays of a new network, all counters -1."""
    layers, size = _layers(config.network)
    row, batch = layers.row_words.max(), config.max_batch
    convolutional = config.network[:len(config.windows)]

    def words_of(*shape):
        return np.zeros(shape, np.uint64)

    return State(
        layers=layers, lanes=config.counter_lanes, bits=config.counter_bits,
        literal_targets=literal_targets, literal_steps=literal_steps, prototypes=pack(prototypes),
        bank=np.zeros(config.generators, np.uint32), progress=np.zeros(2, np.int64),
        counters=words_of(config.counter_bits * size["signs_at"]),
        signs=words_of(size["signs_at"]), columns=words_of(size["columns_at"]),
        lengths=np.ones(batch, np.int64),
        inputs=words_of(batch, config.network[0].steps,
                        words(config.inputs) if convolutional else layers.row_words[0]),
        activations=words_of(batch * size["steps_at"]), targets=words_of(batch * size["steps_at"]),
        valid=words_of(batch * size["steps_at"]), winners=words_of(batch * size["winners_at"]),
        passing=words_of(size["steps_at"]), z=np.zeros(size["z_at"], np.int32),
        sums=np.zeros(size["sums_at"], np.int32),
        below=np.zeros(layers.outputs.max(), np.int32),
        logits=np.zeros(config.classes, np.int32),
        thresholds=np.zeros(sum(layer.neurons for layer in convolutional), np.int32),
        chosen=np.zeros((batch, sum(layer.outputs for layer in convolutional)), np.int32),
        updated=np.zeros(len(layers), np.bool_),
        drawn=words_of((layers.neurons * layers.row_words).max()),
        random=random.scratch(config.generators, config.counter_lanes, max(
            layer.neurons * sum(-(-part // config.counter_lanes) for part in layer.sections)
            for layer in config.network)),
        patch=words_of(row),
        patches=words_of(max((words(layer.fan_in) * math.prod(layer.grid)
                              for layer in convolutional), default=0)),
        keys=np.zeros(max((math.prod(layer.grid) for layer in convolutional), default=0), np.int64),
        down=words_of(row), taken=words_of(row), steps=np.zeros(WORD * row, np.int16))


def _layers(network):
    """The layers as a table, and the sizes of the planes."""
    table = np.zeros(len(network), LAYER).view(np.recarray)
    at = dict.fromkeys((name for name in LAYER.names or () if name.endswith("_at")), 0)
    for l, (row, layer) in enumerate(zip(table, network, strict=True)):
        sections = [words(part) for part in layer.sections]
        row.neurons, row.fan_in, row.state = layer.neurons, layer.fan_in, layer.state
        row.words, row.row_words, row.first_words = words(layer.neurons), sum(sections), sections[0]
        row.sections[:len(layer.sections)] = layer.sections
        row.outputs, row.output_words = layer.outputs, words(layer.outputs)
        row.step_words = layer.steps * row.output_words
        if layer.window:
            row.window_rows, _, row.stride, row.pool = layer.window
            row.channels = layer.image[2]
            row.patch_bits = layer.window.columns * row.channels
            row.image_bits = layer.image[1] * row.channels
            row.grid_rows, row.grid_columns = layer.grid
        elif layer.state:
            row.back = layer.neurons
        elif l > 0:
            row.back = layer.fan_in
        for name, begin in at.items():
            row[name] = begin
        at["signs_at"] += layer.neurons * row.row_words
        at["columns_at"] += row.back * row.words
        at["steps_at"] += row.step_words
        at["winners_at"] += row.words
        at["z_at"] += layer.steps * layer.outputs
        at["sums_at"] += layer.neurons
    return table, {name: int(end) for name, end in at.items()}


def aside(state):
    """The state with separate room, and a bank, for one sample outside the open batch."""
    batch = len(state.lengths)
    one = {name: np.zeros_like(getattr(state, name)[:len(getattr(state, name)) // batch])
           for name in ("lengths", "inputs", "activations", "targets", "valid", "winners",
                        "chosen")}
    scratch = {name: np.zeros_like(getattr(state, name))
               for name in ("passing", "z", "sums", "below", "logits", "updated", "patch",
                            "patches", "keys")}
    return state._replace(bank=state.bank.copy(), **one, **scratch)


# Views of one layer, from its row of the table. They do not take the State, for speed.

@view
def counters_of(layer, plane, bits):
    return shaped(plane, bits * layer.signs_at, (layer.neurons, bits, layer.row_words))


@view
def signs_of(layer, plane):
    return shaped(plane, layer.signs_at, (layer.row_words, layer.neurons))


@view
def columns_of(layer, plane):
    return shaped(plane, layer.columns_at, (layer.words, layer.back))


@view
def drawn_of(layer, plane):
    return shaped(plane, 0, (layer.neurons, layer.row_words))


@view
def sections_of(layer):
    """Counters in each section of a row."""
    return layer.sections[:1 + layer.state]


@view
def inputs_of(plane, slot, length, samples):
    """Inputs of layer 1 as :func:`vectors_of` gives activations."""
    return shaped(plane, slot * plane.shape[1] * plane.shape[2], (samples * length, plane.shape[2]))


@view
def vectors_of(layer, plane, batch, slot, length, samples=1):
    """Activations, targets or the like of one sample of a batch, a packed row per step; or of some
    samples from ``slot`` on, if they have one step each."""
    return shaped(plane, batch * layer.steps_at + slot * layer.step_words,
                  (samples * length if layer.state else samples, layer.output_words))


@view
def winners_of(layer, plane, batch, slot, samples=1):
    """A packed row per sample."""
    return shaped(plane, batch * layer.winners_at + slot * layer.words, (samples, layer.words))


@view
def z_of(layer, plane, length):
    """Pre-activations of the last sample, a row per step."""
    return shaped(plane, layer.z_at, (length if layer.state else 1, layer.outputs))


@view
def sums_of(layer, plane):
    """Sigma of the last sample; see :func:`bep_model.phases.select.select_through_time`."""
    return shaped(plane, layer.sums_at, (layer.neurons,))


# Of convolutional layers. They come first and have one step, so these planes have the same indices
# as those that all layers have.

@view
def thresholds_of(layer, plane):
    return shaped(plane, layer.sums_at, (layer.neurons,))


@view
def chosen_of(layer, plane):
    """Positions of the last sample, or of one of a batch."""
    return shaped(plane, layer.z_at, (layer.outputs,))
