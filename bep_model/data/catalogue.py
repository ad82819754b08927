"""Names and sizes of the data sets, and names of the encodings.

The name decides whether samples are sequences. Images and generated data are not; ``s-`` before the
name of a set of images reads them row by row; ``FILE.csv``, ``.npz`` or ``.arff`` is a table, and
so is a folder of images, ``FOLDER/``; every other name is that of a UCR or UEA set. To add a set in
such files, add a line to these tables. This module imports nothing that takes time.
"""

import os
import re
from dataclasses import dataclass, field, fields
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from bep_model.checks import integer
from bep_model.config import MOST_INPUTS
from bep_model.digests import LATE


class Known(NamedTuple):
    """What is known about a data set without its files; None where the files decide.

    ``train`` and ``test`` count samples; a set of sequences without a ``test`` part is divided
    into folds. ``shape`` is that of a sample's numbers: rows and columns of an image, steps and
    dimensions of the longest sequence.
    """

    train: int | None
    test: int | None
    shape: tuple | None
    classes: int | None


PLAIN = {
    "digits": Known(1437, 360, (8, 8), 10),
    "random-prototypes": Known(20000, 3000, (1000,), 10),
}
"""Sets without files, the same everywhere."""

IMAGES = {
    "mnist": Known(60000, 10000, (28, 28), 10),
    "fashion-mnist": Known(60000, 10000, (28, 28), 10),
    "kmnist": Known(60000, 10000, (28, 28), 10),
    "emnist-balanced": Known(112800, 18800, (28, 28), 47),
    "emnist-byclass": Known(697932, 116323, (28, 28), 62),
    "emnist-bymerge": Known(697932, 116323, (28, 28), 47),
    "emnist-digits": Known(240000, 40000, (28, 28), 10),
    "emnist-letters": Known(124800, 20800, (28, 28), 26),
    "emnist-mnist": Known(60000, 10000, (28, 28), 10),
    "idx": Known(None, None, None, None),
}
"""Sets in IDX files; ``idx`` stands for any other such files, with a class per label."""

ARCHIVE = {
    "ItalyPowerDemand": Known(1096, None, (24, 1), 2),
    "JapaneseVowels": Known(640, None, (29, 12), 9),
    "PenDigits": Known(10992, None, (8, 2), 10),
    "DistalPhalanxOutlineAgeGroup": Known(539, None, (80, 1), 3),
    "ProximalPhalanxOutlineAgeGroup": Known(605, None, (80, 1), 3),
}
"""UCR and UEA sets of the paper's Table 1. Any other set of the archives loads as well."""

SETS = {**PLAIN, **IMAGES, **{f"s-{name}": known for name, known in IMAGES.items()}, **ARCHIVE}
"""All of them, by name."""

ENCODINGS = ("default", "median", "levels-A-B-..", "levels-A-B-..-local", "local", "thermometer",
             "differences-N", "selected-N")
"""Names of the encodings of images."""

TABLES = (".csv", ".npz", ".arff", "/")
"""How the names of tables end; a folder of images is named with the slash."""

TABLE_ENCODINGS = ("default", "median", "thermometer-N", "differences-N", "none")
"""Names of the encodings of tables; the default is ``thermometer-8``."""


def folder(data=None):
    """The folder of the files: ``data``, else the environment variable BEP_DATA, else None.

    Raises FileNotFoundError if it does not exist.
    """
    data = os.environ.get("BEP_DATA") if data is None else data
    if data is not None and not Path(data).is_dir():
        raise FileNotFoundError(f"there is no data folder {data}")
    return None if data is None else Path(data)


def images(name):
    """The set of images that ``name`` reads, perhaps row by row; None for other data."""
    plain = name.removeprefix("s-")
    return plain if plain in IMAGES else None


def sequential(name):
    """Whether the samples of a data set are sequences, and its trainer a recurrent one."""
    return name not in PLAIN and name not in IMAGES and not table(name)


def table(name):
    """Whether a data set is a table or a folder of images of one's own, named by its path."""
    return name.lower().endswith(TABLES)


def folded(name):
    """Whether a data set has no test part of its own and is cross-validated."""
    return sequential(name) and images(name) is None


