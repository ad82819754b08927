"""Thresholds: written and read one by one, and offered in order to the forward phase."""

import pytest

from bep_model.config import Config
from rtl.engines.thresholds import Thresholds

from .bench import Bench, generator, pause, wait


@pytest.mark.parametrize("filters", [1, 2, 5])
def test_written_read_and_used(filters):
    config = Config(16, (filters, 2), 2, 3, 4, 4, image=(4, 4, 1), windows=((2, 2),))
    rng = generator(filters)
    dut = Thresholds(config)
    theta = rng.integers(-4, 4, filters, endpoint=True).tolist()
    read, used = [], []

    async def host(ctx):
        await wait(ctx, 2)
        read.append(ctx.get(dut.value))  # after configuration
        for k, value in enumerate(theta):
            ctx.set(dut.filter, k)
            ctx.set(dut.theta, value)
            ctx.set(dut.set, 1)
            await ctx.tick()
            ctx.set(dut.set, 0)
        for k in reversed(range(filters)):
            ctx.set(dut.filter, k)
            await ctx.tick()
            read.append(ctx.get(dut.value))
        ctx.set(dut.bounds.start, 1)
        await ctx.tick()
        ctx.set(dut.bounds.start, 0)
        ctx.set(dut.bounds.busy, 1)
        await ctx.tick()
        for _ in range(3 * filters):
            await pause(ctx, rng, 0.3)
            used.append(ctx.get(dut.bounds.bound))
            ctx.set(dut.bounds.step, 1)
            await ctx.tick()
            ctx.set(dut.bounds.step, 0)

    Bench(dut).run(host)
    assert read == [0, *theta[::-1]]
    assert used == [4 + value for value in theta] * 3
