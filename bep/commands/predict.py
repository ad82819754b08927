"""`bep predict`: the classes of samples, by a trained state."""

import csv
import io
import json as json_text
from pathlib import Path
from typing import Annotated

import numpy as np
from typer import Argument, Option

from bep import results
from bep_model import state
from bep_model.data import labels, tables
from bep_model.data.encoding import bits
from bep_model.files import STANDARD_OUTPUT, check_outputs, replacing, telling
from bep_model.fit.estimator import BEPClassifier


def command(
    source: Annotated[Path, Argument(metavar="STATE", help=(
        "A state file that has the encoder and the class labels: of `bep train --save` or "
        "`BEPClassifier.save`."))],
    data: Annotated[Path, Argument(metavar="DATA", help=(
        "Samples as in training, FILE.csv, FILE.arff, FILE.npz (array x, perhaps y) or a folder of "
        "images, with or without their classes."))],
    out: Annotated[Path, Option(
        "--out", "-o", help="Write it here; `-` is standard output.")] = STANDARD_OUTPUT,
    json: Annotated[bool, Option("--json", help="Write JSON, not CSV.")] = False,
):
    """Predict the classes of samples; if their classes are given too, tell the accuracy."""
    if data == STANDARD_OUTPUT:
        raise ValueError("DATA must be a file or a folder, not -")
    check_outputs({"STATE": source, "DATA": data}, **{"--out": out})
    if state.describe(source)[1] is None:
        raise ValueError(f"{source} has no encoder and no class labels: `bep train --save` writes "
                         "them for tables and images (not with the encodings thermometer and "
                         "selected-N), BEPClassifier.save always")
    classifier = BEPClassifier.load(source)
    found = tables.samples(data, classifier.n_features_in_)
    known = getattr(classifier, "feature_names_in_", None)
    if known is not None and found.names is not None:
        for place, (mine, theirs) in enumerate(zip(known, found.names, strict=True), 1):
            if mine != theirs:
                raise ValueError(f"{data} has the feature {theirs!r} at place {place}, where "
                                 f"{source} has {mine!r}")
    if found.labels is not None:
        given = named(found.labels)
        unknown = sorted(set(given) - set(named(classifier.classes_)))
        if unknown:
            raise ValueError(f"{data} has the class {unknown[0]!r}, which {source} does not have")
    with telling(data):
        x = bits(classifier.encoder_, found.values.reshape(len(found.values), -1),
                 classifier.network_.config.inputs)
    predicted = classifier.classes_[classifier.network_.predict(x)]
    columns, accuracy = {"prediction": predicted.tolist()}, None
    if found.labels is not None:
        columns["label"] = found.labels.tolist()
        accuracy = float(np.mean(np.array(named(predicted)) == np.array(given)))
    with replacing(out) as file:
        file.write(_json(columns, accuracy) if json else _csv(columns))
    if accuracy is not None:
        results.say(f"accuracy {accuracy:.2%} of {len(predicted):,} samples")


def named(values):
    """Names of class labels: 1, "1" and 1.0 are the same class."""
    return [labels.name(str(label)) for label in values.tolist()]


def _json(columns, accuracy):
    told = {"predictions": columns["prediction"], "labels": columns.get("label"),
            "accuracy": accuracy}
    return (json_text.dumps(told, indent=2) + "\n").encode()


def _csv(columns):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue().encode()
