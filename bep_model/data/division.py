"""Division of samples into parts, stratified by class."""

import numpy as np
from sklearn.model_selection import StratifiedKFold, train_test_split


def divide(name, labels, classes, fold, folds, seed):
    """Indices of the samples outside and inside of a fold, stratified by class."""
    if folds < 2:
        raise ValueError(f"folds must be at least 2, not {folds}")
    if fold not in range(folds):
        raise ValueError(f"fold must be between 0 and {folds - 1}, not {fold}")
    sizes = np.bincount(labels)
    if sizes.min() < folds:
        raise ValueError(f"{name} has {sizes.min()} sequences of class {classes[sizes.argmin()]}; "
                         f"for {folds} folds there must be {folds} or more of each class")
    splits = StratifiedKFold(folds, shuffle=True, random_state=seed).split(labels, labels)
    return list(splits)[fold]


def split(name, labels, count, seed, classes=None):
    """Hold out ``count`` samples, stratified by class; return indices of the rest and of them.

    Raises ValueError, with the ``name`` of the set, unless both parts can have a sample of every
    class.
    """
    sizes = np.bincount(labels)
    present = np.count_nonzero(sizes)
    if 1 in sizes:
        only = int(np.argmax(sizes == 1))
        only = only if classes is None else classes[only]
        raise ValueError(f"{name} has 1 sample of class {only} to train on and to hold out; there "
                         "must be 2 or more of each class")
    if not present <= count <= len(labels) - present:
        raise ValueError(f"{name}: {count} of {len(labels)} samples cannot be held out; for "
                         f"{present} classes it must be {present} to {len(labels) - present}")
    return train_test_split(
        np.arange(len(labels)), test_size=count, random_state=seed, stratify=labels
    )
