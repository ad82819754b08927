"""Data sets of sequences as bits: the UCR and UEA archives, and images row by row."""

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline

from bep_model import datasets
from bep_model.datasets import Dataset, Samples
from bep_model.series_encoders import (
    Chunk,
    Expansion,
    StepThermometer,
    Window,
    align_begin,
    lengths,
)

IMAGES = {"s-mnist": "mnist", "s-fashion-mnist": "fashion-mnist"}
"""Images whose rows are the time steps."""

UCR = ("ItalyPowerDemand", "JapaneseVowels", "PenDigits", "DistalPhalanxOutlineAgeGroup",
       "ProximalPhalanxOutlineAgeGroup")
"""Sets of the paper's Table 1. Any other set of the archives loads as well."""


@dataclass(frozen=True)
class Encoding:
    """How the numbers of a sequence become bits, see :mod:`bep_model.series_encoders`.

    Parameters
    ----------
    window : int or None
        WL: only the last samples of a sequence count; None takes all.
    chunk : int
        Consecutive samples per time step.
    bits : int
        Levels of the thermometer, per sample and dimension.
    expand : int or None
        K_x, random features per time step; None feeds the thermometer's bits.
    """

    window: int | None = None
    chunk: int = 1
    bits: int = 10
    expand: int | None = None

    def steps(self):
        """Transformer of the numbers, from samples to time steps; learns nothing."""
        return make_pipeline(Window(self.window), Chunk(self.chunk))

    def binarizer(self):
        """Transformer from the numbers of a time step to its bits; fitted on training data."""
        expansion = () if self.expand is None else (Expansion(self.expand),)
        return make_pipeline(StepThermometer(self.bits), *expansion)


def load(name, *, data=None, seed=0, fold=0, folds=3, validation=None, encoding=None):
    """Load and encode a data set of sequences.

    UCR and UEA sets: the archive's training and test files are pooled, and one of ``folds`` parts,
    stratified by class, is the test part (the paper's protocol). s-mnist, s-fashion-mnist: rows
    from top to bottom are the time steps; the archive's own test part. Of the rest, stratified, a
    part is held out for validation. The encoder is fitted on what then remains, the training part.

    Parameters
    ----------
    name : str
        One of ``UCR``, ``IMAGES``, or another set whose files are there.
    data : path-like, optional
        Folder of the files NAME_TRAIN.ts or .tsv (and _TEST), or a folder above it (NAME/ or
        ucr/NAME/); else environment variable BEP_DATA. ItalyPowerDemand and JapaneseVowels need
        none: they come with aeon.
    seed : int
        Chooses the folds and the validation part.
    fold : int
        Which fold is the test part, 0..folds-1; no effect on images.
    folds : int
        At least 2; no effect on images.
    validation : float, optional
        Part of the rest that is held out, 0..1; 0 holds out nothing. By default 1/5, of images
        1/6 (10,000 of 60,000).
    encoding : Encoding, optional

    Returns
    -------
    Dataset
        Its samples have x uint8 (N, T, K_x), and ``lengths`` int64 (N,) if they differ.

    Raises
    ------
    ValueError
        For values that are not allowed, or damaged files.
    OSError
        For missing files.
    """
    if not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ValueError(f"the seed of the data must be between 0 and 2**32 - 1, not {seed}")
    if validation is None:
        validation = 1 / 6 if name in IMAGES else 1 / 5
    if not 0 <= validation < 1:
        raise ValueError(f"validation must be at least 0 and below 1, not {validation}")
    encoding = encoding or Encoding()
    if name in IMAGES:
        values, labels, rest, test = _images(IMAGES[name], data)
    else:
        values, labels = read(name, data)
        rest, test = _fold(labels, fold, folds, seed)
    values = encoding.steps().fit_transform(values)
    there = lengths(values)
    if not there.all():
        raise ValueError(f"{name} has a sequence without any number, at {np.argmin(there)}")
    train, held = rest, rest[:0]
    if validation:
        with _telling(name):
            train, held = train_test_split(rest, test_size=validation, random_state=seed,
                                           stratify=labels[rest])
    binarizer = encoding.binarizer().fit(values[train])

    def part(rows):
        bits = align_begin(binarizer.transform(values[rows]), there[rows])
        equal = (there == values.shape[1]).all()
        return Samples(bits, labels[rows], None if equal else there[rows])

    return Dataset(name, part(train), part(held), part(test), classes=int(labels.max()) + 1)


