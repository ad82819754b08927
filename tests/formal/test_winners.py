"""Winners: rows leave in order, dropped rows never leave, and no row is read while it is written.

One arbitrary row is followed. The number of committed and uncommitted rows before it determines
when it must leave.
"""

import pytest
from amaranth.asserts import AnySeq
from amaranth.hdl import Assert, Assume, Cover, Module, Mux, Signal, Value

from bep_model.config import Config
from rtl.engines.winners import Winners
from rtl.parts.delay import delay

from .contract import winners_contract
from .prove import ProofError, collision, open_up, peek, prove

CONFIGURATIONS = {
    "one": Config(1, (1,), 2, 2, 1, 1),
    "three": Config(2, (2, 1), 2, 2, 2, 2),
    "eight": Config(2, (2, 2), 2, 2, 2, 2, max_batch=2),
}
DEPTH = 3
"""Clocks of the induction. The registers hold everything that is older than one clock."""


def harness(config, capacity):
    """The queue, used in any way that respects its capacity, and the claims about it."""
    m = Module()
    dut = Winners(config)
    m.submodules.winners, inside, memories = open_up(dut)
    row = Value.cast(dut.i.payload)
    m.d.comb += [s.eq(AnySeq(s.shape())) for s in (
        dut.i.valid, row, dut.control.commit, dut.control.drop, dut.o.ready)]

    # Rows in the queue; pending rows are not committed yet.
    pending, committed = (Signal(range(capacity + 1), name=n) for n in ("pending", "committed"))
    taken = dut.o.valid & dut.o.ready
    push, commit, drop = dut.i.valid, dut.control.commit, dut.control.drop
    winners_contract(m, capacity, push, commit, drop, pending + committed, Assume)
    after_push = pending + push
    m.d.sync += [
        pending.eq(Mux(commit | drop, 0, after_push)),
        committed.eq(committed + Mux(commit, after_push, 0) - taken),
    ]
    m.d.comb += [
        Assert(~dut.o.valid | (committed != 0), "row from nowhere"),
        Assert(dut.empty == (committed == 0), "empty"),
        # A row is at the output two clocks after the one in which it first counts as committed.
        Assert(dut.o.valid == (delay(m, committed, 2, "known")
                               > delay(m, taken, 1, "left") + delay(m, taken, 2, "left2")), "late"),
    ]

    # The followed row.
    here, safe = Signal(), Signal()
    before, followed = Signal.like(committed), Signal.like(row)
    choose = Signal()
    m.d.comb += choose.eq(AnySeq(1) & push & ~here)
    leaves = here & taken & (before == 0)
    with m.If(here):
        m.d.sync += [before.eq(before - taken), safe.eq(safe | commit)]
        with m.If(leaves | drop & ~safe):
            m.d.sync += here.eq(0)
    with m.If(choose & ~drop):
        m.d.sync += [here.eq(1), safe.eq(commit), followed.eq(row),
                     before.eq(pending + committed - taken)]
    with m.If(here & dut.o.valid & (before == 0)):
        m.d.comb += [Assert(dut.o.payload.as_value() == followed, "wrong row"),
                     Assert(safe, "row not committed")]

    m.d.comb += Assert(~collision(memories["memory"]), "read while written")
    m.d.comb += Cover(leaves & (inside["head"] == (1 << len(inside["head"])) - 1))
    m.d.comb += Cover(leaves & inside["spare"])

    # Internal registers: the pointers and the place of the followed row.
    head, tail, limit = (inside[name] for name in ("head", "tail", "committed"))
    place, gone = Signal.like(head), Signal(2)
    # Rows that were read but have not left.
    fetched, spare = inside["fetched"], inside["spare"]
    m.d.comb += gone.eq(dut.o.valid + fetched + spare)
    m.d.comb += place.eq(head + before - gone)
    m.d.comb += [
        Assert((limit - head)[:len(head)] == (committed - gone)[:len(head)], "committed"),
        Assert(gone <= committed, "fetched"),
        Assert(~spare | fetched & dut.o.valid, "spare"),
        Assert((tail - limit)[:len(head)] == pending, "pending"),
        Assert(pending + committed <= capacity, "full"),
    ]
    with m.If(here):
        m.d.comb += [
            Assert(before < committed + pending, "before"),
            Assert(safe == (before < committed), "safe"),
            Assert(peek(memories["memory"], place) == followed, "memory"),
            Assert(~fetched | (before != dut.o.valid + spare)
                   | (memories["memory"]._read_ports[0]._data == followed), "read"),
            Assert(~spare | (before != dut.o.valid) | (inside["kept"] == followed), "kept"),
        ]
    return m


def capacity(config):
    return config.max_batch * sum(config.layers)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_first_in_first_out(name):
    config = CONFIGURATIONS[name]
    prove(f"winners-{name}", harness(config, capacity(config)), DEPTH)


def test_corners_are_reached():
    """The ring wraps around, and a row leaves after two more were read."""
    config = CONFIGURATIONS["three"]
    prove("winners-cover", harness(config, capacity(config)), 12, mode="cover")


def test_one_row_too_many_is_noticed():
    config = CONFIGURATIONS["three"]
    with pytest.raises(ProofError):
        prove("winners-overflow", harness(config, capacity(config) + 1), DEPTH)
