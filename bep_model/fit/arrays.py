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
