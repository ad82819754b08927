"""What a state file holds of a classifier besides its network: a table of JSON (docs/state.md)."""

from dataclasses import asdict

import numpy as np
from sklearn.base import clone

from bep_model.config import Parameters
from bep_model.encoders import Median, Thermometer, Threshold

ENCODERS = {"Threshold": (Threshold, None), "Median": (Median, "median_"),
            "Thermometer": (Thermometer, "levels_")}
"""Class, and the array it learns."""

LABELS = "biufUO"
"""Kinds of dtype that class labels may have; objects must be text or numbers."""


def to_table(classifier):
    """The table of a fitted :class:`BEPClassifier`.

    Raises ValueError for an encoder or class labels that it cannot hold.
    """
    options = classifier.get_params(deep=False)
    given = options.pop("encoder")
    options["encoder"] = given if isinstance(given, str) else None
    options["hidden_layer_sizes"] = np.atleast_1d(options["hidden_layer_sizes"]).tolist()
    if not isinstance(options["random_state"], int | np.integer):
        options["random_state"] = None
    labels = classifier.classes_
    values = labels.tolist()
    if labels.dtype.kind not in LABELS or not all(isinstance(v, int | float | str) for v in values):
        raise ValueError(f"a state file holds classes that are numbers or text, not {values[0]!r}")
    names = getattr(classifier, "feature_names_in_", None)
    return {
        "options": {name: value.item() if isinstance(value, np.generic) else value
                    for name, value in options.items()},
        "classes": {"dtype": labels.dtype.str, "values": values},
        "features": classifier.n_features_in_,
        "feature_names": None if names is None else names.tolist(),
        "encoder": _encoder_table(classifier.encoder_),
        "parameters": asdict(classifier.parameters_),
        "recent": [classifier._errors, classifier._met],
    }


def from_table(cls, network, table):
    """The fitted classifier of a table; KeyError, TypeError or ValueError for a damaged one."""
    config, features = network.config, table["features"]
    if type(features) is not int or not 1 <= features <= config.inputs:
        raise ValueError(f"features must be between 1 and {config.inputs}, not {features!r}")
    classifier = cls(**table["options"])
    encoder = _encoder(table["encoder"], features)
    if classifier.encoder is None and encoder is not None:
        classifier.encoder = clone(encoder)
    inputs = features if encoder is None else encoder.transform(np.zeros((1, features))).shape[1]
    if inputs != config.inputs:
        raise ValueError(f"{features} features make {inputs} bits, not {config.inputs}")
    names = table["feature_names"]
    if names is not None:
        classifier.feature_names_in_ = np.array(names, object)
        if classifier.feature_names_in_.shape != (features,):
            raise ValueError(f"there must be {features} feature names, not {len(names)}")
    classifier.network_, classifier.encoder_ = network, encoder
    classifier.classes_ = _classes(table["classes"], config.classes)
    classifier.parameters_ = Parameters(**table["parameters"]).validate(config)
    classifier._errors, classifier._met = map(int, table["recent"])
    classifier.history_, classifier.n_features_in_ = [], features
    return classifier


def _classes(table, count):
    dtype = np.dtype(table["dtype"])
    if dtype.kind not in LABELS:
        raise ValueError(f"classes must be numbers or text, not {dtype}")
    classes = np.array(table["values"], dtype)
    if classes.shape != (count,) or not np.array_equal(classes, np.unique(classes)):
        raise ValueError(f"there must be {count} different classes in order, not {classes}")
    return classes


def _encoder_table(encoder):
    if encoder is None:
        return None
    name = type(encoder).__name__
    if type(encoder) is not ENCODERS.get(name, (None,))[0]:
        raise ValueError(f"a state file holds the encoders {', '.join(ENCODERS)} or none, "
                         f"not {name}")
    options = {key: np.asarray(value).tolist() for key, value in encoder.get_params().items()}
    learnt = ENCODERS[name][1]
    return {"name": name, "options": options,
            "learnt": None if learnt is None else getattr(encoder, learnt).tolist()}


def _encoder(table, features):
    if table is None:
        return None
    if table["name"] not in ENCODERS:
        raise ValueError(f"unknown encoder {table['name']!r}")
    made, learnt = ENCODERS[table["name"]]
    encoder = made(**table["options"])
    encoder.n_features_in_ = features
    if learnt is not None:
        values = np.array(table["learnt"], np.float64)
        if values.shape[:1] != (features,) or values.ndim != (2 if made is Thermometer else 1):
            raise ValueError(f"encoder must have levels for {features} features, "
                             f"not an array {values.shape}")
        setattr(encoder, learnt, values)
    return encoder
