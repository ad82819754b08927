"""Order of samples: gateware against the golden model, clock by clock."""

import numpy as np
import pytest

from bep_model.phases.order import ROUNDS, epoch_seed, order
from rtl.store.order import Order
from tests.rtl.bench import Bench, collect, generator

BITS = 11
EACH = 2 * ROUNDS + 2


def numbers(epochs, stall=0.0, bits=BITS):
    """The numbers of epochs (count, seed) on one component, and what was seen at its ports."""
    dut = Order(bits)
    bench = Bench(dut, limit=200_000)
    trace = bench.record(start=dut.start, valid=dut.o.valid, ready=dut.o.ready, left=dut.left)
    rng, found = generator(bits, *epochs[0]), []

    async def testbench(ctx):
        for count, seed in epochs:
            ctx.set(dut.start, 1)
            ctx.set(dut.count, count)
            ctx.set(dut.seed, seed)
            await ctx.tick()
            ctx.set(dut.start, 0)
            ctx.set(dut.count, 0)
            ctx.set(dut.seed, 0)
            found.append(await collect(ctx, dut.o, count, rng, stall))
            await ctx.tick().repeat(4 * EACH)  # nothing comes after the last one

    bench.run(testbench)
    taken = sum(clock.valid and clock.ready for clock in trace)
    assert taken == sum(count for count, _ in epochs) and not trace[-1].valid
    return found, trace


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 100, 127, 128, 1000, 1024, 1437, 2047])
@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_equal_to_the_golden_model(count, stall):
    seeds = [epoch_seed(count, 0), 0, 0xFFFFFFFF] if count < 200 else [epoch_seed(count, 1)]
    found, _ = numbers([(count, seed) for seed in seeds], stall)
    for seed, each in zip(seeds, found, strict=True):
        np.testing.assert_array_equal(each, order(count, seed))


def test_wide():
    epochs = [(300, epoch_seed(1, epoch)) for epoch in range(3)]
    found, _ = numbers(epochs, bits=18)
    for (count, seed), each in zip(epochs, found, strict=True):
        np.testing.assert_array_equal(each, order(count, seed))


def test_timing():
    count = 127  # nothing is left out but one number
    _, trace = numbers([(count, 5)])
    taken = [n for n, clock in enumerate(trace) if clock.valid and clock.ready]
    gaps = np.diff(taken)
    assert set(gaps) <= {EACH, 2 * EACH} and (gaps == 2 * EACH).sum() <= 1
    _, trace = numbers([(count, 0)])
    assert set(np.diff([n for n, clock in enumerate(trace) if clock.valid])) == {2}


def test_start_abandons_an_epoch():
    dut = Order(BITS)
    bench = Bench(dut, limit=50_000)
    found = []

    async def testbench(ctx):
        rng = generator(7)
        for count, seed, taken in ((1000, 3, 5), (50, 9, 50)):
            ctx.set(dut.start, 1)
            ctx.set(dut.count, count)
            ctx.set(dut.seed, seed)
            await ctx.tick()
            ctx.set(dut.start, 0)
            found.append(await collect(ctx, dut.o, taken, rng, 0.2))
            assert ctx.get(dut.left) == count - taken

    bench.run(testbench)
    np.testing.assert_array_equal(found[0], order(1000, 3)[:5])
    np.testing.assert_array_equal(found[1], order(50, 9))
