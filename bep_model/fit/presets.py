"""Presets: what to train on which data set with which hyper-parameters, as TOML files.

A preset is named ``<data set>[-<encoding>]-<widths>[-b<B_h>][-online][-stable]``, stable being one
with kappa above 0; every file says how it was found.
"""

from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path

import tomli_w

from bep_model.checks import integer
from bep_model.config import Config
from bep_model.data import datasets
from bep_model.files import read_toml, replacing
from bep_model.fit.training import Hyper

FOLDER = Path(__file__).with_name("presets")


@dataclass(frozen=True)
class Preset:
    """All that a training run needs but its seeds.

    Parameters
    ----------
    dataset : str
        One of ``datasets.NAMES``.
    hidden : sequence of int
        Neurons per layer, as in :class:`Config`.
    counter_bits : int
        B_h, 2..15.
    epochs : int
        1 or more; the best one on validation data is meant to be kept.
    hyper : Hyper
    encoding : str
        Of images as bits, see :func:`datasets.load`; a file may leave it out.

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
    encoding: str = "default"

    def __post_init__(self):
        if self.dataset not in datasets.NAMES:
            raise ValueError(
                f"dataset must be one of {', '.join(datasets.NAMES)}, not {self.dataset!r}")
        datasets.check_encoding(self.dataset, self.encoding)
        object.__setattr__(self, "epochs", integer("epochs", self.epochs, 1))
        # Inputs and classes come with the data; no check of the others depends on them.
        config = Config(1, self.hidden, 2, self.counter_bits, max_batch=self.hyper.batch,
                        stable=self.hyper.stable)
        object.__setattr__(self, "hidden", config.layers)
        self.hyper.parameters(config)

    @property
    def name(self):
        """The name by the rule of this module."""
        narrow = "" if self.counter_bits == 15 else f"-b{self.counter_bits}"
        online = "-online" if self.hyper.batch == 1 else ""
        encoding = "" if self.encoding == "default" else f"-{self.encoding}"
        stable = "-stable" if self.hyper.stable else ""
        net = "-".join(map(str, self.hidden))
        return f"{self.dataset}{encoding}-{net}{narrow}{online}{stable}"


def names():
    """Names of the presets that come with the package, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


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
    path = Path(name)
    if path.suffix != ".toml":
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
    check_keys("the preset", table, fields(Preset))
    missing = sorted({field.name for field in fields(Preset) if field.default is MISSING}
                     - set(table))
    if missing:
        raise ValueError(f"the preset lacks the key {missing[0]!r}")
    hyper = table.pop("hyper")
    if not isinstance(hyper, dict):
        raise TypeError(f"hyper must be a table, not {hyper!r}")
    check_keys("[hyper]", hyper, fields(Hyper))
    for name, value in hyper.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError(f"{name} must be a number, not {value!r}")
    return Preset(**table, hyper=Hyper(**hyper))


def check_keys(where, table, allowed):
    """Raise ValueError for a key of ``table`` that none of the ``allowed`` fields has."""
    known = [field.name for field in allowed]
    for key in table:
        if key not in known:
            raise ValueError(f"{where} has no key {key!r}; it may have {', '.join(known)}")


def dump(path, preset, comment):
    """Write a preset that :func:`load` reads back, under comment lines that say how it was found.

    Raises OSError; an existing file then stays as it was.
    """
    head = "".join(f"# {line}".rstrip() + "\n" for line in comment.splitlines())
    with replacing(path) as file:
        file.write((head + tomli_w.dumps(asdict(preset))).encode())
