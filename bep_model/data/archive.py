"""Sets of sequences of the UCR and UEA archives: their files, labels and lengths."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from bep_model.data import catalogue, labels, series_files

MOST_NUMBERS = 2**27
"""Of all sequences, filled up to the longest one; they take 8 bytes each."""


def read(name, data=None):
    """Numbers and labels of a UCR or UEA set, training and test file pooled in this order.

    Parameters
    ----------
    name : str
        A set whose files are there.
    data : path-like, optional
        Folder of the files NAME_TRAIN.ts or .tsv (and _TEST), or a folder above it (NAME/ or
        ucr/NAME/), see :mod:`bep_model.data.series_files`; else environment variable BEP_DATA.
        Without either, ItalyPowerDemand and JapaneseVowels come from aeon.

    Returns
    -------
    (float64 array (N, T, D), int64 array (N,), int64 array (N,), list of str)
        Sequences, aligned at their end (a shorter one begins with NaN, and so does one whose first
        samples are missing); labels 0..C-1; lengths of the sequences in samples; names of the
        classes, in alphabetical order.

    Raises
    ------
    ValueError
        For damaged files, or labels and dimensions that do not fit each other.
    OSError
        For missing files.
    """
    train, test = _locate(name, catalogue.folder(data), data is None)
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
    numbers = len(cases) * int(lengths.max()) * dimensions
    if numbers > MOST_NUMBERS:  # as when one of many short sequences is very long
        raise ValueError(f"{train} and {test} must have at most {MOST_NUMBERS} numbers where every "
                         f"sequence is as long as the longest, not {numbers}")
    values = np.full((len(cases), lengths.max(), dimensions), np.nan)
    for row, case in zip(values, cases, strict=True):
        row[len(row) - len(case.values):] = case.values
    places = {label: c for c, label in enumerate(classes)}
    return values, np.array([places[case.label] for case in cases]), lengths, classes


def _pairs(name, folder):
    """Where the training and the test file of a set can be in a folder."""
    for place in (folder / "ucr" / name, folder / name, folder):
        for suffix in (".ts", ".tsv"):
            yield [place / f"{name}_{part}{suffix}" for part in ("TRAIN", "TEST")]


def files(name, folder):
    """Paths of the training and the test file of a set in a folder; None if they are not there."""
    return next((paths for paths in _pairs(name, folder)
                 if all(path.is_file() for path in paths)), None)


def _locate(name, folder, packaged):
    """Paths of the training and the test file, in the folder or, if ``packaged``, in aeon."""
    aeon = find_spec("aeon") if packaged else None
    places = [folder] if folder is not None else []
    if aeon and aeon.origin:
        places.append(Path(aeon.origin).parent / "datasets" / "data")
    for place in places:
        if paths := files(name, place):
            return paths
    for paths in _pairs(name, folder) if folder is not None else ():
        if any(path.is_file() for path in paths):
            lacking = next(path for path in paths if not path.is_file())
            raise FileNotFoundError(f"{lacking} is missing, the other part of {name} is there")
    known = "" if name in catalogue.SETS else (
        f"unknown data set {name!r}; known are {', '.join(catalogue.SETS)}, and tables, FILE.csv; "
        "any other UCR or UEA set may be used: ")
    if known and Path(name).is_dir():
        known = f"{name} is a folder: for its images give {name}/; else "
    raise FileNotFoundError(
        f"{known}{name} needs {name}_TRAIN.ts and {name}_TEST.ts (or .tsv) in "
        + ("a folder given by --data or BEP_DATA" if folder is None
           else f"{folder}, in {folder / name} or in {folder / 'ucr' / name}")
        + "; the package aeon, which brings some sets, is not there: it comes with the extra "
        "experiments" * (packaged and aeon is None))
