"""Rows: issues the words of each row to update, as fast as their random bits are drawn."""

from amaranth.hdl import Module, Signal
from amaranth.lib import enum, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.engines.random import Bernoulli, draw_signature
from rtl.parts.delay import delay
from rtl.parts.layouts import winner_layout
from rtl.parts.tables import lookup


class Operation(enum.Enum, shape=2):
    """What is done to the counters of a row."""

    STEP = 0
    """Towards the target: +1 if target and input agree, else -1 (Eq. 8, 9)."""
    REINFORCE = 1
    """Away from the sign change: +1 if h >= 0, else -1 (sec. 3.3)."""
    INITIALISE = 2
    """To 0 or -1 at random."""


class Rows(wiring.Component):
    """Goes through the words of each row. This is the first stage of
    :class:`rtl.engines.update.Update`, which describes the members without a text here.

    Timing
    ------
    See :class:`rtl.engines.update.Update`. ``go`` is high in the clock in which a word is read;
    ``bits`` follow by ``latency`` clocks.

    Parameters
    ----------
    config : Config
    single_port : bool
    latency : int
        Clocks from ``go`` to the data of the memories.

    Members
    -------
    run, operation, thinning, reinforce : In(1), In(Operation), In(range(2**16 + 1)), In(16)
    i : In(stream.Signature(winner_layout(config)))
    working : In(latency + 2)
        Stages of the engine that hold a word; the first stage is the lowest bit.
    draw : In(draw_signature(Q))
    go : Out(1)
    word : Out(range(words per row))
        Sign word within the row.
    subword : Out(range(P / Q))
        Counter word within the sign word.
    last : Out(1)
        The word is the row's last one.
    section : Out(1)
        The word is the last one of W_x; always 0 without recurrence.
    bits : Out(Q)
        Lanes that step according to their random bits.
    voted : Out(1)
        The votes decide on the row's steps; always 0 without recurrence and convolution.
    ballot : In(1)
        The votes on the word are available.
    """

    def __init__(self, config, single_port=False, latency=1):
        self.config = config
        self.single_port = single_port
        self.latency = latency
        super().__init__({
            "run": In(1),
            "operation": In(Operation),
            "thinning": In(range(2**16 + 1)),
            "reinforce": In(16),
            "i": In(stream.Signature(winner_layout(config))),
            "working": In(latency + 2),
            "draw": In(draw_signature(config.counter_lanes)),
            "go": Out(1),
            "word": Out(range(max(config.row_words))),
            "subword": Out(config.subword_bits),
            "last": Out(1),
            "section": Out(1),
            "bits": Out(config.counter_lanes),
            "voted": Out(1),
            "ballot": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        config, operation, row = self.config, self.operation, self.i.payload
        m.submodules.bernoulli = bernoulli = Bernoulli(config.counter_lanes, self.latency)
        connect(m, flipped(self.draw), bernoulli.draw)

        # Each completed draw issues one word.
        number = Signal(range(max(config.counter_words)))
        begins = Signal(init=1)
        m.d.comb += [
            self.go.eq(bernoulli.done), self.bits.eq(bernoulli.word),
            self.last.eq(number == lookup(row.layer, [n - 1 for n in config.counter_words])),
            self.i.ready.eq(self.go & self.last),
        ]
        state = row.layer == 0
        if config.voters:
            m.d.comb += self.voted.eq(state & (operation == Operation.STEP))
        if config.recurrent:
            m.d.comb += self.section.eq(
                state & (number == -(-config.inputs // config.counter_lanes) - 1))
        with m.If(self.go):
            m.d.sync += [number.eq(number + 1), self.subword.eq(self.subword + 1),
                         begins.eq(self.last)]
            with m.If((self.subword == config.subwords - 1) | self.section):
                m.d.sync += [self.subword.eq(0), self.word.eq(self.word + 1)]
            with m.If(self.last):
                m.d.sync += [number.eq(0), self.subword.eq(0), self.word.eq(0)]

        # The next word waits for these conditions, besides its draws.
        turned = Signal()
        settled = Signal()
        phase = Signal()
        if self.single_port:  # every other clock is for writing
            m.d.sync += phase.eq(self.run & (~phase | turned))
        with m.Switch(operation):
            with m.Case(Operation.STEP):
                m.d.comb += bernoulli.p.eq(self.thinning)
            with m.Case(Operation.REINFORCE):
                m.d.comb += bernoulli.p.eq(self.reinforce)
            with m.Case(Operation.INITIALISE):
                m.d.comb += bernoulli.p.eq(1 << 15)
        m.d.comb += [
            # A sweep follows updates within one run.
            turned.eq(operation != delay(m, operation, 1, "before")),
            # p has not changed since the previous clock.
            settled.eq((operation == Operation.STEP) | delay(m, self.run, 1, "ran") & ~turned
                       & (row.layer == delay(m, row.layer, 1, "layer"))),
            bernoulli.request.eq(self.run & self.i.valid & settled),
            bernoulli.hold.eq(self._clash(m, begins) | phase
                              | self.voted & (self.subword == 0) & ~self.ballot),
        ]
        return m

    def _clash(self, m, begins):
        """Whether the row is still in the pipeline for another slot. The first address identifies a
        row; the words of one row cannot collide.
        """
        clash = Signal()
        under_way = self.i.payload.address
        # Without batches all rows of a run differ.
        for k, busy in enumerate(self.working if self.config.max_batch > 1 else ()):
            under_way = delay(m, under_way, 1, f"row{k}")
            with m.If(begins & busy & (self.i.payload.address == under_way)):
                m.d.comb += clash.eq(1)
        return clash
