"""Registers and packets of a trainer as data: one description for gateware, host and documents."""

import enum
from dataclasses import dataclass

MAGIC = 0x42455031
"""What register IDENT reads: "BEP1"."""


class Mode(enum.IntEnum):
    """Values of register MODE."""

    IDLE = 0
    """Take no samples."""
    TRAIN = 1
    INFER = 2
    """Forward and classify only; no counter changes. An open batch is applied first."""


class Command(enum.IntFlag):
    """Bits of register COMMAND, carried out between samples, lowest bit first."""

    CLEAR = 1
    """Set the performance counters to 0."""
    FLUSH = 2
    """Apply the updates of a batch that is not full yet."""
    INITIALISE = 4
    """Draw all counters anew, 0 or -1, from the random bank; return the sweep count to 0."""


class Cause(enum.IntEnum):
    """Where a cycle went: every clock cycle is counted under one of these."""

    WAIT = 0
    """For a sample, for a place in the result stream, or for the state port."""
    FORWARD = 1
    CLASSIFY = 2
    BACKWARD = 3
    SELECT = 4
    """The update engine waits for the selection of winners."""
    UPDATE = 5
    REINFORCE = 6
    """A sweep of all counters: reinforcement or initialisation."""


@dataclass(frozen=True)
class Register:
    """One register of at most 32 bits.

    Parameters
    ----------
    name : str
    address : int
        0..255.
    width : int
        Bits that exist; the others read 0 and are ignored in a write.
    access : str
        "r", "w" or "rw".
    signed : bool
        Two's complement within ``width`` bits.
    doc : str
    """

    name: str
    address: int
    width: int
    access: str
    doc: str
    signed: bool = False


COUNTERS = ("SAMPLES", "ERRORS", "TRIGGERED", "UPDATES",
            *(f"CYCLES_{cause.name}" for cause in Cause))
"""Performance counters in address order, from 0x40; 32 bits, wrapping. Samples that are only
inferred count under SAMPLES and ERRORS, never under TRIGGERED (samples) and UPDATES (rows)."""


def registers(config):
    """All registers of a trainer of this configuration, by name.

    Parameters
    ----------
    config : Config

    Returns
    -------
    dict of str to Register
    """
    batch_bits = config.max_batch.bit_length()
    table = [
        Register("IDENT", 0x00, 32, "r", f"the constant 0x{MAGIC:08x}"),
        Register("VERSION", 0x01, 32, "r", "version of the numerics"),
        Register("DIGEST", 0x02, 32, "r", "first 32 bits of the configuration digest"),
        Register("STATUS", 0x03, 2, "r", "bit 0: busy with a sample, command or sweep; "
                                         "bit 1: a batch is partly filled"),
        Register("COMMAND", 0x04, 3, "w", "see Command"),
        Register("MODE", 0x05, 2, "w", "see Mode"),
        Register("RANDOM", 0x06, 32, "rw", "read: state of the last generator of the bank; "
                 "write: shift the bank by one generator, the value entering the first"),
        Register("MARGIN", 0x08, (2 * config.layers[-1]).bit_length() + 1, "w",
                 "M, signed (SPEC 3.3)", signed=True),
        Register("THINNING", 0x09, 17, "w", "q, probability of a step in 2**-16 (SPEC 4)"),
        Register("BATCH", 0x0A, batch_bits, "w", "samples per application of updates"),
        Register("SWEEP", 0x0B, 16, "w", "samples per reinforcement sweep (SPEC 5)"),
    ]
    if config.recurrent:
        step_bits = config.max_steps.bit_length()
        table += [
            Register("STEPS", 0x0C, step_bits, "w", "T of the sequences that are sent from now on, "
                     f"1..{config.max_steps}"),
            Register("HORIZON", 0x0D, step_bits, "w", "n, steps from the end that get targets, "
                     f"1..{config.max_steps}"),
        ]
    for i, (width, fan_in) in enumerate(config.shapes):
        table += [
            Register(f"GATE_{i + 1}", 0x10 + i, fan_in.bit_length(), "w", f"T_{i + 1} (SPEC 3.4)"),
            Register(f"GROUP_{i + 1}", 0x20 + i, width.bit_length(), "w",
                     f"gamma_{i + 1}, a divisor of {width} (SPEC 3.5)"),
            Register(f"REINFORCE_{i + 1}", 0x30 + i, 16, "w", f"p_{i + 1} in 2**-16 (SPEC 5)"),
        ]
        if config.stable:
            table.append(Register(f"STABILITY_{i + 1}", 0x50 + i, (fan_in + 1).bit_length(), "w",
                                  f"kappa_{i + 1}: also who is right by less may win its group"))
    table += [Register(name, 0x40 + i, 32, "r", "performance counter")
              for i, name in enumerate(COUNTERS)]
    return {register.name: register for register in table}


