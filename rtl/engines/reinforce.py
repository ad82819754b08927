"""Reinforce: the rows of a sweep through all counters."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.parts.layouts import winner_layout
from rtl.parts.tables import lookup


def sweep_control(config):
    """How :class:`Reinforce` is driven. Bit l - 1 of ``enable`` is for layer l; it is steady while
    ``busy`` is high.
    """
    return wiring.Signature({"start": Out(1), "enable": Out(config.depth), "busy": In(1)})


class Reinforce(wiring.Component):
    """Offers every row of the enabled layers to :class:`rtl.engines.update.Update`.

    The layers 1..L follow each other, each with its rows in ascending order. This is the order of
    ``bep_model.phases.reinforce``; it determines the random bits of each counter.

    Timing
    ------
    The first row is offered in the clock after ``start``, the next one after each transfer; a layer
    that is not enabled costs one clock. ``busy`` falls after the last transfer.

    Parameters
    ----------
    config : Config

    Members
    -------
    control : In(sweep_control(config))
    rows : Out(stream.Signature(winner_layout(config)))
    """

    def __init__(self, config):
        self.config = config
        super().__init__({
            "control": In(sweep_control(config)),
            "rows": Out(stream.Signature(winner_layout(config))),
        })

    def elaborate(self, platform):
        m = Module()
        config, row, control = self.config, self.rows.payload, self.control
        left = Signal(range(max(config.layers)))
        leave = Signal()
        m.d.comb += self.rows.valid.eq(control.busy & control.enable.bit_select(row.layer, 1))
        with m.If(control.busy & ~self.rows.valid):
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
                m.d.sync += control.busy.eq(0)
        with m.If(~control.busy):  # not with `start` alone, which comes late
            m.d.sync += [left.eq(config.layers[0] - 1), row.layer.eq(0), row.address.eq(0)]
        with m.If(control.start):
            m.d.sync += control.busy.eq(1)
        return m
