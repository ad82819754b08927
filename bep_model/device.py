"""A trainer at a serial port, with the methods of a network in the golden model.

``Board`` needs pyserial (the extra ``host``), and neither the gateware nor a simulator.
"""

from numbers import Integral

import numpy as np

from bep_model import inputs, stored
from bep_model.checks import integer
from bep_model.config import check_gateware
from bep_model.host import Host, Results, WrongTrainer
from bep_model.line import SerialLine
from bep_model.packets import LinkError, PacketPort, Silent
from bep_model.parameters import idle_parameters
from bep_model.phases import random
from bep_model.protocol import Command, Mode
from bep_model.registers import WORD
from bep_model.state import State
from bep_model.store import Store
from bep_model.words import counters_to_words

COUNTED = ("ERRORS", "TRIGGERED")
"""Registers that count the flags of results."""


def done(coroutine):
    """The result of a coroutine that never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("a line over a serial port does not suspend")


class Board:
    """A trainer at a serial port; :func:`bep_model.fit.training.fit` trains it like a Network.

    Parameters
    ----------
    port : str
        As for :class:`bep_model.line.SerialLine`.
    config : Config
        Of the trainer.
    baud : int, or sequence of int
        The rate; of several, the first at which a trainer answers.
    timeout : float
        Most seconds to wait for an answer, above 0.
    progress : callable, optional
        Called with the number of samples that were trained, and how many of them were predicted
        wrongly, several times in a second.

    Attributes
    ----------
    open_batch, sweep_count : int
        As of a Network. The trainer cannot tell ``sweep_count``: it is what this object knows, 0
        if it has not given the trainer a state.

    Raises
    ------
    WrongTrainer
        If something else answers: no trainer, other numerics, another configuration.
    OSError
        From all methods too, in one line: no such port, no permission, no answer, a cut link.
    """

    def __init__(self, port, config, *, baud=1_000_000, timeout=10.0, progress=None):
        check_gateware(config)
        self.config, self.port, self.progress = config, port, progress
        self.rates = (baud,) if isinstance(baud, Integral) else tuple(baud)
        self.line = SerialLine(port, self.rates[0], timeout)
        self.host = Host(config, PacketPort(config, self.line))
        self.store = Store(self.host)
        self.open_batch = self.sweep_count = 0
        self._parameters = self._thresholds = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Close the port; the trainer keeps its state."""
        self.line.serial.close()

    def connect(self, infer=False):
        """Get in step with the trainer, and raise WrongTrainer unless it is of this configuration.

        With ``infer`` a design that only infers will do, too: only :meth:`predict` is for it.

        Returns
        -------
        Board
            This one.
        """
        self._in_step()
        try:
            done(self.host.identify(infer))
        except WrongTrainer as error:
            raise WrongTrainer(f"{self.port}: {error}") from None
        if not infer:
            done(self.store.stop())
            done(self.host.flush())  # a batch that an earlier host left open
        return self

    def info(self):
        """Registers by name, int: what the trainer is, and its performance counters."""
        self._in_step()
        names = ("IDENT", "VERSION", "DIGEST", "STATUS")
        return {name: done(self.host.port.read(name)) for name in names} \
            | done(self.host.performance())

    def _in_step(self):
        """Begin a conversation, at the first rate at which a trainer answers."""
        found: OSError = Silent()
        for rate in self.rates:
            try:
                self.line.rate(rate)
                return done(self.host.port.hello())
            except (LinkError, Silent) as error:
                found = error if isinstance(found, Silent) else found
        if isinstance(found, Silent):
            raise Silent(f"{self.port}: no trainer answers: is this the board's port, and is its "
                         "bitstream loaded?")
        raise LinkError(f"{self.port}: what answers is no trainer, or its rate is another: {found}")

    def reset(self, seed):
        """Begin anew, as ``Network.reset``: the trainer draws its counters."""
        self._thresholds = tuple(np.zeros(count, np.int32) for count in self.config.filters)
        done(self.host.bring_up(random.seeds(seed, self.config.generators),
                                thresholds=self._thresholds))
        self.open_batch = self.sweep_count = 0

    def write(self, network):
        """Take over the state of a network: counters, thresholds, bank and sweep count.

        Parameters
        ----------
        network : Network or State
            Without an open batch.
        """
        count = integer("sweep_count", network.sweep_count, 0, 65535)
        if count:
            self._count(count)
        else:
            done(self.host.command(Command.INITIALISE))  # sets the trainer's count to 0
        done(self.host.bring_up(network.bank, network.counters, network.thresholds))
        self._thresholds = tuple(network.thresholds) or None
        self.open_batch, self.sweep_count = 0, count

    def _count(self, count):
        """Bring the trainer's sweep count to ``count``, which only samples do."""
        config = self.config
        done(self.host.command(Command.INITIALISE))
        self.open_batch = self.sweep_count = 0
        steps = (1,) * config.recurrent
        report, self.progress = self.progress, None
        self.train(np.zeros((count, *steps, config.inputs), np.uint8), np.zeros(count, np.int64),
                   idle_parameters(config))
        self.progress = report

    def read(self):
        """The state of the trainer, between batches: a :class:`State`."""
        done(self.host.idle())
        return State(self.config, self.counters, self.bank, self.sweep_count, self.open_batch,
                     self.thresholds)

    @property
    def thresholds(self):
        """Of the filters of a convolutional network, tuple of int32 arrays (K_l,); can be set."""
        if self._thresholds is None:  # they do not change by themselves
            self._thresholds = done(self.host.thresholds())
        return self._thresholds

    @thresholds.setter
    def thresholds(self, values):
        arrays = inputs.thresholds(self.config, values)
        done(self.host.set_thresholds(arrays))
        self._thresholds = tuple(arrays)

    def set_thresholds(self, x, quantile):
        """Choose the thresholds, as ``Network.set_thresholds``, for the counters of the trainer."""
        from bep_model.network import Network  # it needs more than a host needs otherwise

        network = Network(self.config)
        network.load(self.counters)
        network.set_thresholds(x, quantile)
        self.thresholds = network.thresholds

    @property
    def counters(self):
        """Counters of layers 1..L, tuple of int16 arrays (K_l, F_l)."""
        return done(self.host.counters())

    @property
    def bank(self):
        """States of the random generators, uint32 array (generators,)."""
        return np.array(done(self.host.bank()), np.uint32)

    def load(self, counters):
        """Replace all counters; the random bank stays."""
        done(self.host.port.write_state(counters_to_words(self.config, counters)))

    def restore(self, counters, bank, sweep_count):
        """Replace the whole state but thresholds between batches, as ``Network.restore``."""
        self.write(State(self.config, counters, bank, sweep_count))

    def train(self, x, labels, parameters, lengths=None):
        """Train on N samples in order: arguments, results and errors of ``Network.train``.

        All samples are trained, each once, whatever the line does. If it lost answers, predictions
        are -1 for their samples, and among these only the numbers of errors and triggers are right.
        """
        before = done(self.host.counted(*COUNTED))
        results = self._process(x, labels, lengths, parameters, Mode.TRAIN, self.progress)
        lost = np.flatnonzero(results.prediction < 0)
        if len(lost):  # the trainer's registers have counted what the line lost
            after = done(self.host.counted(*COUNTED))
            for flags, early, late in zip(results[1:], before, after, strict=True):
                flags[lost[:((late - early) & WORD) - int(flags.sum())]] = True
        self._trained(len(results.error), parameters)
        return results

    def fill(self, data, begin=None):
        """Bring a data set into the trainer's sample store, unless it is there, and check it.

        Parameters
        ----------
        data : Dataset
        begin : callable, optional
            Called with a text and a number of bytes or samples; returns what is called with the
            number of those just done.

        Returns
        -------
        StoredSet

        Raises
        ------
        ValueError
            If a store cannot hold such data, or what it holds then is damaged.
        OSError
            StoreError without a store, or if it is too small.
        """
        described, image = stored.pack(self.config, data)
        store = done(self.store.open())
        try:
            known = done(store.described())
        except stored.WrongSet:
            known = None
        if known != described:
            done(store.load(image, begin and begin("bytes into the store", len(image))))
        done(store.check(described, begin and begin("samples checked", described.count)))
        return described

    def play(self, described, name, stride=1, parameters=None):
        """Process a part of the set in the trainer's sample store, see :meth:`Store.play`.

        With ``parameters`` it is trained, else only inferred; an open batch is then applied first.
        """
        self._begin(parameters or self._parameters, Mode.TRAIN if parameters else Mode.INFER)
        found = done(self.store.play(described, name, stride, parameters and self.progress))
        done(self.host.end())
        if parameters:
            self._trained(described.parts(self.config)[name].count, parameters)
        elif self.open_batch:
            self._applied(self._parameters)
        return found

    def _trained(self, count, parameters):
        """Count as the trainer does while it trains so many samples."""
        for _ in range(count):
            self.open_batch += 1
            if self.open_batch >= parameters.batch:
                self._applied(parameters)

    def _applied(self, parameters):
        """Count as the trainer does when it applies a batch."""
        self.sweep_count += self.open_batch
        if self.open_batch and self.sweep_count >= parameters.sweep:
            self.sweep_count = 0
        self.open_batch = 0

    def flush(self, parameters):
        """Apply the updates of an open batch."""
        done(self.host.flush())
        self._applied(parameters)

    def predict(self, x, lengths=None):
        """Predicted classes, int64 (N,); an open batch is applied first."""
        if self.open_batch:
            self.flush(self._parameters)
        x, left = np.asarray(x), np.arange(len(x))
        found = np.empty(len(x), np.int64)
        while True:
            found[left] = self._process(
                x[left], np.zeros(len(left), np.int64),
                None if lengths is None else np.asarray(lengths)[left], self._parameters,
                Mode.INFER).prediction
            left = np.flatnonzero(found < 0)  # the line lost these answers
            if not len(left):
                return found

    def _begin(self, parameters, mode):
        if parameters is None:
            done(self.host.port.write("MODE", mode))
        else:
            self._parameters = parameters.validate(self.config)
            done(self.host.begin(self._parameters, mode))

    def _process(self, x, labels, lengths, parameters, mode, progress=None):
        x, labels = np.asarray(x), inputs.labels(self.config, labels, len(x))
        _, steps = inputs.samples(self.config, x, lengths)  # refuses what does not fit
        self._begin(parameters, mode)
        prediction, error, triggered = done(self.host.process(
            x.astype(np.uint8), labels, steps if self.config.recurrent else None, progress))
        done(self.host.end())
        return Results(prediction, error.astype(bool), triggered.astype(bool))
