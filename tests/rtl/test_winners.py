"""The queue of winners against a list."""

import pytest
from amaranth.hdl import Value

from bep_model.config import Config
from rtl.engines.winners import Winners

from .bench import Bench, clocks, generator


def record(bench, dut):
    return bench.record(
        push=dut.i.valid, row=dut.i.payload, commit=dut.control.commit, drop=dut.control.drop,
        valid=dut.o.valid, ready=dut.o.ready, payload=dut.o.payload, empty=dut.empty)


def check(trace):
    """Check the outputs of every clock against the rows pushed, committed, dropped and taken."""
    pending, committed, due, taken, moved = [], [], [], 0, 0
    for n, clock in enumerate(trace):
        assert clock.empty == (taken == len(committed)), f"clock {n}"
        assert clock.valid == (taken < len(due) and due[taken] <= n), f"clock {n}"
        if clock.valid:
            assert clock.payload == committed[taken], f"clock {n}"
            taken += clock.ready
        if clock.push:
            pending.append(clock.row)
        if clock.commit:
            committed += pending
            due += [n + Winners.latency] * len(pending)
        if clock.commit or clock.drop:
            moved += len(pending)
            pending = []
    return moved, taken


@pytest.mark.parametrize("stall", [0, 0.5])
@pytest.mark.parametrize(("layers", "max_batch"), [((1,), 1), ((3, 4), 1), ((5, 3, 2), 3)])
def test_random_use(layers, max_batch, stall):
    config = Config(4, layers, 2, 3, 2, 1, max_batch)
    dut = Winners(config)
    capacity = max_batch * sum(layers)
    rng = generator(*layers, int(2 * stall))
    bench = Bench(dut)
    trace = record(bench, dut)

    row = Value.cast(dut.i.payload)

    async def use(ctx):
        room, pending = capacity, 0
        for _ in range(400):
            commit = rng.random() < 0.3
            drop = not commit and rng.random() < 0.1
            push = room > 0 and rng.random() < 0.6
            ctx.set(row, int(rng.integers(0, 1 << len(row))))
            ctx.set(dut.i.valid, push)
            ctx.set(dut.control.commit, commit)
            ctx.set(dut.control.drop, drop)
            ctx.set(dut.o.ready, rng.random() >= stall)
            pending += push
            room += ctx.get(dut.o.valid & dut.o.ready) - push + drop * pending
            if commit or drop:
                pending = 0
            await ctx.tick()

    bench.run(use)
    moved, taken = check(trace)
    assert taken > 40
    assert moved > taken


@pytest.mark.parametrize(("layers", "max_batch"), [((3,), 1), ((4, 4), 2)])
def test_whole_batch(layers, max_batch):
    """All neurons of all samples of a batch fit into the queue, and leave one per clock."""
    dut = Winners(Config(4, layers, 2, 3, 2, 1, max_batch))
    capacity = max_batch * sum(layers)
    bench = Bench(dut)
    trace = record(bench, dut)

    async def use(ctx):
        for ready in (0, 1, 0, 1):
            ctx.set(dut.o.ready, ready)
            for n in range(capacity + 3):
                ctx.set(dut.i.valid, not ready and n < capacity)
                ctx.set(dut.control.commit, 1)
                ctx.set(Value.cast(dut.i.payload), n)
                await ctx.tick()

    bench.run(use)
    assert check(trace) == (2 * capacity, 2 * capacity)
    out = [n for n in clocks(trace, "valid") if trace[n].ready]
    assert out == [k * 2 * (capacity + 3) + capacity + 3 + n
                   for k in range(2) for n in range(capacity)]
