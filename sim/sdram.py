"""The model of an SDRAM chip, ``sdram.v``, for a simulated board and its pins."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
from amaranth.hdl import Cat, ClockDomain, ClockSignal, Instance, Module, Signal
from amaranth.lib import io, wiring
from amaranth.lib.wiring import In, Out

from sim import chips

VERILOG = (Path(__file__).parent / "sdram.v").read_text(encoding="utf-8")
"""Text of the model, to be added to that of the design."""
FAULTS = chips.rules(VERILOG)
"""Names of the rules of the model; index i is bit i of its port ``faults``."""


class Chip(wiring.Component):
    """The model behind pins that a design requests as resource ``sdram`` of a platform.

    Parameters
    ----------
    clock_hz : int
        Frequency of the chip's clock, for the limits in ns.
    row_bits : int
        The chip has ``1 << row_bits`` rows in each bank.

    Attributes
    ----------
    pads : SimpleNamespace
        Ports of the resource.

    Members
    -------
    power : In(1)
        The chip has power.
    faults : Out(20)
        See :func:`sim.chips.broken`.
    """

    resource = "sdram"
    verilog = VERILOG
    rules = FAULTS

    power: In(1, init=1)  # type: ignore[valid-type]
    faults: Out(len(FAULTS))  # type: ignore[valid-type]

    def __init__(self, clock_hz, row_bits=13):
        self.clock_hz = clock_hz
        self.row_bits = row_bits
        low = {"cs", "ras", "cas", "we"}
        widths = {"clk": 1, "clk_en": 1, "cs": 1, "ras": 1, "cas": 1, "we": 1, "ba": 2, "a": 13,
                  "dqm": 2}
        self.pads = SimpleNamespace(
            dq=io.SimulationPort("io", 16, name="dq"),
            **{name: io.SimulationPort("o", width, invert=name in low, name=name)
               for name, width in widths.items()})
        super().__init__()

    @staticmethod
    def content(image):
        """A set, see :func:`bep_model.stored.pack`, as the file from which the chip takes it."""
        return np.frombuffer(image + bytes(len(image) % 2), "<u2").byteswap().tobytes()

    def elaborate(self, platform):
        m = Module()
        pads = self.pads
        m.submodules.chip = Instance(
            "sdram",
            p_PERIOD=round(1e12 / self.clock_hz), p_ROW_BITS=self.row_bits,
            p_CONTENT=chips.CONTENT,
            i_power=self.power, i_clk=pads.clk.o, i_cke=pads.clk_en.o, i_cs_n=pads.cs.o,
            i_ras_n=pads.ras.o, i_cas_n=pads.cas.o, i_we_n=pads.we.o, i_ba=pads.ba.o,
            i_a=pads.a.o, i_dqm=pads.dqm.o, i_dq_i=pads.dq.o, i_dq_driven=pads.dq.oe[0],
            o_dq_o=pads.dq.i, o_faults=self.faults)
        return m


def io_buffer(buffer):
    """Behaviour of a buffer of ``amaranth.lib.io`` at simulated pins; a platform's method.

    Amaranth has none for :class:`io.DDRBuffer`. This one has the latencies of an ECP5: 3 clocks of
    output and 1 of input (https://github.com/amaranth-lang/amaranth/issues/538).
    """
    if not isinstance(buffer, io.DDRBuffer):
        return buffer.elaborate(None)
    m = Module()
    port = buffer.port
    inverted = Cat(*map(int, port.invert))
    if buffer.direction is not io.Direction.Input:
        halves, driven = Cat(buffer.o[0], buffer.o[1]), buffer.oe
        for stage in range(3):
            later = Signal.like(halves, name=f"halves_{stage}")
            later_driven = Signal(name=f"driven_{stage}")
            m.d[buffer.o_domain] += [later.eq(halves), later_driven.eq(driven)]
            halves, driven = later, later_driven
        with m.If(ClockSignal(buffer.o_domain)):
            m.d.comb += port.o.eq(halves[:len(port)] ^ inverted)
        with m.Else():
            m.d.comb += port.o.eq(halves[len(port):] ^ inverted)
        m.d.comb += port.oe.eq(driven.replicate(len(port)))
    if buffer.direction is not io.Direction.Output:
        m.domains.fall = ClockDomain("fall", clk_edge="neg", reset_less=True, local=True)
        m.d.comb += ClockSignal("fall").eq(ClockSignal(buffer.i_domain))
        rising, falling = Signal(len(port)), Signal(len(port))
        m.d.fall += falling.eq(port.i ^ inverted)
        m.d[buffer.i_domain] += [rising.eq(port.i ^ inverted), buffer.i[0].eq(rising),
                                 buffer.i[1].eq(falling)]
    return m
