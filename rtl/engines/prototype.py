"""Prototype: the bits of the label's prototype, which are the targets of the last layer."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2


class Prototype(wiring.Component):
    """Gives the bits of a prototype one after another, neuron 0 first (Eq. 2).

    Timing
    ------
    ``bit`` belongs to the neuron that was the present one a clock ago. Neuron 0 is the present one
    from the clock after ``start`` on, the next neuron from the clock after each ``step`` on.

    Parameters
    ----------
    config : Config
    prototypes : sequence of int
        K_L bits per class; bit i is element i.

    Members
    -------
    start, step : In(1)
    label : In(ceil_log2(C))
        Used together with the present neuron.
    bit : Out(1)
    """

    def __init__(self, config, prototypes):
        self.config = config
        self.prototypes = tuple(prototypes)
        super().__init__({
            "start": In(1), "step": In(1), "label": In(ceil_log2(config.classes)), "bit": Out(1)})

    def elaborate(self, platform):
        m = Module()
        config = self.config
        neuron = Signal(range(max(2, config.layers[-1])))
        stride = len(neuron)
        m.submodules.memory = memory = Memory(
            shape=1, depth=config.classes << stride,
            init=[p >> i & 1 for p in self.prototypes for i in range(1 << stride)])
        read = memory.read_port()
        with m.If(self.step):
            m.d.sync += neuron.eq(neuron + 1)
        with m.If(self.start):
            m.d.sync += neuron.eq(0)
        m.d.comb += [read.addr.eq(Cat(neuron, self.label)), self.bit.eq(read.data)]
        return m
