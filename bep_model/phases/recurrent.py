"""The recurrent network: the phases through time (sec. 3.5, docs/algorithm.md).

Functions of the names that :mod:`bep_model.phases.sequencer` has for networks without recurrence.
"""

from typing import NamedTuple

import numpy as np

from bep_model.phases import sequencer
from bep_model.phases.backward import backward, gate
from bep_model.phases.bits import bit, compiled, unpack, words
from bep_model.phases.classify import classify, triggers
from bep_model.phases.forward import forward
from bep_model.phases.reinforce import reinforce, reinforce_sections
from bep_model.phases.select import select
from bep_model.phases.sequencer import State, layer_of
from bep_model.phases.update import update, update_through_time


class RecurrentPhases(NamedTuple):
    """All intermediate values of one sequence of T steps; row t - 1 belongs to step t.

    A sequence that does not trigger has no targets, passes none and has no winners.
    """

    z: np.ndarray
    """int32 (T, K_s), pre-activations of the state."""
    activations: np.ndarray
    """uint8 (T, K_s), bits of s_t."""
    targets: np.ndarray
    """uint8 (T, K_s), target bits D_t; 0 without a target."""
    valid: np.ndarray
    """uint8 (T, K_s), 1 where the neuron has a target; 0 outside the horizon."""
    passing: tuple
    """T times int64, ascending: rows with a target and an open gate. The backward phase from step
    t to t - 1 reads them; those of the first step that has targets are read by nobody."""
    sums: np.ndarray
    """int32 (K_s,), sigma: the sum over t of D_t z_t."""
    winners: tuple
    """Two times int64, ascending: rows of the state and of the output layer that are updated."""
    z_y: np.ndarray
    """int32 (K_y,), pre-activations of the output layer."""
    a_y: np.ndarray
    """uint8 (K_y,), its bits."""
    passing_y: np.ndarray
    """int64, ascending: its rows with an open gate."""
    logits: np.ndarray
    """int32 (C,)."""
    prediction: int
    error: bool
    triggered: bool
    steps: int
    """T."""


class RecurrentState(NamedTuple):
    """All that the kernels read and write of a recurrent network.

    A packed vector of ``net`` has the last state s_T as layer 1 and the output as layer 2; layer 0
    is not used, nor are the targets of layer 1. Arrays through time have step t in row t - 1.
    """

    net: State
    literal: bool  # step by the sum over time itself
    sections: np.ndarray  # int64 (2,), K_x and K_s
    lengths: np.ndarray  # int64 (samples of a batch,)
    inputs: np.ndarray  # uint64 (samples of a batch, T_max + 1, words of a row), [x_t | s_(t-1)]
    targets: np.ndarray  # uint64 (samples of a batch, T_max, words of K_s)
    valid: np.ndarray  # likewise
    passing: np.ndarray  # uint64 (T_max, words of K_s), of the last sample
    z: np.ndarray  # int32 (T_max, K_s), of the last sample
    sums: np.ndarray  # int32 (K_s,), of the last sample


def new_state(config, net, literal_steps):
    steps, batch, (k_x, k_s) = config.max_steps, config.max_batch, config.sections[0]
    through_time = (batch, steps, words(k_s))
    return RecurrentState(
        net, literal_steps, np.array([k_x, k_s], np.int64), np.zeros(batch, np.int64),
        np.zeros((batch, steps + 1, words(k_x) + words(k_s)), np.uint64),
        np.zeros(through_time, np.uint64), np.zeros(through_time, np.uint64),
        np.zeros(through_time[1:], np.uint64), np.zeros((steps, k_s), np.int32),
        np.zeros(k_s, np.int32))


@compiled
def infer(state, slot, x, length):
    """Take a sequence into ``slot`` of the batch, forward and classify; return the prediction."""
    net, inputs, k_x, k_s = state.net, state.inputs[slot], state.sections[0], state.sections[1]
    x_words, w = x.shape[1], net.word_at
    state.lengths[slot] = length
    inputs[:length, :x_words] = x[:length]
    signs = layer_of(net.signs, net.sign_at, 1, k_s)
    forward(signs, inputs[0, :x_words], k_x, state.z[0], inputs[1, x_words:])
    for t in range(1, length):
        forward(signs, inputs[t], k_x + k_s, state.z[t], inputs[t + 1, x_words:])
    a, k_y = net.activations[slot], net.widths[2]
    a[w[1]:w[2]] = inputs[length, x_words:]
    forward(layer_of(net.signs, net.sign_at, 2, k_y), a[w[1]:w[2]], k_s, net.z[net.z_at[1]:],
            a[w[2]:])
    return classify(net.prototypes, a[w[2]:], k_y, net.logits)


@compiled
def correct(state, registers, slot, label):
    """Backward and select for the sequence in ``slot``, just inferred; return if it triggers."""
    net, targets, valid = state.net, state.targets[slot], state.valid[slot]
    w, winners = net.word_at, net.winners[slot]
    winners[:] = 0
    if not triggers(net.logits, label, registers.margin):
        return False
    output, z = slice(w[2], w[3]), net.z[net.z_at[1]:]
    net.targets[slot, output] = net.prototypes[label]
    net.valid[output] = ~np.uint64(0)
    select(z, net.activations[slot, output], net.targets[slot, output], net.valid[output],
           registers.groups[1], 0, winners[output])
    gate(z, registers.gates[1], net.passing[output])

    length = state.lengths[slot]
    begin = max(0, length - registers.horizon)
    valid[:begin] = 0
    backward(layer_of(net.columns, net.column_at, 2, net.widths[1]), net.targets[slot, output],
             net.passing[output], net.literal, targets[length - 1], valid[length - 1])
    columns = layer_of(net.columns, net.column_at, 1, state.sections.sum())[state.sections[0]:]
    for t in range(length - 1, begin - 1, -1):
        gate(state.z[t], registers.gates[0], state.passing[t])
        state.passing[t] &= valid[t]
        if t > begin:
            backward(columns, targets[t], state.passing[t], net.literal, targets[t - 1],
                     valid[t - 1])
    select_through_time(state.z[begin:length], targets[begin:length], valid[begin:length],
                        registers.groups[0], state.sums, winners[w[1]:w[2]])
    return True


