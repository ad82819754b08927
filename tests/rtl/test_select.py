"""Select and its neuron memory against the model's phase, and its open rows against the gates."""

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
    """Every layer with every group size; small abs(z) give many ties."""
    config = CONFIGURATIONS[name]
    rng = generator(int(10 * idle))
    dut = Select(config)
    bench = Bench(dut)
    control, winner, opened = dut.control, dut.winners.payload, dut.opened.payload
    neurons = [0] * (1 << len(dut.neurons.addr))
    bench.memory(neurons, dut.neurons)
    trace = bench.record(
        start=control.start, row=dut.rows.valid, target=dut.targets.valid, busy=control.busy,
        winner=dut.winners.valid, open=dut.opened.valid, winner_layer=winner.layer,
        winner_address=winner.address, winner_sign=winner.sign, slot=winner.slot,
        open_address=opened.address, open_sign=opened.sign)
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
            ctx.set(control.start, 1)
            ctx.set(control.job, {"rows": len(z), "group": group, "address": config.bases[l],
                                  "words": config.row_words[l], "neuron": first})
            ctx.set(control.layer, l)
            await ctx.tick()
            ctx.set(control.start, 0)
            ctx.set(control.hidden, hidden)
            ctx.set(dut.slot, l & 1)
            rows = [{"activation": value >= 0, "magnitude": abs(value),
                     "open": abs(value) <= threshold,
                     **({"unstable": abs(value) < stability} if config.stable else {})}
                    for value in map(int, z)]
            neurons[:] = [0] * len(neurons)
            if hidden:
                shape = dut.rows.payload.shape()
                neurons[first:first + len(z)] = [shape.const(row).as_bits() for row in rows]
            strobe = dut.targets.valid if hidden else dut.rows.valid
            for row, target, one in zip(rows, targets, valid, strict=True):
                await pause(ctx, rng, idle)
                if not hidden:
                    ctx.set(dut.rows.payload, row)
                    ctx.set(dut.bit, int(target))
                ctx.set(dut.targets.payload, {"sign": int(target), "valid": int(one)})
                ctx.set(strobe, 1)
                await ctx.tick()
                ctx.set(strobe, 0)
                ctx.set(dut.targets.payload, {"sign": int(1 - target), "valid": 1})
                ctx.set(dut.bit, int(1 - target))
                ctx.set(dut.slot, ~l & 1)  # the next sample's
            await until(ctx, ~control.busy)

    bench.run(sequence)
    starts = clocks(trace, "start")
    expected, opened = np.empty((2, 1), np.uint64)
    for start, end, (l, group), (z, targets, valid, threshold, stability) in zip(
            starts, [*starts[1:], len(trace)], cases, drawn, strict=True):
        hidden = l < config.depth - 1
        latency = dut.hidden_latency if hidden else dut.latency
        arrivals = [n for n in clocks(trace, "target" if hidden else "row") if start <= n < end]
        select(z, pack(z >= 0), pack(targets), pack(valid), group, stability, expected)
        gate(z, threshold, pack(np.ones(len(z), np.uint8)), opened)
        rows = config.bases[l] + np.arange(len(z)) * config.row_words[l]
        winners = np.flatnonzero(unpack(expected, len(z)))
        # A winner is announced when the last row of its group is known.
        lasts = [arrivals[j - j % group + group - 1] for j in winners]
        out = [n for n in clocks(trace, "winner") if start <= n < end]
        message = f"layer {l + 1}, group {group}"
        np.testing.assert_array_equal(
            [(trace[n].winner_layer, trace[n].winner_address, trace[n].winner_sign) for n in out],
            [(l, rows[j], targets[j]) for j in winners], message)
        assert out == [n + latency for n in lasts], message
        assert all(trace[n].slot == l & 1 for n in out), message
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
    """Rows can be read in the order in which they were written, and again after ``clear``."""
    config = Config(6, layers, 2, 3, 2, 1)
    dut = Neurons(config)
    rng = generator(*layers)
    bench = Bench(dut)
    row = Value.cast(dut.rows.payload)
    rounds = rng.integers(0, 1 << len(row), (2, max(1, sum(layers[:-1])))).tolist()
    taken = []

    async def sequence(ctx):
        for values in rounds:
            ctx.set(dut.clear, 1)
            await ctx.tick()
            ctx.set(dut.clear, 0)
            for value in values:
                await pause(ctx, rng, 0.3)
                ctx.set(row, value)
                ctx.set(dut.rows.valid, 1)
                await ctx.tick()
                ctx.set(dut.rows.valid, 0)
            taken.append([])
            for i in range(len(values)):
                ctx.set(dut.read.addr, i)
                await ctx.tick()
                taken[-1].append(ctx.get(Value.cast(dut.read.data)))

    bench.run(sequence)
    assert taken == rounds
