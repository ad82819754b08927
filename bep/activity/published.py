"""Designs whose currents others measured on an iCE40UP5K, rebuilt from their description.

The source, ``cited.ICE40_POWER``, names what a design does and its logic cells, as its README says
it; nothing of its code is here.
"""

import numpy as np
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from bep.activity import power
from bep.activity.netlist import mapped, used
from bep.activity.replay import replay
from bep.flow.families import COUNTERS_1, COUNTERS_8, PRODUCT, VOLT


class Counters(wiring.Component):
    """Counters of 28 bits, each in every clock; the highest bit of each drives a pin."""

    def __init__(self, number):
        self.number = number
        super().__init__({"pins": Out(number)})

    def elaborate(self, platform):
        m = Module()
        for i in range(self.number):
            # Counters that are equal would be made one, and those that begin at different numbers
            # change as many bits.
            counter = Signal(28, name=f"counter_{i}", init=i << 20)
            m.d.sync += counter.eq(counter + 1)
            m.d.comb += self.pins[i].eq(counter[-1])
        return m


class Product(wiring.Component):
    """Two counters of 8 bits, by steps of 3 and 5, and their product without a register, beside a
    counter of 24 bits.

    The source reduces the product to one pin by AND. Here it is an output: a product of 8 bits by 8
    is never all ones, so that today's Yosys leaves it out.
    """

    def __init__(self):
        super().__init__({"pin": Out(1), "product": Out(16)})

    def elaborate(self, platform):
        m = Module()
        first, second, counter = Signal(8), Signal(8), Signal(24)
        m.d.sync += [counter.eq(counter + 1), first.eq(first + 3), second.eq(second + 5)]
        m.d.comb += [self.product.eq(first * second),
                     self.pin.eq(counter[-1] | first.all() | second.all())]
        return m


# Currents in microamperes at VOLT, of the supply of the core, by what the source names.
HALTED = 92.1
"""With a clock that stands still."""
CURRENTS = (("a counter of 28 bits", Counters(1), COUNTERS_1),
            ("two of them", Counters(2), 616.65),
            ("four of them", Counters(4), 624.2),
            ("eight of them", Counters(8), COUNTERS_8),
            ("two counters of 8 bits, multiplied", Product(), PRODUCT))
"""What was measured at :data:`MHZ`."""
MHZ = 12
CLOCKS = 1 << 16
"""Replayed: after so many clocks the lower 16 bits of a counter begin anew."""


def replayed(component, build_dir="build"):
    """The netlist of one of :data:`CURRENTS`, and its activity without any input."""
    cells = mapped(component, build_dir)
    ports = {name: np.zeros((CLOCKS + 1, len(nets)), np.uint8)
             for name, (_, nets) in cells.ports.items()}
    return cells, replay(cells, ports, 1, CLOCKS + 1)


def compared(build_dir="build"):
    """What the model says of the designs that were measured, as JSON: milliwatts of the core."""
    found = []
    for name, component, current in CURRENTS:
        cells, activity = replayed(component, build_dir)
        parts = power.per_clock(cells, activity)
        found.append({
            "design": name, "look-up tables": used(cells)["luts"],
            "changes": power.changes(cells, activity), "measured_mw": VOLT * current / 1e3,
            "modelled_mw": [(VOLT * HALTED + MHZ * sum(band[end] for band in parts.values())) / 1e3
                            for end in (0, 1)]})
    return found
