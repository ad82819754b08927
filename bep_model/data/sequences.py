"""Binary encoders of sequences: scikit-learn transformers of arrays (N, T, D).

N sequences of T time steps with D numbers each. They are **aligned at their end**: a sequence that
is shorter than the longest begins with NaN. Any other NaN is a missing sample, whose bits are 0.
"""

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import check_is_fitted

from bep_model.checks import integer
from bep_model.config import MOST_INPUTS
from bep_model.data.encoding import Encoder, compared, quantiles


def check(encoding, dimensions):
    """Raise ValueError if the thermometer's bits of a time step are more than any trainer takes."""
    bits = encoding.chunk * encoding.bits * dimensions
    if bits > MOST_INPUTS:
        raise ValueError(f"chunk {encoding.chunk} x bits {encoding.bits} x {dimensions} dimensions "
                         f"of the samples must make at most {MOST_INPUTS} bits, not {bits}")


def steps(encoding, x, samples):
    """Turn sequences of samples into sequences of time steps.

    Parameters
    ----------
    encoding : catalogue.Encoding
    x : array (N, T, D)
    samples : int array (N,)
        Lengths of the sequences.

    Returns
    -------
    (float64 array (N, T', D'), int64 array (N,))
        Numbers and lengths of the time steps.

    Raises
    ------
    ValueError
        If a sequence holds no number in its window.
    """
    x = make_pipeline(Window(encoding.window, missing_end=True),
                      Chunk(encoding.chunk, missing_end=True)).fit_transform(x)
    empty = np.isnan(x).all(axis=(1, 2))
    if empty.any():
        raise ValueError(f"there is a sequence without any number in its last {encoding.window} "
                         f"samples, at {np.argmax(empty)}")
    longest = samples if encoding.window is None else np.minimum(samples, encoding.window)
    return x, -(-longest // encoding.chunk)


def of_steps(encoding):
    """The transformer from the numbers of time steps, (N, T, D), to their bits, (N, T, K_x)."""
    expansion = () if encoding.expand is None else (Expansion(encoding.expand),)
    pairs = (Pairs(),) if encoding.pairs else ()
    return make_pipeline(StepThermometer(encoding.bits, missing_end=True), *expansion, *pairs)


def align_end(x):
    """Move sequences whose end is filled up with NaN to the end, as the encoders take them.

    Parameters
    ----------
    x : float array (N, T, D)
        A step without any number, and all after it in its sequence, must hold only NaN.

    Returns
    -------
    float64 array (N, T, D)

    Raises
    ------
    ValueError
        For another shape, or a step without any number before the end of a sequence.
    """
    x = np.array(x, dtype=float)
    if x.ndim != 3:
        raise ValueError(f"sequences must have the shape (N, T, D), not {x.shape}")
    there = ~np.isnan(x).all(axis=2)
    for n, steps in enumerate(there):
        length = np.count_nonzero(steps)
        if not steps[:length].all():
            raise ValueError(f"sequence {n} has a step without any number before its end: it is "
                             "not only filled up at its end")
        x[n] = np.roll(x[n], x.shape[1] - length, axis=0)
    return x


def align_begin(bits, lengths):
    """Move sequences that are aligned at their end to the beginning, as a network takes them.

    Parameters
    ----------
    bits : uint8 array (N, T, K)
    lengths : int array (N,)

    Returns
    -------
    uint8 array (N, T, K)
        Steps beyond a length are 0.
    """
    moved = np.zeros_like(bits)
    for length in np.unique(lengths).tolist():  # int8 cannot hold T - length
        rows = lengths == length
        moved[rows, :length] = bits[rows, bits.shape[1] - length:]
    return moved


class SequenceEncoder(Encoder):
    """Base class: the check of the input, and ``shape_in_`` (D, or T and D)."""

    missing_end = False

    def _checked(self, X):
        X = np.asarray(X, dtype=float)
        if X.ndim != 3 or not X.shape[1] * X.shape[2]:
            raise ValueError(f"sequences must have the shape (N, T, D), not {X.shape}")
        if np.isinf(X).any():
            raise ValueError("sequences must hold finite numbers, or NaN where one is missing")
        ending = np.isnan(X[:, -1]).all(axis=1)
        if ending.any() and not self.missing_end:
            raise ValueError(
                f"sequence {np.argmax(ending)} ends in NaN; shorter sequences begin with it (see "
                "align_end), or set missing_end=True if the last samples are missing")
        return X

    def _as_fitted(self, X):
        check_is_fitted(self)
        X = self._checked(X)
        known = X.shape[-len(self.shape_in_):]
        if known != self.shape_in_:
            raise ValueError(f"sequences must have {self.shape_in_} as their last dimensions "
                             f"as in fit, not {known}")
        return X

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        return tags


class Window(SequenceEncoder):
    """Keeps the last samples of every sequence.

    Parameters
    ----------
    length : int or None
        WL, number of samples kept; None keeps all. Shorter sequences do not change.
    missing_end : bool
        Whether a sequence may end in missing samples.
    """

    def __init__(self, length=None, missing_end=False):
        self.length = length
        self.missing_end = missing_end

    def fit(self, X, y=None):
        """Check ``X`` (N, T, D); nothing is learnt but D."""
        if self.length is not None:
            integer("length", self.length, 1)
        self.shape_in_ = self._checked(X).shape[2:]
        return self

    def transform(self, X):
        """Return float64 (N, min(T, WL), D)."""
        X = self._as_fitted(X)
        return X if self.length is None else X[:, -self.length:]


class Chunk(SequenceEncoder):
    """Makes several consecutive samples one time step.

    Chunks are counted from the end. If samples are left over at the beginning, they form a chunk
    whose first samples are missing.

    Parameters
    ----------
    size : int
        Samples per time step.
    missing_end : bool
        Whether a sequence may end in missing samples.
    """

    def __init__(self, size=1, missing_end=False):
        self.size = size
        self.missing_end = missing_end

    def fit(self, X, y=None):
        """Check ``X`` (N, T, D); nothing is learnt but D."""
        integer("size", self.size, 1)
        self.shape_in_ = self._checked(X).shape[2:]
        return self

    def transform(self, X):
        """Return float64 (N, ceil(T / size), size * D)."""
        X = self._as_fitted(X)
        lacking = -X.shape[1] % self.size
        X = np.pad(X, ((0, 0), (lacking, 0), (0, 0)), constant_values=np.nan)
        return X.reshape(len(X), X.shape[1] // self.size, self.size * X.shape[2])


class StepThermometer(SequenceEncoder):
    """A distributive thermometer for every time step and dimension.

    The levels are the quantiles 1/(n+1)..n/(n+1) of the samples that the sequences of :meth:`fit`
    have at that step (counted from the end); missing samples are left out. Bit ``d * bits + k`` of
    a step is x_d > level k. Where :meth:`fit` saw no sample at all, every bit is 0.

    Parameters
    ----------
    bits : int
        n, bits per dimension.
    missing_end : bool
        Whether a sequence may end in missing samples.

    Attributes
    ----------
    levels_ : ndarray float64 (T, D, bits)
    """

    def __init__(self, bits=10, missing_end=False):
        self.bits = bits
        self.missing_end = missing_end

    def fit(self, X, y=None):
        """Learn the levels from ``X`` (N, T, D)."""
        integer("bits", self.bits, 1)
        X = self._checked(X)
        if not len(X):
            raise ValueError("there are no sequences to learn levels from")
        self.shape_in_ = X.shape[1:]
        # One column per step and dimension.
        levels = quantiles(X.reshape(len(X), -1), self.bits)
        self.levels_ = levels.reshape(*self.shape_in_, self.bits)
        return self

    def transform(self, X):
        """Return bits, uint8 (N, T, D * bits)."""
        return compared(self._as_fitted(X), self.levels_)


class OfBits(SequenceEncoder):
    """Base class of what takes bits."""

    def _checked(self, X):
        X = np.asarray(X)
        if X.ndim != 3 or not X.shape[1] * X.shape[2]:
            raise ValueError(f"sequences must have the shape (N, T, D), not {X.shape}")
        if X.dtype not in (np.uint8, np.bool_) or X.max(initial=0) > 1:
            wrong = X[(X != 0) & (X != 1)]
            if wrong.size:
                raise ValueError(f"sequences must hold bits 0 and 1, not {wrong.flat[0]}")
        return X


class Pairs(OfBits):
    """Each bit, followed by its complement, and a 1: bit 2 i + 1 is 1 - bit 2 i."""

    def fit(self, X, y=None):
        """Learn the number of bits of ``X`` (N, T, D)."""
        self.shape_in_ = self._checked(X).shape[2:]
        return self

    def transform(self, X):
        """Return bits, uint8 (N, T, 2 D + 1)."""
        X = self._as_fitted(X).astype(np.uint8)
        out = np.ones((*X.shape[:2], 2 * X.shape[2] + 1), np.uint8)
        out[..., :-1:2], out[..., 1::2] = X, 1 - X
        return out


class Expansion(OfBits):
    """Fixed random features: bit k is 1 iff sum_i (+-1)_ki (2 b_i - 1) >= 0, for every time step.

    Parameters
    ----------
    outputs : int
        K_x, bits per time step.
    seed : int
        Of the signs: bits of PCG64, whose stream NumPy guarantees for ever.

    Attributes
    ----------
    signs_ : ndarray int8 (D, outputs) of -1 and +1
    """

    def __init__(self, outputs=64, seed=0):
        self.outputs = outputs
        self.seed = seed

    def fit(self, X, y=None):
        """Draw the signs for ``X`` (N, T, D) of bits."""
        integer("outputs", self.outputs, 1)
        self.shape_in_ = self._checked(X).shape[2:]
        shape = (*self.shape_in_, self.outputs)
        words = np.random.PCG64(self.seed).random_raw(-(-shape[0] * shape[1] // 64))
        drawn = np.unpackbits(words.astype("<u8").view(np.uint8), bitorder="little")
        self.signs_ = (2 * drawn[:shape[0] * shape[1]].astype(np.int8) - 1).reshape(shape)
        return self

    def transform(self, X):
        """Return bits, uint8 (N, T, outputs)."""
        X = self._as_fitted(X)
        # Whole numbers far below 2**24, which float32 holds: exact, and fast (BLAS), if it is one
        # product and not one for each sequence.
        steps = X.reshape(-1, X.shape[2])
        sums = (2 * steps.astype(np.float32) - 1) @ self.signs_.astype(np.float32)
        return (sums >= 0).astype(np.uint8).reshape(*X.shape[:2], -1)
