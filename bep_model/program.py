"""Programs by which a trainer with a flash chip trains without a host (docs/store.md), as bytes.

A program is a list of steps in the flash chip. Each does what a host does with one register.
"""

import enum
from typing import NamedTuple

from bep_model import memories, stored

BYTES = 1 << 14
"""Of a program in the flash chip; it lies directly before the set of samples."""
START = memories.Flash.start - BYTES
"""Address of a program."""
ERASED = b"\xff"
"""A byte of a flash chip that nothing was written to."""


class Kind(enum.IntEnum):
    """What a step does with a register and a value: its first byte."""

    AWAIT = 0x01
    """Read the register until it has the value."""
    WRITE = 0x02
    EXPECT = 0x03
    """Read the register once; if it has another value, the program fails."""
    END = 0x04
    """There are no more steps; register and value do not matter."""


class Step(NamedTuple):
    """One step of a program."""

    kind: Kind
    address: int = 0
    """Of the register."""
    value: int = 0
    """32 bits without sign."""


STEP_BYTES = 6
"""Kind, address, and value, lowest byte first."""
CHECKSUM_BYTES = 2
"""At the end of a program: the CRC of packets over all bytes before, high byte first, so that the
CRC of the whole is 0."""
MOST = (BYTES - CHECKSUM_BYTES) // STEP_BYTES
"""Steps of the longest program."""


def check_length(count):
    """Raise ValueError for a program that has ``count`` steps, or more, if they are too many."""
    if count > MOST:
        raise ValueError(f"epochs must be fewer: their program has {count:,} steps or more, and "
                         f"there is room for {MOST:,}")


def assembled(steps):
    """A program as bytes; ValueError if it has too many steps."""
    check_length(len(steps))
    octets = b"".join(bytes([kind, address]) + value.to_bytes(4, "little")
                      for kind, address, value in steps)
    octets = octets.ljust(BYTES - CHECKSUM_BYTES, ERASED)
    return octets + stored.checksum(octets).to_bytes(CHECKSUM_BYTES, "big")


def divided(octets):
    """The program and the set of a file for a flash chip; an erased program if it has none."""
    if octets.startswith(stored.MAGIC):
        return ERASED * BYTES, octets
    return octets[:BYTES], octets[BYTES:]
