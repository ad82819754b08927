"""Sequencer: what the trainer does by itself after configuration."""

import numpy as np
import pytest
from amaranth.hdl import ResetInserter, Signal

from bep_model import protocol
from bep_model.config import Config
from bep_model.network import Network
from bep_model.words import counter_addresses, words_to_counters
from rtl.trainer import Trainer

from .bench import Bench, until, wait

CONFIGS = {
    "mlp": Config(5, (4, 3), 2, 3, 4, 2),
    "recurrent": Config(5, (4, 3), 2, 3, 4, 2, max_steps=3),
}
BUSY = 1


async def read(ctx, dut, name):
    """A register, over the bus."""
    ctx.set(dut.bus.address, protocol.registers(dut.config)[name].address)
    await ctx.tick()
    return ctx.get(dut.bus.read_data)


async def write(ctx, dut, name, value):
    """Write a register over the bus."""
    ctx.set(dut.bus.address, protocol.registers(dut.config)[name].address)
    ctx.set(dut.bus.write_data, value)
    ctx.set(dut.bus.write, 1)
    await ctx.tick()
    ctx.set(dut.bus.write, 0)


async def idle(ctx, dut):
    """Wait until the trainer is not busy; return how often it was."""
    count = 0
    while await read(ctx, dut, "STATUS") & BUSY:
        count += 1
    return count


async def counters(ctx, dut):
    """All counters, through the state port."""
    found = []
    ctx.set(dut.state.reply.ready, 1)
    for address in counter_addresses(dut.config):
        ctx.set(dut.state.request.payload.address, address)
        ctx.set(dut.state.request.valid, 1)
        await until(ctx, dut.state.reply.valid)
        found.append(ctx.get(dut.state.reply.payload))
        ctx.set(dut.state.request.valid, 0)
        await wait(ctx, 2)
    return words_to_counters(dut.config, found)


def drawn(config):
    """The counters that INITIALISE draws from a bank that was never seeded."""
    network = Network(config)
    network.bank[:] = range(1, config.generators + 1)
    network.initialise()
    return network.counters


@pytest.mark.parametrize("single_port", [False, True])
@pytest.mark.parametrize("kind", CONFIGS)
def test_counters_are_defined_before_anything_else(kind, single_port):
    """In memory that holds anything they are drawn, once; in other memory they are 0."""
    config = CONFIGS[kind]
    dut = Trainer(config, (1, 6), single_port, port_bytes=8)
    reset, seen = Signal(), {}
    bench = Bench(ResetInserter(reset)(dut))

    async def use(ctx):
        ctx.set(dut.samples.valid, 1)  # a sample waits from the first clock on
        await write(ctx, dut, "MODE", protocol.Mode.TRAIN)
        seen["busy"] = await idle(ctx, dut)
        await write(ctx, dut, "MODE", protocol.Mode.IDLE)
        seen["first"] = await counters(ctx, dut)
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        seen["again"] = await read(ctx, dut, "STATUS") & BUSY
        seen["second"] = await counters(ctx, dut)

    bench.run(use)
    want = drawn(config) if single_port else [np.zeros(shape) for shape in config.shapes]
    assert (seen["busy"] > 0) == single_port and not seen["again"]
    for name in ("first", "second"):
        assert all(map(np.array_equal, seen[name], want))
