"""Selection of input bits: those that together tell most about the class."""

import warnings

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from bep_model.checks import integer, unchanged_if_refused
from bep_model.phases.bits import compiled, pack, popcount


class Informative(SelectorMixin, BaseEstimator):
    """The bits of the largest conditional mutual information with the class.

    Bits are chosen one after another. A bit's score is the least information about the class that
    it adds to any one of the bits chosen before, and the bit of the highest score is next. So no
    bit repeats another one (CMIM: F. Fleuret, "Fast Binary Feature Selection with Conditional
    Mutual Information", Journal of Machine Learning Research 5, 2004).

    Parameters
    ----------
    bits : int
        Bits to keep, 1 or more; if there are fewer, all are kept, with a warning.

    Attributes
    ----------
    ranking_ : ndarray int64 (bits,)
        The features that are kept, in the order in which they were chosen.
    """

    def __init__(self, bits=784):
        self.bits = bits

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def check_options(self):
        """Raise TypeError or ValueError unless ``bits`` is an integer of 1 or more."""
        integer("bits", self.bits, 1)

    @unchanged_if_refused
    def fit(self, X, y):
        """Choose among the bits ``X`` (N, features) of samples of classes ``y`` (N,).

        A number counts as the bit x > 0. Raises ValueError for ``bits`` below 1.
        """
        self.check_options()
        X, y = validate_data(self, X, y)
        check_classification_targets(y)
        members = [pack((X[y == label] > 0).T) for label in np.unique(y)]
        bounds = np.cumsum([0, *(part.shape[1] for part in members)])
        if self.bits > X.shape[1]:
            warnings.warn(f"there are {X.shape[1]} bits to choose from: all are kept, not "
                          f"{self.bits}", stacklevel=2)
        entropies = np.arange(len(X) + 1) * np.log(np.maximum(np.arange(len(X) + 1), 1))
        self.ranking_ = choose(np.hstack(members), bounds, np.unique(y, return_counts=True)[1],
                               entropies, min(self.bits, X.shape[1]))
        return self

    def _get_support_mask(self):
        check_is_fitted(self, "ranking_")
        return np.isin(np.arange(self.n_features_in_), self.ranking_)


@compiled
def choose(features, bounds, sizes, entropies, count):
    """Indices, int64 (count,), of the features to keep; of equals the lowest comes first.

    Parameters
    ----------
    features : uint64 array (features, words)
        Packed bits of all samples, class by class; those of a class begin a new word.
    bounds : int64 array (C + 1,)
        First word of each class, and the number of words.
    sizes : int64 array (C,)
        Samples of each class.
    entropies : float64 array (N + 1,)
        n ln n of every count n.
    count : int
        1 to the number of features.
    """
    nothing = np.zeros(features.shape[1], np.uint64)
    # least[f] is the least information of feature f given one of the first met[f] chosen ones. More
    # of them can only lower it, so a feature below the best one so far can skip the others for now.
    least = np.empty(features.shape[0])
    met = np.zeros(features.shape[0], np.int64)
    for f in range(len(least)):
        least[f] = information(features[f], nothing, bounds, sizes, entropies)
    chosen = np.empty(count, np.int64)
    for k in range(count):
        best = -1
        for f in range(len(least)):
            while met[f] < k and (best < 0 or least[f] > least[best]):
                told = information(features[f], features[chosen[met[f]]], bounds, sizes, entropies)
                least[f] = min(least[f], told)
                met[f] += 1
            if least[f] > -np.inf and (best < 0 or least[f] > least[best]):
                best = f
        chosen[k] = best
        least[best] = -np.inf  # no longer a candidate
    return chosen


@compiled
def information(feature, known, bounds, sizes, entropies):
    """N I(class; feature | known) in nats: what a bit tells about the class beside another."""
    counts = np.zeros((2, 2), np.int64)  # by feature and known bit, over all classes
    total = 0.0
    for c in range(len(sizes)):
        both = one = other = np.int64(0)
        for word in range(bounds[c], bounds[c + 1]):
            both += np.int64(popcount(feature[word] & known[word]))
            one += np.int64(popcount(feature[word]))
            other += np.int64(popcount(known[word]))
        neither = sizes[c] - one - other + both
        total += (entropies[both] + entropies[one - both] + entropies[other - both]
                  + entropies[neither] - entropies[other] - entropies[sizes[c] - other])
        counts[1, 1] += both
        counts[1, 0] += one - both
        counts[0, 1] += other - both
        counts[0, 0] += neither
    for b in range(2):
        total += (entropies[counts[0, b] + counts[1, b]] - entropies[counts[0, b]]
                  - entropies[counts[1, b]])
    return total
