"""Open rows: lists of the rows that pass their targets on, for the next backward phase."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory, ReadPort
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from rtl.parts.layouts import open_row_layout


def list_signature(rows, layout):
    """A list of at most ``rows`` rows, seen from its owner: their count, and a read port."""
    return wiring.Signature({
        "count": Out(range(rows + 1)),
        "read": Out(ReadPort.Signature(addr_width=ceil_log2(max(2, rows)), shape=layout)),
    })


def open_rows_signature(config):
    """The open rows of a layer, seen from :class:`OpenRows`."""
    return list_signature(max(config.layers), open_row_layout(config))


class OpenRows(wiring.Component):
    """The open rows of two layers: one list is read while the other one is written.

    Rows with a closed gate or without a target are never listed, so that the backward engine spends
    no clock on them.

    Timing
    ------
    Data follow their place in the list by one clock. A row belongs to the list from the clock after
    it came. ``start`` swaps the lists: the list written so far can be read, and the other one is
    emptied and written from now on.

    Parameters
    ----------
    config : Config

    Members
    -------
    start : In(1)
    i : In(stream.Signature(open_row_layout(config), always_ready=True))
    rows : Out(open_rows_signature(config))
        The list that is read.
    """

    def __init__(self, config):
        self.config = config
        super().__init__({
            "start": In(1),
            "i": In(stream.Signature(open_row_layout(config), always_ready=True)),
            "rows": Out(open_rows_signature(config)),
        })

    def elaborate(self, platform):
        m = Module()
        count, place = self.rows.count, self.rows.read.addr
        m.submodules.memory = memory = Memory(
            shape=open_row_layout(self.config), depth=2 << len(place), init=[])
        read, write = memory.read_port(), memory.write_port()
        half = Signal()
        written = Signal.like(count)
        with m.If(self.i.valid):
            m.d.sync += written.eq(written + 1)
        with m.If(self.start):
            m.d.sync += [half.eq(~half), written.eq(0), count.eq(written)]
        m.d.comb += [
            write.en.eq(self.i.valid),
            write.addr.eq(Cat(written[:len(place)], half)),
            write.data.eq(self.i.payload),
            read.addr.eq(Cat(place, ~half)),
            read.en.eq(self.rows.read.en),
            self.rows.read.data.eq(read.data),
        ]
        return m
