"""Values of registers, and packets, as data: one description for gateware, host and documents."""

import enum

MAGIC = 0x42455031
"""The value of register IDENT of a trainer: "BEP1"."""

INFERENCE = 0x42455049
"""The value of register IDENT of a design that only infers: "BEPI"."""


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
    """What a clock cycle is spent on: every cycle counts under exactly one of these."""

    WAIT = 0
    """The trainer waits for a sample, for the result stream, or for the state port."""
    FORWARD = 1
    CLASSIFY = 2
    BACKWARD = 3
    SELECT = 4
    """The update engine waits for the selection of winners."""
    UPDATE = 5
    REINFORCE = 6
    """A sweep of all counters: reinforcement or initialisation."""


COUNTERS = ("SAMPLES", "ERRORS", "TRIGGERED", "UPDATES",
            *(f"CYCLES_{cause.name}" for cause in Cause))
"""Performance counters in the order of their addresses; they have 32 bits and wrap. Samples that
are only inferred count under SAMPLES and ERRORS, never under TRIGGERED (samples) or UPDATES
(rows)."""


# Packets, for transports that carry bytes (UART). A packet is
#   SYNC, number, opcode, length (2 bytes), payload (length bytes), CRC-16 (2 bytes),
# integers little-endian; the CRC (CCITT-FALSE: polynomial 0x1021, initial value 0xffff) covers all
# from the number to the payload. Every request is answered by one packet before the next is read.

RATES = (3_000_000, 2_000_000, 1_000_000)
"""Rates of serial ports from which the clock selects one, in bits per second."""

SYNC = 0xA5

PACKETS = 2
"""Version of the packets. Those of version 1 had no number."""


NUMBERED = 0x80
"""Bit 7 of a request's number: it is carried out only if it is the next one; the lower bits count.
Without this bit it is always carried out, and the next one follows its lower bits."""


class Opcode(enum.IntEnum):
    """What a request asks for; its answer has the same opcode with bit 7 set."""

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
    STORE = 0x06
    """Payload: bytes to the sample store. Answer: one byte for each. Only with a store."""


ANSWER = 0x80
REFUSED = 0xFF
"""Opcode of the answer to a request that was not carried out; payload: one Refusal byte. The
answer's number is that of the numbered request that would be carried out next, 0 for none."""


class Refusal(enum.IntEnum):
    """Why a request was not carried out."""

    CRC = 1
    OPCODE = 2
    LENGTH = 3
    NUMBER = 4


def word_bytes(bits):
    """Bytes that carry a word of ``bits`` bits, least significant byte first."""
    return -(-bits // 8)


def step_bytes(config):
    """Bytes of the inputs of a sample, or of one step: words of whole bytes, lowest word first."""
    return config.input_words * word_bytes(config.weight_lanes)


def sample_bytes(config, steps=None):
    """Bytes of one sample: its inputs, step after step, then the label.

    ``steps`` is T of a sequence; by default T_max.
    """
    return (steps or max(1, config.max_steps)) * step_bytes(config) + 1


def slot_bits(config):
    """Binary logarithm of the bytes that a stored sample takes: a power of two, so that addresses
    need no multiplication."""
    return (sample_bytes(config) - 1).bit_length()


def state_bytes(config):
    """Bytes of one counter word: Q counters of B_h bits, lane 0 in the lowest bits."""
    return word_bytes(config.counter_lanes * config.counter_bits)


def payload_bytes(config):
    """Largest payload of a trainer: 512 bytes, or what one sample or one state word needs."""
    return max(512, sample_bytes(config), 4 + state_bytes(config))


def item_bytes(config, sample):
    """Bytes of the items in a request's payload, and of the answers to them.

    Parameters
    ----------
    config : Config
    sample : int or Value
        Bytes of a sample, see :func:`sample_bytes`.

    Returns
    -------
    dict of Opcode to (int, int, int)
        Bytes of the first item, of each further one, and of the answer to each. The answer to
        STATE_READ has as many counter words as its item says.
    """
    return {
        Opcode.READ: (1, 1, 4),
        Opcode.WRITE: (5, 5, 0),
        Opcode.SAMPLES: (sample, sample, 2),
        Opcode.STATE_READ: (6, 6, 0),
        Opcode.STATE_WRITE: (4, state_bytes(config), 0),
        Opcode.STORE: (1, 1, 1),
    }
