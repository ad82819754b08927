"""The boards that can be built for: what their files in `constraints` say (docs/boards.md)."""

import re
import shlex
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path

from bep.flow import clocks, families, stores
from bep.flow.links import LINKS, PRODUCT, UART, USB, VENDOR
from bep_model.checks import integer
from bep_model.files import read_toml, record, telling
from bep_model.protocol import RATES


def constraints():
    """Folder of the boards' files: inside of the installed package, or beside it in a checkout."""
    inside = resources.files("bep") / "constraints"
    return inside if inside.is_dir() else Path(__file__).resolve().parents[2] / "constraints"


NAMES = {
    "luts": "look-up tables",
    "ffs": "flip-flops",
    "brams": "block RAMs",
    "spram": "SPRAM blocks",
}
"""The resources that are counted, as the reports name them, and in words."""


def usage(report):
    """Pairs (what, how many of how many) of a report of a build: what a part's size means.

    A design fits if its logic cells do. Look-up tables and flip-flops share those, in a way that
    only the placer knows, so that their numbers are no part of the whole.
    """
    cells, part = report["cells"], report["part"]
    available = families.found(families.of(part).parts, part)
    yield "logic cells, packed", (f"{cells['used']:,} of {cells['available']:,} "
                                  f"({cells['used'] / cells['available']:.0%})")
    for key, name in NAMES.items():
        whole = "" if key in ("luts", "ffs") else f" of {available[key]}"
        yield name, f"{report[key]:,}{whole}"


CORE = "core"
"""The PLL of an iCE40 whose oscillator is not at its pad."""


