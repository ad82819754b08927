"""The CRC of a stored set."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.wiring import In, Out


class Check(wiring.Component):
    """CRC-32 (that of zlib) over the bytes since ``start``, one bit at a time to be small.

    Timing: a byte takes 9 clocks. ``i.ready`` means that ``crc`` covers all bytes taken.

    Members
    -------
    start : In(1)
        Begin anew.
    i : In(stream.Signature(8))
    crc : Out(32)
    """

    start: In(1)
    i: In(stream.Signature(8))
    crc: Out(32)

    def elaborate(self, platform):
        m = Module()
        m.submodules.crc = crc = CRC32_ISO_HDLC(data_width=1).create()
        byte = Signal(8)
        left = Signal(range(9))  # bits
        busy = left != 0
        m.d.comb += [self.i.ready.eq(~busy), crc.start.eq(self.start), crc.valid.eq(busy),
                     crc.data.eq(byte[0]), self.crc.eq(crc.crc)]
        with m.If(busy):
            m.d.sync += [byte.eq(byte >> 1), left.eq(left - 1)]
        with m.Elif(self.i.valid):
            m.d.sync += [byte.eq(self.i.payload), left.eq(8)]
        with m.If(self.start):
            m.d.sync += left.eq(0)
        return m
