"""What each board has, and the largest preset that it trains: the table of `bep boards`."""

import datetime
from functools import cache

from bep.flow import memories, stores
from bep.flow.boards import target
from bep.flow.platforms import check_resources, platform_of
from bep.flow.slowest import slowest, worst
from bep.flow.synthesis import build
from bep_model import configuration
from bep_model.fit import presets
from rtl.cycles import formulas_of

STORES = (*stores.CHIPS, "block:16")


@cache
def sources():
    """Pairs (preset, configuration file's content), the largest memory first."""
    found = [(name, configuration.load(name)) for name in presets.names()]
    # An image takes filters many more clocks than neurons: there the largest is not the best.
    built = [pair for pair in found if not pair[1].config.windows]
    return sorted(built, key=lambda pair: -pair[1].config.memory_bits)


def fits(config, described):
    """Whether the memories of a design fit the part."""
    return (config.memory_bits <= sum(described.memory_bits.values())  # which is quicker
            and not memories.lacking(config, described))


def known(board):
    """The entry of a board that was not built for.

    Returns
    -------
    dict
        JSON: part; memory_kbit, by kind; baud; usb, whether the FPGA has a plug of its own; stores,
        those of :data:`STORES` that the board can have; preset, the largest one whose memories fit,
        or None; built, None.
    """
    described = target(board)
    return {
        "part": described.part,
        "memory_kbit": {key: bits // 1024 for key, bits in described.memory_bits.items() if bits},
        "baud": described.baud, "usb": bool(described.plug),
        "stores": [store for store in STORES if can_have(described, store)],
        "preset": next(fitting(described), (None,))[0], "built": None,
    }


def fitting(described):
    """Those of :func:`sources` whose memories fit a board's part."""
    return (pair for pair in sources() if fits(pair[1].config, described))


def measured(board, build_dir, progress):
    """Build the largest preset that a board can train; return the board's entry.

    Largest is the one with the most bits of weights and counters, with 64 weight lanes and 8
    counter lanes. Presets whose memories fit are tried until one has few enough logic cells.

    Parameters
    ----------
    board, build_dir, progress
        As for :func:`bep.flow.synthesis.build`.

    Returns
    -------
    dict
        As of :func:`known`, with the preset that was built, and built: date, logic cells, clock,
        samples per second (:func:`speeds`), rate of the serial port and versions.
    """
    described, entry = target(board), known(board)
    for name, found in fitting(described):
        try:
            report = build(found.config, board, build_dir=build_dir,
                           progress=lambda what, name=name: progress(f"{name}: {what}"))
        except ValueError:  # too many logic cells
            continue
        keys = ("luts", "ffs", "brams", "spram", "fmax_mhz", "clock_mhz", "seed", "versions")
        return entry | {"preset": name, "built": {
            "date": datetime.date.today().isoformat(),
            "cells": report["cells"], **{key: report[key] for key in keys},
            "rate": report["baud"],
            **speeds(found, described, report["clock_mhz"] * 1e6),
        }}
    return entry | {"preset": None}


def can_have(described, store):
    """Whether a board has what a sample store needs."""
    try:
        check_resources(platform_of(described), described, store)
    except ValueError:
        return False
    return not store.startswith("flash") or described.flash is not None


def speeds(found, described, hz):
    """Samples per second of a trainer, link aside.

    ``inferred``, and ``trained_least``: if every sample were one of :func:`slowest`. A sample that
    is right by the margin takes no longer than one that is inferred.
    """
    cycles = formulas_of(found.config, described.options)
    sample = slowest(found.config, found.parameters)
    return {"inferred": hz / (cycles.infer(sample).total() + 1),
            "trained_least": hz / worst(cycles, sample, found.parameters)}
