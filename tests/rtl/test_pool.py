"""Pool against numpy: the largest popcount of a cell, and the first position that has it."""

import numpy as np
import pytest
from amaranth.hdl import ClockDomain, Module

from bep_model.config import Config
from rtl.engines.pool import Pool

from .bench import Bench, generator, pause, wait


@pytest.mark.parametrize("idle", [0, 0.4])
@pytest.mark.parametrize(("pool", "lanes"), [
    (1, 4), (2, 4), (2, 8), (2, 16), (3, 4), (3, 16), (3, 40), (4, 28)])
def test_cells(pool, lanes, idle):
    config = Config(100, (3, 2), 2, 3, lanes, 4, image=(10, 10, 1), windows=((2, 2, 1, pool),))
    layer = config.network[0]
    rng = generator(pool, lanes, int(10 * idle))
    dut = Pool(config)
    m = Module()  # which has a clock, even if the pool needs none
    m.submodules.dut, m.domains.sync = dut, ClockDomain("sync")
    words, side = layer.cell_words, layer.patches
    cells = rng.integers(0, 5, (40, words, side))
    there = rng.random(cells.shape) < 0.7
    there[:, 0, 0] = True
    bench = Bench(m)
    trace = bench.record(done=dut.done, largest=dut.largest, part=dut.place.part,
                         word=dut.place.word, fed=dut.valid & dut.last)

    async def feed(ctx):
        for counts, exist in zip(cells.tolist(), there.tolist(), strict=True):
            for word in range(words):
                await pause(ctx, rng, idle)
                ctx.set(dut.counts, counts[word])
                ctx.set(dut.there, sum(one << i for i, one in enumerate(exist[word])))
                ctx.set(dut.valid, 1)
                ctx.set(dut.first, word == 0)
                ctx.set(dut.last, word == words - 1)
                await ctx.tick()
                ctx.set(dut.valid, 0)
        await wait(ctx, dut.latency + 1)

    bench.run(feed)
    found = [(clock.largest, clock.word * side + clock.part) for clock in trace if clock.done]
    places = np.where(there, cells, -1).reshape(40, -1)
    assert found == list(zip(places.max(axis=1).tolist(), places.argmax(axis=1).tolist(),
                             strict=True))
    assert [n for n, clock in enumerate(trace) if clock.done] == [
        n + dut.latency for n, clock in enumerate(trace) if clock.fed]
