"""Binary encoders: scikit-learn transformers from numbers to bits 0/1 (uint8).

Given levels are inclusive (bit = x >= level). Levels learnt from data are exclusive (bit = x >
level), because a median or quantile is often the lowest value itself, such as the background of an
image. An inclusive comparison would make those bits constant.
"""

from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.feature_selection import VarianceThreshold
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import check_is_fitted, validate_data

from bep_model.checks import integer, number, unchanged_if_refused
from bep_model.config import MOST_INPUTS
from bep_model.data import catalogue
from bep_model.data.encoding import Encoder, bounded, compared, quantiles
from bep_model.data.selection import Informative

LEVELS = 5
"""Number of quantiles per pixel from which the encoding ``selected-N`` chooses."""


def of_images(encoding, shape):
    """The transformer for images (N, rows * columns) that an encoding names.

    Parameters
    ----------
    encoding : str
        See :func:`bep_model.data.datasets.load`.
    shape : (int, int)
        Rows and columns of an image.

    Raises ValueError for an unknown encoding, or one that needs more bits than such images have.
    """
    kind, bits = catalogue.image_encoding(encoding)
    if kind == "median":
        return Median()
    if kind == "levels":
        return Thermometer(bits)
    if kind == "local":
        return Local(bits, shape[1])
    if kind == "thermometer":
        return make_pipeline(Thermometer((64, 192)), VarianceThreshold(0.02 * 0.98))
    rows, columns = shape
    if kind == "differences":
        return Differences(bits, columns)
    if bits > LEVELS * rows * columns:
        raise ValueError(f"images of {rows} x {columns} pixels have only {LEVELS * rows * columns} "
                         "bits to select from")
    return make_pipeline(Thermometer(LEVELS), Informative(bits))


def of_tables(encoding, shape):
    """The transformer for samples of ``shape`` that an encoding of tables names; None for "none".

    The shape ends with the width of an image. Raises ValueError for an unknown encoding.
    """
    kind, bits = catalogue.table_encoding(encoding)
    if kind == "differences":
        return Differences(bits, shape[-1])
    return {"median": Median(), "thermometer": Thermometer(bits), "none": None}[kind]


def row_of(width, features):
    """Pixels per row of an image of so many features, all of them if ``width`` is None.

    Raises ValueError if they are not whole rows.
    """
    width = features if width is None else width
    if features % width:
        raise ValueError(f"width must divide the {features} features, not {width}")
    return width


class Threshold(Encoder):
    """One bit per feature: x >= threshold.

    Parameters
    ----------
    threshold : float
    """

    def __init__(self, threshold=0.5):
        self.threshold = threshold

    def check_options(self):
        """The threshold must be a finite number."""
        number("threshold", self.threshold)

    @unchanged_if_refused
    def fit(self, X, y=None):
        """Check ``X`` (N, features) and learn the number of features."""
        self.check_options()
        validate_data(self, X)
        return self

    def transform(self, X):
        """Return bits, uint8 (N, features)."""
        check_is_fitted(self, "n_features_in_")
        return (validate_data(self, X, reset=False) >= self.threshold).astype(np.uint8)


class Median(Encoder):
    """One bit per feature: x > the feature's median in the data of :meth:`fit`.

    Attributes
    ----------
    median_ : ndarray float64 (features,)
    """

    @unchanged_if_refused
    def fit(self, X, y=None):
        """Learn the medians of ``X`` (N, features)."""
        self.median_ = np.median(bounded(validate_data(self, X)), axis=0)
        return self

    def transform(self, X):
        """Return bits, uint8 (N, features)."""
        check_is_fitted(self, "median_")
        return (validate_data(self, X, reset=False) > self.median_).astype(np.uint8)


