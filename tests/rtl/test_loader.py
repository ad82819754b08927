"""Loader: places of the words of the samples."""

import pytest
from amaranth.utils import ceil_log2

from bep_model.config import Config
from rtl.engines.loader import Loader
from rtl.parts.memory import slot_words

from .bench import CONFIGURATIONS, Bench, clocks, drive, generator, pause


@pytest.mark.parametrize("idle", [0, 0.5])
@pytest.mark.parametrize("stall", [0, 0.5])
@pytest.mark.parametrize("config", [*CONFIGURATIONS.values(), Config(8, (2,), 256, 2, 3, 1, 4)],
                         ids=[*CONFIGURATIONS, "many classes"])
def test_samples(config, idle, stall):
    """More samples than slots; ``stall`` is the chance of a blocked memory and a late ``take``."""
    rng = generator(int(2 * idle), int(2 * stall))
    dut = Loader(config)
    words, slots = config.input_words, config.max_batch + 1
    samples = [([int.from_bytes(rng.bytes(16)) % (1 << config.weight_lanes)
                 for _ in range(words)], int(rng.integers(config.classes)))
               for _ in range(2 * slots + 1)]
    offset_bits = ceil_log2(max(2, slot_words(config)))
    bench = Bench(dut)
    trace = bench.record(
        transfer=dut.samples.valid & dut.samples.ready, valid=dut.samples.valid, block=dut.block,
        full=dut.control.full, take=dut.control.take, slot=dut.slot, label=dut.label,
        write=dut.write.en, to=dut.write.addr, data=dut.write.data)

    async def feed(ctx):
        wrong = (1 << len(dut.samples.payload.label)) - 1  # counts on the last beat only
        beats = [{"data": word, "label": label if n == words - 1 else wrong - label}
                 for values, label in samples for n, word in enumerate(values)]
        await drive(ctx, dut.samples, beats, rng, idle)

    async def block(ctx):
        while True:
            ctx.set(dut.block, rng.random() < stall)
            await ctx.tick()

    async def take(ctx):
        for _ in samples:
            while not ctx.get(dut.control.full):
                await ctx.tick()
            await pause(ctx, rng, stall)
            ctx.set(dut.control.take, 1)
            await ctx.tick()
            ctx.set(dut.control.take, 0)
        await ctx.tick()

    bench.simulator.add_testbench(block, background=True)
    bench.run(feed, take)
    assert [(clock.to, clock.data) for clock in trace if clock.write] == [
        (n % slots << offset_bits | offset, word)
        for n, (values, _) in enumerate(samples) for offset, word in enumerate(values)]
    takes = clocks(trace, "take")
    assert len(takes) == len(samples)
    for n, (at, following) in enumerate(zip(takes, [*takes[1:], len(trace) - 1], strict=True)):
        for clock in trace[at + 1:following + 1]:
            assert (clock.slot, clock.label) == (n % slots, samples[n][1])
    # A beat is taken whenever it can be; `full` is high between the last beat and `take`.
    beats = taken = 0
    for clock in trace:
        assert clock.full == (beats == words * (taken + 1))
        assert clock.transfer == clock.write == (
            clock.valid and not clock.full and not clock.block)
        beats += clock.transfer
        taken += clock.take
