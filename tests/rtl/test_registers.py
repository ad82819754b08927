"""The register file against the table of bep_model.registers."""

import pytest
from amaranth.hdl import Value

from bep_model.config import NUMERICS_VERSION, Config
from bep_model.protocol import COUNTERS, MAGIC, Cause, Command
from bep_model.registers import registers
from rtl.registers import Registers, parameters_signature

from .bench import Bench, generator

CONFIGURATIONS = [
    Config(1, (1,), 2, 2, 1, 1),
    Config(20, (9, 13, 5), 5, 3, 6, 2, max_batch=2),
    Config(3, (2,) * 15, 2, 3, 2, 1, max_batch=1024, stable=True),
    Config(20, (9, 13), 5, 3, 6, 2, max_batch=2, max_steps=7),
]


async def write(ctx, dut, address, value):
    ctx.set(dut.bus.address, address)
    ctx.set(dut.bus.write_data, value)
    ctx.set(dut.bus.write, 1)
    await ctx.tick()
    ctx.set(dut.bus.write, 0)


async def read(ctx, dut, address):
    ctx.set(dut.bus.address, address)
    await ctx.tick()
    return ctx.get(dut.bus.read_data)


@pytest.mark.parametrize("config", CONFIGURATIONS,
                         ids=["smallest", "middle", "deepest", "recurrent"])
def test_parameters(config):
    """All are 0 at first. A write changes one of them at once, and drops bits that do not fit."""
    dut = Registers(config)
    rng = generator(config.depth)
    table = registers(config)
    names = list(parameters_signature(config).members)
    assert {name.upper() for name in names} == {
        name for name, register in table.items() if register.access == "w"} - {"COMMAND"}
    bench = Bench(dut)

    async def use(ctx):
        values = dict.fromkeys(names, 0)
        for n in range(4 * len(names)):
            name = names[n] if n < len(names) else str(rng.choice(names))
            register = table[name.upper()]
            value = (0xFFFFFFFF, int(rng.integers(1 << 32)))[n >= len(names)]
            await write(ctx, dut, register.address, value)
            value &= (1 << register.width) - 1
            if register.signed and value >> register.width - 1:
                value -= 1 << register.width
            values[name] = value
            assert {name: ctx.get(getattr(dut.parameters, name)) for name in names} == values
        free = sorted(set(range(256)) - {register.address for register in table.values()})
        for address in [*free, *(r.address for r in table.values() if r.access == "r")]:
            await write(ctx, dut, address, 0)
        assert {name: ctx.get(getattr(dut.parameters, name)) for name in names} == values
        assert ctx.get(dut.host.command) == 0

    bench.run(use)


def test_identification():
    config = CONFIGURATIONS[1]
    dut = Registers(config)
    table = registers(config)
    bench = Bench(dut)

    async def use(ctx):
        assert await read(ctx, dut, table["IDENT"].address) == MAGIC
        assert await read(ctx, dut, table["VERSION"].address) == NUMERICS_VERSION
        assert await read(ctx, dut, table["DIGEST"].address) == config.identifier
        for status in range(4):
            ctx.set(Value.cast(dut.host.status), status)
            assert await read(ctx, dut, table["STATUS"].address) == status

    bench.run(use)


def test_random():
    """Register RANDOM reads the last generator; a write shifts the bank one clock later."""
    config = CONFIGURATIONS[1]
    dut = Registers(config)
    address = registers(config)["RANDOM"].address
    bench = Bench(dut)
    trace = bench.record(shift=dut.seed.shift, value=dut.seed.value)

    async def use(ctx):
        ctx.set(dut.seed.last, 0xFEDCBA98)
        assert await read(ctx, dut, address) == 0xFEDCBA98
        await write(ctx, dut, address, 0x89ABCDEF)
        await write(ctx, dut, address + 1, 0x12345678)
        await read(ctx, dut, address)

    bench.run(use)
    assert [clock.shift for clock in trace] == [0, 0, 1, 0]
    assert trace[2].value == 0x89ABCDEF


def test_commands():
    """Bits stay until they are done. New bits may come at any time, even in the same clock."""
    config = CONFIGURATIONS[1]
    dut = Registers(config)
    address = registers(config)["COMMAND"].address
    rng = generator(0)
    bench = Bench(dut)

    async def use(ctx):
        assert list(Command) == [1, 2, 4]
        expected = 0
        for _ in range(60):
            value, writes = int(rng.integers(8)), int(rng.integers(2))
            done = int(rng.integers(8)) & expected
            ctx.set(dut.host.done, done)
            ctx.set(dut.bus.address, address)
            ctx.set(dut.bus.write, writes)
            ctx.set(dut.bus.write_data, value)
            await ctx.tick()
            expected = expected & ~done | value * writes
            assert ctx.get(dut.host.command) == expected

    bench.run(use)


def test_performance_counters():
    """Events count one clock later; those in the clock of ``clear`` are the first that count."""
    config = CONFIGURATIONS[1]
    dut = Registers(config)
    table = registers(config)
    rng = generator(1)
    bench = Bench(dut)
    events = (dut.samples, dut.errors, dut.triggered, dut.updates)
    happened, read_values, clears = [], [], [0]

    async def use(ctx):
        for n in range(300):
            cause = Cause(int(rng.integers(len(Cause))))
            high = [name for name in COUNTERS[:len(events)] if rng.random() < 0.5]
            happened.append([*high, f"CYCLES_{cause.name}"])
            ctx.set(dut.host.cause, cause)
            for event, name in zip(events, COUNTERS, strict=False):
                ctx.set(event, name in high)
            if clear := n in (100, 101, 200):
                clears.append(n)
            ctx.set(dut.host.clear, clear)
            name = str(rng.choice(COUNTERS))
            value = await read(ctx, dut, table[name].address)
            read_values.append((n, name, clears[-1 - clear], value))

    bench.run(use)
    for n, name, first, value in read_values:
        expected = sum(name in names for names in happened[first:max(0, n - 1)])
        assert value == expected, f"{name} in clock {n}"
