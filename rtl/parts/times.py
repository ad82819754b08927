"""Multiplication by a constant."""


def times(value, factor):
    """``value * factor`` as a sum of shifts.

    Synthesis might use a multiplier block of the chip for ``*``.

    Parameters
    ----------
    value : Value
        Unsigned.
    factor : int
        At least 1.

    Returns
    -------
    Value
    """
    return sum(value << i for i in range(factor.bit_length()) if factor >> i & 1)
