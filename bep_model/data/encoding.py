"""Base class and thermometers, which the encoders of features and of sequences share."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin


def bounded(x):
    """Return an array; ValueError for numbers so large that sums or differences of two are none."""
    most = np.finfo(np.result_type(x, np.float16)).max / 2
    for extreme in (extremum.reduce(x, axis=None, initial=0) for extremum in (np.fmax, np.fmin)):
        if abs(extreme) > most:
            raise ValueError(f"numbers must be between -{most:.4g} and {most:.4g} to learn levels "
                             f"from, not {extreme:.4g}")
    return x


def quantiles(x, count):
    """Levels of a distributive thermometer: the quantiles 1/(n+1)..n/(n+1) of each column.

    Parameters
    ----------
    x : array (N, columns)
        NaN are left out.
    count : int
        n, levels per column.

    Returns
    -------
    float array (columns, count)
        NaN for a column without numbers.

    Raises
    ------
    ValueError
        As :func:`bounded`.
    """
    x = bounded(x.astype(np.uint8) if x.dtype == bool else x)  # NumPy has no quantile of bool
    parts = np.arange(1, count + 1) / (count + 1)
    whole = ~np.isnan(x).any(axis=0)
    if whole.all():
        return np.quantile(x, parts, axis=0).T
    levels = np.full((x.shape[1], count), np.nan)
    levels[whole] = np.quantile(x[:, whole], parts, axis=0).T
    for column in np.flatnonzero(~whole):
        there = x[~np.isnan(x[:, column]), column]
        if len(there):
            levels[column] = np.quantile(there, parts)
    return levels


def compared(x, levels, compare=np.greater):
    """Bits of a thermometer: bit ``i * n + k`` tells whether x_i is above level k; 0 for NaN.

    Parameters
    ----------
    x : array (N, ..., features)
    levels : array (..., features, n)
    compare : ufunc

    Returns
    -------
    uint8 array (N, ..., features * n)
    """
    bits = np.empty((*x.shape, levels.shape[-1]), np.uint8)
    for k in range(levels.shape[-1]):  # level by level, since all at once would take much memory
        compare(x, levels[..., k], out=bits[..., k])
    return bits.reshape(*x.shape[:-1], x.shape[-1] * levels.shape[-1])


def bits(encoder, X, inputs):
    """The bits, uint8 (N, ``inputs``), that a fitted encoder makes of features.

    Without an encoder (None) the features are the bits. Raises ValueError for other numbers.
    """
    if not len(X):  # which encoders refuse
        return np.zeros((0, inputs), np.uint8)
    found = X if encoder is None else encoder.transform(X)
    found = np.asarray(found.toarray() if hasattr(found, "toarray") else found)  # or a frame
    wrong = found[(found != 0) & (found != 1)]
    if wrong.size:
        source = "X must hold" if encoder is None else f"{encoder} must make"
        raise ValueError(f"{source} bits 0 and 1, not {wrong.flat[0]}")
    return found.astype(np.uint8)


class Encoder(TransformerMixin, BaseEstimator):
    """Base class of all encoders."""

    def check_options(self):
        """Raise TypeError or ValueError for a constructor argument that is not allowed."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # bits are uint8 whatever the numbers were
        return tags
