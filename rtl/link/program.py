"""Carries out a program in the sample store: what a host does, without a host."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from bep_model.program import BYTES, STEP_BYTES, Kind
from bep_model.protocol import Opcode
from rtl.link.packets import Request


class Program(wiring.Component):
    """Check a program once after reset, then carry out its steps (:mod:`bep_model.program`).

    It works only in its turns: while ``turn`` is high, the store and the executor are its own. A
    turn is the check, or one step; AWAIT takes a turn for each reading. A program whose CRC is
    wrong, a step that there is not, and EXPECT of another value make it fail.

    Timing: a turn ends in the clock after ``wanted`` fell.

    Parameters
    ----------
    address_bits : int
        The store has ``1 << address_bits`` bytes.
    start : int
        Address of the program, a multiple of its size ``BYTES``.

    Members
    -------
    turn : In(1)
    wanted : Out(1)
        It needs a turn, or goes on with the present one.
    stop : In(1)
        Give up; not in a turn.
    executor : Out(Request)
    address : Out(address_bits)
        Of the next byte to read; steady while ``open`` is high.
    open : Out(1)
        Read bytes from the store.
    data : In(stream.Signature(8))
        Those bytes.
    checking : Out(1)
        They go to the CRC too, whose value ``crc`` is.
    crc : In(16)
    running : Out(1)
        Neither ended nor failed nor stopped.
    failed : Out(1)
        It stays high until reset.

    Raises
    ------
    ValueError
        If ``start`` is no multiple of the size, or not in the store.
    """

    def __init__(self, address_bits, start):
        if start % BYTES or not 0 <= start <= (1 << address_bits) - BYTES:
            raise ValueError(f"start must be a multiple of {BYTES} up to "
                             f"{(1 << address_bits) - BYTES}, not {start}")
        self.address_bits = address_bits
        self.start = start
        super().__init__({
            "turn": In(1),
            "wanted": Out(1),
            "stop": In(1),
            "executor": Out(Request),
            "address": Out(address_bits),
            "open": Out(1),
            "data": In(stream.Signature(8)),
            "checking": Out(1),
            "crc": In(16),
            "running": Out(1),
            "failed": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        executor, data, turn = self.executor, self.data, self.turn
        position = Signal(range(BYTES))  # of the step, or of the byte that is checked
        left = Signal(range(STEP_BYTES + 1))  # bytes of the step
        kind, differs = Signal(Kind), Signal()
        taken = Signal()
        m.d.comb += [
            taken.eq(data.valid & data.ready),
            self.running.eq(1),
            executor.opcode.eq(Mux(kind == Kind.WRITE, Opcode.WRITE, Opcode.READ)),
            executor.payload.payload.eq(data.payload),
            self.address.eq(Cat(Mux(self.checking, 0, position), Const(
                self.start // BYTES, self.address_bits - len(position)))),
        ]
        with m.If(taken):
            m.d.sync += left.eq(left - 1)

        # What is given to the executor: all of a WRITE, or the address alone. The rest is compared.
        given = Mux(kind == Kind.WRITE, left != 0, left == STEP_BYTES - 1)
        with m.FSM():
            with m.State("CHECK"):
                m.d.comb += [self.checking.eq(1), self.wanted.eq(1), self.open.eq(turn),
                             data.ready.eq(turn)]
                with m.If(taken):
                    m.d.sync += position.eq(position + 1)
                    with m.If(position == BYTES - 1):
                        m.next = "JUDGE"
                with m.If(self.stop):
                    m.next = "ENDED"
            with m.State("JUDGE"):
                m.next = "KIND"
                with m.If(self.crc != 0):
                    m.next = "FAILED"
            with m.State("KIND"):
                m.d.comb += [self.wanted.eq(1), self.open.eq(turn), data.ready.eq(turn)]
                with m.If(~turn):
                    m.d.sync += [left.eq(STEP_BYTES), differs.eq(0)]
                with m.If(taken):
                    m.d.sync += kind.eq(data.payload)
                    with m.Switch(data.payload):
                        with m.Case(Kind.AWAIT, Kind.WRITE, Kind.EXPECT):
                            m.next = "STEP"
                        with m.Case(Kind.END):
                            m.next = "ENDED"
                        with m.Default():
                            m.next = "FAILED"
                with m.If(self.stop):
                    m.next = "ENDED"
            with m.State("STEP"):
                m.d.comb += [self.wanted.eq(1), self.open.eq(left != 0), executor.active.eq(1)]
                with m.If(given):
                    m.d.comb += [executor.payload.valid.eq(data.valid),
                                 data.ready.eq(executor.payload.ready)]
                with m.Elif(left != 0):
                    m.d.comb += [executor.answer.ready.eq(data.valid),
                                 data.ready.eq(executor.answer.valid)]
                    with m.If(taken & (data.payload != executor.answer.payload)):
                        m.d.sync += differs.eq(1)
                with m.If((left == 0) & executor.done):
                    m.next = "NEXT"
            with m.State("NEXT"):
                m.next = "KIND"
                with m.If(~differs):
                    m.d.sync += position.eq(position + STEP_BYTES)
                with m.Elif(kind == Kind.EXPECT):
                    m.next = "FAILED"
            with m.State("ENDED"):
                m.d.comb += self.running.eq(0)
            with m.State("FAILED"):
                m.d.comb += [self.running.eq(0), self.failed.eq(1)]
        return m
