"""Shared read ports: the address that is read, the latency of the data, and conflicts."""

import pytest
from amaranth.hdl import ClockDomain, Module
from amaranth.lib.memory import ReadPort
from amaranth.lib.wiring import connect

from rtl.parts.arbiter import ReadArbiter, ReadRegisters
from tests.formal.prove import open_up

from .bench import Bench, generator, pause

LIKE = ReadPort.Signature(addr_width=4, shape=8)


def clocked():
    """A module with a clock, for components without registers."""
    m = Module()
    m.domains.sync = ClockDomain()
    return m


@pytest.mark.parametrize("count", [1, 2, 3])
def test_turns(count):
    """Readers take turns at random; all of them get the data."""
    rng = generator(count)
    m = clocked()
    m.submodules.dut = dut = ReadArbiter(LIKE, count)
    bench = Bench(m)
    contents = [int(word) for word in rng.integers(0, 256, 16)]
    bench.memory(contents, dut.port)
    seen = []

    async def use(ctx):
        for reader in dut.readers:
            ctx.set(reader.en, 0)
        for _ in range(100):
            await pause(ctx, rng, 0.3)
            addresses = [int(address) for address in rng.integers(0, 16, count)]
            who = int(rng.integers(count))
            for reader, address in zip(dut.readers, addresses, strict=True):
                ctx.set(reader.addr, address)
            ctx.set(dut.readers[who].en, 1)
            await ctx.tick()
            ctx.set(dut.readers[who].en, 0)
            seen.append((contents[addresses[who]], [ctx.get(r.data) for r in dut.readers]))

    bench.run(use)
    assert all(data == [word] * count for word, data in seen)


def test_conflict():
    m = clocked()
    dut = ReadArbiter(LIKE, 3)
    m.submodules.dut, inside, _ = open_up(dut)
    bench = Bench(m)
    seen = []

    async def use(ctx):
        for readers in range(8):
            for i, reader in enumerate(dut.readers):
                ctx.set(reader.en, readers >> i & 1)
            await ctx.tick()
            seen.append(ctx.get(inside["conflict"]))

    bench.run(use)
    assert seen == [readers.bit_count() > 1 for readers in range(8)]


@pytest.mark.parametrize(("before", "after"), [(0, 0), (1, 0), (0, 1), (2, 1)])
def test_registers(before, after):
    """The data come ``before`` + ``after`` clocks later, one word per clock."""
    m = clocked()
    m.submodules.dut = dut = ReadRegisters(LIKE, before, after)
    m.submodules.arbiter = arbiter = ReadArbiter(LIKE, 1)
    connect(m, dut.port, arbiter.readers[0])
    bench = Bench(m)
    contents = [7 * n % 256 for n in range(16)]
    bench.memory(contents, arbiter.port)
    seen = []

    async def use(ctx):
        ctx.set(dut.reader.en, 1)
        for n in range(16 + before + after):
            ctx.set(dut.reader.addr, n % 16)
            await ctx.tick()
            seen.append(ctx.get(dut.reader.data))

    bench.run(use)
    assert seen[before + after:] == contents
