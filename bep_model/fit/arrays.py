"""From scikit-learn's labels and features to those that a network takes."""

import numpy as np
from sklearn.utils.multiclass import check_classification_targets


def classes(y):
    """The classes of labels (N,), ascending, and the index of each label's class.

    Raises TypeError for labels that cannot be ordered, ValueError for fewer than 2 classes.
    """
    y = np.asarray(y)
    try:
        if y.size:
            check_classification_targets(y)
        classes, labels = np.unique(y, return_inverse=True)
    except TypeError as error:  # numbers mixed with text, or None
        raise TypeError(f"y must hold labels that can be ordered: {error}") from None
    if len(classes) < 2:  # scikit-learn's own checks look for "1 class"
        raise ValueError("there must be 2 classes or more, not "
                         + ("1 class only" if len(classes) else "none"))
    return classes, labels


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
