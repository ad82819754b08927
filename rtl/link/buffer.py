"""Storage for the payload of one request."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out


class Buffer(wiring.Component):
    """Store bytes, then offer the first ``size`` of them in the same order.

    Timing: one byte per cycle; the first byte is offered from two cycles after ``rewind`` on.

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
    size : In(range(depth + 1))
        Number of bytes to offer; it may change with ``rewind``, and counts at once.
    rewind : In(1)
        Go back to the first byte, unless a byte passes in this cycle.
    offer : In(1)
        Offer the stored bytes. It is low in the cycle after ``rewind``.
    end : Out(1)
        ``size`` bytes have passed since ``rewind``.
    """

    def __init__(self, depth):
        self.depth = depth
        super().__init__({
            "i": In(stream.Signature(8, always_ready=True)),
            "o": Out(stream.Signature(8)),
            "size": In(range(depth + 1)),
            "rewind": In(1),
            "offer": In(1),
            "end": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = storage = memory.Memory(shape=8, depth=self.depth, init=[])
        # It is written and read at different times, so the read port needs no transparency.
        write, read = storage.write_port(), storage.read_port()
        position = Signal.like(self.size)
        # Whether bytes are accepted depends on the end, so it is a register that looks ahead.
        end = Signal(init=1)
        following = (position + 1)[:len(position)]
        sent = self.o.valid & self.o.ready
        m.d.comb += [
            read.addr.eq(Mux(sent, following, position)),
            write.addr.eq(position),
            write.data.eq(self.i.payload),
            write.en.eq(self.i.valid),
            self.end.eq(end),
            self.o.payload.eq(read.data),
            self.o.valid.eq(self.offer & ~end),
        ]
        with m.If(self.i.valid | sent):
            m.d.sync += [position.eq(following), end.eq(following == self.size)]
        with m.Elif(self.rewind):
            m.d.sync += [position.eq(0), end.eq(self.size == 0)]
        return m
