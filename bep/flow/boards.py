"""The boards that can be built for: what their files in `constraints` say."""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from bep_model.files import read_toml
from bep_model.phases import frame
from bep_model.words import integers
from rtl.board import Board


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

BITS = {"brams": "bram_bits", "spram": "spram_bits"}
"""Memories, and the bits of one block as the files of `constraints` name them."""


@dataclass(frozen=True)
class Target:
    """A board to build for, as its file in `constraints` describes it.

    Parameters
    ----------
    name : str
    platform : str
        "module:class" of amaranth-boards.
    part : str
    baud : int
        Bits per second of the serial port.
    single_port, registered : bool
        As for ``rtl.trainer.Trainer``.
    reset, busy, refused : list of (str, int)
        Resources of the platform: button and LEDs.
    synth_opts : str
        For the synthesis command of yosys.
    available : dict of str to int
        What the part has, by the keys of :data:`NAMES` and the values of :data:`BITS`.
    """

    name: str
    platform: str
    part: str
    baud: int
    single_port: bool
    registered: bool
    reset: list
    busy: list
    refused: list
    synth_opts: str
    available: dict

    def top(self, config):
        """Return the design for a configuration."""
        prototypes = integers(frame.prototypes(config))
        return Board(config, prototypes, self.baud, **self.options,
                     reset=self.reset, busy=self.busy, refused=self.refused)

    @property
    def options(self):
        """How the trainer is built for this board: options of ``rtl.trainer.Trainer``."""
        return {"single_port": self.single_port, "registered": self.registered}


def boards():
    """Return the names of the boards that can be built for, sorted."""
    return sorted(path.name.removesuffix(".toml") for path in constraints().iterdir()
                  if path.name.endswith(".toml"))


def target(board):
    """Return the :class:`Target` of a board's name.

    Raises
    ------
    ValueError
        For an unknown board, naming the known ones.
    """
    if board not in boards():
        raise ValueError(f"board must be one of {', '.join(boards())}, not {board!r}")
    return Target(**read_toml(constraints() / f"{board}.toml"))
