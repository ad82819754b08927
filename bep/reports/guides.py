"""docs/choosing.md: how large, how many lanes, what a percent of accuracy costs; with pictures.

Sizes and speeds are those of ``bep cost``; accuracies those of docs/results.
"""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from bep import results
from bep.cost.estimate import estimate
from bep.flow.boards import boards, target
from bep.flow.largest import fits
from bep.reports import documents, guide_plots
from bep_model import configuration
from bep_model.config import Config, divisors
from bep_model.parameters import default_parameters

NAME = "choosing"
INPUTS = (64, 784)
"""Bits of a sample, for which the largest network is sought."""
LANES = (16, 48)
WIDEST = 1024
"""Neurons of a layer that are tried at most."""
EXAMPLE = "fashion-mnist-selected-784-75-75-b7-online"
"""The preset of the section about lanes."""
EXAMPLE_BOARDS = {"icebreaker": (8, 16, 24, 32, 48, 64), "ulx3s-85f": (16, 32, 64, 112, 196, 256)}
"""Numbers of weight lanes, as far as the model was fitted."""
QUARTERS = (1, 2, 4, 8, 16, 32)
SOURCES = ("counters", "hardware", "fashion-mnist")
"""Results with accuracies of networks of different sizes and counters."""
FRONT, FRONT_BOARD, FRONT_STORE = "fashion-mnist", "ulx3s-85f", "sdram"


def predicted(config, board, store="none"):
    """The estimate of ``bep cost`` for a configuration with its default parameters."""
    return estimate(config, default_parameters(config), target(board), store)


def has_room(config, board):
    """Whether memories and logic cells fit, these at the high end of their interval."""
    described = target(board)
    if not fits(config, described):
        return False
    return predicted(config, board)["cells"]["high"] <= described.available["luts"]


def trainer(inputs, width, lanes):
    """A trainer with two equal layers."""
    return Config(inputs, (width, width), 10, weight_lanes=lanes, counter_lanes=min(8, lanes))


def widest(inputs, board, lanes):
    """The most neurons in each of two layers; 0 if not even 2 fit."""
    low, high = 0, WIDEST + 1  # fits, does not fit
    while high - low > 1:
        middle = (low + high) // 2
        if middle > 1 and not has_room(trainer(inputs, middle, lanes), board):
            high = middle
        else:
            low = middle
    return low if low > 1 else 0


def largest():
    """For each board and number of inputs, the largest network, with its fastest lanes; as JSON."""
    found = []
    for board in boards():
        for inputs in INPUTS:
            width, lanes = max((widest(inputs, board, lanes), lanes) for lanes in LANES)
            entry = {"board": board, "part": target(board).part, "inputs": inputs, "width": width}
            if width:
                config = trainer(inputs, width, lanes)
                costs = predicted(config, board)
                entry |= {"lanes": lanes, "costs": costs, "weights": sum(
                    neurons * fan_in for neurons, fan_in in config.shapes)}
            found.append(entry)
    return found


def lanes():
    """Speed and size over P, with Q of 8 or a little less, and over Q, with P = 32, by board."""
    example = configuration.load(EXAMPLE)

    def point(board, weight_lanes, counter_lanes):
        config = replace(example.config, weight_lanes=weight_lanes, counter_lanes=counter_lanes)
        costs = estimate(config, example.parameters, target(board))
        return {"P": weight_lanes, "Q": counter_lanes, "cells": costs["cells"]["value"],
                "cycles": costs["cycles_per_sample"], "brams": costs["brams"],
                "rate": 1e6 * costs["built_mhz"]["value"] / costs["cycles_per_sample"]}
    return ({board: [point(board, p, max(q for q in divisors(p) if q <= 8)) for p in values]
             for board, values in EXAMPLE_BOARDS.items()},
            {board: [point(board, 32, q) for q in QUARTERS] for board in EXAMPLE_BOARDS})


def measured(docs):
    """Points of the results, with a network's configuration; of several settings of one network,
    the one of the best validation accuracy."""
    found = {}
    for name in SOURCES:
        for point in documents.stored(docs, name)["points"]:
            run = point["run"]
            if run["refit"] or run["encoding"] != "default":
                continue
            hidden, bits, batch = tuple(run["hidden"]), run["counter_bits"], run["hyper"]["batch"]
            weights = point["stored_bits"] // bits
            inner = sum(a * b for a, b in pairwise(hidden))
            inputs = (weights - inner) // hidden[0]
            key = run["dataset"], hidden, bits, batch
            entry = {"dataset": run["dataset"], "stored_bits": point["stored_bits"], "bits": bits,
                     "test": point["mean"], "sd": point["sd"], "batch": batch, "hidden": hidden,
                     "validation": point["validation_mean"], "inputs": inputs}
            if key not in found or found[key]["validation"] < entry["validation"]:
                found[key] = entry
    return list(found.values())


def over_bits(points):
    """Accuracy over B_h: online networks that were trained with several, by their names."""
    curves = {}
    for point in sorted(points, key=lambda point: point["bits"]):
        if point["batch"] == 1:
            name = f"{point['dataset']} {'-'.join(map(str, point['hidden']))}"
            curves.setdefault(name, []).append(point)
    return {name: curve for name, curve in curves.items() if len(curve) > 3}


def front(points):
    """Points of :data:`FRONT` than which no smaller one was better on validation samples."""
    best, found = 0.0, []
    for point in sorted(points, key=lambda point: (point["stored_bits"], -point["validation"])):
        if point["dataset"] == FRONT and point["validation"] > best:
            best = point["validation"]
            found.append(point)
    return found


def priced(point):
    """A point of the front with its cost on :data:`FRONT_BOARD`, and the boards it fits."""
    config = Config(point["inputs"], point["hidden"], 10, counter_bits=point["bits"],
                    max_batch=point["batch"])
    return point | {"costs": predicted(config, FRONT_BOARD, FRONT_STORE),
                    "boards": [board for board in boards() if fits(config, target(board))]}


def write(docs):
    """Write choosing.md and its pictures into a folder that has the results."""
    docs = Path(docs)
    (docs / "figures").mkdir(parents=True, exist_ok=True)
    sizes, (over_p, over_q) = largest(), lanes()
    points = measured(docs)
    curves, best = over_bits(points), [priced(point) for point in front(points)]
    guide_plots.sizes(docs / "figures" / f"{NAME}-size.svg", sizes)
    guide_plots.lanes(docs / "figures" / f"{NAME}-lanes.svg", over_p, over_q, curves)
    guide_plots.front(docs / "figures" / f"{NAME}-accuracy.svg", points, best, FRONT)
    documents.write(docs / f"{NAME}.md", documents.render(
        f"{NAME}.md.j2", sizes=sizes, over_p=over_p, over_q=over_q, curves=curves, front=best,
        example=EXAMPLE, board=FRONT_BOARD, store=FRONT_STORE, band=results.band,
        pairs=list(pairwise(best)),
        available={board: target(board).available for board in boards()}))
