"""What a host does with a trainer, over any transport: it needs no simulator and no serial port.

All methods are coroutines: a bench in a simulator awaits clock cycles, a program on a PC awaits the
serial port.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from bep_model.config import NUMERICS_VERSION
from bep_model.protocol import COUNTERS, INFERENCE, MAGIC, Command, Mode
from bep_model.registers import WORD, registers, settings
from bep_model.words import counters_to_words, words_to_counters


class Results(NamedTuple):
    """What training returns for each of N samples, in order."""

    prediction: np.ndarray
    """int64 (N,), class predicted before the update."""
    error: np.ndarray
    """bool (N,), prediction is not the label."""
    triggered: np.ndarray
    """bool (N,), the margin is below M."""


class Port(ABC):
    """Reaches the registers, streams and counters of a trainer."""

    @abstractmethod
    async def read(self, name):
        """The value of a register, without sign."""

    @abstractmethod
    async def write(self, name, value):
        """Write a register; a negative value in two's complement."""

    @abstractmethod
    async def read_state(self):
        """All counter words, in the order of ``bep_model.words.counter_addresses``."""

    @abstractmethod
    async def write_state(self, words):
        """Write all counter words, in the same order."""

    @abstractmethod
    async def process(self, x, labels, lengths=None, progress=None):
        """Send samples and take their results.

        Parameters
        ----------
        x : uint8 array (N, K_0), or (N, T, K_x) of a recurrent network
        labels : int array (N,)
        lengths : int array (N,), optional
            Steps of each sequence, of a recurrent network.
        progress : callable, optional
            Called with the number of samples just done, and how many of them are known to be
            predicted wrongly.

        Returns
        -------
        int64 array (N, 3)
            Prediction, error, triggered.
        """

    @abstractmethod
    async def rest(self, attempts):
        """Wait before STATUS is read again; the more ``attempts`` were made, the longer."""


def threshold_writes(thresholds):
    """The register writes, (name, value), that set the thresholds of at most one layer."""
    return [(name, int(value)) for layer in thresholds for pair in enumerate(layer)
            for name, value in zip(("FILTER", "THRESHOLD"), pair, strict=True)]


def bring_up_writes(config, parameters, bank, thresholds=()):
    """The register writes by which a design without a host starts its trainer, in order.

    The design need not wait for any of them: the trainer draws the counters before it takes the
    first sample.

    Parameters
    ----------
    config : Config
    parameters : Parameters
    bank : uint32 array (generators,)
    thresholds : sequence of int32 arrays (K_l,)
        As for :meth:`Host.bring_up`.

    Returns
    -------
    list of (str, int)
        Name and value, the latter 32 bits without sign. All sequences have ``max_steps`` steps.
    """
    writes = [*(("RANDOM", value) for value in bank[::-1]), *threshold_writes(thresholds),
              *settings(config, parameters.validate(config)).items(),
              *[("STEPS", config.max_steps)] * config.recurrent,
              ("COMMAND", Command.CLEAR | Command.INITIALISE), ("MODE", Mode.TRAIN)]
    return [(name, int(value) & WORD) for name, value in writes]


class WrongTrainer(OSError):
    """The trainer that answers is not the expected one."""


class Host:
    """A trainer, as a host sees it.

    Parameters
    ----------
    config : Config
        Of the trainer.
    port : Port
    """

    def __init__(self, config, port):
        self.config, self.port = config, port

    async def identify(self, infer=False):
        """Raise WrongTrainer unless this is a trainer of this configuration.

        With ``infer`` a design that only infers will do, too.
        """
        kind = await self.port.read("IDENT")
        if kind == INFERENCE and not infer:
            raise WrongTrainer("this design only infers: it has no counters to train, read or "
                               "write")
        for name, value, meaning in (
                *[("IDENT", MAGIC, "this is no trainer")] * (kind != INFERENCE),
                ("VERSION", NUMERICS_VERSION, "the trainer has other numerics"),
                ("DIGEST", self.config.identifier, "the trainer has another configuration")):
            found = await self.port.read(name)
            if found != value:
                raise WrongTrainer(
                    f"{meaning}: register {name} is {found:#010x}, not {value:#010x}")

    async def bring_up(self, bank, counters=(), thresholds=()):
        """Identify the trainer and give it a state: docs/link.md, "Bringing a trainer up".

        Parameters
        ----------
        bank : uint32 array (generators,)
            States of the random bank, see :func:`bep_model.phases.random.seeds`.
        counters : sequence of int16 arrays (K_l, F_l), optional
            By default the trainer draws them.
        thresholds : sequence of int32 arrays (K_l,), optional
            Of a convolutional network; by default they stay as they are.
        """
        await self.identify()
        await self.set_thresholds(thresholds)
        for value in bank[::-1]:
            await self.port.write("RANDOM", value)
        if len(counters):
            await self.port.write_state(counters_to_words(self.config, counters))
        else:
            await self.command(Command.INITIALISE)
        await self.command(Command.CLEAR)

    async def command(self, command):
        """Carry out a command to its end."""
        await self.port.write("COMMAND", command)
        await self.idle()

    async def idle(self):
        """Wait until the trainer is not busy."""
        attempts = 0
        while (await self.port.read("STATUS")) & 1:
            await self.port.rest(attempts)
            attempts += 1

    async def set_parameters(self, parameters):
        """Write all run-time registers."""
        for name, value in settings(self.config, parameters).items():
            await self.port.write(name, value)

    async def performance(self):
        """The performance counters by name.

        CYCLES_WAIT is read last, because it is the only one that still counts while the trainer is
        idle."""
        names = [name for name in COUNTERS if name != "CYCLES_WAIT"]
        return {name: await self.port.read(name) for name in (*names, "CYCLES_WAIT")}

    async def counted(self, *names):
        """Values of performance counters, list of int."""
        return [await self.port.read(name) for name in names]

    async def bank(self):
        """States of the random bank, list of int; reading turns the bank once round."""
        states = []
        for _ in range(self.config.generators):
            states.append(await self.port.read("RANDOM"))
            await self.port.write("RANDOM", states[-1])
        return states[::-1]

    async def counters(self):
        """The counters, tuple of int16 arrays (K_l, F_l)."""
        return words_to_counters(self.config, await self.port.read_state())

    async def set_thresholds(self, thresholds):
        """Write the thresholds of filters: int32 arrays (K_l,) of at most one layer."""
        for name, value in threshold_writes(thresholds):
            await self.port.write(name, value)

    async def thresholds(self):
        """The thresholds of filters: tuple of int32 arrays (K_l,), empty without convolution."""
        if not self.config.convolutional:
            return ()
        found, half = [], 1 << registers(self.config)["THRESHOLD"].width - 1
        for k in range(self.config.layers[0]):
            await self.port.write("FILTER", k)
            found.append(((await self.port.read("THRESHOLD")) ^ half) - half)
        return (np.array(found, np.int32),)

    async def begin(self, parameters, mode=Mode.TRAIN):
        """Set the mode: later samples are trained, or inferred, with these parameters."""
        await self.set_parameters(parameters)
        await self.port.write("MODE", mode)

    async def process(self, x, labels, lengths=None, progress=None):
        """Send samples, wait for the results: predictions, errors, triggered, int64 (N,)."""
        results = np.asarray(
            await self.port.process(x, labels, lengths, progress), np.int64).reshape(-1, 3)
        await self.idle()
        return tuple(results.T)

    async def flush(self):
        """Apply the updates of a batch that is not full."""
        await self.command(Command.FLUSH)

    async def end(self):
        """Take no more samples."""
        await self.port.write("MODE", Mode.IDLE)
