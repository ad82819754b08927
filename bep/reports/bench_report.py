"""What `bep bench` writes: docs/results/bench.json, docs/throughput.md, a table of README.md."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from bep import cited, results
from bep.experiments.runs import Run
from bep.flow import clocks, families
from bep.flow.boards import NAMES, target, usage
from bep.reports import documents
from bep_model.files import check_outputs
from bep_model.fit.presets import net_name
from bep_model.protocol import Cause

TABLES = {"boards": "bep bench: boards", "bench": "bep bench"}
"""Templates of the README's tables, and what stands in comments before and after them."""

FED = {"none": "comes over the serial port", "sdram": "in SDRAM", "flash": "in SPI flash",
       "block": "in block RAM"}
"""Where a training set is, by the kind of a sample store."""

HEADINGS = {"luts": "LUT4", "ffs": "FF", "brams": "block RAM", "spram": "SPRAM"}


# Numbers as texts

def number(value, digits=0):
    """A number with so many decimals, nothing for None."""
    return "" if value is None else f"{value:,.{digits}f}"


def point_of(entry, points):
    """The point of the accuracy run of a design, with its seeds; None if there is none.

    Parameters
    ----------
    entry : dict
        Of bench.json.
    points : list of dict
        Of docs/results/headline.json.
    """
    for point in points:
        data = {point.get("data"), entry.get("data")} - {None}  # older results do not tell
        if len(data) < 2 and same(point["run"], entry["run"]):
            return point
    return None


def accuracy(entry, points):
    """Test accuracy in percent: of :func:`point_of`, else of the run counted here."""
    if (point := point_of(entry, points)) is None:
        return f"{100 * entry['measured']['run_accuracy']:.1f} % (n = 1)"
    spread = "" if point["sd"] is None else f" ± {point['sd']:.1f}"
    return f"{point['mean']:.1f}{spread} % (n = {point['n']})"


def same(one, other):
    """Whether two runs of ``bep.experiments.runs``, as JSON, differ in their seeds at most."""
    return whole(one) == whole(other)


def whole(run):
    """A run as JSON, without seeds; fields that it is too old to have are at their default."""
    default = json.loads(json.dumps(asdict(Run("digits", ()))))
    found = default | run | {"hyper": default["hyper"] | run.get("hyper", {})}
    return {name: value for name, value in found.items() if name not in ("seed", "data_seed")}


# Tables: lists of texts, the heading first

def size(entry):
    """Resources as texts."""
    return [number(entry[key]) for key in NAMES]


def clock(entry):
    """The clock of the bitstream in MHz; whose it is, if it is not the PLL's."""
    return number(entry["clock_mhz"], 1) + ("" if entry.get("pll") else " (oscillator)")


def net(entry):
    """A network's widths: ``784-135-135``, or ``3136-112f8s1p6-60`` with filters."""
    config = entry["configuration"]
    return f"{config['inputs']}-{net_name(config['layers'], config.get('windows', ()))}"


def summary(entries, points, trainers):
    """One line per design, then the cited trainers."""
    lines = [["design", "part", "logic cells", "LUT4, FF, block RAM, SPRAM", "Fmax, MHz",
              "clock, MHz", "cycles per trained sample", "trained samples/s", "inferred samples/s",
              "test accuracy", "µJ per trained sample, modelled"]]
    for name, entry in entries.items():
        measured, built, cells = entry["measured"], entry["at_clock"], entry["cells"]
        lines.append([
            f"{name}, {net(entry)}, {entry['run']['dataset']}", entry["part"],
            f"{number(cells['used'])} ({cells['used'] / cells['available']:.0%})",
            "; ".join(size(entry)), number(entry["fmax_mhz"], 1), clock(entry),
            f"{number(measured['cycles_per_sample'])} ({measured['efficiency']:.0%} of them ideal)",
            number(built["training"]), number(built["inference"]), accuracy(entry, points),
            results.band(built["training_uj"])])
    for trainer in trainers:
        used = trainer.inference_energy
        lines.append([
            f"[{trainer.venue}]({trainer.url}), {trainer.task}", trainer.part, "", "", "",
            number(trainer.mhz), number(trainer.cycles), number(trainer.training),
            number(trainer.inference), f"{trainer.accuracy:.1f} %",
            "" if used is None else f"({used} per classification)"])
    return lines


