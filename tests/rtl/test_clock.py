"""The clock of a board: reset until the PLL has locked, and what follows from its frequency."""

from types import SimpleNamespace

import pytest
from amaranth.hdl import (
    ClockDomain,
    ClockSignal,
    Fragment,
    IOPort,
    Module,
    ResetSignal,
    Signal,
)
from amaranth.lib import io
from amaranth.sim import Simulator

from bep_model.config import Config
from bep_model.phases.frame import prototypes
from bep_model.words import integers
from rtl import board, clock
from rtl.link.serial import Serial

CONFIG = Config(12, (8, 6), 3, counter_bits=4, weight_lanes=8, counter_lanes=4)
SETTING = {"oscillator": 12_000_000, "reference": 1, "feedback": 64, "output": 32}  # 24 MHz
HELD = 360
"""Cycles of 15 us."""


class Platform:
    """An oscillator and a serial port; notes the constraints."""

    default_clk, default_clk_frequency = "clk", 12e6

    def __init__(self):
        self.constraints = {}
        self.io = IOPort(1)
        self.rx, self.tx = io.SimulationPort("i", 1), io.SimulationPort("o", 1)

    def request(self, name, number=0, *, dir):
        assert dir == "-"
        return self

    def add_clock_constraint(self, signal, frequency):
        self.constraints[signal.name] = frequency


def test_reset_lasts_until_the_lock(monkeypatch):
    made, locked = Signal(), Signal()
    seen, platform = SimpleNamespace(), Platform()

    def pll(component, pad, made_there, locked_there):
        assert pad is platform.io
        m = Module()
        m.d.comb += [made_there.eq(made), locked_there.eq(locked)]
        return m
    monkeypatch.setitem(clock.PRIMITIVES, "pll", pll)
    m = Module()
    m.submodules.clock = dut = clock.Clock("pll", **SETTING)
    m.domains.sync = ClockDomain()
    m.d.comb += [ClockSignal().eq(dut.clk), ResetSignal().eq(dut.rst)]
    ticks = Signal(32, reset_less=True)
    m.d.sync += ticks.eq(ticks + 1)

    async def cycles(ctx, count):
        """Tick so often; return after how many ticks there was no reset, or None."""
        for i in range(count):
            if not ctx.get(dut.rst):
                return i
            for level in (1, 0):
                ctx.set(made, level)
                await ctx.delay(1e-8)
        return None

    async def bench(ctx):
        assert ctx.get(dut.rst)  # from the beginning, without a clock
        assert await cycles(ctx, 500) is None
        ctx.set(locked, 1)
        seen.first = await cycles(ctx, 1000)
        ctx.set(locked, 0)
        for _ in range(5):
            for level in (1, 0):
                ctx.set(made, level)
                await ctx.delay(1e-8)
        assert await cycles(ctx, 500) is None
        ctx.set(locked, 1)
        seen.second = await cycles(ctx, 1000)
        seen.ticks = ctx.get(ticks)

    simulator = Simulator(Fragment.get(m, platform))
    simulator.add_testbench(bench)
    simulator.run()
    assert dut.hz == 24_000_000 and platform.constraints == {"made": dut.hz}
    assert seen.first == seen.second and HELD <= seen.first <= HELD + 5
    assert seen.ticks == 2 * (500 + seen.first) + 5  # the PLL's clock


def test_the_serial_port_follows_the_clock():
    """A byte of ones at 24 MHz and 1 Mbaud: its start bit lasts 24 cycles, whatever is default."""
    platform, dut = Platform(), Serial(1_000_000, 24_000_000)
    low = []

    async def bench(ctx):
        ctx.set(dut.tx.payload, 0xFF)
        ctx.set(dut.tx.valid, 1)
        for _ in range(100):
            await ctx.tick()
            low.append(1 - ctx.get(platform.tx.o))

    simulator = Simulator(Fragment.get(dut, platform))
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert sum(low) == 24


@pytest.mark.parametrize(("made", "timeout"), [
    (None, 12_000_000), (clock.Clock("SB_PLL40_PAD", **SETTING), 24_000_000)])
def test_the_link_waits_for_one_second(monkeypatch, made, timeout):
    class Told(Exception):
        pass

    def link(config, timeout, **_):
        raise Told(timeout)
    monkeypatch.setattr(board, "Link", link)
    dut = board.Board(CONFIG, integers(prototypes(CONFIG)), Serial(1_000_000), clock=made)
    with pytest.raises(Told, match=f"^{timeout}$"):
        dut.elaborate(Platform())
