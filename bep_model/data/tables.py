"""Tables of one's own: files .csv, .npz and .arff, and folders of images.

Each reader returns one or two :class:`Table`: the samples, or the training and the test part.
"""

import csv
import io
import math
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.io import arff

from bep_model import inputs
from bep_model.config import MOST_CLASSES, MOST_INPUTS
from bep_model.data import images, labels, series_files
from bep_model.data.archive import MOST_NUMBERS
from bep_model.files import no_address, no_text, telling


class Table(NamedTuple):
    """Samples as a file holds them.

    ``values`` are numbers (N, F), or (N, rows, columns) of images. ``labels`` (N,) are the labels
    as text, or of the type they have in the file; None if there are none. ``names`` are those of
    the F features; None if the file does not tell them.
    """

    values: np.ndarray
    labels: np.ndarray | None
    names: list | None = None


def read(path):
    """Read samples with their classes.

    CSV: a line per sample, its numbers, and last its class; the first line may be a heading, in
    which no value but the last is a number. NPZ: arrays ``x`` (N, ...) and ``y`` (N,), and perhaps
    ``x_test`` and ``y_test``. ARFF: numeric attributes, and last the class. A folder: images of one
    size, in a folder per class.

    Returns
    -------
    (tuple of (array (N, F) or (N, rows, columns), int64 array (N,)), array (C,), list or None)
        Numbers and labels 0..C-1 of all samples, or of the training and the test part; the class
        labels in ascending order; names of the features.

    Raises
    ------
    ValueError
        For anything else in the file, a missing number, or less than two classes; the message
        starts with the path, and the line if it is one of them. OSError if it cannot be read.
    """
    tables = _tables(path)
    classes = np.unique(tables[0].labels)
    if len(classes) < 2:
        raise ValueError(f"{path} has the class {classes.tolist()[0]!r} only; there must be two")
    if len(classes) > MOST_CLASSES:
        raise ValueError(f"{path} has {len(classes)} classes; there must be 2 to {MOST_CLASSES} "
                         "(a sample's class is its last value, or y)")
    unknown = np.setdiff1d(tables[-1].labels, classes)
    if len(unknown):
        raise ValueError(f"{path} has test samples of the class {unknown.tolist()[0]!r}, and no "
                         "training samples of it")
    return (tuple((table.values, np.searchsorted(classes, table.labels)) for table in tables),
            classes, tables[0].names)


def samples(path, features):
    """Read samples of so many ``features``, with or without classes: a :class:`Table`.

    Of an NPZ file these are ``x`` and ``y``. A folder of images may have no folders in it, and an
    IDX file of images, with ``idx3`` in its name, will do.

    Raises ValueError and OSError as :func:`read`, and ValueError for another number of features.
    """
    table = _tables(path, features)[0]
    found = table.values[0].size
    if found != features:
        raise ValueError(f"{path} has {found} features, not {features}")
    return table


def _tables(path, features=None):
    path = Path(path)
    if path.is_dir():
        from bep_model.data import pictures  # which needs another extra

        return [Table(*pictures.read(path, features is not None))]
    if features is not None and "idx3" in path.name:
        return [Table(images.upright(path), None)]
    if not path.exists():
        raise FileNotFoundError(f"there is no file or folder {path}{no_address(path)}")
    if path.is_char_device():  # it may never end
        raise ValueError(f"{path} must be a file, not a device")
    readers = {".csv": _csv, ".npz": _npz, ".arff": _arff}
    if path.suffix.lower() not in readers:
        raise ValueError(f"{path} must be a folder of images, or end in {', '.join(readers)}")
    return readers[path.suffix.lower()](path, features)


def _csv(path, features):
    most = max(MOST_INPUTS, features or 0) + 1  # values in a line
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file, strict=True)
            lines = []
            for row in filter(None, rows):
                lines.append((rows.line_num, row))
                if len(row) > most:
                    break
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} {no_text(error)}") from None
    except csv.Error as error:
        raise ValueError(f"{path} is no file of comma-separated values: {error}") from None
    if not lines:
        raise ValueError(f"{path} holds no samples")
    if len(lines[-1][1]) > most:
        raise ValueError(f"{path}, line {lines[-1][0]}: there must be at most {most} values, not "
                         f"{len(lines[-1][1])}")
    width = len(lines[0][1])
    count = width if width == features else width - 1  # numbers in a line
    names = None
    if not any(map(series_files.NUMBER.fullmatch, map(str.strip, lines[0][1][:count]))):
        names = [name.strip() for name in lines.pop(0)[1][:count]]
    if not lines:
        raise ValueError(f"{path} holds no samples")
    if names and len(lines[0][1]) != width:
        names = None  # a title
        width = len(lines[0][1])
        count = width if width == features else width - 1
    values, found = np.empty((len(lines), count)), []
    for k, (number, row) in enumerate(lines):
        with telling(f"{path}, line {number}"):
            if count < 1:
                raise ValueError("there must be numbers and a class, with commas between them")
            if len(row) != width:
                raise ValueError(f"{len(row)} values, line {lines[0][0]} has {width}")
            values[k] = series_files.numbers(row[:count])
            if row[count:] and not row[-1].strip():
                raise ValueError("the class, the last value, is empty: the line ends with a comma")
            found += map(labels.name, row[count:])
    return [Table(values, np.array(found) if found else None, names)]


