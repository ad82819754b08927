"""Power of an iCE40 UltraPlus from the activity of its design: a band from published figures.

power = static + clock rate x (clock tree + changes of loads x energy of a change
                               + flip-flops x energy of their clock + accesses to memories) + PLL

Two designs that others measured (``bep.activity.published``) were rebuilt and replayed. The energy
of a change at the low end is that of counters, with nothing for the clock of their flip-flops. At
the high end it is that of a multiplier, and the flip-flops take what the counters took. Memories
have published figures of SRAMs of the same generation: nobody has measured the part's.
"""

import math
from typing import NamedTuple

from bep.activity.netlist import PART
from bep.flow.families import (
    CLOCK_UW,
    COUNTERS_1,
    COUNTERS_8,
    HFOSC_12,
    ICE40UP,
    PLL_16,
    PLL_48,
    PRODUCT,
    VOLT,
)

COUNTER_CHANGES, PRODUCT_CHANGES = 3.0, 243.3
"""Changes of loads in a clock: of a counter of 28 bits; of the product with its two counters."""
SRAM_PJ = {8: 10.0, 32: 20.0}
"""Picojoules of 64 bits from an SRAM of so many KiB, at :data:`SRAM_VOLT` (cited.SRAM_ENERGY)."""
SRAM_VOLT = 0.9
BLOCK_KIB, SINGLE_KIB = 0.5, 32
"""Sizes of the memories."""


class Band(NamedTuple):
    """Two ends of what is not known better."""

    low: float
    high: float


def picojoules(microamperes):
    """Of a clock at 12 MHz, at the voltage of the measurements."""
    return VOLT * microamperes / 12


COUNTER = picojoules(COUNTERS_8 - COUNTERS_1) / 7
"""Of a counter of 28 bits, pJ per clock."""
CLOCK = CLOCK_UW
"""Of the clock tree, pJ per clock, which is microwatts per MHz."""
CHANGE = Band(COUNTER / COUNTER_CHANGES, picojoules(PRODUCT - HFOSC_12) / PRODUCT_CHANGES)
"""Of a change at the input of a cell, pJ."""
FLIP_FLOP = Band(0.0, COUNTER / 28)
"""Of the clock of a flip-flop, pJ per clock."""
SCALED = 16 / 64 * (VOLT / SRAM_VOLT) ** 2
BLOCK = Band(SRAM_PJ[8] * math.sqrt(BLOCK_KIB / 8) * SCALED, SRAM_PJ[8] * SCALED)
"""Of an access to a block RAM, pJ. High: as in 8 KiB; low: falling with the root of the size."""
SINGLE = Band(SRAM_PJ[SINGLE_KIB] * SCALED, SRAM_PJ[SINGLE_KIB] / 16 * 64 * SCALED)
"""Of an access to an SPRAM, pJ. Low: the word's part of 64 bits; high: all 64 bits."""
PLL = Band(*sorted(VOLT * extra / 1e3 for extra in (PLL_16, PLL_48)))
"""Of a PLL, mW: beyond the clock tree at its output."""
STATIC = ICE40UP.energy[PART].static / 1e3
"""mW."""


def per_clock(netlist, activity):
    """Picojoules of a clock by what takes them, as a dict of :class:`Band`; without the PLL."""
    accesses = activity.reads + activity.writes
    single = netlist.rams.single.astype(bool)
    counts = {"logic": (changes(netlist, activity), CHANGE),
              "flip-flops": (len(netlist.flip_flops.data), FLIP_FLOP),
              "block RAM": (accesses[~single].sum() / activity.clocks, BLOCK),
              "SPRAM": (accesses[single].sum() / activity.clocks, SINGLE)}
    return {"clock tree": Band(CLOCK, CLOCK)} | {
        what: Band(*(float(number * end) for end in band))
        for what, (number, band) in counts.items()}


def changes(netlist, activity):
    """Changes of loads in a clock."""
    return float((activity.changes * netlist.loads).sum() / activity.clocks)


def milliwatts(parts, mhz, pll):
    """Power of the whole part at a clock rate, as a :class:`Band`."""
    return Band(*(STATIC + mhz * sum(band[end] for band in parts.values()) / 1e3
                  + (PLL[end] if pll else 0) for end in (0, 1)))