@dataclass(frozen=True)
class Encoding:
    """How the numbers of a sequence become bits, see :mod:`bep_model.data.sequences`.

    Parameters
    ----------
    window : int or None
        WL: only the last samples of a sequence count; None takes all.
    chunk : int
        Consecutive samples per time step.
    bits : int
        Levels of the thermometer, per sample and dimension.
    expand : int or None
        Random features per time step; None feeds the thermometer's bits.
    pairs : bool
        Each of these bits is followed by its complement, and all by a 1.

    Raises
    ------
    TypeError, ValueError
        For a value of another type or below 1, or ``expand`` above 65535.
    """

    window: int | None = None
    chunk: int = 1
    bits: int = 10
    expand: int | None = None
    pairs: bool = field(default=False, metadata=LATE)

    def __post_init__(self):
        if not isinstance(self.pairs, bool):
            raise TypeError(f"pairs must be true or false, not {self.pairs!r}")
        for name in ("window", "chunk", "bits", "expand"):
            value = getattr(self, name)
            if value is not None or name in ("chunk", "bits"):
                high = MOST_INPUTS if name == "expand" else None
                object.__setattr__(self, name, integer(name, value, 1, high))


def encoding_of(name, encoding="default"):
    """The encoding of data set ``name``: an :class:`Encoding` of sequences, else a text.

    Raises ValueError unless the data set has this encoding.
    """
    if sequential(name):
        if encoding == "default":
            return Encoding()
        if not isinstance(encoding, Encoding):
            raise ValueError(f"{name} is a set of sequences: its encoding has window, chunk, "
                             f"bits, expand and pairs, and cannot be {encoding!r}")
    elif isinstance(encoding, Encoding):
        for each in fields(encoding):
            if (value := getattr(encoding, each.name)) != each.default:
                raise ValueError(f"{each.name} must be left out for {name}, which is no set of "
                                 f"sequences, not {value}")
        raise ValueError(f"{name} is no set of sequences: its encoding cannot be {encoding}")
    elif name in IMAGES:
        image_encoding(encoding)
    elif table(name):
        table_encoding(encoding)
    elif encoding != "default":
        raise ValueError(f"{name} has no encoding but \"default\", not {encoding!r}")
    return encoding


def image_encoding(encoding):
    """Kind and number of bits of an encoding of images, one of :data:`ENCODINGS`.

    ``("median" or "thermometer", None)``, ``("differences" or "selected", N)``, or ``("levels" or
    "local", (A, B, ..))``. Raises ValueError for any other.
    """
    if encoding in ("default", "median"):
        return "median", None
    if encoding == "thermometer":
        return "thermometer", None
    if encoding == "local":
        return "local", ()
    if found := re.fullmatch(r"levels((?:-[1-9]\d{0,2})+)(-local)?", str(encoding), re.ASCII):
        levels = tuple(map(int, found[1].split("-")[1:]))
        if levels[-1] < 256 and all(a < b for a, b in pairwise(levels)):
            return "local" if found[2] else "levels", levels
    found = re.fullmatch(r"(differences|selected)-0*([1-9]\d{0,4})", str(encoding), re.ASCII)
    if found is None or int(found[2]) > MOST_INPUTS:
        raise ValueError(f"encoding must be one of {', '.join(ENCODINGS)} with ascending levels "
                         f"A, B, .. = 1..255 and N = 1..{MOST_INPUTS}, not {encoding!r}")
    return found[1], int(found[2])


def bits_per_pixel(encoding):
    """Bits that an encoding of levels, or a local one, gives to each pixel."""
    kind, levels = image_encoding(encoding)
    return len(levels) + (kind == "local")


def table_encoding(encoding):
    """Kind and number of bits of an encoding of tables, one of :data:`TABLE_ENCODINGS`.

    ``("median" or "none", None)`` or ``("thermometer" or "differences", N)``. Raises ValueError
    for any other.
    """
    if encoding in ("median", "none"):
        return encoding, None
    found = re.fullmatch(r"(thermometer|differences)-0*([1-9]\d{0,4})",
                         "thermometer-8" if encoding == "default" else str(encoding), re.ASCII)
    if found is None or int(found[2]) > MOST_INPUTS:
        raise ValueError(f"encoding must be one of {', '.join(TABLE_ENCODINGS)} with N = "
                         f"1..{MOST_INPUTS} for a table or a folder of images, not {encoding!r}")
    return found[1], int(found[2])