# Packets, for transports that carry bytes (UART). A packet is
#   SYNC, opcode, length (2 bytes), payload (length bytes), CRC-16 (2 bytes),
# numbers little-endian; the CRC (CCITT-FALSE: polynomial 0x1021, initial value 0xffff) covers
# opcode, length and payload. Every request is answered by one packet before the next is read.

SYNC = 0xA5


class Opcode(enum.IntEnum):
    """What a request asks; its answer carries the same opcode with bit 7 set."""

    READ = 0x01
    """Payload: addresses, 1 byte each. Answer: values, 4 bytes each."""
    WRITE = 0x02
    """Payload: (address, value) of 1 + 4 bytes each. Answer: empty."""
    SAMPLES = 0x03
    """Payload: samples of ``sample_bytes(config)`` each. Answer: one result byte pair each."""
    STATE_READ = 0x04
    """Payload: counter word address (4 bytes), count (2 bytes). Answer: the words."""
    STATE_WRITE = 0x05
    """Payload: counter word address (4 bytes), then the words. Answer: empty."""


ANSWER = 0x80
REFUSED = 0xFF
"""Opcode of the answer to a request that was not carried out; payload: one Refusal byte."""


class Refusal(enum.IntEnum):
    """Why a request was not carried out."""

    CRC = 1
    OPCODE = 2
    LENGTH = 3


def word_bytes(bits):
    """Bytes that carry a word of ``bits`` bits, least significant byte first."""
    return -(-bits // 8)


def step_bytes(config):
    """Bytes of the inputs of a sample, or of one step: words, lowest first, in whole bytes each."""
    return config.input_words * word_bytes(config.weight_lanes)


def sample_bytes(config, steps=None):
    """Bytes of one sample: its inputs, those of a sequence step after step; then the label.

    ``steps`` is T of a sequence, T_max unless given.
    """
    return (steps or max(1, config.max_steps)) * step_bytes(config) + 1


def state_bytes(config):
    """Bytes of one counter word: Q counters of B_h bits, lane 0 in the lowest bits."""
    return word_bytes(config.counter_lanes * config.counter_bits)


def payload_bytes(config):
    """Largest payload a trainer takes: 512 bytes, or what one sample or one state word needs."""
    return max(512, sample_bytes(config), 4 + state_bytes(config))


def item_bytes(config, sample):
    """Bytes of the items that a request's payload consists of, and of what answers them.

    Parameters
    ----------
    config : Config
    sample : int or Value
        Bytes of a sample, see :func:`sample_bytes`.

    Returns
    -------
    dict of Opcode to (int, int, int)
        Of the first item, of each further one, and of the answer to each. That to STATE_READ is as
        many counter words as its item says.
    """
    return {
        Opcode.READ: (1, 1, 4),
        Opcode.WRITE: (5, 5, 0),
        Opcode.SAMPLES: (sample, sample, 2),
        Opcode.STATE_READ: (6, 6, 0),
        Opcode.STATE_WRITE: (4, state_bytes(config), 0),
    }
