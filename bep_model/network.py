"""The golden model: a binary network trained by BEP, bit for bit as the gateware does it."""

from typing import NamedTuple

import numpy as np

from bep_model import frame, random
from bep_model.backward import backward, gate
from bep_model.bits import WORD, compiled, pack, unpack, words
from bep_model.classify import classify, triggers
from bep_model.forward import forward
from bep_model.reinforce import initialise, reinforce
from bep_model.select import select
from bep_model.update import update


class Results(NamedTuple):
    """What training says of each of N samples, in order."""

    prediction: np.ndarray
    """int64 (N,), class predicted before the update."""
    error: np.ndarray
    """bool (N,), prediction is not the label."""
    triggered: np.ndarray
    """bool (N,), the margin is below M."""


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


class _Registers(NamedTuple):
    """:class:`bep_model.config.Parameters` as the kernels take them."""

    margin: int
    gates: np.ndarray
    groups: np.ndarray
    reinforce: np.ndarray
    thinning: int
    batch: int
    sweep: int


class _State(NamedTuple):
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


def _state(config, literal, prototypes):
    def at(sizes):
        return np.cumsum([0, *sizes], dtype=np.int64)

    packed = [words(k) for k in config.widths]
    layers = list(zip(config.shapes, packed[1:], packed[:-1], strict=True))
    word_at, z_at = at(packed), at(config.layers)
    sign_at = at(k * fan_words for (k, _), _, fan_words in layers)
    column_at = at(f * width_words for (_, f), width_words, _ in layers)
    batch = (config.max_batch, word_at[-1])
    row = WORD * max(packed)
    return _State(
        np.array(config.widths, np.int64), config.counter_lanes, config.counter_range, literal,
        pack(prototypes), np.zeros(config.generators, np.uint32), np.zeros(2, np.int64),
        np.full(WORD * sign_at[-1], -1, np.int16), WORD * sign_at,
        np.zeros(sign_at[-1], np.uint64), sign_at,
        np.zeros(column_at[-1], np.uint64), column_at, word_at,
        np.zeros(batch, np.uint64), np.zeros(batch, np.uint64), np.zeros(batch, np.uint64),
        np.zeros(word_at[-1], np.uint64), np.zeros(word_at[-1], np.uint64),
        np.zeros(z_at[-1], np.int32), z_at, np.zeros(config.classes, np.int32),
        np.zeros(max(packed), np.uint64), np.zeros(row, np.int16), np.zeros(row, np.int16),
    )


