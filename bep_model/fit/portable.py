"""A classifier without its network as a table of JSON, for state files (docs/state.md)."""

from dataclasses import asdict, replace
from typing import Any

import numpy as np
from sklearn.base import clone

from bep_model.checks import integer, number
from bep_model.data.encoders import Differences, Local, Median, Thermometer, Threshold
from bep_model.data.selection import Informative
from bep_model.fit import calibration
from bep_model.parameters import Parameters

ENCODERS: dict[str, tuple[type[Any], dict]] = {
    "Threshold": (Threshold, {}),
    "Median": (Median, {"median_": ("features",)}),
    "Thermometer": (Thermometer, {"levels_": ("features", None)}),
    "Local": (Local, {}),
    "Differences": (Differences, {"median_": ("bits",), "added_": ("bits", None),
                                  "subtracted_": ("bits", None)}),
    "Informative": (Informative, {"ranking_": ("bits",)}),
}
"""Encoder classes, and the arrays they learn with their shapes; None is any length."""

PLACES = ("added_", "subtracted_", "ranking_")
"""Arrays of these names hold indices of features."""

MOST_FEATURES = 1 << 24

LABELS = "biufUO"
"""Kinds of dtype that class labels can have; objects must be text or numbers."""

MOST_LABEL = 1 << 16
"""Most bytes of a label in its dtype."""


def to_table(classifier):
    """The table of a fitted :class:`BEPClassifier`.

    Raises ValueError for an encoder or class labels that it cannot hold.
    """
    options = classifier.get_params(deep=False)
    given = options.pop("encoder")
    del options["device"]  # of this machine
    options["encoder"] = given if isinstance(given, str) else None
    options |= _shape(classifier.network_.config)
    options |= {name: value for name, value in asdict(classifier._checked()[0]).items()
                if name in options}  # plain numbers
    if not isinstance(options["random_state"], int | np.integer):
        options["random_state"] = None
    names = getattr(classifier, "feature_names_in_", None)
    return _table(options, classifier.classes_, classifier.n_features_in_,
                  None if names is None else names.tolist(), classifier.encoder_,
                  classifier.parameters_, [classifier._errors, classifier._met],
                  classifier.temperature_)


def of_training(config, data, hyper, history, *, seed):
    """The table of a classifier that :func:`bep_model.fit.training.fit` has trained.

    Parameters
    ----------
    config : Config
    data : Dataset
    hyper : Hyper
    history : list of Epoch
    seed : int

    Returns
    -------
    dict or None
        None if a table cannot hold the encoder of these data (sequences; images with the encodings
        ``thermometer`` and ``selected-N``), or the network has other classes.
    """
    encoder = data.encoder
    if data.labels is None or data.steps or len(data.labels) != config.classes or not (
            encoder is None or holds(encoder)):
        return None
    # The classifier holds no samples out, which patience needs, and takes no sequences.
    options = {name: value for name, value in asdict(hyper).items()
               if name not in ("patience", "horizon", "delay")}
    options |= _shape(config) | {
        "counter_bits": config.counter_bits, "epochs": len(history),
        "weight_lanes": config.weight_lanes, "counter_lanes": config.counter_lanes,
        "prototype_seed": config.seed, "code": config.code, "random_state": int(seed),
        "encoder": None}
    parameters = hyper.parameters(config) if not history else replace(
        history[-1].parameters, reinforce=hyper.reinforcement(config, 100 * history[-1].error))
    return _table(options, np.asarray(data.labels),
                  config.inputs if encoder is None else encoder.n_features_in_,
                  None if data.features is None else list(data.features), encoder, parameters,
                  [0, 0], calibration.fixed(config))


def _shape(config):
    """The options of a classifier that say how its layers are."""
    filters, windows = len(config.windows), config.windows
    shape = {"hidden_layer_sizes": list(config.layers[filters:])}
    if windows:
        shape |= {"filters": list(config.layers[:filters]),
                  "filter_size": [[window.rows, window.columns] for window in windows],
                  "stride": [window.stride for window in windows],
                  "pool": [window.pool for window in windows],
                  "image_shape": list(config.image[:2])}
    return shape


