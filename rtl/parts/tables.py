"""Constants looked up by layer."""

from amaranth.hdl import Array, Const, unsigned


def lookup(index, values):
    """``values[index]`` for non-negative constants; an index beyond the last gives the last."""
    shape = unsigned(max(1, max(values).bit_length()))
    return Array([Const(value, shape) for value in values])[index]
