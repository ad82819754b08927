"""The sample stores that a board can be built with (docs/store.md)."""

import re

CHOICES = "none, sdram (the board's), block:KIB (block RAM, KIB a power of two)"
"""What :func:`make` takes, for messages and help."""

SIMULATED_HZ = 85_000_000
"""Clock rate for which a simulated board's store is made."""


def make(store, clock_hz=SIMULATED_HZ):
    """The component of a sample store; None for "none".

    Parameters
    ----------
    store : str
        One of :data:`CHOICES`.
    clock_hz : number
        Of the design.

    Raises
    ------
    ValueError
        For anything else.
    """
    if store == "none":
        return None
    if store == "sdram":
        from rtl.store.sdram import Sdram  # who only wants to know the names needs no gateware

        return Sdram(round(clock_hz))
    if found := re.fullmatch(r"block:(\d{1,6})", store):
        from rtl.store.block import BlockStore

        kib = int(found[1])
        if kib and not kib & kib - 1:
            return BlockStore(9 + kib.bit_length())
    raise ValueError(f"store must be one of {CHOICES}, not {store!r}")


def fastest(store):
    """The highest clock rate with a store, in Hz."""
    if store != "sdram":
        return float("inf")
    from rtl.store.sdram import FASTEST

    return FASTEST


def resource(store):
    """The resource of an amaranth-boards platform that a store needs; None if it needs none."""
    return ("sdram", 0) if store == "sdram" else None
