"""Classify against bep_model.phases.classify."""

import numpy as np
import pytest

from bep_model.config import Config
from bep_model.phases.bits import pack
from bep_model.phases.classify import classify, triggers
from rtl.engines.classify import Classify

from .bench import Bench, clocks, generator, pause, wait


@pytest.mark.parametrize("idle", [0, 0.4])
@pytest.mark.parametrize(("width", "classes"), [(1, 2), (3, 2), (4, 3), (6, 8), (40, 10)])
def test_samples(width, classes, idle):
    """Small widths cause ties, between all logits and between the label's logit and others."""
    dut = Classify(Config(3, (width,), classes))
    rng = generator(width, classes)
    samples = []
    for n in range(60):
        prototypes = rng.integers(0, 2, (classes, width), dtype=np.uint8)
        activations = rng.integers(0, 2, width, dtype=np.uint8)
        logits = np.empty(classes, np.int32)
        prediction = classify(pack(prototypes), pack(activations), width, logits)
        label, ordered = n % classes, np.sort(logits)
        exact = int(logits[label] - (ordered[-2] if logits[label] == ordered[-1] else ordered[-1]))
        margin = int(np.clip(exact + rng.integers(-1, 3), -2 * width, 2 * width))
        samples.append((logits, label, margin,
                        (prediction, prediction != label, triggers(logits, label, margin))))
    bench = Bench(dut)
    trace = bench.record(start=dut.control.start, valid=dut.logits.valid, done=dut.control.done,
                         prediction=dut.result.prediction, error=dut.result.error,
                         triggered=dut.control.triggered)

    async def feed(ctx):
        for logits, label, margin, _ in samples:
            ctx.set(dut.control.start, 1)
            ctx.set(dut.label, label)
            ctx.set(dut.margin, margin)
            await ctx.tick()
            ctx.set(dut.control.start, 0)
            for logit in logits:
                await pause(ctx, rng, idle)
                ctx.set(dut.logits.payload, (int(logit) + width) // 2)
                ctx.set(dut.logits.valid, 1)
                await ctx.tick()
                ctx.set(dut.logits.valid, 0)
            await wait(ctx, dut.latency - 1)
        await wait(ctx, 2)

    bench.run(feed)
    dones, lasts = clocks(trace, "done"), clocks(trace, "valid")[classes - 1::classes]
    assert dones == [n + dut.latency for n in lasts]
    for n, following, (*_, expected) in zip(
            dones, [*lasts[1:], dones[-1]], samples, strict=True):
        for clock in trace[n:following + 1]:  # held until the last logit of the next sample
            assert (clock.prediction, clock.error, clock.triggered) == expected
    assert {sample[3][2] for sample in samples} == {False, True}
