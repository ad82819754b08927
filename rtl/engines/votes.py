"""Votes: the steps of a sequence decide on each step of a counter (docs/algorithm.md)."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from rtl.engines.backward import open_row_layout, target_layout
from rtl.engines.winners import winner_layout
from rtl.parts.delay import delay
from rtl.parts.memory import slot_words
from rtl.parts.times import times


class Votes(wiring.Component):
    """Keeps the targets D_t of the state layer, and has them vote when a winner is updated.

    The direction of counter [i, j] is the sign of the sum over t of D_t[i] a_t[j], a_t being the
    block [x_t | s_(t-1)]. That sum is the column sum of :class:`rtl.engines.backward.Backward`
    with blocks for rows, so this component only feeds that engine: ``update_through_time`` of
    ``bep_model.phases.update``.

    Timing
    ------
    A row leaves at ``o`` one clock after it came at the earliest. The voting on a row of the state
    layer begins as soon as that on the row before has fetched its last block, even while that row
    is worked on; rows of the output layer only pass. ``data`` and ``counts`` follow ``index`` by
    one clock.

    Parameters
    ----------
    config : Config

    Members
    -------
    slot : In(range(max_batch + 1))
        Of the present sample.
    step : In(range(T_max))
        The step whose targets come.
    target : In(target_layout())
    target_valid : In(1)
    neuron : In(range(K))
    run : In(1)
        Take rows.
    free : In(1)
        The backward engine has given all targets, so that it may count votes.
    i, o : In, Out(stream.Signature(winner_layout(config)))
    source : Out(range(words per slot))
        Where the input of the output layer begins in the slot of ``o``.
    start : Out(1)
        As of :class:`rtl.engines.backward.Backward`, as all that follows.
    reading : In(1)
    count : Out(range(T_max + 1))
    index : In(range(T_max))
    word : In(range(words of a row))
    data : Out(open_row_layout(config))
    counts : Out(1)
    read_slot : Out(range(max_batch + 1))
        Slot of the block that the backward engine reads in this clock, two after its ``index``.
    """

    def __init__(self, config):
        self.config = config
        steps, slot = range(max(2, config.max_steps)), range(config.max_batch + 1)
        rows = winner_layout(config)
        super().__init__({
            "slot": In(slot),
            "step": In(steps),
            "target": In(target_layout()),
            "target_valid": In(1),
            "neuron": In(rows.members["neuron"]),
            "run": In(1),
            "free": In(1),
            "i": In(stream.Signature(rows)),
            "o": Out(stream.Signature(rows)),
            "source": Out(range(max(2, slot_words(config)))),
            "start": Out(1),
            "reading": In(1),
            "count": Out(range(config.max_steps + 1)),
            "index": In(steps),
            "word": In(range(max(2, *config.row_words))),
            "data": Out(open_row_layout(config)),
            "counts": Out(1),
            "read_slot": Out(slot),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        words, stride = config.input_words, config.row_words[0]

        # The targets of all steps of a batch's sequences.
        m.submodules.targets = targets = Memory(
            shape=target_layout(), init=[],
            depth=1 << (len(self.slot) + len(self.step) + len(self.neuron)))
        write, read = targets.write_port(), targets.read_port()
        m.d.comb += [
            write.en.eq(self.target_valid), write.data.eq(self.target),
            write.addr.eq(Cat(self.neuron, self.step, self.slot)),
        ]

        # Rows pass through a register. One of the state layer must have begun its voting; it may
        # while the register still holds the row before, but not one that reads its own input.
        begun, pending, vote = Signal(), Signal(), Signal()
        row, oldest = self.i.payload, Signal.like(self.step)
        neuron, slot = Signal.like(self.neuron), Signal.like(self.slot)
        m.d.comb += [
            pending.eq(self.i.valid & (row.layer == 0) & ~begun),
            vote.eq(pending & self.run & self.free & ~self.reading
                    & ~(self.o.valid & (self.o.payload.layer != 0))),
            self.i.ready.eq(self.run & (~pending | vote) & (~self.o.valid | self.o.ready)),
            self.start.eq(vote),
        ]
        with m.If(vote):
            m.d.sync += [
                begun.eq(1), neuron.eq(row.neuron), slot.eq(row.slot),
                oldest.eq(row.span.oldest), self.count.eq(row.span.length - row.span.oldest),
            ]
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [
                begun.eq(0), self.o.valid.eq(1), self.o.payload.eq(row),
                self.source.eq(times(row.span.length, stride) + words),
            ]

        # Blocks as the rows of the backward engine. The first step has no state before it.
        step, first = Signal.like(self.step), Signal()
        m.d.comb += [
            step.eq(oldest + self.index),
            read.addr.eq(Cat(neuron, step, slot)),
            # The slot travels beside the block's address, which takes two registers to the memory:
            # meanwhile the voting on a row of another sample may have begun.
            self.read_slot.eq(delay(m, slot, 2, "slot")),
            self.data.sign.eq(read.data.sign),
            self.counts.eq(read.data.valid & ~first),
        ]
        m.d.sync += [self.data.address.eq(times(step, stride)),
                     first.eq((step == 0) & (self.word >= words))]
        return m