def _table(options, labels, features, names, encoder, parameters, recent, temperature):
    values = labels.tolist()
    if not _labels(labels.dtype) or not all(isinstance(v, int | float | str) for v in values):
        raise ValueError(f"a state file holds classes that are numbers or text, not {values[0]!r}")
    return {
        "options": {name: value.item() if isinstance(value, np.generic | np.ndarray) else value
                    for name, value in options.items()},
        "classes": {"dtype": labels.dtype.str, "values": values},
        "features": features,
        "feature_names": names,
        "encoder": _encoder_table(encoder),
        "parameters": asdict(parameters),
        "recent": recent,
        "temperature": temperature,
    }


def from_table(cls, network, table):
    """Make a fitted classifier from a table; KeyError, TypeError or ValueError if it is damaged."""
    config = network.config
    features = integer("features", table["features"], 1, MOST_FEATURES)
    classifier = cls(**table["options"] | {"device": None})
    encoder = _encoder(table["encoder"], features, config.inputs)
    if classifier.encoder is None and encoder is not None:
        classifier.encoder = clone(encoder)
    classifier._checked()
    inputs = features if encoder is None else \
        encoder.transform(np.zeros((1, features), np.uint8)).shape[1]
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
    classifier._errors, classifier._met = (integer("recent", n, 0) for n in table["recent"])
    # Older files do not have it.
    classifier.temperature_ = number("temperature", table.get("temperature",
                                                              calibration.fixed(config)))
    if classifier.temperature_ <= 0:
        raise ValueError(f"temperature must be above 0, not {classifier.temperature_}")
    classifier.history_, classifier.n_features_in_ = [], features
    return classifier


def _classes(table, count):
    dtype = np.dtype(table["dtype"])
    if not _labels(dtype):
        raise ValueError(f"classes must be numbers or text, not {dtype}")
    classes = np.array(table["values"], dtype)
    if classes.shape != (count,) or not np.array_equal(classes, np.unique(classes)):
        raise ValueError(f"there must be {count} different classes in order, not {classes}")
    return classes


def _labels(dtype):
    return dtype.kind in LABELS and dtype.itemsize <= MOST_LABEL


def holds(encoder):
    """Whether an encoder can be part of a table."""
    return type(encoder) is ENCODERS.get(type(encoder).__name__, (None,))[0]


def _encoder_table(encoder):
    if encoder is None:
        return None
    name = type(encoder).__name__
    if not holds(encoder):
        raise ValueError(f"a state file holds the encoders {', '.join(ENCODERS)} or none, "
                         f"not {name}")
    options = {key: np.asarray(value).tolist() for key, value in encoder.get_params().items()}
    learnt = {key: getattr(encoder, key).tolist() for key in ENCODERS[name][1]}
    return {"name": name, "options": options,  # a single array stands for itself
            "learnt": learnt if len(learnt) > 1 else next(iter(learnt.values()), None)}


def _encoder(table, features, bits):
    if table is None:
        return None
    if table["name"] not in ENCODERS:
        raise ValueError(f"unknown encoder {table['name']!r}")
    made, arrays = ENCODERS[table["name"]]
    encoder = made(**table["options"])
    encoder.check_options()
    encoder.n_features_in_ = features
    learnt = table["learnt"]
    for key, shape in arrays.items():
        values = np.array(learnt if len(arrays) == 1 else learnt[key])
        wanted = tuple({"features": features, "bits": bits}.get(n, n) for n in shape)
        if values.ndim != len(wanted) or any(n not in (None, size) for n, size in
                                             zip(wanted, values.shape, strict=True)):
            raise ValueError(f"{key} must be an array {wanted} of {features} features and {bits} "
                             f"bits, not {values.shape}")
        setattr(encoder, key, _places(key, values, features) if key in PLACES
                else _levels(key, values))
    return encoder


def _levels(key, values):
    if values.dtype.kind not in "if" or not np.isfinite(values).all():
        raise ValueError(f"{key} must hold finite numbers only")
    return values.astype(np.float64)


def _places(key, values, features):
    if values.dtype.kind != "i" or values.min() < 0 or values.max() >= features:
        raise ValueError(f"{key} must hold features, integers from 0 to {features - 1}")
    return values.astype(np.int64)