def trained(entries, points):
    """One line per design, the fastest first: what its board trains, as it is built and fed."""
    lines = [["board", "training set", "network", "trained samples/s", "test accuracy", "by"]]
    known = [entry for entry in entries.values() if entry.get("board_samples_per_second")]
    for entry in sorted(known, key=lambda entry: -entry["board_samples_per_second"]):
        place = FED[entry["store"].partition(":")[0]]
        lines.append([target(entry["board"]).name, f"{entry['run']['dataset']}, {place}",
                      net(entry), f"**{number(entry['board_samples_per_second'])}**",
                      accuracy(entry, points), f"`{entry['command']}`"])
    return lines


def phases(entries):
    """Cycles per sample by phase: first and last epoch, and over the run."""
    names = [cause.name.lower() for cause in Cause]
    lines = [["design", "epochs", *names, "sum"]]
    for name, entry in entries.items():
        measured = entry["measured"]
        for what, cycles in (("first", measured["first"]), ("last", measured["last"]),
                             ("mean over the run", measured["cycles"])):
            lines.append([name, what, *(number(cycles[phase], 1) for phase in names),
                          number(sum(cycles.values()), 1)])
    return lines


def speeds(entries):
    """Samples per second, power and energy at the bitstream's clock and at Fmax."""
    lines = [["design", "clock, MHz", "trained samples/s", "inferred samples/s",
              "the serial port brings (bytes per sample)", "sample store",
              "the board trains, samples/s", "mW", "µJ per trained sample",
              "µJ per inferred sample"]]
    for name, entry in entries.items():
        link = f"{number(entry['link_samples_per_second'])} ({entry['sample_bytes']})"
        for mhz, at in ((clock(entry), entry["at_clock"]),
                        (f"{number(entry['fmax_mhz'], 1)} (Fmax)", entry["at_fmax"])):
            lines.append([
                name, mhz, number(at["training"]),
                number(at["inference"]), link, entry.get("store", "none"),
                number(entry.get("board_samples_per_second") if at is entry["at_clock"] else None),
                *(results.band(at[key]) for key in ("power_mw", "training_uj", "inference_uj"))])
    return lines


def sweeps(entries):
    """The same network with other numbers of lanes; not all of them are routed."""
    lines = [["design", "P = Q", *HEADINGS.values(), "LUT4 per lane", "Fmax, MHz",
              "cycles per trained sample", "trained samples/s at Fmax", "efficiency",
              "epochs counted"]]
    for name, entry in entries.items():
        for point in entry["sweep"]:
            mhz, cycles = point["fmax_mhz"], point["cycles_per_sample"]
            lines.append([
                name, number(point["lanes"]), *size(point), number(point["luts_per_lane"], 1),
                number(mhz, 1), number(cycles), number(mhz and mhz * 1e6 / cycles),
                f"{point['efficiency']:.0%}", str(len(point["counted_epochs"]))])
    return lines


# Files

def check(docs, readme, designs=None):
    """Raise if :func:`write` could not do its work: to be called before hard work."""
    import jinja2  # noqa: F401  an extra: that it is missing is told here

    check_outputs({"FILE": designs}, results=docs / "results" / "bench.json",
                  document=docs / "throughput.md", readme=readme)
    for name in ("bench", "headline"):
        documents.stored(docs, name)
    if readme is not None:
        renewed(readme, dict.fromkeys(TABLES, ""))


def check_complete(docs, designs, epochs, simulated):
    """Raise ValueError for measurements that are less than what the documents in ``docs`` have.

    ``designs`` are lines of ``bep.experiments.designs.load``.
    """
    entries = documents.stored(docs, "bench") or {}
    for design, _, preset in designs:
        if (known := entries.get(design.name)) is None:
            continue
        counted = min(len(known["measured"]["counted_epochs"]), preset.epochs)
        samples = known.get("simulation", {"samples": 0})["samples"]
        lacking = [*[f"--epochs {counted}"] * (epochs < counted),
                   *[f"--simulate {samples}"] * (simulated < samples)]
        if lacking:
            raise ValueError(f"--docs takes complete runs only: {design.name} needs "
                             f"{' '.join(lacking)}")


def renewed(readme, tables):
    """The README's text with other :data:`TABLES`; ValueError if it has no place for one."""
    text = Path(readme).read_text(encoding="utf-8")
    for template, table in tables.items():
        first, last = f"<!-- {TABLES[template]} -->", f"<!-- end of {TABLES[template]} -->"
        before, begin, rest = text.partition(first)
        _, end, after = rest.partition(last)
        if not begin or not end:
            raise ValueError(f"{readme} lacks the lines {first} and {last}")
        text = f"{before}{first}\n{table}{last}{after}"
    return text


