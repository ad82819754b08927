"""Modelled power of the FPGA's core: a band from published figures, not a measurement.

power = static + clock rate * (clock tree + cells * energy per cell and clock). Nobody has measured
this project's designs. For an iCE40 UltraPlus, the ends of the band are the least and the most of
trainers whose netlists were replayed (``bep.activity``), memories included. ``bep.flow.families``
has the figures.

The band leaves out pads, regulators, a PLL and, for the ECP5, everything that depends on the clock:
its high end uses another part's figures.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Model:
    """Power of a part's core; pairs are the low and the high end.

    Parameters
    ----------
    static : float
        Microwatts.
    clock, per_cell : (float, float)
        Microwatts per MHz: of the clock tree, and of every logic cell that is used.
    sources : tuple of str
        URLs.
    """

    static: float
    clock: tuple
    per_cell: tuple
    sources: tuple

    def power(self, mhz, cells):
        """Milliwatts, [low, high], at a clock rate with ``cells`` cells in use."""
        return [(self.static + mhz * (clock + cells * cell)) / 1e3
                for clock, cell in zip(self.clock, self.per_cell, strict=True)]


def per_sample(power, rate):
    """Microjoules per sample, [low, high], from milliwatts and samples per second."""
    return [1e3 * end / rate for end in power]
