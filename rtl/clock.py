"""The clock of a board from the PLL of its part."""

from amaranth.hdl import ClockDomain, ClockSignal, Instance, Module, Signal
from amaranth.lib import io, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import Out

SETTLED = 15e-6
"""Seconds from the PLL's lock to the end of reset. Block RAMs of an iCE40 read as zeros in the
first 3 us after configuration (https://github.com/YosysHQ/icestorm/issues/76)."""


class Clock(wiring.Component):
    """A clock of ``oscillator`` / ``reference`` * ``feedback`` / ``output`` Hz, and its reset.

    It requests the default clock of an amaranth-boards platform, or takes ``source``, multiplies it
    with a PLL, and constrains the result. An SB_PLL40_PAD takes the clock from the pad that belongs
    to it, an SB_PLL40_CORE from any other.

    Timing: reset is synchronous to the clock. It begins with configuration, and again when the PLL
    loses its lock, and ends :data:`SETTLED` after the lock.

    Constraints: the numbers are legal for the part (``bep.flow.clocks``).

    Parameters
    ----------
    primitive : str
        A key of :data:`PRIMITIVES`.
    oscillator : int
        The platform's default clock, in Hz.
    reference, feedback, output : int
        The PLL divides the oscillator by ``reference`` before its phase detector, its VCO by
        ``feedback`` before that, and by ``output`` after it. In an iCE40, ``output`` is a power of
        two.
    source : Value, or None
        The oscillator, if it does not come from its pad.
    shared : bool
        The oscillator is on ``pad``, too; not on an iCE40.
    quartered : bool
        There is ``quarter``, too, with ``output`` * 4 for a divider; likewise.

    Members
    -------
    clk, rst : Out(1)
        For a clock domain.
    quarter : Out(1)
        A clock of a quarter of the frequency, in phase.
    pad : Out(1)
        The oscillator.
    """

    clk: Out(1)
    rst: Out(1, init=1)
    quarter: Out(1)
    pad: Out(1)

    def __init__(self, primitive, oscillator, reference, feedback, output, *, source=None,
                 shared=False, quartered=False):
        self.primitive = primitive
        self.oscillator = oscillator
        self.reference = reference
        self.feedback = feedback
        self.output = output
        self.source = source
        self.shared = shared
        self.quartered = quartered
        super().__init__()

    @property
    def hz(self):
        """Frequency of the clock, rounded to an integer."""
        return round(self.oscillator * self.feedback / (self.reference * self.output))

    def elaborate(self, platform):
        m = Module()
        source = self.source
        if source is None:
            pin = platform.request(platform.default_clk, dir="-")
            source = pin.io
            if self.shared:
                m.submodules.pad = buffer = io.Buffer("i", pin)
                m.d.comb += self.pad.eq(buffer.i)
                source = self.pad
        made = Signal(attrs={"keep": "TRUE"})  # under this name it is constrained
        locked = Signal()
        stable = Signal()
        further = []
        if self.quartered:
            slow = Signal(attrs={"keep": "TRUE"})
            platform.add_clock_constraint(slow, self.hz / 4)
            m.d.comb += self.quarter.eq(slow)
            further = [slow]
        m.submodules.pll = PRIMITIVES[self.primitive](self, source, made, locked, *further)
        platform.add_clock_constraint(made, self.hz)

        m.domains.lock = ClockDomain(reset_less=True, local=True)
        m.submodules.synchronizer = FFSynchronizer(locked, stable, o_domain="lock")
        last = round(SETTLED * self.hz)
        timer = Signal(range(last + 1))
        ready = Signal()  # 0 is the only value with which a flip-flop of an iCE40 can begin
        m.d.comb += [ClockSignal("lock").eq(made), self.clk.eq(made), self.rst.eq(~ready)]
        m.d.lock += ready.eq(stable & (timer == last))
        with m.If(~stable):
            m.d.lock += timer.eq(0)
        with m.Elif(timer != last):
            m.d.lock += timer.eq(timer + 1)
        return m


ICE40_SOURCES = {"SB_PLL40_PAD": "i_PACKAGEPIN", "SB_PLL40_CORE": "i_REFERENCECLK"}
"""Where the PLL of an iCE40 takes its clock."""


def ice40(clock, pad, made, locked):
    """Instance of an SB_PLL40_PAD or SB_PLL40_CORE (Lattice FPGA-TN-02052)."""
    # The filter's range by the frequency at the phase detector is IceStorm's (icepll).
    detected = clock.oscillator / clock.reference
    return Instance(
        clock.primitive, p_FEEDBACK_PATH="SIMPLE", p_PLLOUT_SELECT="GENCLK",
        p_DIVR=clock.reference - 1, p_DIVF=clock.feedback - 1,
        p_DIVQ=clock.output.bit_length() - 1,
        p_FILTER_RANGE=1 + sum(detected >= limit * 1e6 for limit in (17, 26, 44, 66, 101)),
        **{ICE40_SOURCES[clock.primitive]: pad}, i_RESETB=1, i_BYPASS=0,
        o_PLLOUTGLOBAL=made, o_LOCK=locked)


def ecp5(clock, source, made, locked, quarter=None):
    """Instance of an EHXPLLL (Lattice FPGA-TN-02200).

    Its first output is only fed back, so that the second one can have another divider.
    """
    fed = Signal()
    last = 4 * clock.output
    further = {} if quarter is None else {
        "p_CLKOS2_ENABLE": "ENABLED", "p_CLKOS2_DIV": last, "p_CLKOS2_CPHASE": last - 1,
        "o_CLKOS2": quarter}
    return Instance(
        "EHXPLLL", **further,
        # The loop filter as Project Trellis sets it (ecppll).
        a_ICP_CURRENT="12", a_LPF_RESISTOR="8", a_MFG_ENABLE_FILTEROPAMP="1",
        a_MFG_GMCREF_SEL="2",
        p_FEEDBK_PATH="CLKOP", p_CLKI_DIV=clock.reference, p_CLKFB_DIV=1,
        p_CLKOP_ENABLE="ENABLED", p_CLKOP_DIV=clock.feedback, p_CLKOP_CPHASE=clock.feedback - 1,
        p_CLKOS_ENABLE="ENABLED", p_CLKOS_DIV=clock.output, p_CLKOS_CPHASE=clock.output - 1,
        i_CLKI=source, i_CLKFB=fed, o_CLKOP=fed, o_CLKOS=made, o_LOCK=locked,
        i_RST=0, i_STDBY=0, i_PLLWAKESYNC=0, i_ENCLKOP=0, i_ENCLKOS=0,
        i_PHASESEL0=0, i_PHASESEL1=0, i_PHASEDIR=0, i_PHASESTEP=0, i_PHASELOADREG=0)


PRIMITIVES = {"SB_PLL40_PAD": ice40, "SB_PLL40_CORE": ice40, "EHXPLLL": ecp5}
"""What makes the instance of a PLL, by the primitive's name."""