def read(name, data=None):
    """Numbers and labels of a UCR or UEA set, training and test file pooled in this order.

    Parameters
    ----------
    name, data
        As :func:`load`.

    Returns
    -------
    (float64 array (N, T, D), int64 array (N,))
        Sequences, aligned at their end (a shorter one begins with NaN); labels 0..C-1.

    Raises
    ------
    ValueError, OSError
        As :func:`load`.
    """
    loaders = _loaders()
    sequences, labels = [], []
    for path in _locate(name, data if data is not None else os.environ.get("BEP_DATA")):
        with _telling(path):
            x, y = loaders[path.suffix](str(path))
        sequences.extend(x)
        labels.extend(map(str, y))
    if not sequences:
        raise ValueError(f"{name} holds no sequences")
    dimensions, longest = len(sequences[0]), max(x.shape[1] for x in sequences)
    values = np.full((len(sequences), longest, dimensions), np.nan)
    for row, x in zip(values, sequences, strict=True):
        if len(x) != dimensions:
            raise ValueError(f"{name} has sequences of {dimensions} and of {len(x)} dimensions")
        row[longest - x.shape[1]:] = x.T
    return values, np.unique(labels, return_inverse=True)[1]


def _loaders():
    try:
        from aeon.datasets import load_from_ts_file, load_from_tsv_file
    except ImportError as error:
        raise OSError("data sets of sequences need the package aeon (bep-trainer[experiments]): "
                      f"{error}") from None
    return {".ts": load_from_ts_file, ".tsv": load_from_tsv_file}


def _locate(name, folder):
    """Paths of the training and the test file: in the folder, or of those that aeon brings."""
    from aeon import datasets as bundled

    places = [Path(bundled.__file__).parent / "data" / name]
    if folder is not None:
        folder = Path(folder)
        if not folder.is_dir():
            raise FileNotFoundError(f"there is no data folder {folder}")
        places = [folder / "ucr" / name, folder / name, folder, *places]
    for place in places:
        for suffix in (".ts", ".tsv"):
            paths = [place / f"{name}_{part}{suffix}" for part in ("TRAIN", "TEST")]
            if all(path.is_file() for path in paths):
                return paths
    raise FileNotFoundError(
        f"{name} needs {name}_TRAIN.ts and {name}_TEST.ts (or .tsv) in "
        + ("a folder given by --data or BEP_DATA" if folder is None
           else f"{folder}, in {folder / name} or in {folder / 'ucr' / name}"))


@contextmanager
def _telling(what):
    """Say of which file or set an error is."""
    try:
        yield
    except (ValueError, TypeError, IndexError, OSError) as error:
        raise ValueError(f"{what}: {error}") from None


def _fold(labels, fold, folds, seed):
    """Indices of the samples outside and inside of a fold."""
    if folds < 2:
        raise ValueError(f"folds must be at least 2, not {folds}")
    if not 0 <= fold < folds:
        raise ValueError(f"fold must be between 0 and {folds - 1}, not {fold}")
    splits = StratifiedKFold(folds, shuffle=True, random_state=seed).split(labels, labels)
    return list(splits)[fold]


def _images(name, data):
    """Rows of images as time steps, labels, and the indices of the training and the test part."""
    (x, labels), (test_x, test_labels) = datasets.images(name, data)
    side = int(np.sqrt(x.shape[1]))
    if side**2 != x.shape[1]:
        raise ValueError(f"{name} must hold square images, not of {x.shape[1]} pixels")
    values = np.concatenate([x, test_x]).reshape(-1, side, side)
    return (values, np.concatenate([labels, test_labels]),
            np.arange(len(x)), np.arange(len(x), len(values)))
