"""Rates: decides which layers of a convolutional network a triggered sample updates."""

from amaranth.hdl import Array, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

ALWAYS = 1 << 16


def rates_control(config):
    """How the sequencer drives :class:`Rates`. ``updated`` has a bit per layer, layer 1 lowest, and
    is steady from ``done`` to the next ``start``; ``lowest`` is the first of them that is 1.
    """
    return wiring.Signature({
        "start": Out(1), "done": In(1), "updated": In(config.depth),
        "lowest": In(range(config.depth))})


class Rates(wiring.Component):
    """Draws for each layer whether it is updated: ``happens`` of ``bep_model.phases.random``.

    Timing
    ------
    The layers are decided one per clock, L down to 1, from the clock after ``start`` on. ``done``
    is high one clock after the last one: L + 1 clocks after ``start``.

    Parameters
    ----------
    config : Config

    Members
    -------
    control : In(rates_control(config))
    rates : In(range(2**16 + 1)).array(L)
        r_l, in units of 2**-16.
    low : In(16)
        Low bits of the random bank's generator 0.
    advance : Out(1)
        One draw from the bank.
    """

    def __init__(self, config):
        self.config = config
        super().__init__({
            "control": In(rates_control(config)),
            "rates": In(range(ALWAYS + 1)).array(config.depth),
            "low": In(16),
            "advance": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        control, depth = self.control, self.config.depth
        layer = Signal(range(depth))
        busy = Signal()
        rate = Signal(range(ALWAYS + 1))
        m.d.comb += [rate.eq(Array(self.rates)[layer]),
                     self.advance.eq(busy & (rate != 0) & (rate != ALWAYS))]
        m.d.sync += control.done.eq(busy & (layer == 0))
        with m.If(busy):
            m.d.sync += [control.updated.bit_select(layer, 1).eq(self.low < rate),
                         layer.eq(layer - 1)]
            with m.If(layer == 0):
                m.d.sync += busy.eq(0)
        with m.If(control.start):
            m.d.sync += [busy.eq(1), layer.eq(depth - 1)]
        for l in reversed(range(depth)):
            with m.If(control.updated[l]):
                m.d.comb += control.lowest.eq(l)
        return m
