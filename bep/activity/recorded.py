"""The ports of a simulated design, clock by clock, from waves."""

import numpy as np

SCOPE = "$rootio"
"""Verilator's name of the scope with the ports of the top module."""


def ports(path, clock="clk"):
    """Read the ports from a VCD file of Verilator.

    A reader of any VCD file (pyvcd) takes ten times as long: there are millions of changes.

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
    with open(path, encoding="ascii") as lines:
        names = declared(lines)
        code = next(code for code, (name, _) in names.items() if name == clock)
        # Values are kept when they change, and spread over the clocks afterwards: the number of
        # edges before, and the new value.
        history: dict = {each: ([0], ["0"]) for each in names}
        edges, pending = 0, {}
        for line in lines:
            if line[0] == "#":
                # All changes at the time of an edge come after it.
                if pending.pop(code, "0") == "1":
                    edges += 1
                for each, new in pending.items():
                    history[each][0].append(edges)
                    history[each][1].append(new)
                pending.clear()
            elif line[0] == "b":
                value, each = line[1:].split()
                if each in history:
                    pending[each] = value
            elif line[1:-1] in history:
                pending[line[1:-1]] = line[0]
    return {name: spread(history[each], width, edges) for each, (name, width) in names.items()}


def declared(lines):
    """Name and width of the signals in :data:`SCOPE`, by their codes; reads the header's lines."""
    names, inside = {}, False
    for line in lines:
        words = line.split()
        if words[:1] == ["$scope"]:
            inside = words[2] == SCOPE
        elif words[:1] == ["$var"] and inside:
            names[words[3]] = words[4], int(words[2])
        elif words[:1] == ["$enddefinitions"]:
            break
    return names


def spread(history, width, edges):
    """The bits (edges, width) of a signal, from the edges before its changes and its values."""
    places, values = history
    last = np.append(np.diff(places) > 0, True)  # of the changes between two edges
    octets = -(-width // 8)
    known = (int(value.replace("x", "0").replace("z", "0"), 2)
             for value, kept in zip(values, last, strict=True) if kept)
    packed = np.frombuffer(b"".join(value.to_bytes(octets, "little") for value in known), np.uint8)
    bits = np.unpackbits(packed.reshape(-1, octets), axis=1, bitorder="little")[:, :width]
    return bits[np.searchsorted(np.array(places)[last], np.arange(edges), side="right") - 1]