class Thermometer(Encoder):
    """Several bits per feature, one per level; bit ``i * levels + k`` is level k of feature i.

    Parameters
    ----------
    levels : int or sequence of float
        A sequence has the levels of every feature, ascending; bit = x >= level. A number n stands
        for the quantiles 1/(n+1)..n/(n+1) of each feature in the data of :meth:`fit`; bit = x >
        level.

    Attributes
    ----------
    levels_ : ndarray float64 (features, levels)
    """

    def __init__(self, levels=3):
        self.levels = levels

    def check_options(self):
        """The levels must be their number, or finite numbers in ascending order."""
        if self._learns:
            integer("levels", self.levels, 1, MOST_INPUTS)
            return
        levels = [number(f"levels[{k}]", level) for k, level in enumerate(self.levels)]
        if not levels or any(b <= a for a, b in pairwise(levels)):
            raise ValueError(f"levels must be an ascending list of numbers, not {self.levels}")

    @unchanged_if_refused
    def fit(self, X, y=None):
        """Learn the levels from ``X`` (N, features), or spread the given ones."""
        self.check_options()
        X = validate_data(self, X)
        if self._learns:
            self.levels_ = quantiles(X, self.levels)
        else:
            levels = np.asarray(self.levels, dtype=float)
            self.levels_ = np.broadcast_to(levels, (X.shape[1], levels.size))
        return self

    def transform(self, X):
        """Return bits, uint8 (N, features * levels)."""
        check_is_fitted(self, "levels_")
        x = validate_data(self, X, reset=False)
        return compared(x, self.levels_, np.greater if self._learns else np.greater_equal)

    @property
    def _learns(self):
        return np.ndim(self.levels) == 0


