"""Votes: the steps of a sequence, or the cells of an image, vote on the direction of each counter
(docs/algorithm.md).
"""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from rtl.engines.backward import voting_signature
from rtl.parts.delay import delay
from rtl.parts.layouts import place_layout, scanned_layout, target_layout, winner_layout
from rtl.parts.memory import slot_words
from rtl.parts.times import times


class Votes(wiring.Component):
    """Stores the targets D_t of the state layer, and lets them vote when a winner is updated.

    The direction of counter [i, j] is the sign of the sum over t of D_t[i] a_t[j], where a_t is the
    block [x_t | s_(t-1)]. :class:`rtl.engines.backward.Backward` computes this sum as its column
    sum, with blocks as rows, so this component only feeds that engine. Model:
    ``update_through_time`` of ``bep_model.phases.update``.

    For a filter the cells are the steps, and the blocks are the patches at the chosen positions;
    model: ``update_filters`` of ``bep_model.phases.convolution``.

    Timing
    ------
    A row leaves at ``o`` at the earliest one clock after it came. The voting on a row of the state
    layer begins as soon as the voting on the previous row has fetched its last block, even while
    that row is processed; rows of the output layer only pass.

    Parameters
    ----------
    config : Config

    Members
    -------
    slot : In(range(max_batch + 1))
        Slot of the present sample.
    step : In(range(T_max))
        The step that the targets in ``scanned`` belong to, in a recurrent network.
    scanned : In(stream.Signature(scanned_layout(config), always_ready=True))
    run : In(1)
        The update engine runs: take rows.
    sweep : In(1)
        The update engine sweeps: take no rows.
    free : In(1)
        The backward engine has given all targets and may count votes.
    i, o : In, Out(stream.Signature(winner_layout(config)))
    source : Out(range(words per slot))
        Offset of the output layer's input in the slot of ``o``, in a recurrent network.
    voting : Out(voting_signature(config))
    """

    def __init__(self, config):
        self.config = config
        rows = winner_layout(config)
        super().__init__({
            "slot": In(range(config.max_batch + 1)),
            **({"step": In(range(max(2, config.max_steps))),
                "source": Out(range(max(2, slot_words(config))))} if config.recurrent else {}),
            "scanned": In(stream.Signature(scanned_layout(config), always_ready=True)),
            "run": In(1),
            "sweep": In(1),
            "free": In(1),
            "i": In(stream.Signature(rows)),
            "o": Out(stream.Signature(rows)),
            "voting": Out(voting_signature(config)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        layer, words = config.network[0], config.input_words
        stride = layer.cell_words if layer.window else layer.row_words
        voting, scanned = self.voting, self.scanned.payload
        run, block = self.run & ~self.sweep, self.voting.steps.read.data

        # The targets of all steps of a batch's sequences, or of all cells of its images, which need
        # no slot without batches: nothing is scanned before the updates.
        now, kept = (self.step, scanned.target) if config.recurrent else (
            scanned.cell, Cat(scanned.target, scanned.place))
        slots = len(self.slot) if config.recurrent or config.max_batch > 1 else 0
        m.submodules.targets = targets = Memory(
            shape=target_layout() if config.recurrent else len(kept), init=[],
            depth=1 << (slots + len(now) + len(scanned.neuron)))
        write, read = targets.write_port(), targets.read_port()
        m.d.comb += [
            write.en.eq(self.scanned.valid), write.data.eq(kept),
            write.addr.eq(Cat(scanned.neuron, now, self.slot[:slots])),
        ]

        # Rows pass through a register. The voting on a state row must begin before it passes. It
        # may begin while the register holds the previous row, unless that is an output row, which
        # reads its input from the activation memory.
        begun = Signal()
        pending = Signal()
        vote = Signal()
        row = self.i.payload
        oldest = Signal.like(now)
        neuron = Signal.like(scanned.neuron)
        slot = Signal.like(self.slot)
        m.d.comb += [
            pending.eq(self.i.valid & (row.layer == 0) & ~begun),
            vote.eq(pending & run & self.free & ~voting.reading
                    & ~(self.o.valid & (self.o.payload.layer != 0))),
            self.i.ready.eq(run & (~pending | vote) & (~self.o.valid | self.o.ready)),
            voting.on.eq(self.run), voting.start.eq(vote),
        ]
        with m.If(vote):
            m.d.sync += [
                begun.eq(1), neuron.eq(row.neuron), slot.eq(row.slot),
            ]
            if config.recurrent:
                m.d.sync += [oldest.eq(row.span.oldest),
                             voting.steps.count.eq(row.span.length - row.span.oldest)]
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [
                begun.eq(0), self.o.valid.eq(1), self.o.payload.eq(row),
            ]
            if config.recurrent:
                m.d.sync += self.source.eq(times(row.span.length, stride) + words)

        # The backward engine gets blocks as rows. The first step has no previous state.
        step = Signal.like(now)
        first = Signal()
        address = Signal.like(block.address)
        target = data.View(target_layout(), read.data[:2]) if layer.window else read.data
        m.d.comb += [
            step.eq(oldest + voting.steps.read.addr),
            read.addr.eq(Cat(neuron, step, slot[:slots])),
            # The slot is delayed like the block's address, which passes two registers on its way to
            # the memory: the voting on a row of another sample may begin meanwhile.
            voting.slot.eq(delay(m, slot, 2, "slot")),
            block.address.eq(address), block.sign.eq(target.sign),
            voting.counts.eq(target.valid & ~first),
        ]
        m.d.sync += address.eq(times(step, stride))
        if config.recurrent:
            m.d.sync += first.eq((step == 0) & (voting.word >= words))
        else:
            place = data.View(place_layout(config), read.data[2:])
            m.d.comb += [
                voting.steps.count.eq(config.voters), block.part.eq(place.part),
                block.address.eq(address + times(place.word, layer.row_words)),
            ]
        return m
