"""Baselines for BEP, on the same bits: random binary features and logistic regression.

Both choose their settings by validation accuracy and use the test samples once, at the end. For
sequences there are two others, on the numbers themselves.
"""

import numpy as np
from sklearn.linear_model import LogisticRegression, RidgeClassifierCV
from sklearn.neighbors import KNeighborsClassifier

from bep_model.fit.training import epoch_order
from bep_model.phases.bits import compiled, expand, pack, words
from bep_model.phases.forward import forward

SERIES = {
    "1-nearest-neighbour": lambda: KNeighborsClassifier(1),
    "ridge": lambda: RidgeClassifierCV(np.logspace(-3, 3, 10)),
}
"""Classifiers of sequences as they are, by the names of their models."""


def fit_series(model, x, labels, train, test):
    """One of :data:`SERIES`, on all numbers of a sequence in a row; missing ones are 0.

    Parameters
    ----------
    model : str
    x : float array (N, T, D)
        Aligned at their end.
    labels : int array (N,)
    train, test : int arrays
        Indices; ridge regression chooses its strength among the training samples, by leaving out
        one at a time.

    Returns
    -------
    dict
        ``test_accuracy`` (0..1); ``validation_accuracy`` and ``stored_bits`` are None.
    """
    x = np.nan_to_num(x.reshape(len(x), -1))
    found = SERIES[model]().fit(x[train], labels[train])
    return {"test_accuracy": float(found.score(x[test], labels[test])),
            "validation_accuracy": None, "stored_bits": None}


def fit_random_features(data, seed=0, *, budget, counter_bits=12, stored_weights=False,
                        margins=(1, 4, 16), epochs=20):
    """A frozen random binary layer, read out by integer perceptrons within a budget of stored bits.

    Each of D features is the sign of a random +-1 projection of all inputs (XNOR and popcount, as
    in a layer of BEP); the projections come from a seed. One row of D saturating counters per class
    is trained online. If the class of a sample leads the strongest other class by less than the
    margin, its counters step towards the sample's features, and those of the other class away from
    them. The epoch of the best validation accuracy, over all margins, is kept.

    Parameters
    ----------
    data : Dataset
        With validation samples.
    seed : int
        Of the projections and of the order of samples, 0 or more.
    budget : int
        Most stored bits; a BEP network stores B_h times its number of weights.
    counter_bits : int
        Of a counter of the read-out, 2..15.
    stored_weights : bool
        Count the frozen weights as stored; otherwise they are generated when they are used.
    margins : sequence of int
        Margins to choose from, in units of D.
    epochs : int
        1 or more.

    Returns
    -------
    dict
        ``test_accuracy`` and ``validation_accuracy`` (0..1), ``stored_bits``, ``frozen_bits`` (of
        the projections, stored or not: one XNOR each per inference) and ``settings`` (features D,
        counter_bits, stored_weights, margin in units of D, epochs trained, seed).

    Raises
    ------
    ValueError
        For data without validation samples or values out of range.
    """
    check_validation(data)
    if not 2 <= counter_bits <= 15:
        raise ValueError(f"counter_bits must be between 2 and 15, not {counter_bits}")
    if epochs < 1 or not margins:
        raise ValueError(f"epochs must be at least 1 and margins not empty, not {epochs} and "
                         f"{margins}")
    per_feature = data.classes * counter_bits + stored_weights * data.inputs
    count = budget // per_feature
    if count < 1:
        raise ValueError(f"budget must be at least {per_feature} bits, not {budget}")
    frozen = projections(seed, count, data.inputs)
    train, held = (_encode(frozen, data.inputs, part) for part in (data.train, data.validation))
    bound = (1 << (counter_bits - 1)) - 1
    best, kept, chosen = -1.0, None, (0.0, 0)
    for margin in margins:
        counters = np.zeros((data.classes, 64 * words(count)), np.int16)
        for epoch in range(epochs):
            learn(counters, train, data.train.labels, epoch_order(seed, epoch, len(data.train)),
                  count, margin * count, bound)
            accuracy = _accuracy(counters, held, data.validation.labels, count)
            if accuracy > best:
                best, kept, chosen = accuracy, counters.copy(), (margin, epoch + 1)
    test = _encode(frozen, data.inputs, data.test)
    return {
        "test_accuracy": _accuracy(kept, test, data.test.labels, count),
        "validation_accuracy": best,
        "stored_bits": per_feature * count,
        "frozen_bits": data.inputs * count,
        "settings": {"features": count, "counter_bits": counter_bits,
                     "stored_weights": bool(stored_weights), "margin": chosen[0],
                     "epochs": chosen[1], "seed": seed},
    }


