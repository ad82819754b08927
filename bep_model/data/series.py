"""Data sets of sequences as bits: the UCR and UEA archives, and images row by row."""

import math
import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline

from bep_model.checks import MOST_SEED, integer
from bep_model.data import images, labels, series_files
from bep_model.data.datasets import Dataset, Samples, split
from bep_model.data.series_encoders import Chunk, Expansion, StepThermometer, Window, align_begin

IMAGES = {f"s-{name}": name for name in images.CLASSES}
"""Images whose rows are the time steps."""

UCR = ("ItalyPowerDemand", "JapaneseVowels", "PenDigits", "DistalPhalanxOutlineAgeGroup",
       "ProximalPhalanxOutlineAgeGroup")
"""Sets of the paper's Table 1. Any other set of the archives loads as well."""


@dataclass(frozen=True)
class Encoding:
    """How the numbers of a sequence become bits, see :mod:`bep_model.data.series_encoders`.

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
        return make_pipeline(Window(self.window, missing_end=True),
                             Chunk(self.chunk, missing_end=True))

    def lengths(self, samples):
        """Time steps, int64 (N,), that sequences of so many samples become."""
        longest = samples if self.window is None else np.minimum(samples, self.window)
        return -(-longest // self.chunk)

    def binarizer(self):
        """Transformer from the numbers of a time step to its bits; fitted on training data."""
        expansion = () if self.expand is None else (Expansion(self.expand),)
        return make_pipeline(StepThermometer(self.bits, missing_end=True), *expansion)


def load(name, *, data=None, seed=0, fold=0, folds=3, validation=None, encoding=None):
    """Load and encode a data set of sequences.

    UCR and UEA sets: the archive's training and test files are pooled, and one of ``folds`` parts,
    stratified by class, is the test part (the paper's protocol). s-mnist and others: the rows of
    images, from top to bottom, are the time steps; the set's own test part. Of the rest,
    stratified, a part is held out for validation. The encoder is fitted on what then remains, the
    training part.

    Parameters
    ----------
    name : str
        One of ``UCR``, ``IMAGES``, or another set whose files are there.
    data : path-like, optional
        Folder of the files NAME_TRAIN.ts or .tsv (and _TEST), or a folder above it (NAME/ or
        ucr/NAME/), see :mod:`bep_model.data.series_files`; else environment variable BEP_DATA.
        ItalyPowerDemand and JapaneseVowels need none: they come with aeon.
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
        For values that are not allowed, damaged files, or too few samples.
    OSError
        For missing files.
    """
    seed = integer("the seed of the data", seed, 0, MOST_SEED)
    if validation is None:
        validation = 1 / 6 if name in IMAGES else 1 / 5
    if not 0 <= validation < 1:
        raise ValueError(f"validation must be at least 0 and below 1, not {validation}")
    encoding = encoding or Encoding()
    if name in IMAGES:
        values, numbers, rest, test, classes = _images(IMAGES[name], data)
        there, classes = np.full(len(values), values.shape[1]), list(range(classes))
    else:
        values, numbers, there, classes = _read(name, data)
        rest, test = _fold(name, numbers, classes, fold, folds, seed)
    values, there = encoding.steps().fit_transform(values), encoding.lengths(there)
    empty = np.isnan(values).all(axis=(1, 2))
    if empty.any():
        raise ValueError(f"{name} has a sequence without any number in its last "
                         f"{encoding.window} samples, at {np.argmax(empty)}")
    train, held = rest, rest[:0]
    if validation:
        kept, out = split(name, numbers[rest], math.ceil(validation * len(rest)), seed, classes)
        train, held = rest[kept], rest[out]
    binarizer = encoding.binarizer().fit(values[train])

    def part(rows):
        bits = align_begin(binarizer.transform(values[rows]), there[rows])
        equal = (there == values.shape[1]).all()
        return Samples(bits, numbers[rows], None if equal else there[rows])

    return Dataset(name, part(train), part(held), part(test), len(classes))


def read(name, data=None):
    """Numbers and labels of a UCR or UEA set, training and test file pooled in this order.

    Parameters
    ----------
    name, data
        As :func:`load`.

    Returns
    -------
    (float64 array (N, T, D), int64 array (N,))
        Sequences, aligned at their end (a shorter one begins with NaN, as may one whose first
        samples are missing); labels 0..C-1, of the classes in alphabetical order.

    Raises
    ------
    ValueError, OSError
        As :func:`load`.
    """
    return _read(name, data)[:2]


def _read(name, data):
    """What :func:`read` returns, lengths int64 (N,), and names of the classes."""
    train, test = _locate(name, data if data is not None else os.environ.get("BEP_DATA"))
    parts = {path: series_files.read(path) for path in (train, test)}
    if train.suffix == ".tsv":
        parts = series_files.without_padding(name, parts)
    classes = labels.order(case.label for case in parts[train])
    if len(classes) < 2:
        raise ValueError(f"{train} has the class {classes[0]!r} only; there must be two")
    dimensions = parts[train][0].values.shape[1]
    for case in parts[test]:
        if case.label not in classes:
            raise ValueError(f"{test}, line {case.line}: no sequence of {train} is of the class "
                             f"{case.label!r}")
        if case.values.shape[1] != dimensions:
            raise ValueError(f"{test} has sequences of {case.values.shape[1]} dimensions, {train} "
                             f"of {dimensions}")
    cases = parts[train] + parts[test]
    lengths = np.array([len(case.values) for case in cases])
    values = np.full((len(cases), lengths.max(), dimensions), np.nan)
    for row, case in zip(values, cases, strict=True):
        row[len(row) - len(case.values):] = case.values
    places = {label: c for c, label in enumerate(classes)}
    return values, np.array([places[case.label] for case in cases]), lengths, classes


def _locate(name, folder):
    """Paths of the training and the test file: in the folder, or of those that aeon brings."""
    places, aeon = [], find_spec("aeon")
    if folder is not None:
        folder = Path(folder)
        if not folder.is_dir():
            raise FileNotFoundError(f"there is no data folder {folder}")
        places = [folder / "ucr" / name, folder / name, folder]
    if aeon is not None:
        places.append(Path(aeon.origin).parent / "datasets" / "data" / name)
    for place in places:
        for suffix in (".ts", ".tsv"):
            paths = [place / f"{name}_{part}{suffix}" for part in ("TRAIN", "TEST")]
            if all(path.is_file() for path in paths):
                return paths
    raise FileNotFoundError(
        f"{name} needs {name}_TRAIN.ts and {name}_TEST.ts (or .tsv) in "
        + ("a folder given by --data or BEP_DATA" if folder is None
           else f"{folder}, in {folder / name} or in {folder / 'ucr' / name}")
        + ("; the package aeon, which brings some sets, is not there" if aeon is None else ""))


def _fold(name, numbers, classes, fold, folds, seed):
    """Indices of the samples outside and inside of a fold."""
    if folds < 2:
        raise ValueError(f"folds must be at least 2, not {folds}")
    if fold not in range(folds):
        raise ValueError(f"fold must be between 0 and {folds - 1}, not {fold}")
    sizes = np.bincount(numbers)
    if sizes.min() < folds:
        raise ValueError(f"{name} has {sizes.min()} sequences of class {classes[sizes.argmin()]}; "
                         f"for {folds} folds there must be {folds} or more of each class")
    splits = StratifiedKFold(folds, shuffle=True, random_state=seed).split(numbers, numbers)
    return list(splits)[fold]


def _images(name, data):
    """Rows of images as time steps, labels, indices of the training and the test part, and C."""
    (x, numbers), (test_x, test_numbers), classes = images.read(name, data)
    values = np.concatenate([x, test_x])
    return (values, np.concatenate([numbers, test_numbers]),
            np.arange(len(x)), np.arange(len(x), len(values)), classes)
