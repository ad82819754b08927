"""Storage for the payload of one request."""

from amaranth.hdl import Module, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out


class Buffer(wiring.Component):
    """Store bytes, then offer the first ``size`` of them in the same order.

    Bytes beyond ``depth`` overwrite the first ones.

    Timing: one byte per cycle; the first byte is offered from the cycle after ``rewind`` on.

    Parameters
    ----------
    depth : int
        Bytes, at least 1.

    Members
    -------
    i : In(stream.Signature(8, always_ready=True))
        Bytes to store, while ``offer`` is low.
    o : Out(stream.Signature(8))
        The stored bytes.
    size : In(16)
        Number of bytes to offer.
    rewind : In(1)
        Go back to the first byte, unless a byte passes in this cycle.
    offer : In(1)
        Offer the stored bytes.
    end : Out(1)
        ``size`` bytes have passed since ``rewind``.
    """

    i: In(stream.Signature(8, always_ready=True))
    o: Out(stream.Signature(8))
    size: In(16)
    rewind: In(1)
    offer: In(1)
    end: Out(1)

    def __init__(self, depth):
        self.depth = depth
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = storage = memory.Memory(shape=8, depth=self.depth, init=[])
        # It is written and read at different times, so the read port needs no transparency.
        write, read = storage.write_port(), storage.read_port()
        position, following = Signal(16), Signal(16)
        m.d.comb += [
            following.eq(position),
            read.addr.eq(following),
            write.addr.eq(position),
            write.data.eq(self.i.payload),
            write.en.eq(self.i.valid),
            self.end.eq(position == self.size),
            self.o.payload.eq(read.data),
            self.o.valid.eq(self.offer & ~self.end),
        ]
        m.d.sync += position.eq(following)
        with m.If(self.i.valid | self.o.valid & self.o.ready):
            m.d.comb += following.eq(position + 1)
        with m.Elif(self.rewind):
            m.d.comb += following.eq(0)
        return m
