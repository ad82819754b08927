"""The golden model: a binary network trained by BEP, bit for bit as the gateware does it."""

import numpy as np

from bep_model import inputs
from bep_model.checks import integer
from bep_model.config import Config
from bep_model.host import Results
from bep_model.phases import frame, memory, random, sequencer
from bep_model.phases.bits import join_counters, pack, plain, slice_counters, unpack, words


class Network:
    """Counters, classifier and random bank of one trainer (docs/algorithm.md).

    A new network is in the state of ``reset(config.seed)``.

    Parameters
    ----------
    config : Config
    literal_targets : bool
        Use sign(0) = +1 as a target instead of none. The gateware does not have this option.
    literal_steps : bool
        Step the counters of the state layer by the sum over time itself instead of its sign. Only
        for recurrent networks; the gateware does not have this option.

    Attributes
    ----------
    bank : uint32 array (generators,)
        States of the random generators.
    counters : tuple of int16 arrays (K_l, F_l)
        Counters of layers 1..L, a read-only copy: :meth:`load` replaces them. A recurrent network
        has (K_s, K_x + K_s), each row being [h_x | h_s], and (K_y, K_s).
    prototypes : uint8 array (C, K_L)
        Bits of the class prototypes.
    thresholds : tuple of int32 arrays (K_l,)
        Of the filters of the convolutional layers, a read-only copy; can be set.

    Raises
    ------
    ValueError
        For ``literal_steps`` without recurrence.
    """

    def __init__(self, config, *, literal_targets=False, literal_steps=False):
        if literal_steps and not config.recurrent:
            raise ValueError("literal_steps is for recurrent networks, max_steps of this one is 0")
        if not isinstance(config, Config):
            raise TypeError(f"config must be a Config, not {config!r}")
        self.config = config
        self.literal_targets = bool(literal_targets)
        self.literal_steps = bool(literal_steps)
        self.prototypes = frame.prototypes(config)
        self._state = memory.new_state(config, self.prototypes, self.literal_targets,
                                       self.literal_steps)
        self.bank = self._state.bank
        self.reset(config.seed)

    def __repr__(self):
        config = self.config
        steps = f", {config.max_steps} steps at most" if config.recurrent else ""
        return (f"<Network {'-'.join(map(str, config.widths))}, {config.classes} classes, "
                f"{config.counter_bits}-bit counters{steps}>")

    def reset(self, seed):
        """Begin anew: seed the bank, draw the counters, forget an open batch and the sweep count;
        thresholds are 0.

        Raises TypeError or ValueError for a seed that is not an integer of 32 bits.
        """
        self.seed(seed)
        self.initialise()
        self._state.progress[:] = 0
        self._state.thresholds[:] = 0

    def seed(self, seed):
        """Set the random bank from an integer, 0..2**32-1."""
        self.bank[:] = random.seeds(seed, self.config.generators)

    def initialise(self):
        """Draw all counters, 0 or -1, from the random bank, and start a new sweep count."""
        state = self._state
        state.progress[1] = 0
        sequencer.begin(state)
        self._read_signs()

    @property
    def open_batch(self):
        """Samples in the batch that has not been applied yet."""
        return int(self._state.progress[0])

    @property
    def sweep_count(self):
        """Samples applied since the last reinforcement sweep."""
        return int(self._state.progress[1])

    @sweep_count.setter
    def sweep_count(self, count):
        self._state.progress[1] = integer("sweep_count", count, 0, 65535)

    def _planes(self, layer):
        return plain(memory.counters_of)(layer, self._state.counters, self._state.bits)

    @property
    def counters(self):
        layers = tuple(np.hstack(list(self._sections(layer))) for layer in self._state.layers)
        for layer in layers:
            layer.flags.writeable = False
        return layers

    def _sections(self, layer):
        """The counters of each section of a layer, int16 (K_l, part of F_l)."""
        begin = 0
        for part in plain(memory.sections_of)(layer):
            end = begin + words(part)
            yield join_counters(self._planes(layer)[:, :, begin:end], part)
            begin = end

    def _read_signs(self):
        for layer in self._state.layers:
            top = self._planes(layer)[:, -1]
            plain(memory.signs_of)(layer, self._state.signs)[:] = top.T
            part = int(layer.back)
            visible = unpack(top[:, layer.row_words - words(part):], part)
            plain(memory.columns_of)(layer, self._state.columns)[:] = pack(visible.T).T

    @property
    def thresholds(self):
        layers = tuple(plain(memory.thresholds_of)(layer, self._state.thresholds).copy()
                       for layer in self._state.layers if layer.pool)
        for layer in layers:
            layer.flags.writeable = False
        return layers

    @thresholds.setter
    def thresholds(self, values):
        """Raises TypeError or ValueError for another number of layers, dtype, shape or value."""
        arrays = inputs.thresholds(self.config, values)
        self._state.thresholds[:] = np.concatenate([*arrays, np.zeros(0, np.int32)])

    def set_thresholds(self, x, quantile):
        """Choose the thresholds as a quantile of each filter's z over the cells of samples.

        Parameters
        ----------
        x : integer or bool array (N, K_0)
            1 sample or more.
        quantile : float
            0..1, rounded to a multiple of 2**-16.
        """
        x, lengths = inputs.samples(self.config, x)
        state = memory.aside(self._state)
        for layer in state.layers[state.layers.pool > 0]:
            thresholds = plain(memory.thresholds_of)(layer, state.thresholds)
            thresholds[:] = 0
            found = np.empty((len(x), layer.outputs), np.int32)
            for z, sample, length in zip(found, x, lengths, strict=True):
                sequencer.infer(state, 0, sample, length)
                z[:] = plain(memory.z_of)(layer, state.z, 1)[0]
            found = found.reshape(-1, layer.neurons)
            place = round(quantile * (1 << 16)) * (len(found) - 1) >> 16
            thresholds[:] = np.partition(found, place, axis=0)[place]

    def restore(self, counters, bank, sweep_count):
        """Replace the whole state but thresholds between batches; bank is uint32 (generators,)."""
        self.load(counters)
        self.bank[:] = bank
        self.sweep_count = sweep_count

    def load(self, counters):
        """Replace all counters; the random bank and an open batch stay.

        Parameters
        ----------
        counters : sequence of integer arrays (K_l, F_l)
            Layers 1..L, values within ``config.counter_range``.

        Raises
        ------
        TypeError, ValueError
            For another number of layers, dtype, shape or value. Then nothing has changed.
        """
        arrays = [np.asarray(layer) for layer in counters]
        if len(arrays) != self.config.depth:
            raise ValueError(f"counters must have {self.config.depth} layers, not {len(arrays)}")
        for l, layer in enumerate(arrays, 1):
            inputs.check_counters(self.config, l, layer.dtype, layer.shape)
            inputs.check_range(f"counters of layer {l}", layer, *self.config.counter_range)
        for layer, values in zip(self._state.layers, arrays, strict=True):
            sections = np.split(values, np.cumsum(plain(memory.sections_of)(layer))[:-1], axis=1)
            self._planes(layer)[:] = np.concatenate(
                [slice_counters(part, self.config.counter_bits) for part in sections], axis=2)
        self._read_signs()

    def train(self, x, labels, parameters, lengths=None):
        """Train on N samples in order; a batch that is not full stays open for the next call.

        Parameters
        ----------
        x : integer or bool array (N, K_0), of a recurrent network (N, T', K_x)
            Bits 0 or 1; 1 <= T' <= T_max.
        labels : integer array (N,)
            0..C-1.
        parameters : Parameters
        lengths : integer array (N,), optional
            Steps of each sequence of a recurrent network, 1..T'; later ones are ignored. By default
            all sequences have T' steps.

        Returns
        -------
        Results

        Raises
        ------
        TypeError, ValueError
            For data or parameters that do not fit the configuration. Then nothing has changed.
        """
        x, lengths = inputs.samples(self.config, x, lengths)
        labels = inputs.labels(self.config, labels, len(x))
        predictions, triggered = np.empty(len(x), np.int64), np.empty(len(x), np.bool_)
        sequencer.train(self._state, self._registers(parameters), x, lengths, labels,
                        predictions, triggered)
        return Results(predictions, predictions != labels, triggered)

    def flush(self, parameters):
        """Apply the updates of an open batch, as a batch of the size it has."""
        sequencer.apply(self._state, self._registers(parameters))

    def phases(self, x_row, label, parameters, length=None):
        """All intermediate values of one sample; changes nothing.

        Parameters
        ----------
        x_row : integer or bool array (K_0,), of a recurrent network (T', K_x)
        label : int
        parameters : Parameters
        length : int, optional
            As ``lengths`` of :meth:`train`.

        Returns
        -------
        bep_model.phases.sequencer.Phases
        """
        x, lengths = inputs.samples(self.config, np.asarray(x_row)[np.newaxis],
                                    None if length is None else [length])
        label = int(inputs.labels(self.config, [label], 1)[0])
        return sequencer.phases(self._state, self._registers(parameters), x[0], int(lengths[0]),
                                label)

    def logits(self, x, lengths=None):
        """Logits of N samples.

        Parameters
        ----------
        x, lengths
            As for :meth:`train`.

        Returns
        -------
        int32 array (N, C)
        """
        return self._inferred(x, lengths)[1]

    def predict(self, x, lengths=None):
        """Predicted classes, int64 (N,), of samples as :meth:`logits` takes them."""
        return self._inferred(x, lengths)[0]

    def _inferred(self, x, lengths):
        x, lengths = inputs.samples(self.config, x, lengths)
        predictions = np.empty(len(x), np.int64)
        logits = np.empty((len(x), self.config.classes), np.int32)
        sequencer.infer_all(memory.aside(self._state), x, lengths, predictions, logits)
        return predictions, logits

    def _registers(self, parameters):
        return sequencer.Registers(**{
            name: np.array(value, np.int64) if isinstance(value, tuple) else value
            for name, value in vars(parameters.validate(self.config)).items()})
