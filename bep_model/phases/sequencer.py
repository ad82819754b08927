"""The sequencer of the golden model: the order of the phases over samples, layers and steps.

A sample passes a layer in steps: one, or those of a sequence if the layer has state. The positions
of a convolutional layer are within one step.
"""

from collections import namedtuple
from typing import NamedTuple

import numpy as np

from bep_model.phases.backward import backward, backward_through_time, gate
from bep_model.phases.bits import WORD, copy, kernel, plain, stage, unpack
from bep_model.phases.classify import classify, triggers
from bep_model.phases.convolution import (
    backward_windows,
    convolve,
    keep_passing,
    select_filters,
    update_filters,
)
from bep_model.phases.forward import forward
from bep_model.phases.memory import (
    LAYER,
    aside,
    chosen_of,
    columns_of,
    counters_of,
    drawn_of,
    inputs_of,
    sections_of,
    signs_of,
    sums_of,
    thresholds_of,
    vectors_of,
    winners_of,
    z_of,
)
from bep_model.phases.random import ALWAYS, happens
from bep_model.phases.reinforce import initialise, reinforce
from bep_model.phases.select import select, select_through_time
from bep_model.phases.update import update, update_through_time
from bep_model.registers import FIELDS

Registers = namedtuple("Registers", [row.field for row in FIELDS])  # type: ignore[misc]
""":class:`bep_model.parameters.Parameters` as the kernels take them: int, or int64 array (L,)."""


class Phases(NamedTuple):
    """All intermediate values of one sample; entry 0 of the tuples is layer 1.

    Row t - 1 of a layer's arrays belongs to step t = 1..T_l. T_l is T, the steps of the sequence,
    for a layer with state, and 1 for every other layer; but for a convolutional layer the steps are
    its cells. A sample that does not trigger has no targets, no passing neurons and no winners.
    Neither have the layers below the lowest one that is updated.
    """

    z: tuple
    """int32 (T_l, K_l), pre-activations."""
    activations: tuple
    """uint8 (T_l, K_l), bits of a_l; of a state s_t."""
    logits: np.ndarray
    """int32 (C,)."""
    prediction: int
    error: bool
    triggered: bool
    updated: tuple
    """Whether layers 1..L are updated; all of them without convolution, none without a trigger."""
    targets: tuple
    """uint8 (T_l, K_l), target bits; 0 without a target."""
    valid: tuple
    """uint8 (T_l, K_l), 1 where the neuron has a target; 0 outside the horizon."""
    passing: tuple
    """T_l times int64, ascending: rows with a target and an open gate, which the backward phase
    reads. Empty for the first step of layer 1 that has targets: nothing is below."""
    sums: tuple
    """int32 (K_l,), sigma of a layer with state: the sum over t of D_t z_t; of a convolutional one
    over its cells. Else zeros."""
    winners: tuple
    """int64, ascending: rows that are updated."""
    chosen: tuple
    """int32 (cells, K_l), the positions that gave z; of a convolutional layer."""


@kernel
def begin(state):
    """Draw all counters; the visible weights do not follow."""
    for l in range(len(state.layers)):
        layer = state.layers[l]
        initialise(counters_of(layer, state.counters, state.bits), sections_of(layer), state.bank,
                   state.lanes, drawn_of(layer, state.drawn), state.random)


@stage
def infer(state, slot, x, length):
    """Put a sample into ``slot`` of the batch, run forward and classify; return the prediction."""
    batch = len(state.lengths)
    state.lengths[slot] = length
    inputs = inputs_of(state.inputs, slot, length, 1)
    for t in range(length):
        copy(x[t], inputs[t])
    for l in range(len(state.layers)):
        layer = state.layers[l]
        signs, z = signs_of(layer, state.signs), z_of(layer, state.z, length)
        activations = vectors_of(layer, state.activations, batch, slot, length)
        if layer.pool:
            convolve(layer, signs, thresholds_of(layer, state.thresholds), inputs[0],
                     state.patch[:layer.row_words], state.patches, state.keys, z[0],
                     chosen_of(layer, state.chosen[slot]), activations[0])
            inputs = activations
            continue
        first = layer.first_words
        forward(signs, inputs[0, :first], layer.sections[0], z[0], activations[0])
        for t in range(1, z.shape[0]):  # of a state, which sees the one before
            copy(activations[t - 1], inputs[t, first:])
            forward(signs, inputs[t], layer.fan_in, z[t], activations[t])
        inputs = activations[-1:]
    return classify(state.prototypes, inputs[0], state.layers[-1].neurons, state.logits)


