"""Modelled power of the FPGA's core: a band from published figures, not a measurement.

power = static + clock rate * (clock tree + cells * energy per cell and clock). Nobody has measured
this project's designs: the ends of the band are a quiet and a busy design that somebody did measure
on an iCE40 UltraPlus.

Not in the band, because no figure was found: block RAM and SPRAM, which these designs use in almost
every clock; pads; regulators; and, of the ECP5, everything that depends on the clock. For that the
upper end borrows the iCE40's figures, a stand-in and no bound.
"""

from dataclasses import dataclass

ICE40_POWER = "https://github.com/tinyvision-ai-inc/ice40_power"
"""tinyVision.ai, "iCE40 Power Testing": currents of an iCE40UP5K-SG48 on Lattice's breakout board,
read off a Joulescope JS110. The constants below are rows of its table, in microamperes at VOLT."""

VOLT = 1.219
HFOSC_6, HFOSC_12, HFOSC_48 = 388.4, 645.0, 2184.0
"""Internal oscillator at 6, 12 and 48 MHz and a 24-bit counter, 28 logic cells."""
COUNTERS_1, COUNTERS_8 = 613.5, 641.3
"""12 MHz from outside; one counter of 28 bits (32 cells), and eight (228 cells)."""
PRODUCT = 996.0
"""As HFOSC_12, and two 8-bit counters multiplied in every clock without a DSP block (208 cells)."""
ICE40_STATIC_UW = 151.0
"""Microwatts with a clock of 10 kHz, pads and PLL supply included; its text adds them up."""

ECP5_CURRENT = "https://github.com/butterstick-fpga/butterstick-hardware/issues/2"
"""ButterStick, issue 2, of VCC at 1.1 V: "varies with device densities, but ranges from 77mA on the
12F to 212mA on the 85F". To be checked against the table of supply currents in standby of Lattice's
data sheet (FPGA-DS-02012), which was not at hand."""
ECP5_85F_STATIC_UW = 1.1 * 212e3

CLOCK_UW = VOLT * (HFOSC_48 - HFOSC_6) / (48 - 6)
QUIET_UW = VOLT * (COUNTERS_8 - COUNTERS_1) / (228 - 32) / 12
BUSY_UW = VOLT * (PRODUCT - HFOSC_12) / (208 - 28) / 12


@dataclass(frozen=True)
class Model:
    """A part's core; pairs are the low and the high end.

    Parameters
    ----------
    cell : str
        Logic cell as the placer's report names it.
    static : float
        Microwatts.
    clock, per_cell : (float, float)
        Microwatts per MHz: of the clock tree, and of every cell that is used.
    sources : tuple of str
    """

    cell: str
    static: float
    clock: tuple
    per_cell: tuple
    sources: tuple

    def power(self, mhz, cells):
        """Milliwatts at a clock rate with so many cells in use: [low, high]."""
        return [(self.static + mhz * (clock + cells * cell)) / 1e3
                for clock, cell in zip(self.clock, self.per_cell, strict=True)]


MODELS = {
    "iCE40UP5K": Model("ICESTORM_LC", ICE40_STATIC_UW, (CLOCK_UW, CLOCK_UW), (QUIET_UW, BUSY_UW),
                       (ICE40_POWER,)),
    "LFE5U-85F": Model("TRELLIS_COMB", ECP5_85F_STATIC_UW, (0.0, CLOCK_UW), (0.0, BUSY_UW),
                       (ECP5_CURRENT, ICE40_POWER)),
}
"""By the beginning of the part's name."""


def model(part):
    """The :class:`Model` of a part, None if there is none."""
    return next((found for name, found in MODELS.items() if part.startswith(name)), None)


def per_sample(power, rate):
    """Microjoules per sample: of [low, high] milliwatts at ``rate`` samples per second."""
    return [1e3 * end / rate for end in power]
