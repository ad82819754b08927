"""Order of samples: gateware against the golden model, clock by clock."""

import numpy as np
import pytest

from bep_model.phases.order import epoch_stride, order
from rtl.store.order import Order
from tests.rtl.bench import Bench, collect, generator

BITS = 11


async def start(ctx, dut, count, stride):
    """Write the stride, then start."""
    ctx.set(dut.write, 1)
    ctx.set(dut.stride, stride)
    await ctx.tick()
    ctx.set(dut.write, 0)
    ctx.set(dut.stride, 0)
    ctx.set(dut.start, 1)
    ctx.set(dut.count, count)
    await ctx.tick()
    ctx.set(dut.start, 0)
    ctx.set(dut.count, 0)


def numbers(epochs, stall=0.0, bits=BITS):
    """The numbers of epochs (count, stride) on one component, and what was seen at its ports."""
    dut = Order(bits)
    bench = Bench(dut, limit=200_000)
    trace = bench.record(valid=dut.o.valid, ready=dut.o.ready, running=dut.running)
    rng, found = generator(bits, *epochs[0]), []

    async def testbench(ctx):
        for count, stride in epochs:
            await start(ctx, dut, count, stride)
            found.append(await collect(ctx, dut.o, count, rng, stall))
            await ctx.tick().repeat(20)  # nothing comes after the last one

    bench.run(testbench)
    assert sum(clock.valid and clock.ready for clock in trace) == sum(c for c, _ in epochs)
    assert not trace[-1].valid and not trace[-1].running
    assert all(clock.running for clock in trace if clock.valid)
    return found, trace


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 100, 127, 128, 1000, 1024, 1437, 2047])
@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_equal_to_the_golden_model(count, stall):
    epochs = [(count, stride) for stride in
              {1, max(1, count - 1), *(epoch_stride(count, epoch, count) for epoch in range(2))}]
    found, _ = numbers(epochs[:4 if count < 200 else 1], stall)
    for each, epoch in zip(found, epochs, strict=False):
        np.testing.assert_array_equal(each, order(*epoch))


def test_wide():
    epochs = [(count, count // 2 + 1) for count in ((1 << 18) - 1, 77)]
    dut = Order(18)
    bench, found = Bench(dut), []

    async def testbench(ctx):
        for epoch in epochs:
            await start(ctx, dut, *epoch)
            found.append(await collect(ctx, dut.o, 77, generator(1), 0.1))

    bench.run(testbench)
    for each, epoch in zip(found, epochs, strict=True):
        np.testing.assert_array_equal(each, order(*epoch)[:77])


def test_timing():
    _, trace = numbers([(127, 5)])
    assert set(np.diff([n for n, clock in enumerate(trace) if clock.valid])) == {3}


def test_start_abandons_an_epoch():
    dut = Order(BITS)
    bench, found = Bench(dut), []

    async def testbench(ctx):
        rng = generator(7)
        for count, stride, taken in ((1000, 3, 5), (0, 1, 0), (50, 9, 50)):
            await start(ctx, dut, count, stride)
            found.append(await collect(ctx, dut.o, taken, rng, 0.2))
            if not count:
                await ctx.tick().repeat(3)
                assert not ctx.get(dut.running)

    bench.run(testbench)
    np.testing.assert_array_equal(found[0], order(1000, 3)[:5])
    np.testing.assert_array_equal(found[2], order(50, 9))
