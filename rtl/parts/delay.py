"""Signals delayed by whole clocks, to travel beside a pipeline."""

from amaranth.hdl import Signal


def delay(m, value, clocks, name="delay"):
    """Return ``value`` as it was ``clocks`` clocks ago, and its initial value before that."""
    for i in range(clocks):
        register = Signal.like(value, name=f"{name}_{i}")
        m.d.sync += register.eq(value)
        value = register
    return value
