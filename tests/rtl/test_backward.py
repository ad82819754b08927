"""Backward and the lists of open rows against bep_model.phases.backward."""

import numpy as np
import pytest
from amaranth.hdl import Value

from bep_model.config import Config
from bep_model.phases.backward import backward
from bep_model.phases.bits import pack, unpack
from rtl.engines.backward import Backward
from rtl.engines.open_rows import OpenRows

from .bench import Bench, clocks, generator, row_words, until

CONFIGURATIONS = {  # only layers 1 (which gets targets) and 2 (its rows) matter
    "one of everything": Config(1, (1, 1), 2, 2, 1, 1),
    "one lane": Config(3, (5, 6), 2, 3, 1, 1),
    "two lanes": Config(3, (7, 3), 2, 3, 2, 2),
    "one word": Config(4, (4, 9), 2, 2, 4, 4),
    "wider than a row": Config(3, (9, 12), 3, 4, 16, 8),
    "ragged": Config(11, (11, 30), 4, 7, 4, 2),
    "whole words": Config(11, (24, 10), 4, 7, 6, 2),
}


@pytest.mark.parametrize("latency", [1, 2])
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_targets(name, latency):
    """From no open row to all, also so few that targets leave more slowly than rows are read."""
    config = CONFIGURATIONS[name]
    columns, rows = config.layers
    words = config.network[0].words
    rng = generator(latency)
    weights = rng.integers(0, 2, (rows, columns), dtype=np.uint8)
    plane = [0] * config.sign_depth
    plane[config.bases[1]:config.bases[2]] = [
        word for row in weights for word in row_words(row, config.weight_lanes, padding=1)]
    dut = Backward(config, latency)
    control, target = dut.control, dut.targets.payload
    entries = [0] * (1 << len(dut.rows.read.addr))
    bench = Bench(dut)
    bench.memory(plane, dut.signs, latency=latency)
    bench.memory(entries, dut.rows.read)
    trace = bench.record(start=control.start, done=control.done, read=dut.signs.en,
                         out=dut.targets.valid, sign=target.sign, valid=target.valid)
    counts = sorted({0, 1, min(2, rows), rows // 2, rows - 1, rows} | {
        min(rows, config.weight_lanes + k) for k in range(-2, 1) if config.weight_lanes + k > 0})
    cases = [(int(n), np.sort(rng.choice(rows, n, replace=False)),
              rng.integers(0, 2, rows, dtype=np.uint8)) for n in rng.permutation(counts)]

    async def sequence(ctx):
        for count, opened, targets in cases:
            row = Value.cast(dut.rows.read.data)
            for i, j in enumerate(opened):
                address = config.bases[1] + int(j) * words
                entries[i] = address | int(targets[j]) << len(row) - 1
            ctx.set(control.start, 1)
            ctx.set(control.job, {"columns": columns, "words": words})
            await ctx.tick()
            ctx.set(control.start, 0)
            ctx.set(dut.rows.count, count)
            await until(ctx, control.done)
            await until(ctx, ~dut.targets.valid)

    bench.run(sequence)
    starts, dones = clocks(trace, "start"), clocks(trace, "done")
    expected = [dut.cycles(count, words) for count, *_ in cases]
    assert [done - start for start, done in zip(starts, dones, strict=True)] == expected
    below, valid_below = np.empty((2, -(-columns // 64)), np.uint64)
    sums, by_columns = np.empty(columns, np.int32), np.ascontiguousarray(pack(weights.T).T)
    for start, done, end, (count, opened, targets) in zip(
            starts, dones, [*starts[1:], len(trace)], cases, strict=True):
        passing = np.zeros(rows, np.uint8)
        passing[opened] = 1
        backward(by_columns, pack(targets), pack(passing), False, sums, below, valid_below)
        out = [n for n in clocks(trace, "out") if start <= n < end]
        valid = unpack(valid_below, columns)
        np.testing.assert_array_equal([trace[n].valid for n in out], valid, f"{count} rows")
        signs = np.array([trace[n].sign for n in out])
        np.testing.assert_array_equal(signs[valid == 1], unpack(below, columns)[valid == 1])
        # The targets of a word leave without a pause, and those of the last word after `done`.
        step = max(count + 2, dut.gap)
        first = done + 1 - (words - 1) * step
        assert out == [first + i // config.weight_lanes * step + i % config.weight_lanes
                       for i in range(columns)]
        reads = [n for n in clocks(trace, "read") if start <= n < end]
        assert len(reads) == words * max(1, count)
        assert reads[0] == start + 3
        assert done - reads[-1] == dut.latency - 2


@pytest.mark.parametrize("rows", [1, 3, 8])
def test_open_rows(rows):
    """Rows that were pushed between two starts can be read after the second one."""
    config = Config(2, (rows, max(1, rows - 1)), 2, 3, 2, 1)
    dut = OpenRows(config)
    rng = generator(rows)
    lists = [[int(value) for value in rng.integers(0, 1 << len(Value.cast(dut.i.payload)), n)]
             for n in (rows, 0, 1, rows, rows // 2, rows)]
    bench = Bench(dut)
    trace = bench.record(count=dut.rows.count)
    taken = []

    async def write(ctx):
        for values in lists:
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            for i in range(rows):
                if i < len(values):
                    ctx.set(Value.cast(dut.i.payload), values[i])
                ctx.set(dut.i.valid, i < len(values))
                await ctx.tick()
            ctx.set(dut.i.valid, 0)
        ctx.set(dut.start, 1)
        await ctx.tick()
        await ctx.tick()

    async def read(ctx):
        """Read the previous list, from the clock after the start that ends it."""
        for values in [[], *lists[:-1]]:
            await ctx.tick()
            taken.append([])
            for i in range(rows):
                if i < len(values):
                    ctx.set(dut.rows.read.addr, i)
                    await ctx.tick()
                    taken[-1].append(ctx.get(Value.cast(dut.rows.read.data)))
                else:
                    await ctx.tick()

    bench.run(write, read)
    assert taken == [[], *lists[:-1]]
    for k, values in enumerate(lists, 1):
        assert trace[k * (rows + 1) + 1].count == len(values)
