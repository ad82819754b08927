"""Whole designs: a trainer on a board, the run that it carries out, and what both come to."""

import json
from dataclasses import asdict, dataclass, replace

from bep import results
from bep.experiments.points import preset_run
from bep.flow import clocks, energy, families, stores, throughput
from bep.flow.boards import NAMES, target
from bep.flow.links import link_rate
from bep.flow.synthesis import build, setting_of, synthesize
from bep_model import configuration
from bep_model.files import read_toml, record, telling
from bep_model.protocol import sample_bytes
from sim.check import check, training_job
from sim.stored import check_stored

SWEPT = 3
"""Epochs that are counted of a network with another number of lanes."""


@dataclass(frozen=True)
class Design:
    """What is measured: a trainer on a board, and the accuracy run that it carries out.

    Parameters
    ----------
    name : str
    config : str
        Configuration file, relative to the file that lists the designs.
    board : str
    preset : str or None
        What :func:`bep_model.configuration.load` takes; None for the training in ``config``.
    refit : bool
        See ``bep.experiments.runs.Run``.
    store : str
        The sample store that feeds the trainer, as for :func:`bep.flow.stores.make`; with one, the
        samples of an epoch have the order "chip".
    clock : str or float
        As for ``bep build --clock``: MHz, so that a design is not routed again and again.
    seed : int
        Of the placer.
    lanes : list of int
        Values of P = Q to synthesise the same network with.
    routed : list of int
        Those of them that are placed and routed, too.
    """

    name: str
    config: str
    board: str
    preset: str | None = None
    refit: bool = False
    store: str = "none"
    clock: str | float = clocks.AUTO
    seed: int = 1
    lanes: tuple = ()
    routed: tuple = ()

    @property
    def order(self):
        """Of the samples in an epoch."""
        return "host" if self.store == "none" else "chip"


def load(path, names=(), board=None):
    """Read a list of designs: TOML, a table each; or a configuration file for this ``board``.

    Returns
    -------
    list of (Design, Config, Preset)
        Those of ``names``, or all.

    Raises
    ------
    ValueError, TypeError, OSError
        For what is wrong with the file or with a file it names.
    """
    path = configuration.locate(path)
    tables = read_toml(path)
    if "trainer" in tables:
        if board is None:
            raise ValueError(f"{path} is a configuration: give its --board")
        refit = not configuration.trained(path).preset.validation
        tables = {path.stem: {"config": path.name, "board": board, "refit": refit}}
    elif board is not None:
        raise ValueError(f"--board {board} is for a configuration; {path} lists designs with "
                         "their boards")
    if not tables:
        raise ValueError(f"{path} has no design")
    for name in names:
        if name not in tables:
            raise ValueError(f"{path} has no design {name!r}; it has {', '.join(tables)}")
    found = []
    for name in names or tables:
        design = record(Design, f"{path}: [{name}]", tables[name], name=name)
        with telling(f"{path}: [{name}]"):  # what is wrong is told before hard work
            setting_of(design.clock, design.board, design.store)
        file = path.parent / design.config
        config = configuration.buildable(file).config
        preset = configuration.trained(design.preset or file).preset
        if (preset.hidden, preset.counter_bits) != (config.layers, config.counter_bits):
            raise ValueError(f"{path}: [{name}] trains {list(config.layers)} with B_h = "
                             f"{config.counter_bits}, its preset {list(preset.hidden)} with "
                             f"{preset.counter_bits}")
        for lanes in design.lanes:
            widened(config, lanes)
        if not set(design.routed) <= set(design.lanes):
            raise ValueError(f"{path}: [{name}] routed must be some of its lanes "
                             f"{list(design.lanes)}, not {list(design.routed)}")
        found.append((design, config, preset))
    return found


def widened(config, lanes):
    """The same network with P = Q = ``lanes``."""
    return replace(config, weight_lanes=lanes, counter_lanes=lanes)


def rates(mhz, measured, power_model, cells):
    """Samples per second, and the band of power and energy, at a clock rate."""
    training = mhz * 1e6 / measured["cycles_per_sample"]
    inference = mhz * 1e6 / measured["inference_cycles_per_sample"]
    power = None if power_model is None else power_model.power(mhz, cells)
    return {
        "mhz": mhz, "training": training, "inference": inference, "power_mw": power,
        "training_uj": power and energy.per_sample(power, training),
        "inference_uj": power and energy.per_sample(power, inference),
    }


