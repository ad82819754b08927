"""Presets: what to train on which data set with which hyper-parameters, as TOML files.

A preset is named ``<data set>[-<encoding>]-<widths>[-b<B_h>][-online][-stable]``, stable being one
with kappa above 0; every file says how it was found. Those of sequences are all online, and their
names say neither that nor the encoding.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import tomli_w

from bep_model.checks import integer
from bep_model.config import Config
from bep_model.data import catalogue
from bep_model.data.catalogue import Encoding
from bep_model.files import read_toml, record, replacing
from bep_model.fit.training import Hyper

FOLDER = Path(__file__).with_name("presets")


@dataclass(frozen=True)
class Preset:
    """All that a training run needs but its seeds.

    Parameters
    ----------
    dataset : str
        As for :func:`bep_model.data.datasets.load`.
    hidden : sequence of int
        Neurons per layer, as in :class:`Config`; K_s and K_y, if the data are sequences.
    counter_bits : int
        B_h, 2..15.
    epochs : int
        1 or more; the best one on validation data is meant to be kept.
    hyper : Hyper
    encoding : str or Encoding
        Of images as bits, or of sequences (a table in the file), see
        :func:`bep_model.data.datasets.load`; a file may leave it out.

    Raises
    ------
    TypeError, ValueError
        For a value that is not allowed, with the value in the text.
    """

    dataset: str
    hidden: tuple
    counter_bits: int
    epochs: int
    hyper: Hyper
    encoding: str | Encoding = "default"

    def __post_init__(self):
        if not isinstance(self.dataset, str):
            raise TypeError(f"dataset must be a name, not {self.dataset!r}")
        object.__setattr__(self, "encoding", catalogue.encoding_of(self.dataset, self.encoding))
        object.__setattr__(self, "epochs", integer("epochs", self.epochs, 1))
        # Inputs, classes and steps come with the data; no check of the others depends on them.
        config = Config(1, self.hidden, 2, self.counter_bits, max_batch=self.hyper.batch,
                        max_steps=int(self.sequential), stable=self.hyper.stable)
        object.__setattr__(self, "hidden", config.layers)
        self.hyper.parameters(config)

    @property
    def sequential(self):
        """Whether the data are sequences, and the network is a recurrent one."""
        return catalogue.sequential(self.dataset)

    @property
    def name(self):
        """The name by the rule of this module."""
        narrow = "" if self.counter_bits == 15 else f"-b{self.counter_bits}"
        online = "-online" if self.hyper.batch == 1 and not self.sequential else ""
        encoding = "" if self.sequential or self.encoding == "default" else f"-{self.encoding}"
        stable = "-stable" if self.hyper.stable else ""
        net = "-".join(map(str, self.hidden))
        return f"{self.dataset}{encoding}-{net}{narrow}{online}{stable}"


def names():
    """Names of the presets that come with the package, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def file(name):
    """The file of a preset that is somebody's own; None for one of :func:`names`, or for None."""
    return Path(name) if name is not None and Path(name).suffix == ".toml" else None


def load(name):
    """Read a preset.

    Parameters
    ----------
    name : str or path-like
        One of :func:`names`, or the path of a file that ends in ``.toml``.

    Returns
    -------
    Preset

    Raises
    ------
    ValueError
        For an unknown name, text that is not TOML, and an unknown or missing key; TypeError,
        ValueError and OSError as the values deserve. Messages about a file start with its path.
    """
    path = file(name)
    if path is None:
        if str(name) not in names():
            raise ValueError(f"unknown preset {str(name)!r}; known are {', '.join(names())}")
        path = FOLDER / f"{name}.toml"
    table = read_toml(path)
    try:
        return parse(table)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{path}: {error}") from None


def parse(table):
    """The preset that a table of TOML describes; raises as :func:`load`."""
    table = dict(table)
    if "hyper" in table:
        hyper = table["hyper"]
        if not isinstance(hyper, dict):
            raise TypeError(f"hyper must be a table, not {hyper!r}")
        table["hyper"] = record(Hyper, "[hyper]", hyper)
        for name, value in hyper.items():
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise TypeError(f"{name} must be a number, not {value!r}")
    if isinstance(table.get("encoding"), dict):
        table["encoding"] = record(Encoding, "[encoding]", table["encoding"])
    return record(Preset, "the preset", table)


def dump(path, preset, comment):
    """Write a preset that :func:`load` reads back, under comment lines that say how it was found.

    Raises OSError; an existing file then stays as it was.
    """
    head = "".join(f"# {line}".rstrip() + "\n" for line in comment.splitlines())
    table = asdict(preset)
    if preset.sequential:  # TOML has no None, which is the default where it is allowed
        table["encoding"] = {name: value for name, value in table["encoding"].items()
                             if value is not None}
    with replacing(path) as file:
        file.write((head + tomli_w.dumps(table)).encode())
