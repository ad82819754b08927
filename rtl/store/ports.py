"""The port between a sample store and who reads and fills it."""

from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


def store_signature(address_bits):
    """A sample store, seen from its user.

    *Reading*: while ``open`` is high, bytes come at ``data`` one after another, beginning with that
    at ``address``, which is steady. ``open`` may fall at any time, and ends the reading: a byte
    that was not taken is dropped, and ``data`` is not valid while ``open`` is low.

    *Exchange*: while ``select`` is high, each byte taken at ``command`` gives one byte at
    ``reply``, in order, as on the pins of a serial memory chip: the first byte is a command, and
    ``select`` falls after its last reply; a byte that was not replied then is lost. A flash chip
    gets the bytes as they are. Other stores know these commands; the 4 address bytes come highest
    first:

    ======== ================================ ====================================================
    0x13     address (4 bytes)                the bytes from there on are replied, one for each
                                              further byte
    0x12     address (4 bytes), bytes         write them
    0x05     -                                replies the status, 0: no write is in progress
    0x9f     -                                the identification, 0 (of a flash chip it is not)
    ======== ================================ ====================================================

    ``open`` and ``select`` are never high together. At least one clock is between them, and two
    after ``select`` falls.

    Parameters
    ----------
    address_bits : int
        The store has ``1 << address_bits`` bytes.
    """
    return wiring.Signature({
        "open": Out(1),
        "address": Out(address_bits),
        "data": In(stream.Signature(8)),
        "select": Out(1),
        "command": Out(stream.Signature(8)),
        "reply": In(stream.Signature(8)),
    })