def fit_logistic_regression(data, *, strengths=(1e-4, 1e-3, 1e-2, 1e-1, 1.0)):
    """Multinomial logistic regression (scikit-learn, L-BFGS) on the bits as 0.0 and 1.0.

    Parameters
    ----------
    data : Dataset
        With validation samples.
    strengths : sequence of float
        Values of C, the inverse of the L2 penalty, to choose from.

    Returns
    -------
    dict
        ``test_accuracy`` and ``validation_accuracy`` (0..1), ``stored_bits`` (of the coefficients
        and intercepts, float32) and ``settings`` (C). Nothing in it is random.

    Raises
    ------
    ValueError
        For data without validation samples.
    """
    check_validation(data)
    best, kept = -1.0, None
    x, held = (part.x.astype(np.float32) for part in (data.train, data.validation))
    for strength in strengths:
        model = LogisticRegression(C=strength, max_iter=1000, tol=1e-3).fit(x, data.train.labels)
        accuracy = model.score(held, data.validation.labels)
        if accuracy > best:
            best, kept = accuracy, model
    assert kept, "no value of C to choose from"
    return {
        "test_accuracy": float(kept.score(data.test.x.astype(np.float32), data.test.labels)),
        "validation_accuracy": float(best),
        "stored_bits": 8 * (kept.coef_.nbytes + kept.intercept_.nbytes),
        "settings": {"C": kept.C},
    }


def projections(seed, count, inputs):
    """Random bits, packed: uint64 (count, ceil(inputs / 64)), the unused high bits 0."""
    frozen = np.random.PCG64(seed).random_raw(count * words(inputs)).reshape(count, -1)
    frozen[:, -1] &= np.uint64(2**64 - 1) >> np.uint64(-inputs & 63)
    return frozen


def check_validation(data):
    """Raise ValueError for a data set without validation samples."""
    if not len(data.validation):
        raise ValueError(f"{data.name} has no validation samples to choose settings by")


def _encode(frozen, inputs, samples):
    """Packed features of samples: uint64 (N, ceil(D / 64))."""
    out = np.empty((len(samples), words(len(frozen))), np.uint64)
    _forward_all(np.ascontiguousarray(frozen.T), pack(samples.x), inputs, out)
    return out


def _accuracy(counters, packed, labels, count):
    predictions = np.empty(len(labels), np.int64)
    predict(counters, packed, count, predictions)
    return float(np.mean(predictions == labels))


@compiled
def _forward_all(frozen, x, inputs, out):
    z = np.empty(frozen.shape[1], np.int32)
    for n in range(x.shape[0]):
        forward(frozen, x[n], inputs, z, out[n])


@compiled
def _read(counters, packed, count, signs, logits):
    """Logits of one sample, whose features become signs -1 and +1, 0 beyond ``count``."""
    expand(packed, signs)
    for i in range(signs.shape[0]):
        signs[i] = np.int16(2 * signs[i] - 1) if i < count else np.int16(0)
    for c in range(counters.shape[0]):
        logit = 0
        for i in range(signs.shape[0]):
            logit += counters[c, i] * signs[i]
        logits[c] = logit


@compiled
def _step(row, signs, direction, bound):
    low, high = np.int16(-bound - 1), np.int16(bound)
    for i in range(row.shape[0]):
        value = np.int16(row[i] + direction * signs[i])
        row[i] = low if value < low else (high if value > high else value)


@compiled
def learn(counters, packed, labels, order, count, margin, bound):
    """Train the read-out on the samples ``order`` of packed features (N, words), one by one.

    ``counters`` is int16 (C, 64 * words); a counter stays within -bound - 1 and bound.
    """
    signs = np.empty(counters.shape[1], np.int16)
    logits = np.empty(counters.shape[0], np.int64)
    for n in order:
        _read(counters, packed[n], count, signs, logits)
        label = labels[n]
        rival = 1 if label == 0 else 0
        for c in range(logits.shape[0]):
            if c != label and logits[c] > logits[rival]:
                rival = c
        if logits[label] - logits[rival] < margin:
            _step(counters[label], signs, np.int16(1), bound)
            _step(counters[rival], signs, np.int16(-1), bound)


@compiled
def predict(counters, packed, count, predictions):
    """Class of the largest logit of each sample, the lowest index on a tie."""
    signs = np.empty(counters.shape[1], np.int16)
    logits = np.empty(counters.shape[0], np.int64)
    for n in range(packed.shape[0]):
        _read(counters, packed[n], count, signs, logits)
        predictions[n] = np.argmax(logits)
