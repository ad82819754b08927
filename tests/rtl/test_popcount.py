# amaranth: UnusedElaboratable=no
"""Popcount against bep_model.phases.bits.popcount."""

import pytest

from bep_model.phases.bits import popcount
from rtl.parts.popcount import Popcount

from .bench import Bench, generator, wait


@pytest.mark.parametrize("levels", [1, 2, 3])
@pytest.mark.parametrize("lanes", [1, 2, 3, 8, 13, 64])
def test_equal_bits(lanes, levels):
    dut = Popcount(lanes, levels)
    rng = generator(lanes, levels)
    ones = (1 << lanes) - 1
    words = [(0, 0), (0, ones), (ones, ones), (ones, 0)]
    words += [tuple(map(int, rng.integers(0, ones, 2, endpoint=True, dtype="uint64")))
              for _ in range(20)]
    bench = Bench(dut)
    trace = bench.record(o=dut.o)

    async def feed(ctx):
        for a, b in words:
            ctx.set(dut.a, a)
            ctx.set(dut.b, b)
            await ctx.tick()
        await wait(ctx, dut.latency)

    bench.run(feed)
    assert [clock.o for clock in trace[dut.latency:]] == [
        popcount(~(a ^ b) & ones) for a, b in words]


@pytest.mark.parametrize(("lanes", "levels", "latency"), [
    (1, 1, 1), (2, 1, 1), (3, 1, 2), (64, 1, 6), (64, 2, 3), (65, 2, 4), (64, 6, 1)])
def test_latency(lanes, levels, latency):
    assert Popcount(lanes, levels).latency == latency


def test_bad_parameters():
    with pytest.raises(ValueError, match=r"^lanes must be at least 1, not 0$"):
        Popcount(0)
    with pytest.raises(ValueError, match=r"^levels_per_stage must be at least 1, not 0$"):
        Popcount(4, 0)
