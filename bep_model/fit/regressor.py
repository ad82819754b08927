"""Numbers instead of classes: a scikit-learn regressor around the classifier."""

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.utils.validation import check_is_fitted, validate_data

from bep_model.checks import integer, unchanged_if_refused
from bep_model.config import MOST_CLASSES
from bep_model.fit.estimator import BEPClassifier


class BEPRegressor(RegressorMixin, BaseEstimator):
    """Regressor whose binary weights are trained by BEP, as those of its classifier are.

    The classes are levels: parts of the range of ``y`` with about as many training samples each. A
    level's prototype has more ones than that of the level below (the code "thermometer" of
    :class:`bep_model.config.Config`), so the output bits learn to compare with thresholds. The
    value of a level is the mean of its training samples. All of it is the gateware's training, too.

    Parameters
    ----------
    classifier : BEPClassifier, optional
        What is trained, as a copy with ``code="thermometer"``; by default with ``r=0.1``.
    levels : int
        At most so many levels, 2..256; there must be as many neurons but one in the last layer. Of
        values that are not that different there are fewer.

    Attributes
    ----------
    classifier_ : BEPClassifier
        Trained; its classes are the values of the levels, ascending. Its ``save`` writes a state
        file, from which ``bep predict`` gives the nearest value.
    n_features_in_ : int
    feature_names_in_ : ndarray of str (n_features_in_,)
        Only if ``X`` had names of features.

    Examples
    --------
    >>> from sklearn.datasets import make_friedman1
    >>> from bep_model import BEPClassifier, BEPRegressor, Thermometer
    >>> X, y = make_friedman1(2000, noise=1.0, random_state=0)
    >>> classifier = BEPClassifier(encoder=Thermometer(16), r=0.1, group=16, random_state=1)
    >>> regressor = BEPRegressor(classifier).fit(X[:1500], y[:1500])
    >>> round(regressor.score(X[1500:], y[1500:]), 2)
    0.8
    """

    def __init__(self, classifier=None, *, levels=16):
        self.classifier = classifier
        self.levels = levels

    @unchanged_if_refused
    def fit(self, X, y):
        """Train on samples ``X`` (N, features) of values ``y`` (N,).

        Raises TypeError, ValueError and OSError as :meth:`BEPClassifier.fit`, and ValueError if all
        values are equal.
        """
        levels = integer("levels", self.levels, 2, MOST_CLASSES)
        X, y = validate_data(self, X, y, dtype="numeric", y_numeric=True,
                             ensure_min_samples=2)
        begins = np.unique(np.quantile(y, np.arange(1, levels) / levels, method="higher"))
        present, labels = np.unique(np.searchsorted(begins, y, side="right"), return_inverse=True)
        values = np.array([y[labels == each].mean() for each in range(len(present))])
        if len(values) < 2:
            raise ValueError(f"y must have two different values at least, not only {values[0]}")
        classifier = BEPClassifier(r=0.1) if self.classifier is None else clone(self.classifier)
        classifier.set_params(code="thermometer")
        classifier.fit(X, labels)
        classifier.classes_ = values
        self.classifier_ = classifier
        return self

    def predict(self, X):
        """Values (N,): the mean of the levels' values by their probabilities."""
        check_is_fitted(self, "classifier_")
        X = validate_data(self, X, dtype="numeric", reset=False)
        return self.classifier_.predict_proba(X) @ self.classifier_.classes_