class Local(Encoder):
    """Bits of a pixel: x >= each level, and one that compares it with its surroundings.

    The last one is 1 where x is above the mean of the surroundings by more than ``above``, whatever
    the brightness: an adaptive threshold (Bradley and Roth, "Adaptive thresholding using the
    integral image", Journal of Graphics Tools 12(2), 2007). Of n levels bit ``i * (n + 1) + k`` is
    level k of pixel i, bit ``i * (n + 1) + n`` its last.

    Parameters
    ----------
    levels : sequence of float
        Ascending; may be empty.
    width : int or None
        Pixels per row of the image; with None all features are one row.
    window : int
        Rows and columns of the surroundings, odd, up to 999: the pixel is in the middle. What lies
        outside of the image counts as 0.
    above : float
        Up to 1e12 above or below 0.
    """

    def __init__(self, levels=(), width=None, window=13, above=4):
        self.levels = levels
        self.width = width
        self.window = window
        self.above = above

    def check_options(self):
        """Levels must be finite numbers in ascending order, or none; the window odd."""
        if isinstance(self.levels, str) or np.ndim(self.levels) != 1:
            raise ValueError("levels must be an ascending list of numbers, which may be empty, "
                             f"not {self.levels!r}")
        if len(self.levels):
            Thermometer(self.levels).check_options()
        if self.width is not None:
            integer("width", self.width, 1)
        if not integer("window", self.window, 1, 999) % 2:
            raise ValueError(f"window must be odd, not {self.window}")
        number("above", self.above, -1e12, 1e12)

    @unchanged_if_refused
    def fit(self, X, y=None):
        """Check ``X`` (N, features) and learn the number of features, which must be whole rows."""
        self.check_options()
        row_of(self.width, validate_data(self, X).shape[1])
        return self

    def transform(self, X):
        """Return bits, uint8 (N, features * (levels + 1)).

        Raises ValueError for numbers so large that their sums are none.
        """
        check_is_fitted(self, "n_features_in_")
        x = validate_data(self, X, reset=False)
        most = np.finfo(float).max if x.dtype.kind == "f" else 2.0 ** 62
        most /= 2 * self.window ** 2
        if x.size and max(float(x.max()), -float(x.min())) > most:
            raise ValueError(f"numbers must be between -{most:.4g} and {most:.4g} to sum a window "
                             f"of {self.window} x {self.window}")
        shape = (*x.shape, len(self.levels))
        levels = np.broadcast_to(np.asarray(self.levels, dtype=float), shape[1:])
        bits = np.empty((*x.shape, len(self.levels) + 1), np.uint8)
        bits[..., :-1] = compared(x, levels, np.greater_equal).reshape(shape)
        block = max(1, (1 << 21) // x.shape[1])  # since all at once would take much memory
        for first in range(0, len(x), block):
            here = slice(first, first + block)
            bits[here, :, -1] = self._stands_out(x[here])
        return bits.reshape(len(x), -1)

    def _stands_out(self, x):
        images = x.reshape(len(x), -1, row_of(self.width, x.shape[1]))
        images = images.astype(np.float64 if x.dtype.kind == "f" else np.int64)
        sums = images
        for axis in (1, 2):
            half = min(self.window // 2, images.shape[axis])
            edges = [(half, half) if each == axis else (0, 0) for each in range(3)]
            sums = sliding_window_view(np.pad(sums, edges), 2 * half + 1, axis).sum(axis=-1)
        area = self.window ** 2
        return (images * area > sums + self.above * area).reshape(x.shape)


class Differences(Encoder):
    """Local features of images: bit = sum of some pixels - sum of as many others > its median.

    The pixels of a bit lie in one window. Windows and pixels are drawn once, by a seed. Two pixels
    and a median of 0 make a bit of the BRIEF descriptor (Calonder et al., ECCV 2010). A difference
    ignores what its pixels have in common. Its median makes 0 and 1 about equally frequent, even
    near the border of images, where thresholds of single pixels hardly ever change.

    Parameters
    ----------
    bits : int
        Bits per image.
    width : int or None
        Pixels per row of the image; with None all features are one row.
    window : int
        Rows and columns of a window; in a direction in which the image is smaller it is used whole.
    pixels : int
        Pixels per bit, even: half of them are added, half subtracted.
    seed : int
        Of PCG64, whose stream NumPy guarantees for ever; 0 or more.

    Attributes
    ----------
    added_, subtracted_ : ndarray int64 (bits, pixels / 2)
        Features that make up each difference.
    median_ : ndarray float64 (bits,)
        Of each difference in the data of :meth:`fit`.
    """

    def __init__(self, bits=2000, width=None, window=9, pixels=8, seed=0):
        self.bits = bits
        self.width = width
        self.window = window
        self.pixels = pixels
        self.seed = seed

    def check_options(self):
        """All arguments must be integers in their ranges, ``pixels`` even."""
        integer("bits", self.bits, 1, MOST_INPUTS)
        integer("window", self.window, 1)
        if self.width is not None:
            integer("width", self.width, 1)
        if integer("pixels", self.pixels, 2) % 2:
            raise ValueError(f"pixels must be even, not {self.pixels}")
        integer("seed", self.seed, 0)

    @unchanged_if_refused
    def fit(self, X, y=None):
        """Draw the pixels and learn the medians from ``X`` (N, features).

        Raises TypeError or ValueError for parameters out of range, or features that are not whole
        rows.
        """
        self.check_options()
        X = validate_data(self, X)
        self.added_, self.subtracted_ = self._draw(X.shape[1])
        self.median_ = np.concatenate([np.median(part, axis=1) for part in self._differences(X)])
        return self

    def transform(self, X):
        """Return bits, uint8 (N, bits)."""
        check_is_fitted(self, "median_")
        X = validate_data(self, X, reset=False)
        out, done = np.empty((len(X), len(self.median_)), np.uint8), 0
        for part in self._differences(X):
            here = slice(done, done + len(part))
            out[:, here] = (part > self.median_[here, None]).T
            done += len(part)
        return out

    def _draw(self, features):
        width = row_of(self.width, features)
        rows, columns = min(self.window, features // width), min(self.window, width)
        if self.pixels > rows * columns:
            raise ValueError(f"pixels must be even, 2 to {rows * columns} (the window; "
                             f"n_features = {features}), not {self.pixels}")
        raw = np.random.PCG64(self.seed).random_raw(self.bits * (2 + rows * columns))
        raw = raw.reshape(self.bits, -1)
        top = raw[:, :1] % np.uint64(features // width - rows + 1)
        left = raw[:, 1:2] % np.uint64(width - columns + 1)
        chosen = np.argsort(raw[:, 2:], axis=1, kind="stable")[:, :self.pixels]
        place = (top.astype(np.int64) + chosen // columns) * width
        place += left.astype(np.int64) + chosen % columns
        return np.split(place, 2, axis=1)

    def _differences(self, X):
        """Differences (some of the bits, N) in blocks, since all at once would take much memory."""
        values = np.ascontiguousarray(X.T).astype(np.result_type(X.dtype, np.int32))
        blocks = -(-len(self.added_) // 64)
        for added, subtracted in zip(np.array_split(self.added_, blocks),
                                     np.array_split(self.subtracted_, blocks), strict=True):
            yield (sum(values[column] for column in added.T)
                   - sum(values[column] for column in subtracted.T))
