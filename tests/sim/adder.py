"""A small streaming component and its cocotb test: they test the simulation set-up itself."""

import os
import random

import cocotb
from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from cocotb.clock import Clock

from sim.streams import receive, reset, send

OPERANDS = data.StructLayout({"a": 8, "b": 8})


class Adder(wiring.Component):
    """One-place stream register: ``o = a + b``."""

    i: In(stream.Signature(OPERANDS))
    o: Out(stream.Signature(9))

    def elaborate(self, platform):
        m = Module()
        full = Signal()
        m.d.comb += [self.o.valid.eq(full), self.i.ready.eq(~full | self.o.ready)]
        with m.If(self.i.ready):
            m.d.sync += [full.eq(self.i.valid),
                         self.o.payload.eq(self.i.payload.a + self.i.payload.b)]
        return m


@cocotb.test(timeout_time=100, timeout_unit="us")
async def adds(dut):
    """Sums arrive complete and in order."""
    rng = random.Random(os.environ["BENCH_SEED"])
    idle, backpressure = float(os.environ["BENCH_IDLE"]), float(os.environ["BENCH_BACKPRESSURE"])
    dut.i__valid.value = 0
    dut.o__ready.value = 0
    cocotb.start_soon(Clock(dut.clk, 10, "ns").start())
    await reset(dut)
    pairs = [(rng.randrange(256), rng.randrange(256)) for _ in range(200)]
    cocotb.start_soon(send(dut, "i", [a | b << 8 for a, b in pairs], rng, idle))
    assert await receive(dut, "o", len(pairs), rng, backpressure) == [a + b for a, b in pairs]