def _npz(path, features):
    octets = Path(path).read_bytes()
    with _archive(path):
        archive = np.load(io.BytesIO(octets), allow_pickle=False)
        found, members = ", ".join(archive.files), archive.zip
    with archive:
        arrays = {name: _array(path, archive, members, name)
                  for name in ("x", "y", "x_test", "y_test") if name in archive.files}
    wanted = ["x"] if features is not None else ["x", "y"]
    if features is None and {"x_test", "y_test"} & set(arrays):
        wanted += ["x_test", "y_test"]
    for name in wanted:
        if name not in arrays:
            raise ValueError(f"{path} must have an array {name}, it has {found or 'none'}")
    tables = []
    for x, y in (("x", "y"), ("x_test", "y_test"))[:max(1, len(wanted) // 2)]:
        with telling(f"{path}, array {x}"):
            values = _values(arrays[x])
        with telling(f"{path}, array {y}"):
            tables.append(Table(values, _labels(arrays[y], len(values)) if y in arrays else None))
    if len({table.values.shape[1:] for table in tables}) > 1:
        raise ValueError(f"{path}: samples of x have the shape {tables[0].values.shape[1:]}, those "
                         f"of x_test {tables[1].values.shape[1:]}")
    if len({table.labels.dtype.kind in "US" for table in tables if table.labels is not None}) > 1:
        raise ValueError(f"{path}: y and y_test must both be text, or both numbers")
    return tables


@contextmanager
def _archive(path, name=None):
    """Whatever NumPy says of an archive, or of an array in it, is a ValueError."""
    try:
        yield
    except (ValueError, OSError, EOFError, KeyError, AttributeError, SyntaxError, TypeError,
            RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        told = f"it is no NumPy archive: {error}"
        if name is None and "allow_pickle" in str(error):  # NumPy takes anything for a pickle
            told = "it is no NumPy archive"
        elif "allow_pickle" in str(error):
            to, kind = ("text", "str") if str(name).startswith("y") else ("numbers", "float")
            told = f"array {name} holds objects: make {to} of them, as {name}.astype({kind}) does"
        raise ValueError(f"{path}: {told}") from None


def _array(path, archive, members, name):
    """An array of an archive, unless it is too large to be one of samples."""
    with _archive(path, name):
        octets = members.getinfo(f"{name}.npy").file_size  # no more than these are ever read
        with members.open(f"{name}.npy") as entry:
            shape, _, dtype = inputs.npy_head(entry)
            held = octets - entry.tell()
    if octets > 8 * MOST_NUMBERS:
        raise ValueError(f"{path}, array {name}: more than {8 * MOST_NUMBERS} bytes are not read, "
                         f"it has {octets}")
    told = math.prod(shape) * dtype.itemsize
    if not dtype.hasobject and told != held:
        raise ValueError(f"{path}, array {name}: {held} bytes follow its head, which tells of "
                         f"{told}: shape {shape}, type {dtype}")
    with _archive(path, name):
        return archive[name]


def _values(x):
    if x.dtype.kind not in "biuf":
        raise ValueError(f"it must hold numbers, not {x.dtype}")
    if x.ndim not in (2, 3) or not x.size:
        raise ValueError("its shape must be (samples, features) or (samples, rows, columns), not "
                         f"{x.shape}")
    if x.size > MOST_NUMBERS:
        raise ValueError(f"it must hold at most {MOST_NUMBERS} numbers, not {x.size}")
    if not np.isfinite(x).all():
        raise ValueError("it must hold finite numbers only: fill in missing values first")
    x = x.astype(np.float64)
    return x if x.ndim == 3 else x.reshape(len(x), -1)


def _labels(y, count):
    if y.dtype.kind == "S":
        y = np.char.decode(y, "utf-8")
    if y.dtype.kind not in "biufU":
        raise ValueError(f"it must hold labels that are numbers or text, not {y.dtype}")
    if y.shape != (count,):
        raise ValueError(f"its shape must be ({count},), a label per sample, not {y.shape}")
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise ValueError("a label is missing")
    return y


def _arff(path, features):
    text = Path(path).read_bytes()
    try:
        rows, described = arff.loadarff(io.StringIO(text.decode("utf-8-sig")))
    except NotImplementedError:
        raise ValueError(f"{path} has an attribute of text, or of tables: attributes must be "
                         "numbers, and the class a list {...}") from None
    except (StopIteration, IndexError):
        raise ValueError(f"{path} is no ARFF file, or it ends too early") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} {no_text(error)}") from None
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no ARFF file: {error}") from None
    names, kinds = described.names(), described.types()
    count = len(names) if len(names) == features else len(names) - 1
    if not rows.size or count < 1:
        raise ValueError(f"{path} must hold samples of numbers and a class, the last attribute")
    for name, kind in zip(names[:count], kinds, strict=False):
        if kind != "numeric":
            raise ValueError(f"{path}: attribute {name} is {kind}, and only the class, the last "
                             "one, may be no number")
    values = np.stack([rows[name] for name in names[:count]], axis=1).astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError(f"{path}: a value is missing or infinite: fill in missing values first")
    found = None
    if count < len(names):
        with telling(path):
            found = np.array([labels.name(cell.decode() if isinstance(cell, bytes) else str(cell))
                              for cell in rows[names[-1]]])
    return [Table(values, found, names[:count])]
