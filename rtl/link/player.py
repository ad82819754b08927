"""Plays epochs of stored samples to the trainer, between the requests of the host."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.crc.catalog import CRC16_CCITT_FALSE
from amaranth.lib.wiring import In, Out

from bep_model.protocol import Opcode, sample_bytes, slot_bits, step_bytes
from bep_model.registers import link_registers
from rtl.link.packets import Request
from rtl.link.program import Program
from rtl.parts.times import times
from rtl.registers import Bus
from rtl.store.order import Order
from rtl.store.ports import store_signature


class Turn(enum.Enum, shape=3):
    """Who uses the executor and the store."""

    NOBODY = 0
    HOST = 1
    TRAINER = 2
    """A stored sample goes to the trainer."""
    CHECK = 3
    """A stored sample goes to the CRC."""
    PROGRAM = 4
    """A step of the stored program is carried out."""


class Player(wiring.Component):
    """Read the samples of an epoch from the store, and hand them over as the host would.

    It stands between the packets and the executor. A stored sample is a request SAMPLES to the
    executor, whose answer is dropped: results are counted by the trainer's registers. A request of
    the host comes between two samples. It also comes before a sample of which the trainer has not
    taken anything, which is then read again: so the host is served even if the trainer takes no
    samples.

    With a program, :class:`rtl.link.program.Program` has its turns when the host has none and no
    samples are left. A request that does more than read stops it.

    Sample n of the store lies at byte address n << ``slot_bits(config)``, in the form of a request
    SAMPLES. The checksum is the CRC of packets.

    Timing: the next sample is opened 5 clocks after the last byte of the one before; from then on
    bytes pass as store and executor allow, one per clock to the CRC.

    Parameters
    ----------
    config : Config
    address_bits : int
        The store has ``1 << address_bits`` bytes, room for at least two samples.
    program : int, optional
        Address in the store of a program that is carried out after reset.

    Members
    -------
    request : In(Request)
        Requests of the host.
    executor : Out(Request)
        To the executor: requests of the host but STORE, and stored samples.
    accepted : In(1)
        The trainer takes a beat.
    bus : In(Bus)
        The registers of the store, see :func:`bep_model.registers.link_registers`. Others read 0.
    steps : In(range(T_max + 1))
        Steps of a stored sample; only in a recurrent trainer.
    store : Out(store_signature(address_bits))
    running : Out(1)
        An epoch or a check has samples left, or the program runs.
    failed : Out(1)
        The program failed; only with a program.

    Raises
    ------
    ValueError
        If the store is too small, or a program cannot be at this address.
    """

    def __init__(self, config, address_bits, program=None):
        self.config = config
        self.address_bits = address_bits
        self.program = program
        self._program = None if program is None else Program(address_bits, program)
        self.number_bits = address_bits - slot_bits(config)
        if self.number_bits < 1:
            raise ValueError(f"a store must have room for two samples of {1 << slot_bits(config)} "
                             f"bytes, not {1 << address_bits} bytes in all")
        super().__init__({
            **({"steps": In(range(config.max_steps + 1))} if config.recurrent else {}),
            "request": In(Request),
            "executor": Out(Request),
            "accepted": In(1),
            "bus": In(Bus),
            "store": Out(store_signature(address_bits)),
            "running": Out(1),
            **({} if program is None else {"failed": Out(1)}),
        })

    def elaborate(self, platform):
        m = Module()
        config, request, executor, store = self.config, self.request, self.executor, self.store
        m.submodules.order = order = Order(self.number_bits)
        base = Signal(self.number_bits)
        checking = Signal()
        m.submodules.crc = crc = CRC16_CCITT_FALSE(data_width=8).create()
        self._registers(m, order, base, checking, crc)

        turn = Signal(Turn)
        taken = Signal()  # the trainer has taken some of the sample
        size = Const(sample_bytes(config)) if not config.recurrent \
            else times(self.steps, step_bytes(config)) + 1
        left = Signal(range(sample_bytes(config) + 1))  # bytes of the sample
        for_store = request.opcode == Opcode.STORE
        reading = (turn == Turn.TRAINER) | (turn == Turn.CHECK)
        more = left != 0
        ended = order.o.valid & order.o.ready
        m.d.comb += [
            store.open.eq(reading & more),
            store.address.eq(Cat(Const(0, slot_bits(config)), (order.o.payload + base)
                                 [:self.number_bits])),
            order.o.ready.eq(reading & ~more & ((turn == Turn.CHECK) | executor.done)),
        ]
        with m.If(store.data.valid & store.data.ready):
            m.d.sync += left.eq(left - 1)
        with m.If(self.accepted):
            m.d.sync += taken.eq(1)

        with m.Switch(turn):
            with m.Case(Turn.NOBODY):
                m.d.sync += [left.eq(size), taken.eq(0)]
                with m.If(request.active):
                    m.d.sync += turn.eq(Turn.HOST)
                with m.Elif(order.o.valid):
                    m.d.sync += turn.eq(Mux(checking, Turn.CHECK, Turn.TRAINER))
            with m.Case(Turn.HOST):
                m.d.comb += [store.select.eq(request.active & for_store),
                             executor.active.eq(request.active & ~for_store)]
                with m.If(~request.active):
                    m.d.sync += turn.eq(Turn.NOBODY)
            with m.Case(Turn.TRAINER):
                m.d.comb += executor.active.eq(1)
                with m.If(ended | request.active & ~taken & ~self.accepted):
                    m.d.sync += turn.eq(Turn.NOBODY)
            with m.Case(Turn.CHECK):
                with m.If(ended):
                    m.d.sync += turn.eq(Turn.NOBODY)
        m.d.comb += self.running.eq(order.running)

        # The bytes: of the store to the executor or the check, of the host to either of both.
        m.d.comb += [
            executor.opcode.eq(Mux(turn == Turn.TRAINER, Opcode.SAMPLES, request.opcode)),
            executor.owed.eq(request.owed),
            executor.payload.payload.eq(
                Mux(turn == Turn.TRAINER, store.data.payload, request.payload.payload)),
            store.command.payload.eq(request.payload.payload),
            store.command.valid.eq(store.select & request.payload.valid),
            store.reply.ready.eq(store.select & request.answer.ready),
            request.answer.payload.eq(
                Mux(store.select, store.reply.payload, executor.answer.payload)),
            crc.valid.eq((turn == Turn.CHECK) & more & store.data.valid),
            crc.data.eq(store.data.payload),
        ]
        with m.If(turn == Turn.TRAINER):
            m.d.comb += [
                executor.payload.valid.eq(more & store.data.valid),
                store.data.ready.eq(more & executor.payload.ready),
                executor.answer.ready.eq(1),
            ]
        with m.Elif(turn == Turn.CHECK):
            m.d.comb += store.data.ready.eq(more)
        with m.Elif(store.select):
            m.d.comb += [
                request.payload.ready.eq(store.command.ready),
                request.answer.valid.eq(store.reply.valid),
                request.done.eq(~request.payload.valid),
            ]
        with m.Elif(turn == Turn.HOST):
            m.d.comb += [
                executor.payload.valid.eq(request.payload.valid),
                request.payload.ready.eq(executor.payload.ready),
                request.answer.valid.eq(executor.answer.valid),
                executor.answer.ready.eq(request.answer.ready),
                request.done.eq(executor.done),
            ]
        if self._program is not None:
            self._programmed(m, self._program, turn, order, crc)
        return m

    def _programmed(self, m, program, turn, order, crc):
        """Add the program, and give it turns."""
        m.submodules.program = program
        executor, request, store = self.executor, self.request, self.store
        reads = (request.opcode == Opcode.READ) | (request.opcode == Opcode.STATE_READ)
        m.d.comb += [
            self.running.eq(order.running | program.running),
            self.failed.eq(program.failed),
            program.stop.eq((turn == Turn.HOST) & request.active & ~reads),
            program.turn.eq(turn == Turn.PROGRAM),
            program.crc.eq(crc.crc),
            program.executor.done.eq(executor.done),
            program.executor.payload.ready.eq(executor.payload.ready),
            program.executor.answer.valid.eq(executor.answer.valid),
            program.executor.answer.payload.eq(executor.answer.payload),
            program.data.payload.eq(store.data.payload),
        ]
        with m.If((turn == Turn.NOBODY) & ~request.active & ~order.running & program.wanted):
            m.d.sync += turn.eq(Turn.PROGRAM)
        with m.If(turn == Turn.PROGRAM):
            m.d.comb += [
                store.open.eq(program.open),
                store.address.eq(program.address),
                store.data.ready.eq(program.data.ready),
                program.data.valid.eq(store.data.valid),
                executor.active.eq(program.executor.active),
                executor.opcode.eq(program.executor.opcode),
                executor.payload.valid.eq(program.executor.payload.valid),
                executor.payload.payload.eq(program.executor.payload.payload),
                executor.answer.ready.eq(program.executor.answer.ready),
                crc.valid.eq(program.checking & store.data.valid),
            ]
            with m.If(~program.wanted):
                m.d.sync += turn.eq(Turn.NOBODY)

    def _registers(self, m, order, base, checking, crc):
        """Add the registers."""
        table, bus = link_registers(), self.bus
        start = Signal()  # with the number of samples on the bus
        epoch, checked = table["EPOCH"].address, table["CHECK"].address
        m.d.comb += [
            start.eq(bus.write & ((bus.address == epoch) | (bus.address == checked))),
            order.start.eq(start),
            order.count.eq(bus.write_data),
            order.write.eq(bus.write & (bus.address == table["STRIDE"].address)),
            order.stride.eq(bus.write_data),
            crc.start.eq(start),
        ]
        with m.If(start):
            m.d.sync += checking.eq(bus.address == checked)
        with m.If(bus.write & (bus.address == table["BASE"].address)):
            m.d.sync += base.eq(bus.write_data)
        value = Signal(len(crc.crc))  # of the register that was addressed
        m.d.sync += value.eq(0)
        m.d.comb += bus.read_data.eq(value)
        with m.Switch(bus.address):
            with m.Case(table["STORE"].address):
                m.d.sync += value.eq(len(self.store.address))
            with m.Case(epoch):
                m.d.sync += value.eq(order.running)
            with m.Case(checked):
                m.d.sync += value.eq(crc.crc)
