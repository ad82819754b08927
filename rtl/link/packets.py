"""Stores, checks and refuses request packets, and frames answers."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from bep_model.protocol import ANSWER, NUMBERED, REFUSED, Opcode, Refusal, payload_bytes
from rtl.link.buffer import Buffer
from rtl.link.framer import Field, Framer
from rtl.link.items import Items

MAX_LENGTH = 0xFFFF
"""Largest payload that the length field of a packet can state, in bytes."""

Request = wiring.Signature({
    "active": Out(1),
    "opcode": Out(Opcode),
    "payload": Out(stream.Signature(8)),
    "answer": In(stream.Signature(8)),
    "owed": Out(1),
    "done": In(1),
})
"""A request that was accepted, seen from the receiver.

``active`` is high from two cycles after its last byte to the last byte of its answer. ``payload``
is valid until all bytes have been taken. ``answer`` takes as many bytes as the request asks for;
``owed`` is high while some are still to come. ``done`` says that the request was carried out.
"""


class Packets(wiring.Component):
    """Receive a request packet, offer its payload if it is good, and frame the answer.

    A request is stored and checked before any of its bytes is offered. It is refused as soon as its
    length is more than ``payload_bytes(config)``; what follows is then no part of it. Else it is
    refused for the first of these reasons: its CRC is wrong; it is numbered, but not the next one;
    its opcode is unknown; its payload is not a whole number of items, or asks for an answer of more
    than 65,535 bytes. No byte is taken from ``i`` while a request is being answered.
    :class:`rtl.link.framer.Framer` describes which bytes are skipped and packets abandoned.

    Timing: one byte per cycle on every stream. The answer's first byte is offered in the cycle
    after the request's last byte, its CRC after its payload and when ``done`` is high. Reset
    abandons a packet.

    Parameters
    ----------
    config : Config
    timeout : int
        Clock cycles, 1..2**32-1.
    counters, store : bool
        As for :class:`rtl.link.items.Items`.

    Members
    -------
    i : In(stream.Signature(8))
        Bytes from the host.
    o : Out(stream.Signature(8))
        Bytes to the host.
    request : Out(Request)
        The request to carry out.
    busy : Out(1)
        A request is being answered.
    refused : Out(1)
        The last request was refused.
    steps : In(range(T_max + 1))
        Value of register STEPS, the steps of a sample; only in a recurrent trainer.

    Raises
    ------
    TypeError, ValueError
        If ``timeout`` has a wrong type or range, or samples or counter words of the configuration
        do not fit a packet.
    """

    def __init__(self, config, timeout, counters=True, store=False):
        if isinstance(timeout, bool) or not isinstance(timeout, int):
            raise TypeError(f"timeout must be an integer, not {timeout!r}")
        if not 1 <= timeout < 1 << 32:
            raise ValueError(f"timeout must be between 1 and {(1 << 32) - 1}, not {timeout}")
        if payload_bytes(config) > MAX_LENGTH:
            raise ValueError(f"a sample or counter word must fit a packet of {MAX_LENGTH} bytes, "
                             f"not need {payload_bytes(config)}")
        self.config = config
        self.timeout = timeout
        self.counters = counters
        self.store = store
        super().__init__({
            **({"steps": In(range(config.max_steps + 1))} if config.recurrent else {}),
            "i": In(stream.Signature(8)),
            "o": Out(stream.Signature(8)),
            "request": Out(Request),
            "busy": Out(1),
            "refused": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        depth = payload_bytes(self.config)
        m.submodules.framer = framer = Framer(self.timeout)
        m.submodules.buffer = buffer = Buffer(depth)
        m.submodules.items = items = Items(self.config, self.counters, self.store)
        request, field = self.request, framer.field
        connect(m, flipped(self.i), framer.i)
        connect(m, framer.o, flipped(self.o))
        connect(m, buffer.o, flipped(request.payload))
        if self.config.recurrent:
            m.d.comb += items.steps.eq(self.steps)

        answering = self.busy  # while it is low, a request is being received
        # That of a request, without the multiplexer of both directions that `passed` goes through.
        received = framer.i.valid & framer.i.ready
        in_payload = field == Field.PAYLOAD
        # Bytes of the request's payload; what depends on them is known when the payload begins.
        size, size_next = Signal(16), Signal(16)
        length_low = ~answering & (field == Field.LENGTH_LOW)
        length_high = ~answering & (field == Field.LENGTH_HIGH)
        number, due = Signal(8), Signal(8)  # the request's, and that of the next numbered one
        due_next = (number + 1)[:7] | NUMBERED
        refusal = Signal(Refusal)
        too_long = Signal()  # in the first cycle of a payload
        m.d.sync += too_long.eq(received & length_high & (size_next > depth))
        m.d.comb += [
            size_next[:8].eq(Mux(length_low, self.i.payload, size[:8])),
            size_next[8:].eq(Mux(length_high, self.i.payload, size[8:])),
            framer.send.eq(answering),
            framer.drop.eq(too_long),
            framer.number.eq(Mux(self.refused, due, number)),
            framer.opcode.eq(Mux(self.refused, REFUSED, ANSWER | items.opcode)),
            framer.length.eq(items.left),
            framer.payload.payload.eq(Mux(self.refused, refusal, request.answer.payload)),
            framer.payload.valid.eq(self.refused | request.answer.valid),
            framer.more.eq(Mux(answering, request.owed, ~buffer.end & ~too_long)),
            framer.hold.eq(answering & ~self.refused & ~request.done),
            buffer.i.payload.eq(self.i.payload),
            buffer.i.valid.eq(received & in_payload),
            buffer.size.eq(size_next),
            buffer.rewind.eq(received & (field != Field.CRC_LOW)),
            buffer.offer.eq(request.active),
            items.byte.eq(self.i.payload),
            items.start.eq(received & (field == Field.OPCODE)),
            items.payload.eq(received & in_payload),
            items.size.eq(size),
            items.sent.eq(framer.o.valid & framer.o.ready & in_payload),
            items.refuse.eq(answering & self.refused & (field == Field.SYNC)),
            request.opcode.eq(items.opcode),
            request.owed.eq(items.left != 0),
            request.answer.ready.eq(framer.payload.ready & ~self.refused),
        ]
        with m.If(received & (field == Field.NUMBER)):
            m.d.sync += number.eq(self.i.payload)
        with m.If(received):
            m.d.sync += size.eq(size_next)

        ended = framer.passed & (field == Field.CRC_HIGH)
        with m.If(ended):
            m.d.sync += answering.eq(~answering)
        with m.If(received & (field == Field.CRC_HIGH)):
            m.d.sync += self.refused.eq(1)
            with m.If(~framer.good):
                m.d.sync += refusal.eq(Refusal.CRC)
            with m.Elif(number[-1] & (number != due)):
                m.d.sync += refusal.eq(Refusal.NUMBER)
            with m.Elif(items.opcode == 0):
                m.d.sync += refusal.eq(Refusal.OPCODE)
            with m.Elif(~items.whole | (items.left > MAX_LENGTH)):
                m.d.sync += refusal.eq(Refusal.LENGTH)
            with m.Else():
                m.d.sync += [self.refused.eq(0), due.eq(due_next)]
        with m.If(too_long):
            m.d.sync += [answering.eq(1), self.refused.eq(1), refusal.eq(Refusal.LENGTH)]
        # High from the second cycle of an answer to its last byte.
        m.d.sync += request.active.eq(answering & ~self.refused & ~ended)
        with m.If(framer.expired):
            m.d.sync += [answering.eq(0), request.active.eq(0)]
        return m
