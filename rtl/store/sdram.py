"""The sample store in an SDRAM chip."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import io, wiring
from amaranth.lib.wiring import In

from rtl.store.commands import Commands
from rtl.store.controller import Controller
from rtl.store.ports import store_signature

FASTEST = 90_000_000
"""Highest frequency of domain ``sync``, in Hz."""


class Sdram(wiring.Component):
    """A sample store in the SDRAM chip at resource ``sdram`` 0 of an amaranth-boards platform.

    The chip has 32 MB in 4 banks of 8192 rows of 512 columns of 16 bits. Those of the ULX3S are
    Micron MT48LC16M16A2, Alliance AS4C16M16SA, ISSI IS42S16160G or Winbond W9825G6KH.

    Timing: as :class:`rtl.store.commands.Commands` and :class:`rtl.store.controller.Controller`.

    Timing at the pins, where T is the period of domain ``sync``; numbers of the chip are the worst
    of its datasheets (AS4C16M16SA rev. 3.0, table 16, has them all):

    - All outputs but the data change at the rising edge of ``sync``, and the chip's clock rises T/2
      later. At 90 MHz, T/2 is 5.5 ns. The chip takes 1.5 ns before its clock (tIS) and 0.8 ns
      after it (tIH); what remains is for differences between pins. Data to write stay longer.
    - The chip has CAS latency 3. It changes a word at the earliest 2.5 ns (tOH) and at the latest
      5.4 ns (tAC) after its clock rises. Registers at the pins take a word at the falling edge of
      ``sync``, the edge that also makes the chip's clock rise and replace the word. So it cannot be
      taken too late at any T, and is not taken too early if tAC and the way out of the clock and in
      of the data last less than T, whatever the duty cycle. This leaves the way 5.7 ns at 90 MHz,
      6.3 ns at 85 MHz, 14.6 ns at 50 MHz. It is about tCOPLL + tSUPLL of Lattice FPGA-DS-02012,
      external switching characteristics, and the traces.
    - With CAS latency 2, tAC is 6 ns, and the first byte of a reading would come one clock earlier.
    - The data pins' double-rate registers give them out 2 clocks later than the others and take
      them in without more delay (https://github.com/amaranth-lang/amaranth/issues/538).

    LiteDRAM 2024.12, generated for the same chip with one port and no CPU, is not used. After
    ``synth_ecp5`` of Yosys 0.70, it takes 836 LUT4, 24 small memories (TRELLIS_DPR16X4) and 479
    flip-flops, this component with its commands and pins 348, 4 and 207. LiteDRAM would need more:
    a queue of words ahead and bytes from it, and a master that writes registers to initialise the
    chip. In the Verilog of its generator, the data pins are inputs.

    Parameters
    ----------
    clock_hz : int
        Frequency of domain ``sync``.
    address_bits : int
        The first ``1 << address_bits`` bytes of the chip are used.

    Members
    -------
    port : In(store_signature(address_bits))

    Raises
    ------
    ValueError
        If the clock is above 90 MHz or below 10 MHz, or there are not 13 to 25 bits of address.
    """

    def __init__(self, clock_hz, address_bits=25):
        if clock_hz > FASTEST:
            raise ValueError(f"clock_hz must be at most {FASTEST / 1e6:g} MHz, "
                             f"not {clock_hz / 1e6:g} MHz")
        self.clock_hz = clock_hz
        self.address_bits = address_bits
        self.controller = Controller(clock_hz, address_bits)
        super().__init__({"port": In(store_signature(address_bits))})

    def elaborate(self, platform):
        m = Module()
        port = self.port
        m.submodules.commands = commands = Commands(self.address_bits)
        m.submodules.controller = controller = self.controller
        wiring.connect(m, commands.write, controller.write)
        select = Signal()  # late: the host's way to the controller is long
        m.d.sync += select.eq(port.select)
        m.d.comb += [
            commands.select.eq(select),
            controller.open.eq(port.open | commands.open),
            port.data.payload.eq(controller.data.payload),
            commands.data.payload.eq(controller.data.payload),
        ]
        wiring.connect(m, wiring.flipped(port.command), commands.command)
        wiring.connect(m, commands.reply, wiring.flipped(port.reply))
        with m.If(select):
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
