# amaranth: UnusedElaboratable=no
"""Random bank and Bernoulli words against bep_model.phases.random."""

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib.wiring import connect

from bep_model.phases.random import bernoulli, scratch, xorshift
from rtl.engines.random import Bank, Bernoulli

from .bench import Bench, clocks, generator, number, wait

PROBABILITIES = (0, 1, 2, 0x3A47, 0x4000, 0x5000, 0x8000, 0xC000, 0xFFFE, 0xFFFF, 0x10000)


@pytest.mark.parametrize("lanes", [1, 7, 32, 33, 70])
def test_bank(lanes):
    """Random draws and shifts; a shift wins over a draw."""
    dut = Bank(lanes)
    rng = generator(lanes)
    states = np.arange(1, -(-lanes // 32) + 1, dtype=np.uint32)
    steps = [(*map(int, rng.integers(0, 2, 2)), int(rng.integers(1, 1 << 32))) for _ in range(60)]
    bench = Bench(dut)
    trace = bench.record(word=dut.draw.word, last=dut.seed.last)

    async def drive(ctx):
        for advance, shift, value in steps:
            ctx.set(dut.draw.advance, advance)
            ctx.set(dut.seed.shift, shift)
            ctx.set(dut.seed.value, value)
            await ctx.tick()

    bench.run(drive)
    for clock, (advance, shift, value) in zip(trace, steps, strict=True):
        word = sum(int(state) << 32 * k for k, state in enumerate(states))
        assert clock.word == word & ((1 << lanes) - 1)
        assert clock.last == states[-1]
        if shift:
            states = np.array([value, *states[:-1]], np.uint32)
        elif advance:
            states = np.array([xorshift(state) for state in states], np.uint32)


@pytest.mark.parametrize("latency", [1, 2])
@pytest.mark.parametrize("holding", [0, 0.5])
@pytest.mark.parametrize("lanes", [1, 40])
def test_bernoulli(lanes, holding, latency):
    """Words, draws and clocks of all probabilities, also while the last draw is postponed.

    Each probability gives two words, sometimes one immediately after the other.
    """
    m = Module()
    m.submodules.bank = bank = Bank(lanes)
    m.submodules.bernoulli = dut = Bernoulli(lanes, latency)
    connect(m, bank.draw, dut.draw)
    rng = generator(lanes, int(2 * holding), latency)
    model = np.arange(1, -(-lanes // 32) + 1, dtype=np.uint32)
    bench = Bench(m)
    trace = bench.record(request=dut.request, hold=dut.hold, done=dut.done, word=dut.word,
                         advance=dut.draw.advance, bank=bank.draw.word)

    wanted = np.repeat(PROBABILITIES * 2, 2).tolist()

    async def ask(ctx):
        before = None
        for p in wanted:
            if p != before or rng.random() < 0.5:
                ctx.set(dut.request, 0)
                ctx.set(dut.p, p)
                await wait(ctx, int(rng.integers(1, 3)))
            before = p
            ctx.set(dut.request, 1)
            done = False
            while not done:
                ctx.set(dut.hold, rng.random() < holding)
                _, _, done = await ctx.tick().sample(dut.done)
        ctx.set(dut.request, 0)
        await wait(ctx, 3)

    bench.run(ask)
    dones = clocks(trace, "done")
    assert len(dones) == len(wanted)
    end = 0
    for p, done in zip(wanted, dones, strict=True):
        begin = next(n for n in range(end, len(trace)) if trace[n].request)
        expected = begin + max(1, dut.draws(p)) - 1
        while trace[expected].hold:
            expected += 1
        assert done == expected, f"p = {p:#x}"
        drawn = np.zeros((1, 1), np.uint64)
        bernoulli(model, lanes, p, np.array([lanes]), drawn, scratch(len(model), lanes, 1))
        late = latency - 1
        assert sum(clock.advance for clock in trace[begin + late:done + late + 1]) == dut.draws(p)
        for n in range(done + 1, len(trace) - late):  # held until the next request
            assert trace[n + late].word == drawn[0, 0], f"p = {p:#x}"
            assert trace[n + late].bank == number(
                [int(s) >> i & 1 for s in model for i in range(32)][:lanes])
            if trace[n].request:
                break
        end = done + 1


def test_draws():
    assert [Bernoulli.draws(p) for p in PROBABILITIES] == [
        0, 16, 15, 16, 2, 4, 1, 2, 15, 16, 0]


def test_bad_parameters():
    with pytest.raises(ValueError, match=r"^lanes must be at least 1, not 0$"):
        Bank(0)
