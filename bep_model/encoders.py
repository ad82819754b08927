"""Binary encoders: scikit-learn transformers from numbers to bits 0/1 (uint8).

Given levels are inclusive (bit = x >= level). Levels learnt from data are exclusive
(bit = x > level): a median or quantile is often the lowest value itself, e.g. the background of
an image, and an inclusive comparison would make those bits constant.
"""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data


class _Encoder(TransformerMixin, BaseEstimator):
    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # bits are uint8 whatever the numbers were
        return tags


class Threshold(_Encoder):
    """One bit per feature: x >= threshold.

    Parameters
    ----------
    threshold : float
    """

    def __init__(self, threshold=0.5):
        self.threshold = threshold

    def fit(self, X, y=None):
        """Check ``X`` (N, features); nothing is learnt but the number of features."""
        validate_data(self, X)
        return self

    def transform(self, X):
        """Return bits, uint8 (N, features)."""
        check_is_fitted(self, "n_features_in_")
        return (validate_data(self, X, reset=False) >= self.threshold).astype(np.uint8)


class Median(_Encoder):
    """One bit per feature: x > the feature's median in the data of :meth:`fit`.

    Attributes
    ----------
    median_ : ndarray float64 (features,)
    """

    def fit(self, X, y=None):
        """Learn the medians of ``X`` (N, features)."""
        self.median_ = np.median(validate_data(self, X), axis=0)
        return self

    def transform(self, X):
        """Return bits, uint8 (N, features)."""
        check_is_fitted(self, "median_")
        return (validate_data(self, X, reset=False) > self.median_).astype(np.uint8)


class Thermometer(_Encoder):
    """Several bits per feature, one per level; bit ``i * levels + k`` is level k of feature i.

    Parameters
    ----------
    levels : int or sequence of float
        A sequence: these levels, ascending, for every feature, bit = x >= level. A number n: the
        quantiles 1/(n+1)..n/(n+1) of each feature in the data of :meth:`fit`, bit = x > level.

    Attributes
    ----------
    levels_ : ndarray float64 (features, levels)
    """

    def __init__(self, levels=3):
        self.levels = levels

    def fit(self, X, y=None):
        """Learn the levels from ``X`` (N, features), or spread the given ones."""
        X = validate_data(self, X)
        if isinstance(self.levels, (int, np.integer)):
            if self.levels < 1:
                raise ValueError(f"levels must be at least 1, not {self.levels}")
            parts = np.arange(1, self.levels + 1) / (self.levels + 1)
            self.levels_ = np.quantile(X, parts, axis=0).T
        else:
            levels = np.asarray(self.levels, dtype=float)
            if levels.ndim != 1 or not levels.size or (np.diff(levels) <= 0).any():
                raise ValueError(f"levels must be an ascending list of numbers, not {self.levels}")
            self.levels_ = np.broadcast_to(levels, (X.shape[1], levels.size))
        return self

    def transform(self, X):
        """Return bits, uint8 (N, features * levels)."""
        check_is_fitted(self, "levels_")
        x = validate_data(self, X, reset=False)[:, :, None]
        learnt = isinstance(self.levels, (int, np.integer))
        bits = x > self.levels_ if learnt else x >= self.levels_
        return bits.reshape(len(x), -1).astype(np.uint8)
