"""The rows of a sweep: layers 1..L with rows in ascending order, as in bep_model.network."""

import pytest

from rtl.engines.reinforce import Reinforce

from .bench import CONFIGURATIONS, Bench, clocks, collect, generator, until


@pytest.mark.parametrize("stall", [0, 0.5])
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_rows(name, stall):
    """Rows and clocks, for every set of enabled layers."""
    config = CONFIGURATIONS[name]
    rng = generator(int(2 * stall))
    dut = Reinforce(config)
    bench = Bench(dut)
    trace = bench.record(start=dut.control.start, busy=dut.control.busy, valid=dut.rows.valid,
                         ready=dut.rows.ready)
    taken = []
    enables = [int(e) for e in rng.permutation(1 << config.depth)]
    expected = [
        [(l, config.bases[l] + row * config.row_words[l])
         for l, k in enumerate(config.layers) if enable >> l & 1 for row in range(k)]
        for enable in enables]

    async def sweep(ctx):
        shape = dut.rows.payload.shape()
        for enable, rows in zip(enables, expected, strict=True):
            ctx.set(dut.control.enable, enable)
            ctx.set(dut.control.start, 1)
            await ctx.tick()
            ctx.set(dut.control.start, 0)
            payloads = map(shape.from_bits, await collect(ctx, dut.rows, len(rows), rng, stall))
            taken.append([(row.layer, row.address) for row in payloads])
            ctx.set(dut.rows.ready, 1)
            await until(ctx, ~dut.control.busy)
            await ctx.tick()

    bench.run(sweep)
    assert taken == expected
    transfers = [n for n in clocks(trace, "valid") if trace[n].ready]
    assert len(transfers) == sum(map(len, expected))
    for start, enable, rows in zip(clocks(trace, "start"), enables, expected, strict=True):
        skipped = config.depth - enable.bit_count()
        busy = next(n for n in range(start + 1, len(trace)) if not trace[n].busy) - start - 1
        waited = sum(clock.valid and not clock.ready for clock in trace[start + 1:start + 1 + busy])
        assert busy == len(rows) + skipped + waited
        if enable & 1:
            assert trace[start + 1].valid
