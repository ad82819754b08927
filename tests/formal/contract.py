"""What components require of their environment: assumed in their proofs, asserted in a trainer.

Every function takes ``claim``, which is Assume or Assert.
"""

from amaranth.hdl import Cat, Signal, Value

from rtl.engines.update import Operation
from rtl.parts.delay import delay


def update_contract(m, config, update, claim, *, steady=True):
    """Rows exist, stay until they are taken and, without batches, come only once in a run. ``run``
    stays high until all rows are done, and the operation stays the same meanwhile (but a sweep may
    follow updates). The operation STEP and its probability are known one clock before. Rows and
    accesses do not overlap. In a recurrent network, ``source`` stays like the row, and rows of the
    state layer have sign 1, because their votes include the targets.

    ``steady=False`` leaves out that rows stay the same.
    """
    control = update.control
    row, rows, run = update.rows.payload, update.rows, control.run
    fields, operation = Value.cast(row), Value.cast(control.operation)
    if config.recurrent:
        fields = Cat(fields, update.source)
    offered = run & rows.valid
    with m.If(offered):
        m.d.comb += [
            claim(Cat((row.layer == l) & (row.address == config.bases[l] + j * config.row_words[l])
                      for l, k in enumerate(config.layers) for j in range(k)).any(), "no row"),
            claim(row.slot <= config.max_batch, "no slot"),
            claim(update.thinning <= 1 << 16, "no probability"),
        ]
    m.d.comb += claim(operation < len(Operation), "no operation")

    waits = delay(m, offered & ~rows.ready, 1, "waits")
    before = delay(m, fields, 1, "before")
    with m.If(waits):
        m.d.comb += claim(offered & (fields == before) if steady else offered, "row not held")
    ran = delay(m, run, 1, "ran")
    was = delay(m, operation, 1, "was")
    turned = Signal()  # a sweep follows immediately
    m.d.comb += turned.eq(ran & run & (operation != was))
    at_rest = delay(m, ~control.busy & ~offered, 1, "at_rest")
    sweeps = (was == Operation.STEP.value) & (operation == Operation.REINFORCE.value)
    with m.If(turned):
        m.d.comb += claim(sweeps & at_rest, "operation changed")
    with m.If(ran & ~run):
        m.d.comb += claim(~control.busy, "run left")

    stepping = run & (control.operation == Operation.STEP)
    known = Cat(operation, update.thinning)
    m.d.comb += claim(~stepping | (known == delay(m, known, 1, "known")), "step or its p not known")
    if config.recurrent:
        m.d.comb += claim(~(stepping & rows.valid & (row.layer == 0)) | row.sign, "votes turned")

    if config.max_batch == 1:
        seen = Signal(1 << len(row.address), name="seen")
        with m.If(rows.ready & offered):
            m.d.sync += seen.bit_select(row.address, 1).eq(1)
        with m.If(~run | turned):
            m.d.sync += seen.eq(0)
        with m.If(offered & ~turned):
            m.d.comb += claim(~seen.bit_select(row.address, 1), "row twice")

    enabled = delay(m, control.access_enable, 1, "enabled")
    quiet = delay(m, update.idle & ~update.state.request.valid, 1, "quiet")
    m.d.comb += [
        claim(~(run & control.access_enable), "access during a run"),
        claim(~enabled | control.access_enable | quiet, "access not waited for"),
    ]


def state_contract(m, state, claim):
    """A request stays the same until it is answered or withdrawn."""
    fields = Value.cast(state.request.payload)
    waits = delay(m, state.request.valid & ~state.request.ready, 1, "asks")
    before = delay(m, fields, 1, "asked")
    with m.If(waits & state.request.valid):
        m.d.comb += claim(fields == before, "request not held")


def winners_contract(m, capacity, push, commit, drop, fill, claim):
    """The queue holds ``fill`` rows and never more than ``capacity``; no clock commits and drops.
    """
    m.d.comb += [
        claim(fill + push <= capacity, "queue overflows"),
        claim(~(commit & drop), "commit and drop"),
    ]
