"""Select and its neuron memory against the model's phase, and the gates of its phase backward."""

import numpy as np
import pytest
from amaranth.hdl import Value

from bep_model.config import Config, divisors
from bep_model.phases.backward import gate
from bep_model.phases.bits import pack, unpack
from bep_model.phases.select import select
from rtl.engines.select import Neurons, Select

from .bench import Bench, clocks, generator, pause, until

CONFIGURATIONS = {
    "one of everything": Config(1, (1, 1), 2, 2, 1, 1),
    "one layer": Config(5, (6,), 2, 3, 4, 4),
    "small": Config(7, (6, 4), 2, 3, 4, 2),
    "three layers": Config(9, (12, 8, 6), 3, 7, 3, 1),
    "stable": Config(9, (12, 8, 6), 3, 7, 3, 1, stable=True),
}


@pytest.mark.parametrize("idle", [0, 0.4])
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_layers(name, idle):
    """Every layer with every group size and stability, small abs(z) for many ties."""
    config = CONFIGURATIONS[name]
    rng = generator(int(10 * idle))
    dut = Select(config)
    bench = Bench(dut)
    neurons = [0] * (1 << len(dut.neuron_index))
    bench.memory(neurons, address=dut.neuron_index, data=dut.neuron)
    trace = bench.record(
        start=dut.start, row=dut.row_valid, target=dut.target_valid, busy=dut.busy,
        winner=dut.winner_valid, open=dut.open_valid, winner_address=dut.winner.address,
        winner_sign=dut.winner.sign, open_address=dut.open_row.address,
        open_sign=dut.open_row.sign)
    cases = [(l, group) for l, k in enumerate(config.layers) for group in divisors(k)] * 2
    drawn = []
    for l, _ in cases:
        k, most = config.layers[l], min(3, config.widths[l])
        drawn.append((rng.integers(-most, most, k, endpoint=True).astype(np.int32),
                      rng.integers(0, 2, k, dtype=np.uint8),
                      (rng.random(k) < 0.8).astype(np.uint8) if l < config.depth - 1
                      else np.ones(k, np.uint8),
                      int(rng.integers(0, most + 1)),
                      int(rng.integers(0, most + 2)) if config.stable else 0))

    async def sequence(ctx):
        for (l, group), (z, targets, valid, threshold, stability) in zip(
                cases, drawn, strict=True):
            hidden = l < config.depth - 1
            first = sum(config.layers[:l]) if hidden else 0
            ctx.set(dut.start, 1)
            ctx.set(dut.job, {"rows": len(z), "group": group, "address": config.bases[l],
                              "words": config.row_words[l], "neuron": first})
            await ctx.tick()
            ctx.set(dut.start, 0)
            ctx.set(dut.hidden, hidden)
            rows = [{"activation": value >= 0, "magnitude": abs(value),
                     "open": abs(value) <= threshold,
                     **({"unstable": abs(value) < stability} if config.stable else {})}
                    for value in map(int, z)]
            neurons[:] = [0] * len(neurons)
            if hidden:
                shape = dut.row.shape()
                neurons[first:first + len(z)] = [shape.const(row).as_bits() for row in rows]
            strobe = dut.target_valid if hidden else dut.row_valid
            for row, target, one in zip(rows, targets, valid, strict=True):
                await pause(ctx, rng, idle)
                if not hidden:
                    ctx.set(dut.row, row)
                ctx.set(dut.target, {"sign": int(target), "valid": int(one)})
                ctx.set(strobe, 1)
                await ctx.tick()
                ctx.set(strobe, 0)
                ctx.set(dut.target, {"sign": int(1 - target), "valid": 1})
            await until(ctx, ~dut.busy)

    bench.run(sequence)
    starts = clocks(trace, "start")
    expected, opened = np.empty((2, 1), np.uint64)
    for start, end, (l, group), (z, targets, valid, threshold, stability) in zip(
            starts, [*starts[1:], len(trace)], cases, drawn, strict=True):
        hidden = l < config.depth - 1
        latency = dut.hidden_latency if hidden else dut.latency
        arrivals = [n for n in clocks(trace, "target" if hidden else "row") if start <= n < end]
        select(z, pack(z >= 0), pack(targets), pack(valid), group, stability, expected)
        gate(z, threshold, opened)
        rows = config.bases[l] + np.arange(len(z)) * config.row_words[l]
        winners = np.flatnonzero(unpack(expected, len(z)))
        # A winner is announced when the last row of its group is known.
        lasts = [arrivals[j - j % group + group - 1] for j in winners]
        out = [n for n in clocks(trace, "winner") if start <= n < end]
        message = f"layer {l + 1}, group {group}"
        np.testing.assert_array_equal(
            [(trace[n].winner_address, trace[n].winner_sign) for n in out],
            [(rows[j], targets[j]) for j in winners], message)
        assert out == [n + latency for n in lasts], message
        passing = np.flatnonzero(unpack(opened, len(z)) & valid)
        out_open = [n for n in clocks(trace, "open") if start <= n < end]
        np.testing.assert_array_equal(
            [(trace[n].open_address, trace[n].open_sign) for n in out_open],
            [(rows[j], targets[j]) for j in passing], message)
        assert out_open == [arrivals[j] + latency for j in passing], message
        quiet = arrivals[-1] + latency
        quiet += quiet in out or quiet in out_open
        assert [n for n in clocks(trace, "busy") if start <= n < end] == [
            *range(start + 1, quiet)], message


@pytest.mark.parametrize("layers", [(3,), (1, 1), (4, 5), (2, 3, 4)])
def test_neurons(layers):
    """Rows can be read in the order they were written in, again after ``clear``."""
    config = Config(6, layers, 2, 3, 2, 1)
    dut = Neurons(config)
    rng = generator(*layers)
    bench = Bench(dut)
    rounds = rng.integers(0, 1 << len(Value.cast(dut.row)), (2, max(1, sum(layers[:-1])))).tolist()
    taken = []

    async def sequence(ctx):
        for values in rounds:
            ctx.set(dut.clear, 1)
            await ctx.tick()
            ctx.set(dut.clear, 0)
            for value in values:
                await pause(ctx, rng, 0.3)
                ctx.set(Value.cast(dut.row), value)
                ctx.set(dut.row_valid, 1)
                await ctx.tick()
                ctx.set(dut.row_valid, 0)
            taken.append([])
            for i in range(len(values)):
                ctx.set(dut.read_index, i)
                await ctx.tick()
                taken[-1].append(ctx.get(Value.cast(dut.read_data)))

    bench.run(sequence)
    assert taken == rounds
