"""The registers of a trainer: one table for model, gateware, host and docs/registers.md."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from bep_model.protocol import COUNTERS, INFERENCE, MAGIC, PACKETS, Cause, Command, Mode

MOST = 65535
"""Highest value of a field of :class:`Parameters` whose values above a limit all mean the same."""


class Limit(NamedTuple):
    """A highest value that depends on the configuration."""

    text: str
    """The limit for readers, in the symbols of docs/algorithm.md."""
    of: Callable
    """The same as a function of the configuration and the layer, 1..L."""


@dataclass(frozen=True)
class Row:
    """One register, or one per layer, of at most 32 bits.

    Parameters
    ----------
    name : str
        Registers per layer are called ``name``_1 to ``name``_L.
    address : int
        0..255. With ``layers`` it is that of layer 1, and the other layers follow.
    high : int or Limit
        Highest value. The width of the register follows from it.
    meaning, effect : str
        What the value means, and when a new one counts.
    low : int
        Lowest value, unless the register is ``signed``.
    signed : bool
        Two's complement, ``-high..high``.
    access : str
        "r", "w" or "rw".
    layers : bool
        One register per layer.
    needs : str
        The property of :class:`Config` without which the register does not exist; "" is none.
    field : str
        Name in :class:`bep_model.parameters.Parameters`; "" if it is not a field there.
    default : int or None
        Value of that field unless given; None if it must be given.
    cut : bool
        Whether the field takes any value up to ``MOST``; those above ``high`` count as ``high``.
    """

    name: str
    address: int
    high: int | Limit
    meaning: str
    effect: str = ""
    low: int = 0
    signed: bool = False
    access: str = "w"
    layers: bool = False
    needs: str = ""
    field: str = ""
    default: int | None = None
    cut: bool = False

    @property
    def range(self):
        """Lowest and highest value as text."""
        high = self.high.text if isinstance(self.high, Limit) else self.high
        return f"{'-' + str(high) if self.signed else self.low}..{high}"

    def exists(self, config):
        """Whether a trainer of this configuration has the register."""
        return not self.needs or bool(getattr(config, self.needs))

    def limits(self, config, layer):
        """Lowest and highest value (of a layer, 1..L, if there is a register per layer)."""
        high = self.high.of(config, layer) if isinstance(self.high, Limit) else self.high
        return (-high if self.signed else self.low), high

    def register(self, config, layer=0):
        """The :class:`Register` (of a layer, 1..L, if there is one per layer)."""
        width = self.limits(config, layer)[1].bit_length() + self.signed
        name, address = ((f"{self.name}_{layer}", self.address + layer - 1) if self.layers
                         else (self.name, self.address))
        return Register(name, address, width, self.access, self.signed)


class Register(NamedTuple):
    """One register of a trainer. Bits beyond ``width`` read 0 and are ignored in a write."""

    name: str
    address: int
    width: int
    access: str
    signed: bool


def _values(kind):
    return ", ".join(f"{member.value} {member.name}" for member in kind)


STEPS = Limit("T_max", lambda config, layer: config.max_steps)

RUN_TIME = (
    Row("MODE", 0x05, max(Mode), _values(Mode), "next sample"),
    Row("MARGIN", 0x08, Limit("2 K_L", lambda config, layer: 2 * config.layers[-1]),
        "M: a sample triggers an update iff its margin is below M", "next sample",
        signed=True, field="margin"),
    Row("THINNING", 0x09, 1 << 16,
        "q: probability that a step of an update is taken, in units of 2**-16",
        "next application of updates", field="thinning", default=1 << 16),
    Row("BATCH", 0x0A, Limit("max_batch", lambda config, layer: config.max_batch),
        "samples per application of updates", "end of the next sample", low=1, field="batch",
        default=1),
    Row("SWEEP", 0x0B, 65535, "samples per reinforcement sweep, a multiple of the batch",
        "next application of updates", low=1, field="sweep", default=100),
    Row("STEPS", 0x0C, STEPS, "T of the sequences that are sent from now on",
        "next sequence that is sent", low=1, needs="recurrent"),
    Row("HORIZON", 0x0D, STEPS, "n: steps from the end of a sequence that get targets",
        "next sample", low=1, needs="recurrent", field="horizon", default=MOST, cut=True),
    Row("FILTER", 0x0E, Limit("K_1 - 1", lambda config, layer: config.layers[0] - 1),
        "place in its layer, from 0, of the filter that THRESHOLD is of", "at once",
        needs="convolutional"),
    Row("THRESHOLD", 0x0F, Limit("F_1", lambda config, layer: config.shapes[0][1]),
        "theta of that filter; it can be read, too, while bit 0 of STATUS is 0", "next sample",
        signed=True, access="rw", needs="convolutional"),
    Row("GATE", 0x10, Limit("F_l", lambda config, layer: config.shapes[layer - 1][1]),
        "T_l: a neuron passes its target on iff abs(z) <= T_l (T_1 has no effect without "
        "recurrence)", "next sample", layers=True, field="gates", cut=True),
    Row("GROUP", 0x20, Limit("K_l", lambda config, layer: config.layers[layer - 1]),
        "gamma_l: neurons per winner-takes-update group, a divisor of K_l", "next sample",
        low=1, layers=True, field="groups"),
    Row("REINFORCE", 0x30, 65535,
        "p_l: reinforcement probability in units of 2**-16; 0 is off", "next sweep",
        layers=True, field="reinforce"),
    Row("STABILITY", 0x50, Limit("F_l + 1", lambda config, layer: config.shapes[layer - 1][1] + 1),
        "kappa_l: a neuron that is right but whose abs(z) is below kappa_l may win its group too; "
        "with 0 only wrong neurons win, as in the paper", "next sample",
        layers=True, needs="stable", field="stabilities", default=0, cut=True),
    Row("RATE", 0x70, 1 << 16, "probability that a triggered sample updates the layer, in units of "
        "2**-16", "next sample", layers=True, needs="convolutional", field="rates",
        default=1 << 16),
)
"""Run-time registers: what may change while a trainer runs. All of them are 0 after a reset."""

WORD = (1 << 32) - 1
"""The largest value of a register; counters wrap behind it."""

COUNTED = ("samples", "samples predicted wrongly", "samples that triggered an update",
           "rows of weights updated", *(f"clock cycles: {cause.name}" for cause in Cause))
"""What the performance counters count."""

OTHERS = (
    Row("IDENT", 0x00, WORD, f"the constant {MAGIC:#010x}, \"BEP1\"; of a design that only infers "
        f"{INFERENCE:#010x}, \"BEPI\"", access="r"),
    Row("VERSION", 0x01, WORD, "version of the numerics", access="r"),
    Row("DIGEST", 0x02, WORD, "first 32 bits of the configuration's digest", access="r"),
    Row("STATUS", 0x03, 3, "bit 0: busy with a sample, command or sweep; bit 1: a batch is partly "
        "filled", access="r"),
    Row("COMMAND", 0x04, sum(Command), f"bits: {_values(Command)}; carried out between samples, "
        "lowest bit first"),
    Row("RANDOM", 0x06, WORD, "read: state of the last generator of the random bank; write: shift "
        "the bank by one generator, the value entering the first", access="rw"),
    *(Row(name, 0x40 + i, WORD, meaning, access="r")
      for i, (name, meaning) in enumerate(zip(COUNTERS, COUNTED, strict=True))),
)
"""Identification, commands, random bank and performance counters."""

LINK = 0x60
"""First address of the registers of the link; no others have its upper four bits."""

OF_LINK = (
    Row("STORE", LINK, 32, "binary logarithm of the store's size in bytes; 0 without one",
        access="r"),
    Row("STRIDE", LINK + 1, WORD, "distance between the numbers of successive samples, modulo "
        "their number and coprime to it; write it only when EPOCH reads 0", "next epoch", low=1),
    Row("BASE", LINK + 2, WORD, "number of the first stored sample", "at once"),
    Row("EPOCH", LINK + 3, WORD, "write: process that many samples, those from BASE on, as MODE "
        "says; 0 ends an epoch; read: 1 while samples are to be taken", access="rw"),
    Row("CHECK", LINK + 4, WORD, "write: compute the CRC of that many samples, those from BASE "
        "on; read: that CRC, when EPOCH reads 0", access="rw"),
    Row("LINK", LINK + 8, WORD, "bits 0-15: window, the bytes of requests that may follow one that "
        "is not answered yet; bits 16-23: version of the packets", access="r"),
)
"""Registers of the link (docs/link.md) and its sample store (docs/store.md)."""

FIELDS = tuple(sorted((row for row in RUN_TIME if row.field),
                      key=lambda row: row.default is not None))
"""The rows behind the fields of ``Parameters``, in their order: those without a default first."""


def run_time(config):
    """The run-time registers of a trainer: single ones, then those of layer 1, of layer 2, ...

    Parameters
    ----------
    config : Config

    Returns
    -------
    list of Register
    """
    rows = [row for row in RUN_TIME if row.exists(config)]
    return [row.register(config) for row in rows if not row.layers] + [
        row.register(config, layer) for layer in range(1, config.depth + 1)
        for row in rows if row.layers]


def registers(config):
    """All registers of a trainer of this configuration by name, in the order of their addresses.

    Parameters
    ----------
    config : Config

    Returns
    -------
    dict of str to Register
    """
    found = [*run_time(config), *(row.register(config) for row in OTHERS)]
    return {register.name: register for register in sorted(found, key=lambda r: r.address)}


def link_registers():
    """The registers of the link by name, in the order of their addresses.

    Returns
    -------
    dict of str to Register
    """
    return {row.name: row.register(None) for row in OF_LINK}


def link_value(window):
    """The value of register LINK, for ``window`` bytes of requests under way."""
    return PACKETS << 16 | window


def settings(config, parameters):
    """What a trainer's registers are set to.

    Parameters
    ----------
    config : Config
    parameters : Parameters

    Returns
    -------
    dict of str to int
    """
    values = {}
    for row in FIELDS:
        if row.exists(config):
            value = getattr(parameters, row.field)
            values |= ({f"{row.name}_{layer}": entry for layer, entry in enumerate(value, 1)}
                       if row.layers else {row.name: value})
    return values
