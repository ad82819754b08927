"""The winners of a batch, queued between selection and update."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from rtl.parts.layouts import winner_layout

winners_control = wiring.Signature({"commit": Out(1), "drop": Out(1)})
"""How the sequencer drives :class:`Winners`."""


class Winners(wiring.Component):
    """A FIFO queue from which the rows pushed since the last commit can be dropped.

    The last layer selects its winners before the trigger is known. They are committed if the sample
    triggers, and dropped if not.

    Timing
    ------
    A row pushed while ``commit`` is high leaves at ``o`` at the earliest ``latency`` clocks later;
    then one row leaves per clock. ``drop`` removes all rows pushed in clocks without ``commit``
    since the last clock with it. ``empty`` is high if no committed row is left, not even at ``o``.

    Parameters
    ----------
    config : Config
        The queue holds a whole batch: max_batch times all neurons.

    Members
    -------
    i : In(stream.Signature(winner_layout(config), always_ready=True))
    control : In(winners_control)
    o : Out(stream.Signature(winner_layout(config)))
    empty : Out(1)
    """

    latency = 3

    def __init__(self, config):
        self.config = config
        layout = winner_layout(config)
        super().__init__({
            "i": In(stream.Signature(layout, always_ready=True)),
            "control": In(winners_control),
            "o": Out(stream.Signature(layout)),
            "empty": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        bits = max(1, ceil_log2(self.config.max_batch * sum(self.config.layers) + 1))
        m.submodules.memory = memory = Memory(
            shape=winner_layout(self.config), depth=1 << bits, init=[])
        read, write = memory.read_port(), memory.write_port()
        head, tail, committed = (Signal(bits, name=n) for n in ("head", "tail", "committed"))

        after_push = tail + self.i.valid
        m.d.sync += tail.eq(after_push)
        with m.If(self.control.commit):
            m.d.sync += committed.eq(after_push)
        with m.If(self.control.drop):
            m.d.sync += tail.eq(committed)

        # Rows that were read go into a register, because the update engine derives its addresses
        # from them. Its `ready` comes too late for the memory, so one more row is read in advance,
        # and one is kept meanwhile.
        free = ~self.o.valid | self.o.ready
        fetched = Signal()  # a row was read that is not at the output
        spare = Signal()  # a second one was read
        kept = Signal.like(read.data)
        more = head != committed
        m.d.comb += [
            write.en.eq(self.i.valid), write.addr.eq(tail), write.data.eq(self.i.payload),
            read.en.eq(more & ~spare), read.addr.eq(head),
            self.empty.eq(~(more | fetched | self.o.valid)),
        ]
        m.d.sync += head.eq(head + read.en)
        with m.If(~spare):
            m.d.sync += [
                fetched.eq(read.en | fetched & ~free),
                spare.eq(read.en & fetched & ~free),
                kept.eq(read.data),
            ]
        with m.Elif(free):
            m.d.sync += spare.eq(0)
        with m.If(free):
            m.d.sync += [self.o.valid.eq(fetched), self.o.payload.eq(Mux(spare, kept, read.data))]
        return m
