"""Credit: sums over the steps of a sequence, one per neuron (docs/algorithm.md)."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from rtl.parts.layouts import row_layout, target_layout


class Credit(wiring.Component):
    """sigma_i = sum over t of D_t[i] z_t[i] for the neurons of the state layer:
    the sums of ``bep_model.phases.select.select_through_time``.

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
        The scan of a step begins.
    newest : In(1)
        The scan is the first one of a sequence; steady during the scan.
    target_valid : In(1)
    target : In(target_layout())
    row : In(row_layout(config))
    sum : Out(signed)
        -T_max F_1 to T_max F_1.
    """

    def __init__(self, config):
        self.config = config
        largest = config.max_steps * config.shapes[0][1]
        super().__init__({
            "start": In(1),
            "newest": In(1),
            "target_valid": In(1),
            "target": In(target_layout()),
            "row": In(row_layout(config)),
            "sum": Out(signed(largest.bit_length() + 1)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(
            shape=self.sum.shape(), depth=max(2, self.config.layers[0]), init=[])
        read, write = memory.read_port(), memory.write_port()
        z = Signal(signed(len(self.row.magnitude) + 1))
        before = Signal.like(self.sum)
        total = Signal.like(self.sum)
        m.d.comb += [
            z.eq(Mux(self.target.sign == self.row.activation, self.row.magnitude,
                     -self.row.magnitude)),
            before.eq(Mux(self.newest, 0, read.data)),
            total.eq(before + Mux(self.target.valid, z, 0)),
            write.data.eq(total),
        ]
        m.d.sync += [self.sum.eq(total), write.addr.eq(read.addr), write.en.eq(self.target_valid)]
        with m.If(self.target_valid):
            m.d.sync += read.addr.eq(read.addr + 1)
        with m.If(self.start):
            m.d.sync += read.addr.eq(0)
        return m
