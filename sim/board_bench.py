"""cocotb bench of ``rtl.board.Board`` at its pins: carries out a job over the serial line.

Packets are those of ``bep_model.protocol``. The environment is that of ``sim.trainer_bench``. The
``time`` that it writes is later than the reading of the registers, by the duration of the answer.
"""

import os
from itertools import groupby
from types import SimpleNamespace

import cocotb
from amaranth.hdl import Fragment, Module
from amaranth.lib import io, wiring
from amaranth.lib.wiring import In, Out
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer, ValueChange

from bep_model.packets import PacketPort
from bep_model.protocol import payload_bytes
from rtl.board import Board
from rtl.link.serial import Serial
from rtl.store.flash import Flash
from rtl.store.sdram import Sdram
from rtl.verilog import convert
from sim import bench, chips, flash, sdram
from sim.bench import PERIOD, Bench
from sim.job import Job
from sim.streams import reset

DIVISOR = 4
"""Clock cycles per bit on the serial line: the fewest possible."""


CHIPS = {Sdram: sdram.Chip, Flash: flash.Chip}
"""The model of the chip that a store needs."""


class Pins(wiring.Component):
    """A board without button: clock, reset, the two pins of the serial line, the LEDs if they are
    asked for, and the chip of its sample store.

    Parameters
    ----------
    config, prototypes, store, **options
        As for :class:`rtl.board.Board`.

    Members
    -------
    rx : In(1)
    tx : Out(1)
    busy, refused : Out(1)
        LEDs; each only if it is among the options.
    faults_* : Out(n)
        Rules that the store's chip of this resource saw broken; only with a chip.
    """

    default_clk_frequency = 1_000_000
    get_io_buffer = staticmethod(sdram.io_buffer)

    def __init__(self, config, prototypes, store=None, **options):
        self.config = config
        self.options = options
        self.prototypes = prototypes
        self.store = store
        model = CHIPS.get(type(store))
        self.chip = model and model(store.clock_hz)
        self.resources = {("uart", 0): SimpleNamespace(rx=io.SimulationPort("i", 1),
                                                       tx=io.SimulationPort("o", 1))}
        if self.chip is not None:
            self.resources[self.chip.resource, 0] = self.chip.pads
        members = {"rx": In(1, init=1), "tx": Out(1)}
        self.leds = {name: options[name] for name in ("busy", "refused") if options.get(name)}
        for name, resource in self.leds.items():
            self.resources[resource] = io.SimulationPort("o", 1)
            members[name] = Out(1)
        if self.chip is not None:
            members[f"faults_{self.chip.resource}"] = Out(len(self.chip.rules))
        super().__init__(members)

    def request(self, name, number, *, dir):
        """Replaces the platform's method."""
        assert dir == "-"
        return self.resources[name, number]

    def verilog(self):
        """The design with the model of the chip, as the text of a simulation."""
        return convert(self) + ("" if self.chip is None else self.chip.verilog)

    def elaborate(self, platform):
        m = Module()
        transport = Serial(self.default_clk_frequency // DIVISOR)
        board = Board(self.config, self.prototypes, transport, store=self.store, **self.options)
        m.submodules.board = Fragment.get(board, self)
        uart = self.resources["uart", 0]
        m.d.comb += [uart.rx.i.eq(self.rx), self.tx.eq(uart.tx.o)]
        for name, resource in self.leds.items():
            m.d.comb += getattr(self, name).eq(self.resources[resource].o)
        if self.chip is not None:
            m.submodules.chip = self.chip
            m.d.comb += getattr(self, f"faults_{self.chip.resource}").eq(self.chip.faults)
        return m


class Line(bench.Line):
    """The serial line, bit by bit."""

    def __init__(self, dut, config):
        super().__init__(dut)
        self.slowdown = 20 * DIVISOR * payload_bytes(config)

    async def start(self):
        self.dut.rx.value = 1
        Clock(self.dut.clk, PERIOD, "ns").start()
        await reset(self.dut)
        cocotb.start_soon(self.listen())
        for chip in CHIPS.values():
            if hasattr(self.dut, f"faults_{chip.resource}"):
                cocotb.start_soon(self.obey(chip))

    async def obey(self, chip):
        """Fail when a rule of the store's chip is broken."""
        faults = getattr(self.dut, f"faults_{chip.resource}")
        await ValueChange(faults)
        raise AssertionError(
            f"{chip.resource}: {', '.join(chips.broken(chip.rules, int(faults.value)))}")

    async def listen(self):
        """Receive bytes."""
        bit = DIVISOR * PERIOD
        while True:
            await FallingEdge(self.dut.tx)
            await Timer(bit * 3 // 2, "ns")
            byte = 0
            for i in range(8):
                byte |= int(self.dut.tx.value) << i
                await Timer(bit, "ns")
            assert int(self.dut.tx.value) == 1, "a byte without a stop bit"
            self.received.put_nowait(byte)

    async def send(self, data):
        for byte in data:
            bits = [0, *(byte >> i & 1 for i in range(8)), 1]
            for level, run in groupby(bits):
                self.dut.rx.value = level
                await Timer(len(list(run)) * DIVISOR * PERIOD, "ns")


@cocotb.test()
async def carry_out(dut):
    """Carry out the job."""
    job = Job.load(os.environ["BENCH_JOB"])
    line = Line(dut, job.config)
    await Bench(job, PacketPort(job.config, line), line).carry_out(os.environ["BENCH_OUT"])
