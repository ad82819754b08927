"""Phase-locked loops: the clock of a design from the clock of its board."""

from dataclasses import dataclass
from fractions import Fraction

from amaranth.hdl import Instance, Module
from amaranth.lib import io, wiring
from amaranth.lib.wiring import Out


@dataclass(frozen=True)
class Setting:
    """A legal setting of a PLL.

    Parameters
    ----------
    hz : Fraction
        Frequency of the output.
    reference, feedback, output : int
        The dividers.
    """

    hz: Fraction
    reference: int
    feedback: int
    output: int


class PLL(wiring.Component):
    """A clock made from the platform's default clock, whose pin it requests.

    Parameters
    ----------
    setting : Setting
        One of ``settings(hz)`` of the class, for the frequency of the default clock.

    Members
    -------
    clk : Out(1)
        The clock.
    locked : Out(1)
        It is stable.
    """

    clk: Out(1)
    locked: Out(1)

    def __init__(self, setting):
        self.setting = setting
        super().__init__()

    @classmethod
    def settings(cls, hz):
        """All settings for a reference of ``hz``, by rising frequency and one for each."""
        found = {}
        for setting in cls._legal(Fraction(hz)):
            found.setdefault(setting.hz, setting)  # of equal ones, that of the fastest detector
        return [found[frequency] for frequency in sorted(found)]


class ICE40PLL(PLL):
    """The PLL of an iCE40, fed by the pin of the clock (SB_PLL40_PAD).

    The reference divided by ``reference`` and multiplied by ``feedback`` is the frequency of the
    oscillator; 2**``output`` divides it. Limits: Lattice FPGA-TN-02052, "iCE40 sysCLOCK PLL Design
    and User Guide", and the data sheet FPGA-DS-02008.
    """

    INPUT, DETECTOR = (10e6, 133e6), (10e6, 133e6)
    OSCILLATOR, OUTPUT = (533e6, 1066e6), (16e6, 275e6)
    FILTER = (17e6, 26e6, 44e6, 66e6, 101e6)
    """Upper ends of the detector's frequency for values 1, 2, ... of FILTER_RANGE."""

    @classmethod
    def _legal(cls, hz):
        for reference in range(1, 17):
            for feedback in range(1, 129):
                detector = hz / reference
                oscillator = detector * feedback
                if not (_within(hz, cls.INPUT) and _within(detector, cls.DETECTOR)
                        and _within(oscillator, cls.OSCILLATOR)):
                    continue
                for output in range(1, 7):
                    if _within(oscillator / 2**output, cls.OUTPUT):
                        yield Setting(oscillator / 2**output, reference, feedback, output)

    def elaborate(self, platform):
        m = Module()
        pin = platform.request(platform.default_clk, dir="-")
        setting = self.setting
        detector = platform.default_clk_frequency / setting.reference
        m.submodules.pll = Instance(
            "SB_PLL40_PAD",
            p_FEEDBACK_PATH="SIMPLE",
            p_DIVR=setting.reference - 1, p_DIVF=setting.feedback - 1, p_DIVQ=setting.output,
            p_FILTER_RANGE=1 + sum(detector >= end for end in self.FILTER),
            i_PACKAGEPIN=pin.io, i_RESETB=1, i_BYPASS=0,
            o_PLLOUTGLOBAL=self.clk, o_LOCK=self.locked)
        return m


class ECP5PLL(PLL):
    """The PLL of an ECP5 (EHXPLLL), with the output itself fed back.

    The reference divided by ``reference`` and multiplied by ``feedback`` is the output's frequency;
    ``output`` times that is the oscillator's. Limits: Lattice FPGA-DS-02012, "ECP5 and ECP5-5G
    Family Data Sheet", sysCLOCK PLL timing; FPGA-TN-02200 for the dividers.
    """

    INPUT, DETECTOR = (8e6, 400e6), (3.125e6, 400e6)
    OSCILLATOR, OUTPUT = (400e6, 800e6), (3.125e6, 400e6)

    @classmethod
    def _legal(cls, hz):
        for reference in range(1, 129):
            detector = hz / reference
            if not (_within(hz, cls.INPUT) and _within(detector, cls.DETECTOR)):
                continue
            for feedback in range(1, 129):
                made = detector * feedback
                # In the middle of the oscillator's range.
                output = max(1, round(sum(cls.OSCILLATOR) / 2 / made))
                if output <= 128 and _within(made, cls.OUTPUT) \
                        and _within(made * output, cls.OSCILLATOR):
                    yield Setting(made, reference, feedback, output)

    def elaborate(self, platform):
        m = Module()
        pin = platform.request(platform.default_clk, dir="-")
        m.submodules.pin = pin = io.Buffer("i", pin)
        setting = self.setting
        m.submodules.pll = Instance(
            "EHXPLLL",
            p_CLKI_DIV=setting.reference, p_CLKFB_DIV=setting.feedback,
            p_CLKOP_DIV=setting.output, p_CLKOP_CPHASE=setting.output - 1, p_CLKOP_FPHASE=0,
            p_CLKOP_ENABLE="ENABLED", p_OUTDIVIDER_MUXA="DIVA", p_FEEDBK_PATH="CLKOP",
            p_PLLRST_ENA="DISABLED", p_INTFB_WAKE="DISABLED", p_STDBY_ENABLE="DISABLED",
            p_DPHASE_SOURCE="DISABLED",
            # Charge pump and filter of the loop, as Lattice's tool sets them.
            a_ICP_CURRENT="12", a_LPF_RESISTOR="8", a_MFG_ENABLE_FILTEROPAMP="1",
            a_MFG_GMCREF_SEL="2",
            i_CLKI=pin.i, i_CLKFB=self.clk, i_RST=0, i_STDBY=0, i_PHASESEL0=0, i_PHASESEL1=0,
            i_PHASEDIR=0, i_PHASESTEP=0, i_PHASELOADREG=0, i_PLLWAKESYNC=0, i_ENCLKOP=0,
            o_CLKOP=self.clk, o_LOCK=self.locked)
        return m


def _within(value, limits):
    return limits[0] <= value <= limits[1]
