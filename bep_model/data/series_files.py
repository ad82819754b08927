"""Strict readers of the UCR and UEA archives' files of sequences, ``.ts`` and ``.tsv``.

General readers change labels to small letters, drop signs of values with time stamps, and fill
short rows. These ones take every number as it is written, and their messages name the line.
"""

import re
from contextlib import suppress
from typing import NamedTuple

import numpy as np

from bep_model.data import labels

MISSING = ("DodgerLoopDay", "DodgerLoopGame", "DodgerLoopWeekend", "MelbournePedestrian")
"""Sets of equal length in which, by the UCR archive, values are missing, also at the end."""

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_SWITCHES = ("timestamps", "missing", "univariate", "equallength", "targetlabel")


class Case(NamedTuple):
    """A sequence: its ``line`` in the file, ``values`` float64 (T, D), and name of its class."""

    line: int
    values: np.ndarray
    label: str

    def places(self):
        """Indices of the steps that have a number."""
        return np.flatnonzero(~np.isnan(self.values).all(axis=1))


def read(path):
    """Read a file whose name ends in ``.ts`` or ``.tsv``.

    Returns
    -------
    list of Case
        One or more, of equal D; missing values and the padding of a ``.tsv`` row are NaN.

    Raises
    ------
    ValueError
        For anything that breaks the format or is ambiguous; the message starts with the path and
        the line. OSError if the file cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no UTF-8 text: {error}") from None
    cases, parse = [], _Ts() if path.suffix == ".ts" else _tsv
    for number, line in enumerate(lines, 1):
        try:
            found = parse(line)
            if found is None:
                continue
            case = Case(number, *found)
            if not len(case.places()):
                raise ValueError("the sequence holds no number")
            known = cases[0].values.shape if cases else case.values.shape
            if case.values.shape[1] != known[1]:
                raise ValueError(f"the sequence has {case.values.shape[1]} dimensions, "
                                 f"line {cases[0].line} has {known[1]}")
            if path.suffix == ".tsv" and len(case.values) != known[0]:
                raise ValueError(
                    f"{len(case.values)} values, line {cases[0].line} has {known[0]}; the end of "
                    "a shorter sequence must be filled with NaN")
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from None
        cases.append(case)
    if not cases:
        raise ValueError(f"{path} holds no sequences"
                         + " after the line @data" * (path.suffix == ".ts"))
    return cases


def without_padding(name, parts):
    """Sequences of a ``.tsv`` set without the NaN that, by the archive's rule, pad their end.

    Parameters
    ----------
    name : str
        Of the set; the sets in ``MISSING`` do not change.
    parts : dict of path to list of Case
        All its files.

    Returns
    -------
    dict as ``parts``

    Raises
    ------
    ValueError
        If values are missing elsewhere too, since then a NaN at an end is ambiguous.
    """
    if name in MISSING:
        return parts
    everything = [(path, case) for path, cases in parts.items() for case in cases]
    padded = [(path, case.line) for path, case in everything if np.isnan(case.values[-1, 0])]
    holes = [(path, case.line) for path, case in everything
             if len(case.places()) <= case.places()[-1]]
    if padded and holes:
        raise ValueError(
            f"{padded[0][0]}, line {padded[0][1]}: the NaN at the end may be padding or missing "
            f"values, for {holes[0][0]} has missing values too (line {holes[0][1]}); write the set "
            "as .ts, where a shorter sequence just ends and ? is a missing value")
    return {path: [case._replace(values=case.values[:case.places()[-1] + 1]) for case in cases]
            for path, cases in parts.items()}


def numbers(texts, missing=()):
    """Numbers that texts say, float64; NaN for one of the words in ``missing``, else ValueError."""
    with suppress(ValueError):  # Python is much faster, and takes these for numbers, too
        values = np.array(list(map(float, texts)))
        said = "".join(texts)
        if said.isascii() and "_" not in said and np.isfinite(values).all():
            return values
    values = np.empty(len(texts))
    for k, text in enumerate(texts):
        text = text.strip()
        if NUMBER.fullmatch(text):
            values[k] = float(text)
            if np.isinf(values[k]):
                raise ValueError(f"value {k + 1} is too large: {text}")
        elif text.upper() in missing:
            values[k] = np.nan
        else:
            said = f"is {text!r}, which is no number" if text else "is empty"
            also = f" (nor {' or '.join(missing)}, if it is missing)" if missing else ""
            raise ValueError(f"value {k + 1} {said}{also}")
    return values


def _tsv(line):
    """Values and label of a line: the label, then the values, between tabs."""
    if not line.strip(" "):
        return None
    label, *values = line.split("\t")
    if not values:
        raise ValueError("there must be a class label and values, with tabs between them")
    return numbers(values, ("NAN",))[:, None], labels.name(label)


class _Ts:
    """Values and label of a line of a ``.ts`` file; None for those before ``@data``."""

    def __init__(self):
        self.header = {}
        self.length = None

    def __call__(self, line):
        line = line.strip()
        if not line or line[0] in "#%":  # comments, the latter in old files
            return None
        if "data" in self.header:
            return self._case(line)
        key, *values = line.split()
        if not key.startswith("@"):
            raise ValueError(f"{key[:20]!r} stands before the line @data")
        key = key[1:].lower()
        if key in self.header and key != "problemname":
            raise ValueError(f"@{key} was there before")
        self.header[key] = values
        if key in _SWITCHES:
            self.header[key] = _switch(key, values)
        elif key in ("dimension", "dimensions", "serieslength"):
            self.header[key] = _count(key, values)
        elif key == "classlabel":
            self.header[key] = _classes(values)
        elif key == "data":
            self._begin(values)
        return None

    def _begin(self, values):
        if values:
            raise ValueError("@data must stand alone on its line")
        if self.header.get("targetlabel"):
            raise ValueError("@targetLabel true: the set has values to predict, not classes")
        if "classlabel" not in self.header:
            raise ValueError("the line @classLabel true, with the class labels, is missing")
        if self.header.get("equallength") is not False:
            self.length = self.header.get("serieslength")

    def _case(self, line):
        stamped = self.header.get("timestamps")
        *dimensions, label = re.split(r"(?<=\))\s*:" if stamped else ":", line)
        if not dimensions:
            raise ValueError("there must be values, a colon and a class label")
        self._check_dimensions(len(dimensions))
        name = labels.name(label)
        if name not in self.header["classlabel"]:
            raise ValueError(f"the class label {label.strip()!r} is none of those in the line "
                             f"@classLabel: {' '.join(self.header['classlabel'])}")
        columns = [text.split(",") for text in dimensions]
        if stamped:
            columns = _without_stamps(dimensions)
        columns = [numbers(column, ("?", "NAN")) for column in columns]
        if len({len(column) for column in columns}) > 1:
            raise ValueError("the dimensions have different lengths: "
                             + ", ".join(str(len(column)) for column in columns))
        values = np.stack(columns, axis=1)
        self._check_length(len(values))
        self._check_missing(values)
        return values, name

    def _check_dimensions(self, count):
        known = self.header.get("dimensions", self.header.get("dimension"))
        if known not in (None, count):
            raise ValueError(f"{count} dimensions, the header says {known} (they end in colons)")
        if self.header.get("univariate") and count != 1:
            raise ValueError(f"{count} dimensions, the header says @univariate true (a class "
                             "label cannot have a colon)")

    def _check_length(self, length):
        if self.header.get("equallength") and self.length is None:
            self.length = length
        if self.length not in (None, length):
            raise ValueError(f"{length} values, not {self.length} as @equalLength and "
                             "@seriesLength in the header want it")

    def _check_missing(self, values):
        said = self.header.get("missing")
        if said or not np.isnan(values).any():
            return
        if said is False:
            raise ValueError("a value is missing, the header says @missing false")
        if np.isnan(values[[0, -1]]).all(axis=1).any() and not np.isnan(values).all():
            raise ValueError("the sequence begins or ends with what may be missing values or "
                             "padding; say @missing true in the header, or take them out")


def _switch(key, values):
    if len(values) != 1 or values[0].lower() not in ("true", "false"):
        raise ValueError(f"@{key} must be true or false, not {' '.join(values)!r}")
    return values[0].lower() == "true"


def _count(key, values):
    if len(values) != 1 or not re.fullmatch("0*[1-9][0-9]{0,9}", values[0], re.ASCII):
        raise ValueError(f"@{key} must be a number of 1 or more, not {' '.join(values)!r}")
    return int(values[0])


def _classes(values):
    if not _switch("classlabel", values[:1]):
        raise ValueError("@classLabel false: the sequences have no class labels")
    names = [labels.name(text) for text in values[1:]]
    if not names:
        raise ValueError("@classLabel true must be followed by the class labels")
    for k, name in enumerate(names):
        if name in names[:k]:
            raise ValueError(f"@classLabel has the label {values[1 + k]!r} twice")
        if ":" in name:
            raise ValueError(f"a class label cannot have a colon: {name!r}")
    return names


def _without_stamps(dimensions):
    """Texts of the values of (time,value),(time,value),...; the times must be evenly spaced."""
    columns, known = [], None
    for text in dimensions:
        text = text.strip()
        pairs = [pair.split(",") for pair in re.split(r"\)\s*,\s*\(", text[1:-1])]
        if text[:1] != "(" or text[-1] != ")" or any(len(pair) != 2 for pair in pairs):
            raise ValueError("with @timeStamps true every value must be (time,value)")
        if any(not NUMBER.fullmatch(time.strip()) for time, _ in pairs):
            raise ValueError("time stamps must be numbers; where samples follow one another "
                             "evenly, write them without, and @timeStamps false")
        times = np.array([float(time) for time, _ in pairs])
        with np.errstate(all="ignore"):
            steps = np.diff(times)
        if not np.isfinite([*times, *steps]).all() or (len(steps) and (
                steps.min() <= 0 or not np.allclose(steps, steps[0], rtol=1e-6, atol=0))):
            raise ValueError("time stamps must grow evenly, for a trainer takes a sample per "
                             "step; fill gaps with ?, or write the samples without time stamps "
                             "and @timeStamps false")
        if known is not None and not np.array_equal(times, known):
            raise ValueError("the dimensions have different time stamps")
        known = times
        columns.append([value for _, value in pairs])
    return columns
