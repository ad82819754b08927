"""Items of a request's payload, and the length of its answer."""

from amaranth.hdl import Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from bep_model.protocol import (
    Opcode,
    item_bytes,
    payload_bytes,
    sample_bytes,
    state_bytes,
    step_bytes,
)
from rtl.parts.times import times


class Items(wiring.Component):
    """Divide the payload of a request into items, and count the bytes of the answer's payload.

    Timing: outputs follow in the next cycle, but ``left`` follows the bytes with the number of
    words of a STATE_READ by two cycles.

    Parameters
    ----------
    config : Config
    counters : bool
        There are counters, which STATE_READ and STATE_WRITE are for; else these are unknown.
    store : bool
        There is a sample store; else the opcode STORE is unknown.

    Members
    -------
    byte : In(8)
        The present byte of the request.
    start, payload : In(1)
        ``byte`` is the opcode; ``byte`` is the next byte of the payload.
    size : In(16)
        Bytes of the payload.
    sent : In(1)
        A byte of the answer's payload was sent.
    refuse : In(1)
        The answer's payload has one byte.
    opcode : Out(Opcode)
        Opcode of the request; 0 if it is unknown.
    whole : Out(1)
        The payload so far is a whole number of items; for STATE_READ, exactly one.
    left : Out(n)
        Bytes that the request asks for, minus those sent; n bits suffice for any request.
    steps : In(range(T_max + 1))
        Steps of a sample; only in a recurrent trainer.
    """

    def __init__(self, config, counters=True, store=False):
        self.config = config
        self.counters = counters
        self.store = store
        bits = max(17, (4 * payload_bytes(config)).bit_length(),
                   16 + state_bytes(config).bit_length())
        super().__init__({
            **({"steps": In(range(config.max_steps + 1))} if config.recurrent else {}),
            "byte": In(8),
            "start": In(1),
            "payload": In(1),
            "size": In(16),
            "sent": In(1),
            "refuse": In(1),
            "opcode": Out(Opcode),
            "whole": Out(1),
            "left": Out(bits),
        })

    def elaborate(self, platform):
        m = Module()
        counter_bytes = state_bytes(self.config)
        longest = item = sample_bytes(self.config)
        if self.config.recurrent:
            item = times(self.steps, step_bytes(self.config)) + 1
        table = item_bytes(self.config, item)
        if not self.store:
            del table[Opcode.STORE]
        count = Signal(range(max(6, longest, counter_bytes)))  # bytes left in the item, minus one
        complete = Signal()  # the last item is complete
        change = Signal(signed(len(self.left)))  # change of `left`, for a single adder

        m.d.sync += self.left.eq(self.left + change)
        with m.If(self.start):
            m.d.sync += [self.opcode.eq(0), self.left.eq(0)]
            with m.Switch(self.byte):
                for opcode, (first, _, _) in table.items():
                    if not self.counters and opcode in (Opcode.STATE_READ, Opcode.STATE_WRITE):
                        continue
                    with m.Case(opcode):
                        m.d.sync += [self.opcode.eq(opcode), count.eq(first - 1)]
            m.d.sync += complete.eq(
                (self.byte != Opcode.STATE_READ) & (self.byte != Opcode.STATE_WRITE))
        with m.If(self.payload):
            m.d.sync += [count.eq(count - 1), complete.eq(count == 0)]
            with m.If(count == 0):
                with m.Switch(self.opcode):
                    for opcode, (_, others, gain) in table.items():
                        with m.Case(opcode):
                            m.d.sync += count.eq(others - 1)
                            m.d.comb += change.eq(gain)
        reading = self.opcode == Opcode.STATE_READ if self.counters else Const(0)
        m.d.comb += self.whole.eq(
            complete & (~reading | (self.size == table[Opcode.STATE_READ][0])))

        # The last two bytes of a STATE_READ are the number of words, low byte first. Each is
        # multiplied in one cycle and added in the next one, in time for the end of the CRC.
        product, counted, low = Signal.like(self.left), Signal(), Signal()
        m.d.sync += [
            product.eq(times(self.byte, counter_bytes)), low.eq(count[0]),
            counted.eq(self.payload & reading & (count[1:] == 0)),
        ]
        with m.If(counted):
            m.d.comb += change.eq(Mux(low, product, product << 8))
        with m.If(self.sent):
            m.d.comb += change.eq(-1)
        with m.If(self.refuse):
            m.d.sync += self.left.eq(1)
        return m
