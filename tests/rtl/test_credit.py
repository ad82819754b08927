"""Credit against the sum over time, step by step."""

import numpy as np
import pytest

from bep_model.config import Config
from rtl.engines.credit import Credit

from .bench import Bench, clocks, generator, pause


@pytest.mark.parametrize("idle", [0, 0.4])
@pytest.mark.parametrize(("neurons", "steps", "fan_in"), [(1, 1, 1), (1, 5, 3), (7, 4, 9)])
def test_sums(neurons, steps, fan_in, idle):
    """Two sequences, of which the second has one step less; extremes of z are likely."""
    config = Config(fan_in, (neurons, 2), 2, 3, 4, 2, max_steps=steps)
    rng = generator(neurons, steps, int(10 * idle))
    dut = Credit(config)
    bench = Bench(dut)
    trace = bench.record(target_valid=dut.target_valid, sum=dut.sum)
    most = config.shapes[0][1]
    scans = []  # (newest, z, target, valid)
    for length in (steps, max(1, steps - 1)):
        for step in range(length):
            z = rng.choice([-most, -1, 0, 1, most], neurons)
            scans.append((step == 0, z, rng.integers(0, 2, neurons), rng.random(neurons) < 0.7))

    async def sequence(ctx):
        for newest, z, target, valid in scans:
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            ctx.set(dut.newest, newest)
            for value, sign, one in zip(z.tolist(), target.tolist(), valid.tolist(), strict=True):
                await pause(ctx, rng, idle)
                ctx.set(dut.target_valid, 1)
                await ctx.tick()
                ctx.set(dut.target_valid, 0)
                ctx.set(dut.target, {"sign": sign, "valid": one})
                ctx.set(dut.row, {"activation": value >= 0, "magnitude": abs(value), "open": 0})
                if idle:  # else the next neuron is announced at once
                    await ctx.tick()
            await ctx.tick()
            await ctx.tick()

    bench.run(sequence)
    expected, sums = [], None
    for newest, z, target, valid in scans:
        term = np.where(target, z, -z) * valid
        sums = term if newest else sums + term
        expected += sums.tolist()
    assert [trace[n + 2].sum for n in clocks(trace, "target_valid")] == expected