@stage
def correct(state, registers, slot, label):
    """Backward and select for the sample just inferred in ``slot``; return if it triggers."""
    depth, batch, length = len(state.layers), len(state.lengths), state.lengths[slot]
    for l in range(depth):
        winners_of(state.layers[l], state.winners, batch, slot)[:] = 0
    if not triggers(state.logits, label, registers.margin):
        return False
    updated, end = state.updated, depth
    for l in range(depth - 1, -1, -1):
        updated[l] = happens(state.bank, registers.rates[l])
        if updated[l]:
            end = l
    layer = state.layers[-1]
    targets = vectors_of(layer, state.targets, batch, slot, length)
    valid = vectors_of(layer, state.valid, batch, slot, length)
    copy(state.prototypes[label], targets[-1])
    valid[-1] = ~np.uint64(0)
    for l in range(depth - 1, end - 1, -1):
        columns, z = columns_of(layer, state.columns), z_of(layer, state.z, length)
        winners = winners_of(layer, state.winners, batch, slot)[0]
        passing = vectors_of(layer, state.passing, 1, 0, length)
        oldest = max(0, z.shape[0] - registers.horizon)
        if layer.state:
            backward_through_time(columns, z, registers.gates[l], targets, valid, passing, oldest,
                                  state.literal_targets, state.below[:layer.back])
            select_through_time(z[oldest:], targets[oldest:], valid[oldest:], registers.groups[l],
                                sums_of(layer, state.sums), winners)
        elif layer.pool:
            gate(z[0], registers.gates[l], valid[0], passing[0])
            keep_passing(passing[0], targets[0], valid[0])
            select_filters(z[0], targets[0], valid[0], registers.groups[l],
                           sums_of(layer, state.sums), winners)
        else:
            activations = vectors_of(layer, state.activations, batch, slot, length)
            select(z[0], activations[0], targets[0], valid[0], registers.groups[l],
                   registers.stabilities[l], winners)
        if not updated[l]:
            winners[:] = 0
        if l > end:
            gate(z[oldest], registers.gates[l], valid[oldest], passing[oldest])
            below = state.layers[l - 1]
            targets_below = vectors_of(below, state.targets, batch, slot, length)
            valid_below = vectors_of(below, state.valid, batch, slot, length)
            u = state.below[:below.outputs]
            if layer.pool:
                backward_windows(layer, signs_of(layer, state.signs), targets[0], passing[0],
                                 chosen_of(layer, state.chosen[slot]), state.literal_targets, u,
                                 targets_below[0], valid_below[0])
            else:
                backward(columns, targets[oldest], passing[oldest], state.literal_targets, u,
                         targets_below[-1], valid_below[-1])
            layer, targets, valid = below, targets_below, valid_below
    return True


