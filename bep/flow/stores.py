"""The sample stores that a board can be built with (docs/store.md)."""

import re

CHOICES = "none, block:KIB (block RAM, KIB a power of two)"
"""What :func:`make` takes, for messages and help."""


def make(store):
    """The component of a sample store; None for "none".

    Parameters
    ----------
    store : str
        One of :data:`CHOICES`.

    Raises
    ------
    ValueError
        For anything else.
    """
    if store == "none":
        return None
    if found := re.fullmatch(r"block:(\d{1,6})", store):
        from rtl.store.block import BlockStore  # who only wants to know the names needs no gateware

        kib = int(found[1])
        if kib and not kib & kib - 1:
            return BlockStore(9 + kib.bit_length())
    raise ValueError(f"store must be one of {CHOICES}, not {store!r}")
