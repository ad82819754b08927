"""The model of a flash chip, ``flash.v``, for a simulated board and its pins."""

from pathlib import Path
from types import SimpleNamespace

from amaranth.hdl import ClockSignal, Instance, Module
from amaranth.lib import io, wiring
from amaranth.lib.wiring import Out

from bep_model.program import START, divided
from sim import chips

VERILOG = (Path(__file__).parent / "flash.v").read_text(encoding="utf-8")
"""Text of the model, to be added to that of the design."""
FAULTS = chips.rules(VERILOG)
"""Names of the rules of the model; index i is bit i of its port ``faults``."""


class Chip(wiring.Component):
    """The model behind pins that a design requests as resource ``spi_flash_2x`` of a platform.

    Parameters
    ----------
    clock_hz : int
        Frequency of domain ``sync``, for the limits in ns.

    Attributes
    ----------
    pads : SimpleNamespace
        Ports of the resource.

    Members
    -------
    faults : Out(10)
        See :func:`sim.chips.broken`.
    """

    resource = "spi_flash_2x"
    verilog = VERILOG
    rules = FAULTS

    faults: Out(len(FAULTS))  # type: ignore[valid-type]

    def __init__(self, clock_hz):
        self.clock_hz = clock_hz
        self.pads = SimpleNamespace(
            cs=io.SimulationPort("o", 1, invert=True, name="cs"),
            clk=io.SimulationPort("o", 1, name="clk"), dq=io.SimulationPort("io", 2, name="dq"))
        super().__init__()

    @staticmethod
    def content(image):
        """A set, see :func:`bep_model.stored.pack`, as the file from which the chip takes it. It
        may come with a program, see :func:`bep_model.fit.autostart.autostart`."""
        return b"".join(divided(image))

    def elaborate(self, platform):
        m = Module()
        pads = self.pads
        m.submodules.chip = Instance(
            "flash", p_PERIOD=round(1e12 / self.clock_hz), p_CONTENT=chips.CONTENT,
            p_START=START,
            i_clk=ClockSignal(), i_power=1, i_cs_n=pads.cs.o, i_sck=pads.clk.o, i_dq_i=pads.dq.o,
            i_dq_driven=pads.dq.oe[0], o_dq_o=pads.dq.i, o_faults=self.faults)
        return m