def write(docs, readme, new):
    """Store entries of designs by name, and write the documents anew from all there are then.

    ``readme`` may be None: no README.
    """
    points, stored = list(measured_points(docs)), documents.stored(docs, "bench") or {}
    new = {name: entry | swept(stored.get(name), entry) for name, entry in new.items()}
    entries = {name: entry | {"accuracy_mean": (point["mean"] if (
        point := point_of(entry, points)) else 100 * entry["measured"]["run_accuracy"])}
        for name, entry in (stored | new).items()}
    if not entries:
        raise ValueError(f"{docs / 'results' / 'bench.json'} has no design yet")
    texts = {docs / "throughput.md": render("throughput", docs, entries, cited.TRAINERS)}
    if readme is not None:
        texts[readme] = renewed(readme, {
            template: render(template, docs, entries, cited.TRAINERS[:1]) for template in TABLES})
    results.write_json(docs / "results" / "bench.json", entries)
    for path, text in texts.items():
        documents.write(path, text)


def swept(known, entry):
    """The figures with other lanes, and their command; those ``known`` of the same network, if an
    entry has none.
    """
    if entry["sweep"]:
        return {"sweep_command": entry["command"]}
    if not known or known["configuration"]["digest"] != entry["configuration"]["digest"] \
            or not known["sweep"]:
        return {}
    return {"sweep": known["sweep"], "sweep_command": known.get("sweep_command", known["command"])}


def render(template, docs, entries, trainers):
    """The text of a template, with these cited trainers beside ours."""
    points = list(measured_points(docs))
    bauds = sorted({entry.get("baud", 1_000_000) for entry in entries.values()})
    return documents.render(
        f"{template}.md.j2", entries=entries, summary=summary(entries, points, trainers),
        trained=trained(entries, points),
        phases=phases(entries), speeds=speeds(entries), sweeps=sweeps(entries), cited=cited,
        bauds=" and ".join(f"{baud / 1e6:g} Mbaud" for baud in bauds),
        margin=clocks.MARGIN,
        models=[pair for family in families.FAMILIES for pair in family.energy.items()])


def measured_points(docs):
    """The points of the experiments that have the accuracies of designs, each with its data."""
    for name in ("headline", "orders"):
        stored = documents.stored(docs, name) or {}
        for point in stored.get("points", []):
            yield point | {"data": stored.get("data", {}).get(point["run"].get("dataset"))}


def show(name, entry):
    """Print a design as tables."""
    measured, built = entry["measured"], entry["at_clock"]
    results.table(f"{name}: {net(entry)}, {entry['part']}", [
        *usage(entry),
        ("clock, MHz", clock(entry)),
        ("fastest clock", f"{entry['fmax_mhz']:.1f} MHz"),
        *((f"cycles per trained sample: {phase}", number(value, 1))
          for phase, value in measured["cycles"].items()),
        ("cycles per trained sample", number(measured["cycles_per_sample"], 1)),
        ("ideal cycles per trained sample", number(measured["ideal_cycles_per_sample"], 1)),
        ("efficiency", f"{measured['efficiency']:.1%}"),
        ("trained samples per second", number(built["training"])),
        ("inferred samples per second", number(built["inference"])),
        ("samples per second that the serial port brings",
         number(entry["link_samples_per_second"])),
        ("test accuracy of this run", f"{measured['run_accuracy']:.2%}"),
        ("modelled power, mW", results.band(built["power_mw"])),
        ("modelled energy per trained sample, µJ", results.band(built["training_uj"])),
        *((f"simulated: {key.replace('_', ' ')}", ", ".join(
            number(each, digits) for each in np.atleast_1d(entry["simulation"][key])))
          for key, digits in (("samples", 0), ("mismatches", 0), ("cycles_per_sample", 1),
                              ("fed", 3), ("simulated_samples_per_second", 0))
          if key in entry.get("simulation", {})),
        ("samples per second that the board trains",
         number(entry.get("board_samples_per_second"))),
    ])
    if entry["sweep"]:
        results.table(f"{name}: LUT4 per lane, cycles per trained sample", [
            (f"P = Q = {point['lanes']}", f"{point['luts_per_lane']:.1f}, "
             f"{point['cycles_per_sample']:,.0f}") for point in entry["sweep"]])
