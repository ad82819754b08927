# amaranth: UnusedElaboratable=no
"""Popcount against bep_model.phases.bits.popcount."""

import pytest

from bep_model.phases.bits import popcount
from rtl.parts.popcount import Popcount, Popcounts

from .bench import Bench, generator, wait


def fed(dut, words, **signals):
    """The trace of signals, clock by clock, while pairs of words come one per clock."""
    bench = Bench(dut)
    trace = bench.record(**signals)

    async def feed(ctx):
        for a, b in words:
            ctx.set(dut.a, a)
            ctx.set(dut.b, b)
            await ctx.tick()
        await wait(ctx, dut.latency)

    bench.run(feed)
    return trace


@pytest.mark.parametrize("levels", [1, 2, 3])
@pytest.mark.parametrize("lanes", [1, 2, 3, 8, 13, 64])
def test_equal_bits(lanes, levels):
    dut = Popcount(lanes, levels)
    rng = generator(lanes, levels)
    ones = (1 << lanes) - 1
    words = [(0, 0), (0, ones), (ones, ones), (ones, 0)]
    words += [tuple(map(int, rng.integers(0, ones, 2, endpoint=True, dtype="uint64")))
              for _ in range(20)]
    trace = fed(dut, words, o=dut.o)
    assert [clock.o for clock in trace[dut.latency:]] == [
        popcount(~(a ^ b) & ones) for a, b in words]


@pytest.mark.parametrize(("lanes", "part", "parts"), [
    (2, 1, 2), (8, 4, 2), (13, 4, 3), (27, 9, 3), (70, 16, 4), (40, 5, 7)])
def test_parts(lanes, part, parts):
    """Each part, and the sum, which counts the lanes after the parts, too."""
    dut = Popcounts(lanes, part, parts)
    rng = generator(lanes, part)
    words = [tuple(int.from_bytes(rng.bytes(9)) % (1 << lanes) for _ in "ab") for _ in range(20)]
    trace = fed(dut, words, o=dut.o, **{f"part{i}": dut.parts[i] for i in range(parts)})
    equal = [~(a ^ b) & ((1 << lanes) - 1) for a, b in words]
    assert [clock.o for clock in trace[dut.latency:]] == [word.bit_count() for word in equal]
    early = trace[dut.parts_latency:][:len(words)]
    for i in range(parts):
        assert [getattr(clock, f"part{i}") for clock in early] == [
            (word >> i * part & ((1 << part) - 1)).bit_count() for word in equal]


@pytest.mark.parametrize(("lanes", "levels", "latency"), [
    (1, 1, 1), (2, 1, 1), (3, 1, 2), (64, 1, 6), (64, 2, 3), (65, 2, 4), (64, 6, 1)])
def test_latency(lanes, levels, latency):
    assert Popcount(lanes, levels).latency == latency


def test_bad_parameters():
    with pytest.raises(ValueError, match=r"^lanes must be at least 1, not 0$"):
        Popcount(0)
    with pytest.raises(ValueError, match=r"^levels_per_stage must be at least 1, not 0$"):
        Popcount(4, 0)
