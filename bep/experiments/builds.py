"""Builds of random configurations, side by side: what the cost model is fitted to and tried on."""

import ast
import hashlib
import json
from dataclasses import asdict
from functools import cache
from itertools import islice
from pathlib import Path

import rtl
from bep import results
from bep.cost.draws import LANES, configurations
from bep.experiments.workers import cluster, ended, say, told
from bep.flow import clocks, memories, stores
from bep.flow.boards import NAMES, target
from bep.flow.synthesis import build, synthesize
from bep_model.checks import integer, number
from bep_model.config import Config

PASSED = 300
"""Configurations of a draw that are passed over at most for each one that is taken."""


def drawn(board, seed, count, placer_seeds=1, held_out=False, most_lanes=float("inf"),
          filters=False, store="none"):
    """Builds to be made: the first ``count`` configurations of a draw that have at most so many
    lanes and fit with a store, each with the placer's seeds from 1 on, as entries of a file of
    builds without ``measured``.

    Raises ValueError if too few do.
    """
    described = target(board)
    every = islice(enumerate(configurations(board, seed, filters)), PASSED * count)
    fitting = ((index, config) for index, config in every if config.weight_lanes <= most_lanes
               and memories.built(config, described, store)["brams"]
               <= described.available["brams"])
    narrow = list(islice(fitting, count))
    if len(narrow) < count:
        raise ValueError(f"store {store} and most_lanes {most_lanes} leave {len(narrow)} of "
                         f"{PASSED * count} configurations for {board}, and {count} are wanted")
    return [{"board": board, "draw": [seed, index], "held_out": held_out, "seed": placer,
             "store": store, "config": asdict(config)}
            for index, config in narrow for placer in range(1, placer_seeds + 1)]


@cache
def gateware():
    """Digest of the statements of ``rtl``, 12 hex digits: what was built, comments left out."""
    found = hashlib.sha256()
    for path in sorted(Path(rtl.__file__).parent.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) \
                    and ast.get_docstring(node, clean=False) is not None:
                node.body = node.body[1:]
        found.update(ast.dump(tree).encode())
    return found.hexdigest()[:12]


def measured(entry, build_dir):
    """Build an entry at the board's oscillator, and return it with what was measured.

    ``measured`` has luts, ffs, brams, spram as synthesised, cells as packed, and fmax_mhz; the last
    two are None if the design has too many cells for the part. It names the :func:`gateware`.
    """
    config, board = Config(**entry["config"]), entry["board"]
    try:
        report = build(config, board, entry["seed"], build_dir, clock=clocks.OFF,
                       store=entry["store"])
    except ValueError:  # too large
        report = synthesize(config, board, build_dir, store=entry["store"]) | {
            "cells": None, "fmax_mhz": None}
    return entry | {"measured": {
        **{key: report[key] for key in NAMES}, "cells": report["cells"] and report["cells"]["used"],
        "fmax_mhz": report["fmax_mhz"], "gateware": gateware(), "versions": report["versions"]}}


def key(entry):
    """What makes an entry one of its own: board, store, configuration, and the placer's seed."""
    config = Config(**entry["config"])
    return entry["board"], entry["store"], config.digest, entry["seed"]


def current(entry):
    """Whether an entry was built with the :func:`gateware` of this version."""
    return entry["measured"]["gateware"] == gateware()


def load(path):
    """The entries of a file of builds, none without a file; ValueError if it is no such file."""
    try:
        entries = json.loads(Path(path).read_text(encoding="utf-8"))
        keys = [_checked(entry) for entry in entries]
        if len(set(keys)) < len(keys):
            raise ValueError("an entry twice")
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise ValueError(f"{path} is no file of builds that `bep calibrate` wrote") from None
    return entries


def _checked(entry):
    """The :func:`key` of an entry of a file; ValueError, KeyError or TypeError for a wrong one."""
    measured, (seed, draw) = entry["measured"], entry["draw"]
    for name, low in (("luts", 1), ("ffs", 1), ("brams", 0), ("spram", 0)):
        integer(name, measured[name], low, 1 << 31)
    for name in ("cells", "fmax_mhz"):
        if measured[name] is not None:
            number(name, measured[name], 0, above=True)
    for name, value, low in (("seed of the draw", seed, 0), ("number of the draw", draw, 0),
                             ("seed of the placer", entry["seed"], 1)):
        integer(name, value, low)
    stores.check(entry["store"])
    if not isinstance(measured["gateware"], str):
        raise TypeError("no digest of the gateware")
    if entry["board"] not in LANES or not isinstance(entry["held_out"], bool):
        raise ValueError("another board, or neither for the fit nor for trial")
    return key(entry)


def carry_out(wanted, path, build_dir, scheduler=None, workers=None):
    """Make the builds that a file lacks or has of other gateware, and add each to the file as it is
    done.

    Parameters
    ----------
    wanted : list of dict
        See :func:`drawn`.
    path : path
        The file of builds.
    build_dir : path
    scheduler, workers
        As for :func:`bep.experiments.workers.carry_out`.

    Returns
    -------
    list of dict
        All entries of the file.
    """
    entries = load(path)
    done = {key(entry) for entry in entries if current(entry)}
    missing = {key(entry): entry for entry in wanted if key(entry) not in done}
    if not missing:
        return entries
    with results.Stages() as stages, cluster(scheduler, workers, Path(build_dir)) as client:
        step = stages.begin(f"{len(missing)} builds", len(missing))
        futures = {client.submit(measured, entry, str(build_dir), pure=False): entry
                   for entry in missing.values()}
        for entry, result in ended(futures):
            if isinstance(result, Exception):
                say(f"failed: {entry['board']}, draw {entry['draw']}: {told(result)}")
            else:
                others = [other for other in entries if key(other) != key(result)]
                entries = sorted([*others, result], key=place)
                results.write_json(path, entries)
            step(1)
    return entries


def place(entry):
    """Of an entry in the file."""
    return entry["board"], entry["store"], entry["held_out"], *entry["draw"], entry["seed"]
