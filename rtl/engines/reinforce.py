"""Reinforce: the rows of a sweep through all counters."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.engines.winners import winner_layout
from rtl.parts.tables import lookup


class Reinforce(wiring.Component):
    """Offers every row of the enabled layers to :class:`rtl.engines.update.Update`.

    Layers 1..L, rows ascending: the order of ``bep_model.phases.reinforce``, which fixes the random
    bits of each counter.

    Timing
    ------
    The first row is offered in the clock after ``start``, then one per transfer; a layer that is
    not enabled costs one clock. ``busy`` falls after the last transfer.

    Parameters
    ----------
    config : Config

    Members
    -------
    start : In(1)
    enable : In(L)
        Bit l - 1 for layer l; steady while ``busy``.
    rows : Out(stream.Signature(winner_layout(config)))
    busy : Out(1)
    """

    def __init__(self, config):
        self.config = config
        super().__init__({
            "start": In(1),
            "enable": In(config.depth),
            "rows": Out(stream.Signature(winner_layout(config))),
            "busy": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        config, row = self.config, self.rows.payload
        left = Signal(range(max(config.layers)))
        leave = Signal()
        m.d.comb += self.rows.valid.eq(self.busy & self.enable.bit_select(row.layer, 1))
        with m.If(self.busy & ~self.rows.valid):
            m.d.comb += leave.eq(1)
        with m.Elif(self.rows.valid & self.rows.ready):
            m.d.comb += leave.eq(left == 0)
            m.d.sync += [
                left.eq(left - 1),
                row.address.eq(row.address + lookup(row.layer, config.row_words)),
            ]
        with m.If(leave):
            m.d.sync += [
                row.layer.eq(row.layer + 1),
                left.eq(lookup(row.layer, [k - 1 for k in config.layers[1:]] or [0])),
                row.address.eq(lookup(row.layer, config.bases[1:])),
            ]
            with m.If(row.layer == config.depth - 1):
                m.d.sync += self.busy.eq(0)
        with m.If(self.start):
            m.d.sync += [
                self.busy.eq(1), left.eq(config.layers[0] - 1), row.layer.eq(0), row.address.eq(0),
            ]
        return m
