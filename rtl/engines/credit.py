"""Credit: sums over the steps of a sequence, or the cells of an image, one per neuron or filter
(docs/algorithm.md).
"""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from rtl.parts.layouts import row_layout, target_layout


class Credit(wiring.Component):
    """sigma_i = sum over t of D_t[i] z_t[i] for the neurons of the state layer:
    the sums of ``bep_model.phases.select.select_through_time``. Or for filters, with cells for
    steps: those of ``select_filters`` of ``bep_model.phases.convolution``.

    D z is abs(z) if target and activation agree, -abs(z) if they differ, and 0 without a target. A
    neuron with a sum below 0 was wrong more than it was right.

    Timing
    ------
    The neurons come in order after ``start``, at most one per clock: first ``target_valid``, then
    ``target`` and ``row`` in the next clock. ``sum`` is that neuron's sum so far, one clock later.

    Parameters
    ----------
    config : Config

    Members
    -------
    start : In(1)
        The scan of a step begins, or of an image, whose cells follow one another.
    newest : In(1)
        The scan is the first one of a sequence; steady during the scan. Only in a recurrent
        network.
    target_valid : In(1)
    target : In(target_layout())
    row : In(row_layout(config))
    sum : Out(signed)
        -T_max F_1 to T_max F_1; with the cells for T_max twice as much.
    """

    def __init__(self, config):
        self.config = config
        largest = config.voters * config.shapes[0][1] << config.convolutional
        super().__init__({
            "start": In(1),
            **({"newest": In(1)} if config.recurrent else {}),
            "target_valid": In(1),
            "target": In(target_layout()),
            "row": In(row_layout(config)),
            "sum": Out(signed(largest.bit_length() + 1)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(
            shape=self.sum.shape(), depth=max(2, self.config.layers[0]), init=[])
        write = memory.write_port()
        filters = self.config.layers[0]
        # The sum of a layer's only filter is read in the clock in which it is written.
        read = memory.read_port(transparent_for=[write] * (filters == 1))
        if self.config.recurrent:
            newest = self.newest
        else:
            newest = Signal()
            first = Signal()  # the cell that is read now is the first one
            m.d.sync += newest.eq(first)
        z = Signal(signed(len(self.row.magnitude) + 1))
        before = Signal.like(self.sum)
        total = Signal.like(self.sum)
        m.d.comb += [
            z.eq(Mux(self.target.sign == self.row.activation, self.row.magnitude,
                     -self.row.magnitude)),
            before.eq(Mux(newest, 0, read.data)),
            total.eq(before + Mux(self.target.valid, z, 0)),
            write.data.eq(total),
        ]
        m.d.sync += [self.sum.eq(total), write.addr.eq(read.addr), write.en.eq(self.target_valid)]
        with m.If(self.target_valid):
            m.d.sync += read.addr.eq(read.addr + 1)
            if self.config.convolutional:
                with m.If(read.addr == filters - 1):
                    m.d.sync += [read.addr.eq(0), first.eq(0)]
        with m.If(self.start):
            m.d.sync += read.addr.eq(0)
            if self.config.convolutional:
                m.d.sync += first.eq(1)
        return m
