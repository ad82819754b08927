"""The sample stores that a board can be built with (docs/store.md)."""

import importlib
import re

from bep_model.protocol import sample_bytes

CHOICES = ("none, flash or sdram (the board's chip), flash:start (the board trains by itself after "
           "reset), block:KIB (block RAM, KIB a power of two)")
"""What :func:`check` accepts, for messages and help."""

CHIPS = ("sdram", "flash", "flash:start")
"""Stores in a chip of the board."""

SIMULATED_HZ = {"sdram": 85_000_000, "flash": 28_000_000}
"""Clock rates for which a simulated board's stores are made."""

BETWEEN = 5
"""Clocks from the last byte of a stored sample to the next one's address (rtl/link/player.py)."""
CLOCKS = {"flash": (90, 8), "sdram": (12, 1), "block": (2, 1)}
"""Clocks from an address to the first byte, and from byte to byte (rtl/store)."""


def chip(store):
    """The name of a store without its option."""
    return store.partition(":")[0]


def check(store):
    """Raise ValueError for anything but one of :data:`CHOICES`."""
    if store not in ("none", *CHIPS) and block_bits(store) is None:
        raise ValueError(f"store must be one of {CHOICES}, not {store!r}")


def block_bits(store):
    """Address bits of a store in block RAM; None for any other text."""
    found = re.fullmatch(r"block:(\d{1,6})", store)
    kib = int(found[1]) if found else 0
    return 9 + kib.bit_length() if kib and not kib & kib - 1 else None


def make(store, clock_hz=None):
    """The component of a sample store, which must become part of a design; None for "none".

    Parameters
    ----------
    store : str
        One of :data:`CHOICES`.
    clock_hz : number, optional
        Of the design; by default that of a simulated board.

    Raises
    ------
    ValueError
        For anything else.
    """
    check(store)
    clock_hz = clock_hz or SIMULATED_HZ.get(chip(store))
    if store == "none":
        return None
    if chip(store) == "flash":
        from bep_model.program import START  # who only wants to know the names needs neither
        from rtl.store.flash import Flash

        return Flash(round(clock_hz), START if store == "flash:start" else None)
    if store == "sdram":
        from rtl.store.sdram import Sdram

        return Sdram(round(clock_hz))
    from rtl.store.block import BlockStore

    return BlockStore(block_bits(store))


def fastest(store):
    """The highest clock rate with a store, in Hz."""
    if chip(store) not in SIMULATED_HZ:
        return float("inf")
    return importlib.import_module(f"rtl.store.{chip(store)}").FASTEST


def resource(store):
    """The resource of an amaranth-boards platform that a store needs; None if it needs none."""
    return {"sdram": ("sdram", 0), "flash": ("spi_flash_2x", 0)}.get(chip(store))


def clocks(store, config):
    """Clocks from sample to sample that a store needs at least; 0 without a store."""
    if store == "none":
        return 0
    first, each = CLOCKS[chip(store)]
    return BETWEEN + first + each * (1 + sample_bytes(config))
