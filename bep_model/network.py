"""The golden model: a binary network trained by BEP, bit for bit as the gateware does it."""

from typing import NamedTuple

import numpy as np

from bep_model import frame, random, sequencer
from bep_model.bits import pack, unpack
from bep_model.reinforce import initialise
from bep_model.sequencer import layer_of


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
        self._state = sequencer.new_state(config, self.literal_targets, self.prototypes)
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
        """Draw all counters, 0 or -1, from the random bank, and start a new sweep count."""
        state = self._state
        state.progress[1] = 0
        for l, (width, fan_in) in enumerate(self.config.shapes, 1):
            initialise(layer_of(state.counters, state.counter_at, l, width), fan_in,
                       state.bank, state.lanes, state.drawn)
        self._read_signs()

    @property
    def open_batch(self):
        """Samples in the batch that is not applied yet."""
        return int(self._state.progress[0])

    @property
    def sweep_count(self):
        """Samples applied since the last reinforcement sweep."""
        return int(self._state.progress[1])

    @sweep_count.setter
    def sweep_count(self, count):
        self._state.progress[1] = count

    @property
    def counters(self):
        layers = self._layers()
        for layer in layers:
            layer.flags.writeable = False
        return layers

    def _layers(self):
        state = self._state
        return tuple(layer_of(state.counters, state.counter_at, l, width)[:, :fan_in]
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
        sequencer.train(self._state, self._registers(parameters), x, labels, predictions, triggered)
        return Results(predictions, predictions != labels, triggered)

    def flush(self, parameters):
        """Apply the updates of an open batch, as a batch of the size it has."""
        sequencer.apply(self._state, self._registers(parameters))

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
        prediction = int(sequencer.infer(state, 0))
        triggered = bool(sequencer.correct(state, self._registers(parameters), 0, label))

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
        sequencer.infer_all(self._aside(), x, predictions, logits)
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
        return sequencer.Registers(
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
