"""The sample store in an SDRAM chip."""

from amaranth.hdl import Cat, Module
from amaranth.lib import io, wiring
from amaranth.lib.wiring import In

from rtl.store.commands import Commands
from rtl.store.controller import Controller
from rtl.store.ports import store_signature


class Sdram(wiring.Component):
    """A sample store in the SDRAM chip at resource ``sdram`` 0 of an amaranth-boards platform.
    """

    def __init__(self, clock_hz, address_bits=25):
        if clock_hz > 90e6:
            raise ValueError(f"clock_hz must be at most 90 MHz, not {clock_hz / 1e6:g} MHz")
        self.clock_hz = clock_hz
        self.address_bits = address_bits
        super().__init__({"port": In(store_signature(address_bits))})

    def elaborate(self, platform):
        m = Module()
        port = self.port
        m.submodules.commands = commands = Commands(self.address_bits)
        m.submodules.controller = controller = Controller(self.clock_hz, self.address_bits)
        wiring.connect(m, commands.write, controller.write)
        m.d.comb += [
            commands.select.eq(port.select),
            controller.open.eq(port.open | commands.open),
            port.data.payload.eq(controller.data.payload),
            commands.data.payload.eq(controller.data.payload),
        ]
        wiring.connect(m, wiring.flipped(port.command), commands.command)
        wiring.connect(m, commands.reply, wiring.flipped(port.reply))
        with m.If(port.select):
            m.d.comb += [controller.address.eq(commands.address),
                         commands.data.valid.eq(controller.data.valid),
                         controller.data.ready.eq(commands.data.ready)]
        with m.Else():
            m.d.comb += [controller.address.eq(port.address),
                         port.data.valid.eq(controller.data.valid),
                         controller.data.ready.eq(port.data.ready)]

        pads, pins = platform.request("sdram", 0, dir="-"), controller.pins
        outputs = {"clk_en": 1, "cs": 1, "ras": pins.command.as_value()[2],
                   "cas": pins.command.as_value()[1], "we": pins.command.as_value()[0],
                   "ba": pins.bank, "a": pins.a, "dqm": pins.mask}
        for name, value in outputs.items():
            m.submodules[name] = buffer = io.FFBuffer("o", getattr(pads, name))
            m.d.comb += buffer.o.eq(value)
        m.submodules.clk = clk = io.DDRBuffer("o", pads.clk)
        m.submodules.dq = dq = io.DDRBuffer("io", pads.dq)
        both = Cat(controller.dq_o, controller.dq_o)
        m.d.comb += [
            clk.o[0].eq(0), clk.o[1].eq(1),  # rises in the middle of a clock
            dq.o[0].eq(both), dq.o[1].eq(both), dq.oe.eq(controller.dq_oe),
            controller.dq_i.eq(dq.i[1]),  # from the middle of a clock
        ]
        return m
