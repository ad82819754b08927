"""Signals delayed by whole clocks, to travel beside a pipeline."""

from amaranth.hdl import Signal


def delay(m, value, clocks, name="delay"):
    """``value`` as it was ``clocks`` clocks ago; its initial value during the first clocks."""
    for i in range(clocks):
        register = Signal.like(value, name=f"{name}_{i}")
        m.d.sync += register.eq(value)
        value = register
    return value
