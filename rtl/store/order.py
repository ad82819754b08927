"""The order of samples in an epoch, as a stream of their numbers."""

from amaranth.hdl import Module, Signal
from amaranth.lib import enum, stream, wiring
from amaranth.lib.wiring import In, Out


class Step(enum.Enum, shape=2):
    """What is done next."""

    IDLE = 0
    OFFER = 1
    ADD = 2
    """Add the stride."""
    REDUCE = 3
    """Subtract the count, if it is not above."""


class Order(wiring.Component):
    """Give the numbers 0, s, 2 s, ... modulo ``count``, up to the one before 0 comes again.

    Equals ``bep_model.phases.order.order``: all numbers below ``count`` if the stride s is coprime
    to it.

    Timing: a number is offered 3 clocks after the one before it was taken.

    Parameters
    ----------
    bits : int
        ``count`` is below ``1 << bits``.

    Members
    -------
    start : In(1)
        Begin with ``count``; numbers that have not been taken yet are forgotten.
    count : In(bits)
        At ``start``; with 0 there are no numbers.
    write : In(1)
        Take ``stride``; not while ``running``.
    stride : In(bits)
        s, from 1 to count - 1; 1 if that is 0.
    o : Out(stream.Signature(bits))
        The numbers.
    running : Out(1)
        Numbers have not been taken yet.
    """

    def __init__(self, bits):
        self.bits = bits
        super().__init__({
            "start": In(1),
            "count": In(bits),
            "write": In(1),
            "stride": In(bits),
            "o": Out(stream.Signature(bits)),
            "running": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        bits, o = self.bits, self.o
        x = Signal(bits + 1)
        count, stride = (Signal(bits, name=n) for n in ("count", "stride"))
        step = Signal(Step)
        first = Signal()
        m.d.comb += [
            o.payload.eq(x),
            o.valid.eq((step == Step.OFFER) & ((x != 0) | first)),
            self.running.eq(step != Step.IDLE),
        ]
        with m.Switch(step):
            with m.Case(Step.OFFER):
                with m.If(~o.valid):
                    m.d.sync += step.eq(Step.IDLE)
                with m.Elif(o.ready):
                    m.d.sync += [step.eq(Step.ADD), first.eq(0)]
            with m.Case(Step.ADD):
                m.d.sync += [step.eq(Step.REDUCE), x.eq(x + stride)]
            with m.Case(Step.REDUCE):
                m.d.sync += step.eq(Step.OFFER)
                with m.If(x >= count):
                    m.d.sync += x.eq(x - count)
        with m.If(self.write):
            m.d.sync += stride.eq(self.stride)
        with m.If(self.start):
            m.d.sync += [count.eq(self.count), x.eq(0), first.eq(self.count != 0),
                         step.eq(Step.OFFER)]
        return m
