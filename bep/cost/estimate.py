"""What a trainer will cost on a board, without synthesis: exact by formulas, or fitted."""

import json
import re
from functools import cache
from importlib import resources

from bep.cost.draws import LANES, MOST_WITH_FILTERS
from bep.cost.fit import values
from bep.cost.terms import paths, terms
from bep.flow import clocks, energy, families, memories, stores
from bep.flow.boards import target
from bep.flow.links import link_rate
from bep.flow.slowest import phases, slowest
from bep_model.protocol import Cause
from rtl.cycles import BETWEEN, formulas_of

GRADES = {"ECP5": "6"}
"""Speed grade of the parts whose builds were fitted, by family; others have one only."""


@cache  # a study asks for every trial
def model():
    """The fit, as ``bep calibrate`` wrote it."""
    return json.loads(resources.files("bep.cost").joinpath("model.json").read_text("utf-8"))


def estimate(config, parameters, described, store="none"):
    """The cost of a trainer on a board.

    Parameters
    ----------
    config : Config
    parameters : Parameters
        For the cycles.
    described : bep.flow.boards.Target
    store : str
        As for :func:`bep.flow.stores.make`: with one, the port does not limit the speed.

    Returns
    -------
    dict
        JSON. ``luts``, ``ffs``, ``cells`` (logic cells as packed), ``fmax_mhz`` (at the board's
        oscillator, placed with seed 1) and ``built_mhz`` (the PLL's fastest legal clock below, with
        the margin of ``bep build``): fitted, as {value, low, high}. ``brams``, ``spram``: exact.
        ``components``: look-up tables and flip-flops by component, shares of a fit. ``cycles``:
        clocks per sample by phase, of one that is only inferred, and of one that triggers, opens
        every gate and has a winner in every group, the most there can be: exact.
        ``cycles_per_sample`` and
        ``inferred_cycles_per_sample``: their sums. ``board_samples_per_second``: trained at the
        built clock, if all take the most, or what the port or the store carries if that is less;
        {value, low, high}. ``board_inferred_samples_per_second`` likewise.
        ``microjoules_per_sample``: low and high end, None where no energy model is. ``available``:
        the part's resources. ``bottlenecks``, ``remarks``: texts.
    """
    exact = memories.built(config, described, store)
    spent = cycles(config, parameters, described)
    total = {kind: sum(phases.values()) for kind, phases in spent.items()}
    fits, components = fitted(config, described, store)
    fmax = fits["fmax_mhz"]
    built = built_clock(described, fmax, store)
    stored = stores.clocks(store, config)
    port = link_rate(config, described.baud) if store == "none" else float("inf")

    def speed(kind):
        clocks = max(stored, total[kind])
        return {end: min(port, 1e6 * mhz / clocks) for end, mhz in built.items()}

    result = {
        **fits, **exact, "built_mhz": built, "components": components, "cycles": spent,
        "cycles_per_sample": total["trained"], "inferred_cycles_per_sample": total["inferred"],
        "store_clocks_per_sample": stored,
        "port_samples_per_second": None if port == float("inf") else port,
        "board_samples_per_second": speed("trained"),
        "board_inferred_samples_per_second": speed("inferred"),
        "microjoules_per_sample": joules(described, fits["cells"], built, speed("trained")),
        "available": described.available,
    }
    return result | {"bottlenecks": list(bottlenecks(result)),
                     "remarks": list(remarks(config, described, store))}


def fitted(config, described, store):
    """The fitted values, and those of the components."""
    return values(model(), terms(config, described, store), paths(config, described, store),
                  described.family.name)


def remarks(config, described, store):
    """What the intervals do not cover, in words."""
    most = max(max(lanes) for board, lanes in LANES.items()
               if target(board).family.name == described.family.name)
    if config.convolutional:
        most = min(most, MOST_WITH_FILTERS)
    if config.weight_lanes > most:
        yield (f"sizes and clocks are extrapolated: builds of the fit have {most} weight lanes at "
               f"most, not {config.weight_lanes}")
    if store == "flash:start":
        yield "what carries out the program in the flash chip is not counted"
    fitted, found = GRADES.get(described.family.name), re.search(r"-(\d)[A-Z]", described.part)
    if fitted and found and found[1] != fitted:
        yield (f"clocks and samples/s are fitted to parts of speed grade {fitted}; this one's is "
               f"{found[1]}, which may be outside of the intervals by tens of percent")


def cycles(config, parameters, described):
    """Clocks per sample by phase, as a dict of dicts, see :func:`estimate`."""
    formulas = formulas_of(config, described.options)
    sample = slowest(config, parameters)

    def named(spent):
        return {cause.name.lower(): spent[cause] for cause in Cause if spent.get(cause)} | {
            "between samples": BETWEEN}
    return {"inferred": named(formulas.infer(sample)),
            "trained": named(phases(formulas, sample, parameters))}


def built_clock(described, fmax, store):
    """MHz of the bitstream for each of the values ``fmax``: the fastest legal clock that it and the
    store allow, or the oscillator's."""
    from bep.flow.platforms import oscillator  # with the boards' package, which is slow to import

    own = oscillator(described)
    legal = [setting.hz / 1e6 for setting in described.settings(own)
             if setting.hz <= stores.fastest(store)]
    return {end: max((mhz for mhz in legal if mhz * clocks.MARGIN <= value), default=own / 1e6)
            for end, value in fmax.items()}


def joules(described, cells, built, rates):
    """Microjoules per trained sample, [low, high], or None."""
    model = families.found(described.family.energy, described.part)
    if model is None:
        return None
    return energy.per_sample(model.power(built["value"], cells["value"]), rates["value"])


def bottlenecks(result):
    """What limits the design, in words: the fullest resource, the longest phase, the port."""
    available = result["available"]
    full = {key: (result[key], available[key]) for key in ("brams", "spram") if available[key]}
    full["cells"] = (result["cells"]["value"], available["luts"])
    names = {"brams": "block RAM", "spram": "SPRAM", "cells": "logic cells"}
    which = max(full, key=lambda key: full[key][0] / full[key][1])
    used, whole = full[which]
    yield f"{names[which]}: {used:,.0f} of {whole:,}"
    phases = result["cycles"]["trained"]
    longest = max(phases, key=phases.get)
    yield f"{longest}: {phases[longest]:,.0f} of {sum(phases.values()):,.0f} clocks"
    if result["store_clocks_per_sample"] > sum(phases.values()):
        yield f"the store: {result['store_clocks_per_sample']:,} clocks per sample"
    speed = result["board_samples_per_second"]
    if result["port_samples_per_second"] == speed["value"]:
        yield (f"the serial port: {speed['value']:,.0f} samples/s; a sample store "
               "would take the trainer's own speed")
