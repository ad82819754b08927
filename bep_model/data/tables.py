"""Tables in files of comma-separated values: a line per sample, its numbers, and its class last."""

import csv

import numpy as np

from bep_model.data import labels, series_files
from bep_model.files import telling


def read(path):
    """Read a file whose name ends in ``.csv``.

    The first line may be a heading: then no value in it but the last one is a number.

    Returns
    -------
    (float64 array (N, F), int64 array (N,), list of str)
        Numbers, labels 0..C-1, and names of the classes, in alphabetical order.

    Raises
    ------
    ValueError
        For anything else in the file, a missing number, or less than two classes; the message
        starts with the path, and the line if it is one of them. OSError if it cannot be read.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file, strict=True)
            lines = [(rows.line_num, row) for row in rows if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is no file of comma-separated values: {error}") from None
    if lines and not any(map(series_files.NUMBER.fullmatch, map(str.strip, lines[0][1][:-1]))):
        del lines[0]
    if not lines:
        raise ValueError(f"{path} holds no samples")
    values, names = np.empty((len(lines), len(lines[0][1]) - 1)), []
    for k, (number, row) in enumerate(lines):
        with telling(f"{path}, line {number}"):
            if len(row) < 2:
                raise ValueError("there must be numbers and a class, with commas between them")
            if len(row) != len(lines[0][1]):
                raise ValueError(f"{len(row)} values, line {lines[0][0]} has {len(lines[0][1])}")
            values[k] = series_files.numbers(row[:-1])
            names.append(labels.name(row[-1]))
    classes = labels.order(names)
    if len(classes) < 2:
        raise ValueError(f"{path} has the class {classes[0]!r} only; there must be two")
    places = {name: c for c, name in enumerate(classes)}
    return values, np.array([places[name] for name in names]), classes
