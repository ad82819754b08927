"""Host link: carries out request packets on the ports of a trainer."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from bep_model.config import Config
from bep_model.registers import LINK, link_registers, link_value, registers
from rtl.link.executor import Executor
from rtl.link.packets import Packets
from rtl.link.player import Player
from rtl.parts.layouts import result_layout, sample_layout
from rtl.parts.state_port import state_signature
from rtl.registers import Bus
from rtl.store.ports import store_signature


class Link(wiring.Component):
    """Carry out request packets on a trainer and answer each with one packet.

    Packets and opcodes are those of :mod:`bep_model.protocol`; :class:`rtl.link.packets.Packets`
    describes which ones are refused. State addresses must stay below ``config.counter_depth``. Bits
    of an address, value or label that the trainer lacks are ignored.

    The trainer must be in a mode that takes samples before SAMPLES, and between samples before
    STATE_READ and STATE_WRITE; otherwise the answer is abandoned after ``timeout``. Samples that
    the trainer has taken by then stay taken, and their results are dropped; a counter word is
    written as a whole or not at all.

    Timing: bytes are taken one per clock, with a window one per two clocks. Besides their transfer,
    an item of READ takes 4 cycles, an item of WRITE 7, a beat of a sample ``word_bytes(P) + 2``,
    the last one 3, if the trainer is ready; the first item one more. Reset abandons a request.

    Parameters
    ----------
    config : Config
    timeout : int
        Clock cycles, 1..2**32-1, rounded up to a power of two. It must exceed the longest wait for
        the trainer: a batch of updates and a reinforcement sweep, or an initialisation.
    counters : bool
        There are counters. Else STATE_READ and STATE_WRITE are refused, and ``state`` is not used.
    store_bits : int, optional
        The trainer has a sample store of ``1 << store_bits`` bytes (docs/store.md).
    program : int, optional
        Address in the store of a program that is carried out after reset.
    window : int
        Bytes, 0..65535, of the requests that may follow one that is not answered yet: they wait in
        a memory. Register LINK tells the host.

    Members
    -------
    i : In(stream.Signature(8))
        Bytes from the host.
    o : Out(stream.Signature(8))
        Bytes to the host.
    bus : Out(Bus)
        Registers, as in :func:`bep_model.registers.registers`. Those of
        :func:`bep_model.registers.link_registers` are the link's own.
    samples : Out(stream.Signature(sample_layout(config)))
        Beats of P bits, ``words[0]`` per sample; the label is used on the last beat.
    results : In(stream.Signature(result_layout(config)))
        One result per sample.
    state : Out(state_signature(config))
        Requests to read and write counter words, and their bytes.
    busy : Out(1)
        A request is being carried out or answered, or an epoch of stored samples or a program
        runs.
    store : Out(store_signature(store_bits))
        Only with a sample store.
    refused : Out(1)
        The last request was refused, or the program failed.

    Raises
    ------
    TypeError, ValueError
        If ``config``, ``timeout`` or ``window`` has a wrong type or range, or samples or counter
        words of the configuration do not fit a packet.
    """

    def __init__(self, config, timeout, counters=True, store_bits=None, program=None, window=0):
        if not isinstance(config, Config):
            raise TypeError(f"config must be a Config, not {config!r}")
        if not 0 <= window <= 0xFFFF:
            raise ValueError(f"window must be between 0 and 65535, not {window}")
        self.window = window
        self.config = config
        self.timeout = timeout
        self.counters = counters
        self.store_bits = store_bits
        self.program = program
        self._packets = Packets(config, timeout, counters, store=store_bits is not None)
        self._player = None if store_bits is None else Player(
            config, store_bits, program)
        super().__init__({
            **({} if store_bits is None else {"store": Out(store_signature(store_bits))}),
            "i": In(stream.Signature(8)),
            "o": Out(stream.Signature(8)),
            "bus": Out(Bus),
            "samples": Out(stream.Signature(sample_layout(config))),
            "results": In(stream.Signature(result_layout(config))),
            "state": Out(state_signature(config)),
            "busy": Out(1),
            "refused": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.packets = packets = self._packets
        m.submodules.executor = executor = Executor(self.config, self.counters)
        if self.window:
            m.submodules.waiting = waiting = fifo.SyncFIFOBuffered(width=8, depth=self.window)
            connect(m, flipped(self.i), waiting.w_stream)
            # A register behind the memory, which is late; it passes a byte every other clock.
            taken, byte = waiting.r_stream, packets.i
            m.d.comb += taken.ready.eq(~byte.valid)
            with m.If(taken.ready):
                m.d.sync += [byte.valid.eq(taken.valid), byte.payload.eq(taken.payload)]
            with m.Elif(byte.ready):
                m.d.sync += byte.valid.eq(0)
        else:
            connect(m, flipped(self.i), packets.i)
        connect(m, packets.o, flipped(self.o))
        for port in ("samples", "results", "state"):
            connect(m, getattr(executor, port), flipped(getattr(self, port)))
        m.d.comb += [self.busy.eq(packets.busy), self.refused.eq(packets.refused)]
        player = self._player
        self._registers(m, executor.bus, player and player.bus)
        if player is None:
            connect(m, packets.request, executor.request)
        else:
            m.submodules.player = player
            connect(m, packets.request, player.request)
            connect(m, player.executor, executor.request)
            connect(m, player.store, flipped(self.store))
            m.d.comb += [
                self.busy.eq(packets.busy | player.running),
                player.accepted.eq(self.samples.valid & self.samples.ready),
            ]
            if self.program is not None:
                m.d.comb += self.refused.eq(packets.refused | player.failed)
        if self.config.recurrent:  # the length of a sample follows register STEPS
            steps = Signal.like(packets.steps)
            address = registers(self.config)["STEPS"].address
            with m.If(self.bus.write & (self.bus.address == address)):
                m.d.sync += steps.eq(self.bus.write_data)
            m.d.comb += [block.steps.eq(steps) for block in (packets, executor, player) if block]
        return m

    def _registers(self, m, bus, store):
        """Connect the executor's bus to the registers of the trainer and of the store, if any."""
        own, told = Signal(), Signal()  # a register of the link, and LINK, was addressed
        m.d.sync += [own.eq(bus.address[4:] == LINK >> 4),
                     told.eq(bus.address == link_registers()["LINK"].address)]
        value = Mux(told, link_value(self.window), 0)
        for side in (self.bus, *[store] * (store is not None)):
            m.d.comb += [side.address.eq(bus.address), side.write.eq(bus.write),
                         side.write_data.eq(bus.write_data)]
        if store is not None:
            value |= store.read_data
        m.d.comb += bus.read_data.eq(Mux(own, value, self.bus.read_data))
