"""What components ask of those around them: assumed where they are proved, asserted in a trainer.

Every function takes ``claim``, Assume or Assert.
"""

from amaranth.hdl import Cat, Signal, Value

from rtl.delay import delay
from rtl.update import Operation


def update_contract(m, config, update, claim, *, distinct=True):
    """Rows are real, stay until they are taken and, within a slot or sweep, come only once; run
    stays until all is done, the operation meanwhile; rows and accesses do not meet.

    ``distinct=False`` leaves out that rows come only once.
    """
    row, rows, run = update.rows.payload, update.rows, update.run
    fields, operation = Value.cast(row), Value.cast(update.operation)
    offered = run & rows.valid
    accessed = update.access.valid & update.access.ready
    with m.If(offered):
        m.d.comb += [
            claim(Cat((row.layer == l) & (row.address == config.bases[l] + j * config.words[l])
                      for l, k in enumerate(config.layers) for j in range(k)).any(), "no row"),
            claim(row.slot <= config.max_batch, "no slot"),
            claim(update.thinning <= 1 << 16, "no probability"),
        ]
    m.d.comb += claim(operation < len(Operation), "no operation")

    waits = delay(m, offered & ~rows.ready, 1, "waits")
    before = delay(m, fields, 1, "before")
    with m.If(waits):
        m.d.comb += claim(offered & (fields == before), "row not held")
    ran = delay(m, run, 1, "ran")
    was = delay(m, operation, 1, "was")
    with m.If(ran & run):
        m.d.comb += claim(operation == was, "operation changed")
    with m.If(ran & ~run):
        m.d.comb += claim(~update.busy, "run left")

    # Not simply access_busy: a sweep may follow while the last update is being written.
    under_way = Signal(update.latency, name="accesses_under_way")
    m.d.sync += under_way.eq(Cat(accessed, under_way))
    accessing = delay(m, accessed | under_way.any() | update.reply.valid, 1, "accessing")
    with m.If(run):
        m.d.comb += claim(~update.access_enable, "access during a run")
        with m.If(~ran):
            m.d.comb += claim(~accessing, "run during an access")

    if distinct:
        seen, slot = Signal(1 << len(row.address), name="seen"), Signal.like(row.slot, name="slot")
        same = (update.operation != Operation.STEP) | (row.slot == slot)
        with m.If(rows.ready & offered):
            m.d.sync += slot.eq(row.slot)
            with m.If(~same):
                m.d.sync += seen.eq(0)
            m.d.sync += seen.bit_select(row.address, 1).eq(1)
        with m.If(~run):
            m.d.sync += seen.eq(0)
        with m.If(offered & same):
            m.d.comb += claim(~seen.bit_select(row.address, 1), "row twice")


def winners_contract(m, capacity, push, commit, drop, fill, claim):
    """At most ``capacity`` rows are in the queue, now ``fill``; a clock commits or drops."""
    m.d.comb += [
        claim(fill + push <= capacity, "queue overflows"),
        claim(~(commit & drop), "commit and drop"),
    ]