@compiled
def select_through_time(z, targets, valid, group, sums, winners):
    """In each group, the neuron that disagrees least with its targets over time wins.

    It disagrees if sigma, the sum over time of target times pre-activation, is negative; of a
    group's neurons that disagree the one with the smallest -sigma wins, the lowest index on a tie.

    Parameters
    ----------
    z : int32 array (T, K_s)
    targets, valid : uint64 array (T, ceil(K_s / 64))
        Packed, of the same steps.
    group : int
        gamma.
    sums : int32 array (K_s,)
        Receives sigma.
    winners : uint64 array (ceil(K_s / 64),)
        Receives the packed winners.
    """
    sums[:] = 0
    wrong, none = np.zeros_like(winners), np.zeros_like(winners)
    for t in range(z.shape[0]):
        for j in range(z.shape[1]):
            target = np.int32(2 * bit(targets[t], j) - 1)  # no branches, for speed
            sums[j] += np.int32(bit(valid[t], j)) * target * z[t, j]
    for j in range(sums.shape[0]):
        wrong[j >> 6] |= np.uint64(sums[j] < 0) << np.uint64(j & 63)
    select(sums, none, wrong, wrong, group, 0, winners)


@compiled
def apply(state, registers):
    """Apply the updates of the open batch, and the sweep that may be due."""
    net, k, w = state.net, state.net.widths, state.net.word_at
    counters = layer_of(net.counters, net.counter_at, 1, k[1])
    counters_y = layer_of(net.counters, net.counter_at, 2, k[2])
    samples = net.progress[0]
    for slot in range(samples):
        length = state.lengths[slot]
        update(counters_y, layer_of(net.signs, net.sign_at, 2, k[2]),
               layer_of(net.columns, net.column_at, 2, k[1]), net.activations[slot, w[1]:w[2]],
               net.targets[slot, w[2]:w[3]], net.winners[slot, w[2]:w[3]], net.bounds,
               registers.thinning, net.bank, net.lanes, net.drawn, net.steps, net.taken)
        update_through_time(
            counters, layer_of(net.signs, net.sign_at, 1, k[1]),
            layer_of(net.columns, net.column_at, 1, k[0] + k[1]), state.sections,
            state.inputs[slot, :length], state.targets[slot, :length], state.valid[slot, :length],
            net.winners[slot, w[1]:w[2]], state.literal, net.bounds, registers.thinning,
            net.bank, net.lanes, net.drawn, net.steps, net.taken)
    net.progress[0] = 0
    net.progress[1] += samples
    if samples and net.progress[1] >= registers.sweep:
        net.progress[1] = 0
        reinforce_sections(counters, state.sections, registers.reinforce[0], net.bounds, net.bank,
                           net.lanes, net.drawn, net.taken)
        reinforce(counters_y, k[1], registers.reinforce[1], net.bounds, net.bank, net.lanes,
                  net.drawn, net.taken)


@compiled
def train(state, registers, x, lengths, labels, predictions, triggered):
    progress = state.net.progress
    for n in range(x.shape[0]):
        slot = progress[0]
        predictions[n] = infer(state, slot, x[n], lengths[n])
        triggered[n] = correct(state, registers, slot, labels[n])
        progress[0] += 1
        if progress[0] >= registers.batch:
            apply(state, registers)


@compiled
def infer_all(state, x, lengths, predictions, logits):
    for n in range(x.shape[0]):
        predictions[n] = infer(state, 0, x[n], lengths[n])
        logits[n] = state.net.logits


def aside(state):
    """The state with room for one sequence that is apart from the open batch."""
    one = {name: np.zeros_like(getattr(state, name)[:1])
           for name in ("lengths", "inputs", "targets", "valid")}
    scratch = {name: np.zeros_like(getattr(state, name)) for name in ("passing", "z", "sums")}
    return state._replace(net=sequencer.aside(state.net), **one, **scratch)


def phases(state, registers, x, length, label):
    """The :class:`RecurrentPhases` of one packed sequence; changes nothing."""
    state = aside(state)
    net, k_s, k_y = state.net, state.sections[1], state.net.widths[2]
    _, layer_1, layer_2 = (slice(*ends) for ends in zip(net.word_at, net.word_at[1:], strict=False))
    prediction = int(infer(state, 0, x, length))
    triggered = bool(correct(state, registers, 0, label))

    def rows(packed, width):
        return np.flatnonzero(unpack(packed, width))

    return RecurrentPhases(
        state.z[:length], unpack(state.inputs[0, 1:length + 1, x.shape[1]:], k_s),
        unpack(state.targets[0, :length], k_s), unpack(state.valid[0, :length], k_s),
        tuple(rows(step, k_s) for step in state.passing[:length]), state.sums,
        (rows(net.winners[0, layer_1], k_s), rows(net.winners[0, layer_2], k_y)),
        net.z[net.z_at[1]:], unpack(net.activations[0, layer_2], k_y),
        rows(net.passing[layer_2], k_y), net.logits, prediction, prediction != label, triggered,
        length)