@dataclass(frozen=True)
class Target:
    """A board to build for, as its file describes it.

    Parameters
    ----------
    name : str
    platform : str
        "module:class" of amaranth-boards.
    part : str
        With package and speed grade, as ``Family.naming`` has it.
    baud : int
        Most bits per second of the serial port, see :meth:`rate`.
    port : str
        What the serial port is to a host, in words.
    program : str
        The command that loads a bitstream, whose file comes last.
    flash : str, or None
        The command that writes a file, which comes last, into the flash chip, from the byte on that
        takes the place of ``{offset}``.
    reset, busy, refused : list of (str, int), or None
        Resources of the platform: button and LEDs, see ``rtl.board.Board``.
    pll : bool or str
        Whether the clock can come from the part's PLL, see ``bep.flow.clocks``; "core" for that of
        an iCE40 whose oscillator is not at the PLL's pad.
    usb : list of (str, int), or None
        The serial port on USB: "VENDOR:PRODUCT" in four hexadecimal digits each, and which of the
        chip's ports it is, from 0.
    plug : list of (str, int), or None
        Resource of the platform: a USB plug of the FPGA's own, see ``rtl.link.usb.Usb``.

    Raises
    ------
    TypeError, ValueError
        For a value that is not allowed, with the value in the text.
    """

    name: str
    platform: str
    part: str
    baud: int
    port: str
    program: str
    reset: list | None = None
    busy: list | None = None
    refused: list | None = None
    pll: bool | str = False
    usb: list | None = None
    flash: str | None = None
    plug: list | None = None

    def __post_init__(self):
        for key in ("name", "platform", "part", "port", "program"):
            value = getattr(self, key)
            if not isinstance(value, str):
                raise TypeError(f"{key} must be a text, not {value!r}")
            if not value.strip():
                raise ValueError(f"{key} must not be empty")
        if self.flash is not None and not isinstance(self.flash, str):
            raise TypeError(f"flash must be a text, not {self.flash!r}")
        if self.flash is not None and self.flash.count("{offset}") != 1:
            raise ValueError('flash must have {offset} once, as "iceprog -o {offset}", not '
                             f"{self.flash!r}")
        families.of(self.part)
        integer("baud", self.baud, 1)
        for key in ("reset", "busy", "refused", "plug"):
            match getattr(self, key):
                case None:
                    pass
                case [str(), int() as number] if not isinstance(number, bool):
                    pass
                case value:
                    raise TypeError(f"{key} must be the name and number of a resource of the "
                                    f'platform, as ["led", 0], not {value!r}')
        if self.plug and self.family is not families.ECP5:
            raise ValueError("plug must be left out: a USB plug needs a second PLL, which an "
                             f"{self.family.name} does not have")
        if self.pll != CORE and not isinstance(self.pll, bool):
            raise TypeError(f'pll must be true, false or "{CORE}", not {self.pll!r}')
        if self.pll == CORE and self.family is families.ECP5:
            raise ValueError("pll must be true or false, not "
                             f'"{CORE}": the PLL of an ECP5 takes its clock from any clock pin')
        match self.usb:
            case None:
                pass
            case [str() as chip, int()] if re.fullmatch("[0-9a-f]{4}:[0-9a-f]{4}", chip):
                pass
            case value:
                raise TypeError('usb must be vendor, product and number of the port, as '
                                f'["0403:6015", 0], not {value!r}')

    def top(self, config, setting=None, store="none", weights=None, link=UART):
        """Return the design for a configuration.

        Parameters
        ----------
        config : Config
        setting : clocks.Setting or None
            Of the PLL; None for no PLL.
        store : str
            As for :func:`bep.flow.stores.make`.
        weights : sequence of int, or None
            Of a design that only infers, see ``rtl.board.Board``.
        link : str
            One of :data:`bep.flow.links.LINKS`.
        """
        # Who only wants to know the board needs no gateware, and no golden model.
        from bep.flow import memories
        from bep.flow.platforms import oscillator
        from bep_model.phases import frame
        from bep_model.words import integers
        from rtl.board import Board
        from rtl.clock import Clock

        prototypes = integers(frame.prototypes(config))
        clock = setting and Clock(self.primitive, **asdict(setting), shared=link == USB)
        hz = setting.hz if setting else oscillator(self)
        transport = self._transport(link, clock, hz)
        return Board(config, prototypes, transport, store=stores.make(store, hz), clock=clock,
                     **self.options, reset=self.reset, busy=self.busy, refused=self.refused,
                     window=memories.window(config, self, store, weights is not None),
                     weights=weights)

    def _transport(self, link, clock, hz):
        """What carries the bytes, beside this ``rtl.clock.Clock``, or None, of a design with this
        clock in Hz."""
        if link == UART:
            from rtl.link.serial import Serial

            return Serial(self.rate(hz), clock and clock.hz)
        from amaranth.hdl import ClockSignal

        from bep.flow.platforms import oscillator
        from rtl.clock import Clock
        from rtl.link.usb import Usb

        setting = clocks.for_usb(self.family.pll, oscillator(self))
        own = Clock(self.primitive, **asdict(setting), quartered=True,
                    source=clock.pad if clock else ClockSignal())
        return Usb(own, VENDOR, PRODUCT, self.plug)

    def check_link(self, link):
        """Raise ValueError if the link is none of :data:`LINKS`, or the board lacks it."""
        if link not in LINKS:
            raise ValueError(f"link must be {UART} or {USB}, not {link!r}")
        if link == USB and not self.plug:
            raise ValueError(f"link must be {UART} on {self.name}, whose file has no key plug")

    @property
    def rates(self):
        """Rates of the serial port, fastest first: a host tries all of them."""
        return self.baud, *(rate for rate in RATES if rate < self.baud)

    def rate(self, clock_hz):
        """The rate of a design with this clock: the fastest one that suits it.

        Raises ValueError if none does.
        """
        from rtl.link.uart import divisor

        for rate in self.rates:
            try:
                divisor(clock_hz, rate)
            except ValueError:
                if rate == self.rates[-1]:
                    raise
            else:
                return rate

    def settings(self, oscillator, link=UART):
        """The PLL's legal settings for an oscillator in Hz that also suit the serial port's rates.

        They are sorted, slowest first; there are none without a PLL.
        """
        def suits(setting):
            try:
                return link == USB or self.rate(setting.hz)
            except ValueError:
                return False
        if not self.pll:
            return []
        return [setting for setting in self.family.pll.settings(oscillator) if suits(setting)]

    @property
    def primitive(self):
        """The primitive of its PLL, see ``rtl.clock.Clock``."""
        return "SB_PLL40_CORE" if self.pll == CORE else self.family.pll.primitive

    @property
    def family(self):
        """The :class:`bep.flow.families.Family` of its part."""
        return families.of(self.part)

    @property
    def available(self):
        """What the part has, by the keys of :data:`NAMES`."""
        return families.found(self.family.parts, self.part)

    @property
    def memory_bits(self):
        """Bits of the part's memory blocks, by the keys of :data:`NAMES`."""
        return {key: self.available[key] * each for key, each in self.family.bits.items()}

    @property
    def options(self):
        """How the trainer is built for this board: options of ``rtl.trainer.Trainer``."""
        return {"single_port": self.family.single_port, "registered": self.family.registered}

    @property
    def chips(self):
        """What the host's port may be on USB, each as :attr:`usb`."""
        own = [f"{VENDOR:04x}:{PRODUCT:04x}", 0]
        return [self.usb] * bool(self.usb) + [own] * bool(self.plug)

    def shown(self, report):
        """Pairs (what, in words) of the port of a host, for a report of a build."""
        if report["link"] == USB:
            return [("serial port", f"that of the FPGA's own USB plug, {VENDOR:04x}:{PRODUCT:04x}")]
        return [("serial port", self.port), ("its rate", f"{report['baud']:,} baud")]

    @property
    def signals(self):
        """What its button and LEDs are for: in words, and the resource of the platform."""
        named = {"button that resets": self.reset, "LED of work": self.busy,
                 "LED of a refused packet": self.refused}
        return {what: resource for what, resource in named.items() if resource}

    def command(self, bitstream):
        """The command that loads a bitstream into the board."""
        return f"{self.program} {shlex.quote(str(bitstream))}"

    def flash_command(self, image, offset):
        """The command that writes a file into the flash chip from byte ``offset`` on.

        Raises ValueError for a board that has no such command.
        """
        if self.flash is None:
            raise ValueError(f"{self.name} has no flash chip for a sample store: its file has no "
                             "key flash")
        command = self.flash.replace("{offset}", f"{offset:#x}")
        return f"{command} {shlex.quote(str(image))}"


def boards():
    """Return the names of the boards that can be built for, sorted."""
    return sorted(path.name.removesuffix(".toml") for path in constraints().iterdir()
                  if path.name.endswith(".toml"))


def board_file(board):
    """The file that describes a board, if it is somebody's own; None for one of :func:`boards`."""
    return Path(board) if Path(board).suffix == ".toml" else None


def target(board):
    """Return the :class:`Target` of a board.

    Parameters
    ----------
    board : str
        One of :func:`boards`, or the path of a file that ends in ``.toml``.

    Raises
    ------
    ValueError, TypeError, OSError
        For an unknown board, naming the known ones, and for what is wrong in a file; such a
        message begins with the file's path.
    """
    path = board_file(board)
    if path is None:
        if board not in boards():
            raise ValueError(f"board must be one of {', '.join(boards())}, or a file that ends in "
                             f".toml, not {board!r}")
        path = constraints() / f"{board}.toml"
    table = read_toml(path)
    with telling(path):
        return record(Target, "the board", table)
