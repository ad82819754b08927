"""Framing of request and answer packets: storing, checking, refusing."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import enum, memory, stream, wiring
from amaranth.lib.crc.catalog import CRC16_CCITT_FALSE
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from bep_model.protocol import (
    ANSWER,
    REFUSED,
    SYNC,
    Opcode,
    Refusal,
    item_bytes,
    payload_bytes,
    sample_bytes,
    state_bytes,
    step_bytes,
)
from rtl.parts.times import times

MAX_LENGTH = 0xFFFF
"""Largest payload that the length field of a packet can state, in bytes."""


class Field(enum.Enum, shape=3):
    """Where in a packet the next byte belongs, received or sent."""

    SYNC = 0
    OPCODE = 1
    LENGTH_LOW = 2
    LENGTH_HIGH = 3
    PAYLOAD = 4
    CRC_LOW = 5
    CRC_HIGH = 6


class Packets(wiring.Component):
    """Receive a request packet, offer its payload if it is good, and frame the answer.

    A request is stored and checked before anything of it is offered. Refused, in this order, are
    a wrong CRC; an unknown opcode; a payload that is longer than ``payload_bytes(config)``, is no
    whole number of items, or asks for an answer of more than 65,535 bytes. Bytes outside packets
    are skipped up to the next SYNC. No byte is taken from ``i`` while a request is being answered.

    A packet, request or answer, in which no byte moves for ``timeout`` cycles, rounded up to
    a power of two, is abandoned.

    Timing: one byte per cycle on every stream. The answer's first byte is offered in the cycle
    after the request's last byte, its CRC once its payload has gone and ``done`` is high. Reset
    abandons a packet.

    Parameters
    ----------
    config : Config
    timeout : int
        Clock cycles, 1..2**32-1.

    Members
    -------
    i : In(stream.Signature(8))
        Bytes from the host.
    o : Out(stream.Signature(8))
        Bytes to the host.
    active : Out(1)
        High from two cycles after the last byte of an accepted request to the last byte of its
        answer.
    opcode : Out(3)
        Opcode of that request.
    payload : Out(stream.Signature(8))
        Its payload; valid until all bytes have been taken.
    answer : In(stream.Signature(8))
        Payload of the answer: as many bytes as the request asks for.
    owed : Out(1)
        Bytes of that are still to come.
    done : In(1)
        Everything that the request asks for has been carried out.
    busy : Out(1)
        A request is being answered.
    refused : Out(1)
        The last request was refused.
    steps : In(11)
        Register STEPS, of a recurrent trainer: how long a sample is.

    Raises
    ------
    TypeError, ValueError
        For a ``timeout`` of wrong type or range, and for a configuration whose samples or counter
        words do not fit a packet.
    """

    i: In(stream.Signature(8))
    o: Out(stream.Signature(8))
    active: Out(1)
    opcode: Out(3)
    payload: Out(stream.Signature(8))
    answer: In(stream.Signature(8))
    owed: Out(1)
    done: In(1)
    busy: Out(1)
    refused: Out(1)
    steps: In(11)

    def __init__(self, config, timeout):
        if isinstance(timeout, bool) or not isinstance(timeout, int):
            raise TypeError(f"timeout must be an integer, not {timeout!r}")
        if not 1 <= timeout < 1 << 32:
            raise ValueError(f"timeout must be between 1 and {(1 << 32) - 1}, not {timeout}")
        if payload_bytes(config) > MAX_LENGTH:
            raise ValueError(f"a sample or counter word must fit a packet of {MAX_LENGTH} bytes, "
                             f"not need {payload_bytes(config)}")
        self.config = config
        self.timeout = timeout
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.submodules.crc = crc = CRC16_CCITT_FALSE(data_width=8).create()

        field = Signal(Field)
        answering = self.busy  # low: the packet that is passing is a request
        byte = Signal(8)  # the byte that is passing, in this cycle if `passed`
        passed = Signal()
        more = Signal()  # payload bytes are still to come
        size = Signal(16)  # bytes of the request's payload
        position = Signal(16)  # of the next one
        # Bytes of the answer's payload, then of these still to send: all that a request can ask for
        left = Signal(max(17, (4 * payload_bytes(self.config)).bit_length(),
                          16 + state_bytes(self.config).bit_length()))
        more_left = Signal(signed(len(left)))  # what changes it, in one adder
        m.d.sync += left.eq(left + more_left)
        refusal = Signal(Refusal)
        in_payload = field == Field.PAYLOAD
        crc_byte = Mux(field == Field.CRC_HIGH, crc.crc[8:], crc.crc[:8])

        m.d.comb += [
            more.eq(Mux(answering, left != 0, position != size)),
            passed.eq(Mux(answering, self.o.valid & self.o.ready, self.i.valid & self.i.ready)),
            self.owed.eq(left != 0),
            self.i.ready.eq(~answering & (~in_payload | more)),
            self.o.valid.eq(answering & (~in_payload | more & (self.refused | self.answer.valid))),
            self.o.payload.eq(byte),
            self.answer.ready.eq(answering & in_payload & more & ~self.refused & self.o.ready),
            crc.start.eq(field == Field.SYNC),
            crc.valid.eq(passed & ~((field == Field.SYNC) | (field == Field.CRC_LOW)
                                    | (field == Field.CRC_HIGH))),
            crc.data.eq(byte),
        ]
        with m.If(~answering):
            m.d.comb += byte.eq(self.i.payload)
        with m.Else():
            with m.Switch(field):
                with m.Case(Field.SYNC):
                    m.d.comb += byte.eq(SYNC)
                with m.Case(Field.OPCODE):
                    m.d.comb += byte.eq(Mux(self.refused, REFUSED, ANSWER | self.opcode))
                with m.Case(Field.LENGTH_LOW):
                    m.d.comb += byte.eq(left[:8])
                with m.Case(Field.LENGTH_HIGH):
                    m.d.comb += byte.eq(left[8:16])
                with m.Case(Field.PAYLOAD):
                    m.d.comb += byte.eq(Mux(self.refused, refusal, self.answer.payload))
                with m.Default():
                    m.d.comb += byte.eq(crc_byte)

        # Field after field; the order is that of the enumeration.
        ended = in_payload & ~more & (~answering | self.refused | self.done)
        with m.If(field == Field.CRC_HIGH):
            with m.If(passed):
                m.d.sync += field.eq(Field.SYNC)
        with m.Elif(field == Field.SYNC):
            with m.If(passed & (byte == SYNC)):
                m.d.sync += field.eq(Field.OPCODE)
        with m.Elif(Mux(in_payload, ended, passed)):
            m.d.sync += field.eq(field.as_value() + 1)

        self._store(m, field, byte, passed & ~answering, size, position)
        fits = self._count_items(m, field, byte, passed & ~answering, size, left, more_left)

        wrong = Signal()  # the first CRC byte differs
        with m.If(passed & (field == Field.CRC_LOW)):
            m.d.sync += wrong.eq(byte != crc_byte)
        with m.If(passed & (field == Field.CRC_HIGH)):
            m.d.sync += answering.eq(~answering)
            with m.If(~answering):
                with m.If(wrong | (byte != crc_byte)):
                    m.d.sync += [self.refused.eq(1), refusal.eq(Refusal.CRC)]
                with m.Elif(self.opcode == 0):
                    m.d.sync += [self.refused.eq(1), refusal.eq(Refusal.OPCODE)]
                with m.Elif(~fits):
                    m.d.sync += [self.refused.eq(1), refusal.eq(Refusal.LENGTH)]
                with m.Else():
                    m.d.sync += self.refused.eq(0)
        with m.If(answering):
            with m.If(passed & in_payload):
                m.d.comb += more_left.eq(-1)
            with m.If(self.refused):
                with m.If(field == Field.SYNC):
                    m.d.sync += left.eq(0)
                with m.If(passed & (field == Field.OPCODE)):
                    m.d.comb += more_left.eq(1)
        # One cycle late: by then the buffer shows the first payload byte.
        m.d.sync += self.active.eq(answering & ~self.refused
                                   & ~(passed & (field == Field.CRC_HIGH)))

        timer = Signal(ceil_log2(self.timeout) + 1)
        m.d.sync += timer.eq(timer + 1)
        with m.If(passed | ~answering & (field == Field.SYNC)):
            m.d.sync += timer.eq(0)
        with m.Elif(timer[-1]):
            m.d.sync += [field.eq(Field.SYNC), answering.eq(0), self.active.eq(0)]
        return m

    def _store(self, m, field, byte, received, size, position):
        """Keep the payload of a request and offer it while the request is active."""
        m.submodules.buffer = buffer = memory.Memory(
            shape=8, depth=payload_bytes(self.config), init=[])
        # Written and read at different times: no transparency needed.
        write, read = buffer.write_port(), buffer.read_port()
        following = Signal.like(position)
        m.d.comb += [
            following.eq(position),
            read.addr.eq(following),
            write.addr.eq(position),
            write.data.eq(byte),
            # A payload that is too long overwrites its own beginning; it is refused.
            write.en.eq(received & (field == Field.PAYLOAD)),
            self.payload.payload.eq(read.data),
            self.payload.valid.eq(self.active & (position != size)),
        ]
        m.d.sync += position.eq(following)
        taken = self.payload.valid & self.payload.ready
        with m.If(taken | received & (field == Field.PAYLOAD)):
            m.d.comb += following.eq(position + 1)
        with m.Elif(received & (field != Field.CRC_LOW)):
            m.d.comb += following.eq(0)
        with m.If(received):
            with m.If(field == Field.LENGTH_LOW):
                m.d.sync += size[:8].eq(byte)
            with m.If(field == Field.LENGTH_HIGH):
                m.d.sync += size[8:].eq(byte)

    def _count_items(self, m, field, byte, received, size, left, more_left):
        """Cut the payload of a request into items and add the answer's length up in ``left``.

        Returns
        -------
        Value
            Whether request and answer have a legal length, at the end of the request.
        """
        counter_bytes = state_bytes(self.config)
        longest = item = sample_bytes(self.config)
        if self.config.recurrent:
            item = times(self.steps, step_bytes(self.config)) + 1
        table = item_bytes(self.config, item)
        count = Signal(range(max(6, longest, counter_bytes)))  # bytes left in the item, less one
        whole = Signal()

        with m.If(received & (field == Field.OPCODE)):
            m.d.sync += [self.opcode.eq(0), left.eq(0)]
            with m.Switch(byte):
                for opcode, (first, _, _) in table.items():
                    with m.Case(opcode):
                        m.d.sync += [self.opcode.eq(opcode), count.eq(first - 1)]
            m.d.sync += whole.eq((byte != Opcode.STATE_READ) & (byte != Opcode.STATE_WRITE))
        with m.If(received & (field == Field.PAYLOAD)):
            m.d.sync += [count.eq(count - 1), whole.eq(count == 0)]
            with m.If(count == 0):
                with m.Switch(self.opcode):
                    for opcode, (_, others, gain) in table.items():
                        with m.Case(opcode):
                            m.d.sync += count.eq(others - 1)
                            m.d.comb += more_left.eq(gain)
        # The last two bytes of a STATE_READ are the number of words, low byte first. Multiplied in
        # one cycle and added in the next one, which is early enough for the end of the CRC.
        product, counted, low = Signal.like(left), Signal(), Signal()
        m.d.sync += [
            product.eq(times(self.i.payload, counter_bytes)), low.eq(count[0]),
            counted.eq(received & (field == Field.PAYLOAD) & (self.opcode == Opcode.STATE_READ)
                       & (count[1:] == 0)),
        ]
        with m.If(counted):
            m.d.comb += more_left.eq(Mux(low, product, product << 8))
        single = (self.opcode != Opcode.STATE_READ) | (size == table[Opcode.STATE_READ][0])
        return whole & single & (size <= payload_bytes(self.config)) & (left[16:] == 0)