@stage
def apply(state, registers):
    """Apply the updates of the open batch, and the sweep that may be due."""
    depth, batch, samples = len(state.layers), len(state.lengths), state.progress[0]
    bottom, slot = state.layers[0], 0
    # Where nothing is drawn, layers and rows can come in any order. Then every layer takes all
    # samples at once, for which each row comes into the cache once.
    count = samples if registers.thinning == ALWAYS and not (bottom.state or bottom.pool) else 1
    while slot < samples:
        length = state.lengths[slot]
        for l in range(depth - 1, -1, -1):
            layer = state.layers[l]
            inputs = inputs_of(state.inputs, slot, length, count)
            if l > 0:
                below = state.layers[l - 1]
                inputs = vectors_of(below, state.activations, batch, slot, length, count)
                if below.state:
                    inputs = inputs[-1:]
            counters = counters_of(layer, state.counters, state.bits)
            signs, columns = signs_of(layer, state.signs), columns_of(layer, state.columns)
            targets = vectors_of(layer, state.targets, batch, slot, length, count)
            valid = vectors_of(layer, state.valid, batch, slot, length, count)
            winners = winners_of(layer, state.winners, batch, slot, count)
            sections, drawn = sections_of(layer), drawn_of(layer, state.drawn)
            if layer.pool:
                update_filters(
                    layer, counters, signs, columns, inputs[0], state.patch[:layer.row_words],
                    targets[0], valid[0], chosen_of(layer, state.chosen[slot]), winners[0],
                    registers.thinning, state.bank, state.lanes, drawn, state.random,
                    state.steps[:WORD * layer.row_words], state.down[:layer.row_words],
                    state.taken)
            elif layer.state:
                update_through_time(
                    counters, signs, columns, sections, inputs, targets, valid, winners[0],
                    state.literal_steps, registers.thinning, state.bank, state.lanes, drawn,
                    state.random, state.steps[:WORD * layer.row_words],
                    state.down[:layer.row_words], state.taken)
            else:
                update(counters, signs, columns, sections, inputs, targets, winners,
                       registers.thinning, state.bank, state.lanes, drawn, state.random)
        slot += count
    state.progress[0] = 0
    state.progress[1] += samples
    if samples and state.progress[1] >= registers.sweep:
        state.progress[1] = 0
        for l in range(depth):
            layer = state.layers[l]
            reinforce(counters_of(layer, state.counters, state.bits), sections_of(layer),
                      registers.reinforce[l], state.bank, state.lanes,
                      drawn_of(layer, state.drawn), state.random)


@kernel
def train(state, registers, x, lengths, labels, predictions, triggered):
    """Train on packed samples x, uint64 (N, T', words), in order."""
    for n in range(x.shape[0]):
        slot = state.progress[0]
        predictions[n] = infer(state, slot, x[n], lengths[n])
        triggered[n] = correct(state, registers, slot, labels[n])
        state.progress[0] += 1
        if state.progress[0] >= registers.batch:
            apply(state, registers)


@kernel
def infer_all(state, x, lengths, predictions, logits):
    for n in range(x.shape[0]):
        predictions[n] = infer(state, 0, x[n], lengths[n])
        copy(state.logits, logits[n])


def phases(state, registers, x, length, label):
    """The :class:`Phases` of one packed sample; changes nothing."""
    state = aside(state)
    prediction = int(infer(state, 0, x, length))
    triggered = bool(correct(state, registers, 0, label))
    layers = [dict(zip(LAYER.names or (), row, strict=True)) for row in state.layers.tolist()]
    steps = [length if layer["state"] else 1 for layer in layers]
    once = [1] * len(layers)

    def split(plane, at, width, rows):
        return tuple(plane[layer[at]:layer[at] + n * layer[width]].reshape(n, layer[width])
                     for layer, n in zip(layers, rows, strict=True))

    def shaped(values):
        """A row per step, or cell."""
        return tuple(each.reshape(-1, layer["neurons"])
                     for each, layer in zip(values, layers, strict=True))

    def bits(plane):
        return shaped(unpack(vectors, layer["outputs"]) for vectors, layer in
                      zip(split(plane, "steps_at", "output_words", steps), layers, strict=True))

    winners = split(state.winners, "winners_at", "words", once)
    return Phases(
        shaped(split(state.z, "z_at", "outputs", steps)), bits(state.activations), state.logits,
        prediction, prediction != label, triggered,
        tuple(map(bool, state.updated * triggered)), bits(state.targets), bits(state.valid),
        tuple(tuple(map(np.flatnonzero, passing)) for passing in bits(state.passing)),
        tuple(sums[0] for sums in split(state.sums, "sums_at", "neurons", once)),
        tuple(np.flatnonzero(unpack(rows[0], layer["neurons"]))
              for rows, layer in zip(winners, layers, strict=True)),
        tuple(plain(chosen_of)(row, state.chosen[0]).reshape(-1, row.neurons)
              for row in state.layers if row.pool))
