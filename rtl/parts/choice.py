"""Choice between two streams."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class Choice(wiring.Component):
    """Passes on one stream or the other.

    Timing: combinational. The choice may change only while the chosen stream offers nothing.

    Parameters
    ----------
    shape : ShapeLike
        Shape of the payload.

    Members
    -------
    i0, i1 : In(stream.Signature(shape))
    second : In(1)
        Pass ``i1`` on.
    o : Out(stream.Signature(shape))
    """

    def __init__(self, shape):
        self.shape = shape
        kind = stream.Signature(shape)
        super().__init__({"i0": In(kind), "i1": In(kind), "second": In(1), "o": Out(kind)})

    def elaborate(self, platform):
        m = Module()
        for number, i in enumerate((self.i0, self.i1)):
            with m.If(self.second == number):
                m.d.comb += [self.o.valid.eq(i.valid), self.o.payload.eq(i.payload),
                             i.ready.eq(self.o.ready)]
        return m
