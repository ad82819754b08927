"""Constants looked up by layer."""

from amaranth.hdl import Array, Const, unsigned


def lookup(index, values):
    """``values[index]`` for non-negative constants. A larger index gives the last value."""
    shape = unsigned(max(1, max(values).bit_length()))
    return Array([Const(value, shape) for value in values])[index]
