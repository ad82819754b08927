"""Prototype: bits of the label's prototype, neuron by neuron."""

import pytest

from bep_model.config import Config
from rtl.engines.prototype import Prototype

from .bench import Bench, generator, pause


@pytest.mark.parametrize("width", [1, 2, 5, 8])
def test_bits(width):
    rng = generator(width)
    prototypes = [int(p) for p in rng.integers(0, 1 << width, 3)]
    dut = Prototype(Config(3, (4, width), 3), prototypes)
    bench = Bench(dut)
    seen = []

    async def use(ctx):
        for label in (0, 2, 1, 2):
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            ctx.set(dut.label, label)
            bits = 0
            for i in range(width):
                await pause(ctx, rng, 0.3)
                ctx.set(dut.step, 1)  # the row's sum comes, so its target is looked up
                await ctx.tick()
                ctx.set(dut.step, 0)
                bits |= ctx.get(dut.bit) << i
            seen.append((label, bits))

    bench.run(use)
    assert seen == [(label, prototypes[label]) for label in (0, 2, 1, 2)]
