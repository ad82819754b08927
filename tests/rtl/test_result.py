"""Result: its values, and how long they stay."""

import pytest

from bep_model.config import Config
from rtl.engines.result import Result

from .bench import Bench, clocks, generator


@pytest.mark.parametrize("stall", [0, 0.6])
def test_results(stall):
    """Each result stays until it is taken; ``triggered`` is only for samples to train on."""
    rng = generator(int(10 * stall))
    dut = Result(Config(3, (4,), 5))
    bench = Bench(dut)
    trace = bench.record(valid=dut.o.valid, ready=dut.o.ready, prediction=dut.o.payload.prediction,
                         error=dut.o.payload.error, triggered=dut.o.payload.triggered,
                         give=dut.control.give, free=dut.control.free, samples=dut.samples,
                         errors=dut.errors, trigger=dut.triggered)
    given = []

    async def use(ctx):
        for _ in range(200):
            ctx.set(dut.o.ready, rng.random() >= stall)
            give = ctx.get(dut.control.free) and rng.random() < 0.5
            prediction, error, triggered, training = (int(v) for v in rng.integers((5, 2, 2, 2)))
            ctx.set(dut.i, {"prediction": prediction, "error": error, "triggered": triggered})
            ctx.set(dut.control.training, training)
            ctx.set(dut.control.give, give)
            if give:
                given.append((prediction, error, triggered & training))
            await ctx.tick()
        ctx.set(dut.control.give, 0)
        ctx.set(dut.o.ready, 1)
        await ctx.tick()

    bench.run(use)
    assert [(c.prediction, c.error, c.triggered) for c in trace if c.valid and c.ready] == given
    assert [(c.errors, c.trigger) for c in trace if c.give] == [
        (error, triggered) for _, error, triggered in given]
    assert all(clock.samples == clock.give for clock in trace)
    assert all(clock.free == (clock.ready or not clock.valid) for clock in trace)
    assert all(trace[n + 1].valid for n in clocks(trace, "give"))
    assert len(given) > 40
