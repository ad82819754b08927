"""The ports of a simulated design, clock by clock, from waves."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from vcd.reader import TokenKind, tokenize

CHANGES = (TokenKind.CHANGE_SCALAR, TokenKind.CHANGE_VECTOR)
SCOPE = b"$rootio"
"""Verilator's name for the ports of the top module, which the reader takes for no name."""


def ports(path, clock="clk"):
    """Read the ports from a VCD file of Verilator.

    Parameters
    ----------
    path : path
    clock : str
        The port whose rising edges count.

    Returns
    -------
    dict of str to uint8 array (clocks, bits)
        The values before each edge, lowest bit first; unknown bits are 0.
    """
    widths: dict = {}
    names: dict = {}
    inside: list = []
    data: Any
    with io.BytesIO(Path(path).read_bytes().replace(SCOPE, b"ports", 1)) as file:
        tokens = ((token.kind, token.data) for token in tokenize(file))
        for kind, data in tokens:
            if kind is TokenKind.SCOPE:
                inside.append(data.ident)
            elif kind is TokenKind.UPSCOPE:
                inside.pop()
            elif kind is TokenKind.VAR and inside == ["ports"]:
                names.setdefault(data.id_code, []).append(data.reference)
                widths[data.reference] = data.size
            elif kind is TokenKind.ENDDEFINITIONS:
                break
        code = next(code for code, references in names.items() if clock in references)
        # Values are kept when they change, and spread over the clocks afterwards.
        history: dict = {each: ([0], [0]) for each in names}
        edges, pending = 0, {}
        for kind, data in tokens:
            if kind is TokenKind.CHANGE_TIME:
                # All changes at the time of an edge come after it.
                if pending.pop(code, 0) == 1:
                    edges += 1
                for each, new in pending.items():
                    history[each][0].append(edges)
                    history[each][1].append(new)
                pending.clear()
            elif kind in CHANGES and data.id_code in names:
                pending[data.id_code] = known(data.value)
    found = {}
    for each, (places, values) in history.items():
        # The last value that a place has.
        last = np.append(np.diff(places) > 0, True)
        starts = np.array(places)[last]
        chosen = [number for number, keep in zip(values, last, strict=True) if keep]
        width = max(widths[name] for name in names[each])
        octets = -(-width // 8)
        bits = np.unpackbits(np.frombuffer(b"".join(
            number.to_bytes(octets, "little") for number in chosen), np.uint8)
            .reshape(-1, octets), axis=1, bitorder="little")[:, :width]
        spread = np.searchsorted(starts, np.arange(edges), side="right") - 1
        for name in names[each]:
            found[name] = bits[spread]
    return found


def known(value):
    """The number that a change gives."""
    if isinstance(value, int):
        return value
    return int(value.lower().replace("x", "0").replace("z", "0"), 2)
