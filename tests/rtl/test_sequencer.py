"""Sequencer: a trainer whose counters were never set, or were written."""

import numpy as np
import pytest
from amaranth.hdl import ResetInserter, Signal

from bep_model.config import Config
from bep_model.network import Network
from bep_model.protocol import Mode
from bep_model.registers import registers
from bep_model.words import counter_addresses, counters_to_words, words_to_counters
from rtl.trainer import Trainer

from .bench import Bench, until, wait

CONFIGS = {
    "mlp": Config(5, (4, 3), 2, 3, 4, 2),
    "recurrent": Config(5, (4, 3), 2, 3, 4, 2, max_steps=3),
}
BUSY = 1


async def read(ctx, dut, name):
    """Read a register over the bus."""
    ctx.set(dut.bus.address, registers(dut.config)[name].address)
    await ctx.tick()
    return ctx.get(dut.bus.read_data)


async def write(ctx, dut, name, value):
    """Write a register over the bus."""
    ctx.set(dut.bus.address, registers(dut.config)[name].address)
    ctx.set(dut.bus.write_data, value)
    ctx.set(dut.bus.write, 1)
    await ctx.tick()
    ctx.set(dut.bus.write, 0)


async def idle(ctx, dut):
    """Wait until the trainer is not busy."""
    while await read(ctx, dut, "STATUS") & BUSY:
        pass


async def counters(ctx, dut):
    """Read all counters through the state port."""
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


async def sample(ctx, dut, mode):
    """Send one sample, wait for its result, and set MODE back to IDLE."""
    ctx.set(dut.samples.valid, 1)
    ctx.set(dut.results.ready, 1)
    await write(ctx, dut, "MODE", mode)
    await until(ctx, dut.results.valid)
    ctx.set(dut.samples.valid, 0)
    await write(ctx, dut, "MODE", Mode.IDLE)
    await idle(ctx, dut)


@pytest.mark.parametrize("single_port", [False, True])
@pytest.mark.parametrize("kind", CONFIGS)
def test_no_sample_meets_counters_that_were_never_set(kind, single_port):
    """Counters in SPRAM are drawn once, before the first sample; in other memory they are 0."""
    config = CONFIGS[kind]
    dut = Trainer(config, (1, 6), single_port, port_bytes=8)
    reset, seen = Signal(), []
    bench = Bench(ResetInserter(reset)(dut))

    async def use(ctx):
        if config.recurrent:
            await write(ctx, dut, "STEPS", 1)
        for _ in range(2):
            await sample(ctx, dut, Mode.INFER)
            seen.append(await counters(ctx, dut))
            ctx.set(reset, 1)
            await ctx.tick()
            ctx.set(reset, 0)
            if config.recurrent:
                await write(ctx, dut, "STEPS", 1)

    bench.run(use)
    want = drawn(config) if single_port else [np.zeros(shape) for shape in config.shapes]
    for found in seen:
        assert all(map(np.array_equal, found, want))


@pytest.mark.parametrize("kind", CONFIGS)
def test_counters_that_were_written_stay(kind):
    config = CONFIGS[kind]
    dut = Trainer(config, (1, 6), single_port=True, port_bytes=8)
    rng, seen = np.random.default_rng(1), []
    want = [rng.integers(*config.counter_range, shape, np.int16) for shape in config.shapes]
    bench = Bench(dut)

    async def use(ctx):
        if config.recurrent:
            await write(ctx, dut, "STEPS", 1)
        ctx.set(dut.state.data.valid, 1)
        ctx.set(dut.state.request.payload.write, 1)
        for address, word in zip(counter_addresses(config), counters_to_words(config, want),
                                 strict=True):
            ctx.set(dut.state.request.payload.address, address)
            ctx.set(dut.state.data.payload, word)
            ctx.set(dut.state.request.valid, 1)
            await until(ctx, dut.state.request.ready)
            ctx.set(dut.state.request.valid, 0)
        ctx.set(dut.state.request.payload.write, 0)
        await sample(ctx, dut, Mode.INFER)
        seen.append(await counters(ctx, dut))

    bench.run(use)
    assert all(map(np.array_equal, seen[0], want))
