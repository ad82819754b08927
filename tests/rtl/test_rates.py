"""Rates against bep_model.phases.random.happens, with a bank of generators beside it."""

import numpy as np
import pytest
from amaranth.hdl import Module

from bep_model.config import Config
from bep_model.phases.random import happens, seeds
from rtl.engines.random import Bank
from rtl.engines.rates import Rates

from .bench import Bench, until, wait


@pytest.mark.parametrize("rates", [
    (1 << 16, 1 << 16), (0, 0), (0, 30000), (40000, 1 << 16), (1, 65535, 20000)])
def test_draws(rates):
    depth = len(rates)
    config = Config(16, (3,) * depth, 2, 3, 4, 4, image=(4, 4, 1), windows=((2, 2),))
    m = Module()
    m.submodules.bank = bank = Bank(8, events=True)
    m.submodules.rates = dut = Rates(config)
    m.d.comb += [dut.low.eq(bank.low), bank.draw.advance.eq(dut.advance)]
    state = seeds(7, 1)
    found, spent = [], []

    async def decide(ctx):
        ctx.set(bank.seed.value, int(state[0]))
        ctx.set(bank.seed.shift, 1)
        for rate, signal in zip(rates, dut.rates, strict=True):
            ctx.set(signal, rate)
        await ctx.tick()
        ctx.set(bank.seed.shift, 0)
        for _ in range(20):
            ctx.set(dut.control.start, 1)
            await ctx.tick()
            ctx.set(dut.control.start, 0)
            before = len(trace)
            await until(ctx, dut.control.done)
            spent.append(len(trace) - before)
            found.append((ctx.get(dut.control.updated), ctx.get(dut.control.lowest)))
            await wait(ctx, 2)

    bench = Bench(m)
    trace = bench.record(done=dut.control.done)
    bench.run(decide)
    for updated, lowest in found:
        expected = np.array([happens(state, rates[l]) for l in reversed(range(depth))][::-1])
        assert updated == sum(int(one) << l for l, one in enumerate(expected))
        if updated:
            assert lowest == int(expected.argmax())
    assert spent == [depth + 1] * 20
