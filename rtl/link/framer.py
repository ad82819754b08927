"""Receives and sends the fields of packets in order, and computes their CRC."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import enum, stream, wiring
from amaranth.lib.crc.catalog import CRC16_CCITT_FALSE
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from bep_model.protocol import SYNC


class Field(enum.Enum, shape=3):
    """Field of a packet that the next byte belongs to, received or sent."""

    SYNC = 0
    NUMBER = 1
    OPCODE = 2
    LENGTH_LOW = 3
    LENGTH_HIGH = 4
    PAYLOAD = 5
    CRC_LOW = 6
    CRC_HIGH = 7


class Framer(wiring.Component):
    """Receive or send one packet at a time, field by field.

    Bytes outside packets are skipped up to the next SYNC. A packet in which no byte moves for
    ``timeout`` cycles, rounded up to a power of two, is abandoned.

    Timing: one byte per cycle; the end of the payload takes one cycle more.

    Parameters
    ----------
    timeout : int
        Clock cycles, at least 1.

    Members
    -------
    i : In(stream.Signature(8))
        Packets received.
    o : Out(stream.Signature(8))
        Packets sent.
    send : In(1)
        Send a packet; else receive one. It may change after CRC_HIGH, and with ``expired`` or
        ``drop``.
    drop : In(1)
        Forget the packet that is being received.
    number, opcode, length : In(8), In(8), In(16)
        Fields of the packet to send.
    payload : In(stream.Signature(8))
        Payload of the packet to send.
    more : In(1)
        The payload has more bytes.
    hold : In(1)
        The CRC must wait.
    field : Out(Field)
        The present field.
    passed : Out(1)
        ``byte`` passes in this cycle.
    byte : Out(8)
        The next byte of the field.
    good : Out(1)
        The CRC is right; valid with the last byte.
    expired : Out(1)
        The packet is abandoned.
    """

    i: In(stream.Signature(8))
    o: Out(stream.Signature(8))
    send: In(1)
    drop: In(1)
    number: In(8)
    opcode: In(8)
    length: In(16)
    payload: In(stream.Signature(8))
    more: In(1)
    hold: In(1)
    field: Out(Field)
    passed: Out(1)
    byte: Out(8)
    good: Out(1)
    expired: Out(1)

    def __init__(self, timeout):
        self.timeout = timeout
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.submodules.crc = crc = CRC16_CCITT_FALSE(data_width=8).create()
        i, o, send, field, passed, byte = (
            self.i, self.o, self.send, self.field, self.passed, self.byte)
        in_payload = field == Field.PAYLOAD
        crc_byte = Mux(field == Field.CRC_HIGH, crc.crc[8:], crc.crc[:8])

        m.d.comb += [
            passed.eq(i.valid & i.ready | o.valid & o.ready),
            i.ready.eq(~send & (~in_payload | self.more)),
            o.valid.eq(send & (~in_payload | self.more & self.payload.valid)),
            o.payload.eq(byte),
            self.payload.ready.eq(send & in_payload & self.more & o.ready),
            crc.start.eq(field == Field.SYNC),
            crc.valid.eq(passed & ~((field == Field.SYNC) | (field == Field.CRC_LOW)
                                    | (field == Field.CRC_HIGH))),
            crc.data.eq(byte),
        ]
        with m.If(~send):
            m.d.comb += byte.eq(i.payload)
        with m.Else():
            with m.Switch(field):
                for case, value in {
                        Field.SYNC: SYNC, Field.NUMBER: self.number, Field.OPCODE: self.opcode,
                        Field.LENGTH_LOW: self.length[:8], Field.LENGTH_HIGH: self.length[8:],
                        Field.PAYLOAD: self.payload.payload}.items():
                    with m.Case(case):
                        m.d.comb += byte.eq(value)
                with m.Default():
                    m.d.comb += byte.eq(crc_byte)

        # The fields follow in the order of the enumeration, and SYNC follows the last one.
        with m.If(Mux(in_payload, ~self.more & ~self.hold,
                      passed & ((field != Field.SYNC) | (byte == SYNC)))):
            m.d.sync += field.eq(field.as_value() + 1)

        low_good = Signal()  # the first CRC byte is right
        with m.If(passed & (field == Field.CRC_LOW)):
            m.d.sync += low_good.eq(byte == crc_byte)
        m.d.comb += self.good.eq(low_good & (byte == crc_byte))

        timer = Signal(ceil_log2(self.timeout) + 1)
        m.d.sync += timer.eq(timer + 1)
        with m.If(passed | ~send & (field == Field.SYNC)):
            m.d.sync += timer.eq(0)
        with m.Elif(timer[-1]):
            m.d.comb += self.expired.eq(1)
        with m.If(self.expired | self.drop):
            m.d.sync += field.eq(Field.SYNC)
        return m