@compiled
def _layer(plane, at, l, rows):
    span = plane[at[l - 1]:at[l]]
    return span.reshape(rows, span.shape[0] // rows)


@compiled
def _infer(state, slot):
    """Forward and classify the sample in ``slot`` of the batch; return the prediction."""
    w, k, depth = state.word_at, state.widths, len(state.widths) - 1
    a = state.activations[slot]
    for l in range(1, depth + 1):
        forward(_layer(state.signs, state.sign_at, l, k[l]), a[w[l - 1]:w[l]], k[l - 1],
                state.z[state.z_at[l - 1]:state.z_at[l]], a[w[l]:w[l + 1]])
    return classify(state.prototypes, a[w[depth]:], k[depth], state.logits)


@compiled
def _correct(state, registers, slot, label):
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
        select(z, a[here], targets[here], valid[here], registers.groups[l - 1], winners[here])
        if l > 1:
            gate(z, registers.gates[l - 1], passing[here])
            passing[here] &= valid[here]
            below = slice(w[l - 1], w[l])
            backward(_layer(state.columns, state.column_at, l, k[l - 1]), targets[here],
                     passing[here], state.literal, targets[below], valid[below])
    return True


@compiled
def _apply(state, registers):
    """Apply the updates of the open batch, and the sweep that may be due."""
    w, k, depth = state.word_at, state.widths, len(state.widths) - 1
    samples = state.progress[0]
    for slot in range(samples):
        for l in range(depth, 0, -1):
            here = slice(w[l], w[l + 1])
            update(_layer(state.counters, state.counter_at, l, k[l]),
                   _layer(state.signs, state.sign_at, l, k[l]),
                   _layer(state.columns, state.column_at, l, k[l - 1]),
                   state.activations[slot, w[l - 1]:w[l]], state.targets[slot, here],
                   state.winners[slot, here], state.bounds, registers.thinning,
                   state.bank, state.lanes, state.drawn, state.steps, state.taken)
    state.progress[0] = 0
    state.progress[1] += samples
    if samples and state.progress[1] >= registers.sweep:
        state.progress[1] = 0
        for l in range(1, depth + 1):
            reinforce(_layer(state.counters, state.counter_at, l, k[l]), k[l - 1],
                      registers.reinforce[l - 1], state.bounds, state.bank, state.lanes,
                      state.drawn, state.taken)


@compiled
def _train(state, registers, x, labels, predictions, triggered):
    for n in range(x.shape[0]):
        slot = state.progress[0]
        state.activations[slot, :x.shape[1]] = x[n]
        predictions[n] = _infer(state, slot)
        triggered[n] = _correct(state, registers, slot, labels[n])
        state.progress[0] += 1
        if state.progress[0] >= registers.batch:
            _apply(state, registers)


@compiled
def _infer_all(state, x, predictions, logits):
    for n in range(x.shape[0]):
        state.activations[0, :x.shape[1]] = x[n]
        predictions[n] = _infer(state, 0)
        logits[n] = state.logits


class Network:
    """Counters, classifier and random bank of one trainer (SPEC.md 2-6, docs/algorithm.md).

    A new network is that of ``reset(config.seed)``.

    Parameters
    ----------
    config : Config
    literal_targets : bool
        Take sign(0) = +1 for a target instead of none. The gateware has no such option.

    Attributes
    ----------
    bank : uint32 array (generators,)
        States of the random generators.
    counters : tuple of int16 arrays (K_l, F_l)
        Counters of layers 1..L, read only: :meth:`load` replaces them.
    prototypes : uint8 array (C, K_L)
        Bits of the class prototypes.
    """

    def __init__(self, config, *, literal_targets=False):
        self.config = config
        self.literal_targets = bool(literal_targets)
        self.prototypes = frame.prototypes(config)
        self._state = _state(config, self.literal_targets, self.prototypes)
        self.bank = self._state.bank
        self.reset(config.seed)

    def reset(self, seed):
        """Begin anew: seed the bank, draw the counters, forget an open batch and the sweep count.

        Raises TypeError or ValueError for a seed that is not an integer of 32 bits.
        """
        self.seed(seed)
        self.initialise()
        self._state.progress[:] = 0

    def seed(self, seed):
        """Set the random bank from an integer, 0..2**32-1."""
        self.bank[:] = random.seeds(seed, self.config.generators)

    def initialise(self):
        """Draw all counters, 0 or -1, from the random bank."""
        state = self._state
        for l, (width, fan_in) in enumerate(self.config.shapes, 1):
            initialise(_layer(state.counters, state.counter_at, l, width), fan_in,
                       state.bank, state.lanes, state.drawn)
        self._read_signs()

    @property
    def counters(self):
        layers = self._layers()
        for layer in layers:
            layer.flags.writeable = False
        return layers

    def _layers(self):
        state = self._state
        return tuple(_layer(state.counters, state.counter_at, l, width)[:, :fan_in]
                     for l, (width, fan_in) in enumerate(self.config.shapes, 1))

    def _read_signs(self):
        visible = [layer >= 0 for layer in self._layers()]
        self._state.signs[:] = np.concatenate([pack(w).ravel() for w in visible])
        self._state.columns[:] = np.concatenate([pack(w.T).ravel() for w in visible])

    def load(self, counters):
        """Replace all counters; the random bank and an open batch stay.

        Parameters
        ----------
        counters : sequence of integer arrays (K_l, F_l)
            Layers 1..L, values within ``config.counter_range``.

        Raises
        ------
        TypeError, ValueError
            For another number of layers, dtype, shape or value; nothing is changed then.
        """
        arrays = [np.asarray(layer) for layer in counters]
        if len(arrays) != self.config.depth:
            raise ValueError(f"counters must have {self.config.depth} layers, not {len(arrays)}")
        for l, (layer, shape) in enumerate(zip(arrays, self.config.shapes, strict=True), 1):
            if not np.issubdtype(layer.dtype, np.integer):
                raise TypeError(f"counters of layer {l} must be integers, not {layer.dtype}")
            if layer.shape != shape:
                raise ValueError(
                    f"counters of layer {l} must have shape {shape}, not {layer.shape}")
            _check_range(f"counters of layer {l}", layer, *self.config.counter_range)
        for layer, values in zip(self._layers(), arrays, strict=True):
            layer[:] = values
        self._read_signs()

    def train(self, x, labels, parameters):
        """Train on N samples in order; a batch that is not full stays open for the next call.

        Parameters
        ----------
        x : uint8 or bool array (N, K_0)
            Bits 0 or 1.
        labels : integer array (N,)
            0..C-1.
        parameters : Parameters

        Returns
        -------
        Results

        Raises
        ------
        TypeError, ValueError
            For data or parameters that do not fit the configuration; nothing is changed then.
        """
        x, labels = self._packed(x), self._labels(labels, len(x))
        predictions, triggered = np.empty(len(x), np.int64), np.empty(len(x), np.bool_)
        _train(self._state, self._registers(parameters), x, labels, predictions, triggered)
        return Results(predictions, predictions != labels, triggered)

    def flush(self, parameters):
        """Apply the updates of an open batch, as a batch of the size it has."""
        _apply(self._state, self._registers(parameters))

    def phases(self, x_row, label, parameters):
        """All intermediate values of one sample; changes nothing.

        Parameters
        ----------
        x_row : uint8 or bool array (K_0,)
        label : int
        parameters : Parameters

        Returns
        -------
        Phases
        """
        x = self._packed(np.asarray(x_row)[np.newaxis])
        label = int(self._labels([label], 1)[0])
        state = self._aside()
        state.activations[0, :x.shape[1]] = x[0]
        prediction = int(_infer(state, 0))
        triggered = bool(_correct(state, self._registers(parameters), 0, label))

        def split(packed):
            return tuple(unpack(packed[state.word_at[l]:state.word_at[l + 1]], width)
                         for l, width in enumerate(self.config.layers, 1))

        def rows(packed):
            return tuple(np.flatnonzero(layer) for layer in split(packed))

        return Phases(
            tuple(np.split(state.z, state.z_at[1:-1])), split(state.activations[0]),
            state.logits, prediction, prediction != label, triggered,
            split(state.targets[0]), split(state.valid), rows(state.passing),
            rows(state.winners[0]))

    def logits(self, x):
        """Logits of N samples.

        Parameters
        ----------
        x : uint8 or bool array (N, K_0)

        Returns
        -------
        int32 array (N, C)
        """
        return self._inferred(x)[1]

    def predict(self, x):
        """Predicted classes, int64 (N,), of samples as :meth:`logits` takes them."""
        return self._inferred(x)[0]

    def _inferred(self, x):
        x = self._packed(x)
        predictions = np.empty(len(x), np.int64)
        logits = np.empty((len(x), self.config.classes), np.int32)
        _infer_all(self._aside(), x, predictions, logits)
        return predictions, logits

    def _aside(self):
        """The state with room for one sample that is apart from the open batch."""
        state = self._state
        one = {name: np.zeros_like(getattr(state, name)[:1])
               for name in ("activations", "targets", "winners")}
        scratch = {name: np.zeros_like(getattr(state, name))
                   for name in ("valid", "passing", "z", "logits")}
        return state._replace(**one, **scratch)

    def _registers(self, parameters):
        p = parameters.validate(self.config)
        return _Registers(
            p.margin, np.array(p.gates, np.int64), np.array(p.groups, np.int64),
            np.array(p.reinforce, np.int64), p.thinning, p.batch, p.sweep)

    def _packed(self, x):
        x = np.asarray(x)
        if x.dtype not in (np.uint8, np.bool_):
            raise TypeError(f"x must be of dtype uint8 or bool, not {x.dtype}")
        if x.ndim != 2 or x.shape[1] != self.config.inputs:
            raise ValueError(f"x must have shape (N, {self.config.inputs}), not {x.shape}")
        _check_range("x", x, 0, 1)
        return pack(x)

    def _labels(self, labels, n):
        labels = np.asarray(labels)
        if not np.issubdtype(labels.dtype, np.integer):
            raise TypeError(f"labels must be integers, not {labels.dtype}")
        if labels.shape != (n,):
            raise ValueError(f"labels must have shape ({n},), not {labels.shape}")
        _check_range("labels", labels, 0, self.config.classes - 1)
        return labels.astype(np.int64)


def _check_range(name, values, low, high):
    for value in (values.min(initial=high), values.max(initial=low)):
        if not low <= value <= high:
            raise ValueError(f"{name} must be between {low} and {high}, not {value}")