def describe(design, config, preset, measured, built):
    """The entry of a design in bench.json, from its cycles and the report of its build."""
    run = preset_run(preset, preset.dataset, refit=design.refit,
                     counter_lanes=config.counter_lanes, order=design.order)
    family = families.of(built["part"])
    model = families.found(family.energy, built["part"])
    cells = built["cells"]["used"]
    return {
        "board": built["board"], "part": built["part"], "store": design.store,
        "cells": built["cells"], **{key: built[key] for key in NAMES},
        "luts_per_lane": built["luts"] / config.weight_lanes,
        **{key: built[key]
           for key in ("fmax_mhz", "clock_mhz", "oscillator_mhz", "pll", "baud", "seed")},
        "configuration": asdict(config) | {"digest": config.digest},
        "preset": preset.name, "run": json.loads(json.dumps(asdict(run))),
        "measured": measured,
        "at_fmax": rates(built["fmax_mhz"], measured, model, cells),
        "at_clock": rates(built["clock_mhz"], measured, model, cells),
        "sample_bytes": sample_bytes(config),
        "link_samples_per_second": link_rate(config, built["baud"]),
        "versions": results.versions("bep-trainer", "amaranth", "numpy", *families.PACKAGES),
    }


def simulate(design, config, preset, data, count, root):
    """Train on real samples in simulated gateware; return what came out, all of it equal.

    With a store, the trainer is fed by it through the pins of the board.

    Raises ValueError if a value of the gateware differs from the golden model, or a cycle counter
    from the formulas.
    """
    job = training_job(config, preset.hyper.parameters(config), data.train.first(count), 1,
                       order=design.order, hyper=preset.hyper)
    options = target(design.board).options | {"root": root}
    store = stores.make(design.store)
    found = check(job, **options) if store is None else check_stored(job, store, **options)
    if found["mismatches"]:
        raise ValueError(f"gateware and golden model differ: {found['report']}")
    return {key: found[key] for key in (
        "samples", "mismatches", "compared_counters", "cycles_per_sample", "cycles_per_phase",
        "simulated_samples_per_second", "core_cycles_per_sample", "fed") if key in found}


def of_board(entry):
    """What the board brings, with the clock and the source of samples that it has.

    ``built_mhz``; trained and inferred samples per second, None if the store's pace is not known,
    because nothing was simulated.
    """
    at, fed = entry["at_clock"], [entry["link_samples_per_second"] / entry["at_clock"]["training"]]
    if entry["store"] != "none":
        fed = entry.get("simulation", {}).get("fed")
    return {"built_mhz": entry["clock_mhz"],
            "board_samples_per_second": fed and at["training"] * min(1, *fed),
            "board_inferred_samples_per_second": fed and at["inference"] * min(1, *fed)}


def run(design, config, preset, data, stages, *, epochs, simulated, sweep, build_dir):
    """Measure one design; return its entry.

    Parameters
    ----------
    design, config, preset : Design, Config, Preset
        As :func:`load` returns them.
    data : Dataset
        Of the preset.
    stages : bep.results.Stages
    epochs : int
        To count, see ``throughput.measure``.
    simulated : int
        Training samples to verify in simulated gateware, 0 or more.
    sweep : bool
        Whether the design is also built with its other numbers of lanes.
    build_dir : path

    Raises
    ------
    ValueError
        For data that do not fit, a network larger than the part, gateware that differs.
    """
    options = target(design.board).options
    data.check(config)

    def measure(config, name, epochs):
        samples = len(data.refit().train if design.refit else data.train)
        return throughput.measure(
            config, data, preset, options, refit=design.refit, epochs=epochs, order=design.order,
            trained=stages.begin(f"{name}: golden model", preset.epochs),
            counted=stages.begin(f"{name}: clock cycles", min(epochs, preset.epochs) * samples))

    measured = measure(config, design.name, epochs)
    built = build(config, design.board, design.seed, build_dir, stages.say(design.name),
                  store=design.store, clock=design.clock)
    entry = describe(design, config, preset, measured, built)
    if simulated:
        stages.begin(f"{design.name}: simulation")
        entry["simulation"] = simulate(design, config, preset, data, simulated, build_dir)
    entry |= of_board(entry)
    entry["sweep"] = []
    for lanes in design.lanes if sweep else ():
        name, other = f"{design.name}, P = Q = {lanes}", widened(config, lanes)
        if lanes in design.routed:
            # All at the oscillator's clock: they are compared, and not meant to be used.
            made = build(other, design.board, design.seed, build_dir, stages.say(name),
                         clock=clocks.OFF)
        else:
            made = synthesize(other, design.board, build_dir, stages.say(name))
        cycles = measure(other, name, min(epochs, SWEPT))
        entry["sweep"].append({
            "lanes": lanes, **{key: made[key] for key in NAMES},
            "luts_per_lane": made["luts"] / lanes, "fmax_mhz": made.get("fmax_mhz"),
            **{key: cycles[key] for key in (
                "cycles_per_sample", "ideal_cycles_per_sample", "efficiency", "cycles",
                "counted_epochs")}})
    stages.end()
    return entry
