"""Lanes of an integer-only trainer: what BEP's lanes are compared with, no part of a trainer here.

They are written for this comparison because no package has them. Training with 8-bit integers is
known from ``bep.cited.INTEGER``; scale factors are left out here, and random bits round.
"""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

WIDE = 32
"""Bits of an accumulator."""
NARROW = 8
"""Bits of a weight, an activation and an error."""
SHIFT = 16
"""A gradient is divided by 2**SHIFT: the rate of learning, fixed as in a lane without multiplier.
As many random bits round the quotient."""


class Accumulate(wiring.Component):
    """``total + a * b``, modulo 2**32; with ``binary`` b is a bit that stands for 2b - 1.

    Timing: ``total`` follows a clock later.

    Parameters
    ----------
    binary : bool
        Whether b is one bit, as a binary weight or activation.

    Members
    -------
    a, b : In(signed(8))
        With ``binary``, b is In(1).
    clear : In(1)
        Begin from 0.
    total : Out(signed(32))
    """

    def __init__(self, binary):
        self.binary = binary
        super().__init__({"a": In(signed(NARROW)), "b": In(1 if binary else signed(NARROW)),
                          "clear": In(1), "total": Out(signed(WIDE))})

    def elaborate(self, platform):
        m = Module()
        if self.binary:
            # -a is ~a + 1, and the 1 is the adder's carry.
            term = (self.a.as_unsigned() ^ (~self.b).replicate(NARROW)).as_signed() + ~self.b
        else:
            term = self.a * self.b
        m.d.sync += self.total.eq(Mux(self.clear, 0, self.total) + term)
        return m


class Step(wiring.Component):
    """``weight - floor((gradient + random) / 2**16)``, saturated to 8 bits: stochastic rounding.

    Timing: ``o`` follows a clock later.

    Members
    -------
    weight : In(signed(8))
    gradient : In(signed(32))
    random : In(16)
        Evenly distributed.
    o : Out(signed(8))
    """

    def __init__(self):
        super().__init__({"weight": In(signed(NARROW)), "gradient": In(signed(WIDE)),
                          "random": In(SHIFT), "o": Out(signed(NARROW))})

    def elaborate(self, platform):
        m = Module()
        low, high = -(1 << NARROW - 1), (1 << NARROW - 1) - 1
        value = Signal(signed(WIDE - SHIFT + 2))
        m.d.comb += value.eq(self.weight - ((self.gradient + self.random) >> SHIFT))
        m.d.sync += self.o.eq(Mux(value < low, low, Mux(value > high, high, value)))
        return m
