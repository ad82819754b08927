"""From results of runs to docs/results.md: aggregates as JSON, figures, and the document."""

import json
import statistics
from dataclasses import asdict, replace
from pathlib import Path

from bep import cited
from bep.experiments.experiments import EXPERIMENTS
from bep.reports import documents, figures
from bep_model.data import catalogue
from bep_model.files import replacing


def told(labels):
    """Labels in a few words: ``width 75, layers 2``."""
    return ", ".join(f"{name} {value}" for name, value in labels.items())


def shortened(points, count=4):
    """At most ``count`` of the points, each with a very short run."""
    step = -(-len(points) // count)
    return [replace(point, run=point.run.small()) for point in points[::step]]


def check_complete(names, quick, seeds):
    """Raise ValueError for runs that are too few for the project's documents."""
    if quick:
        raise ValueError("--docs takes complete runs only, not those of --quick")
    for name in names:
        wanted = EXPERIMENTS[name].seeds
        if seeds is not None and seeds < wanted:
            raise ValueError(f"--docs takes complete runs only: {name} needs --seeds {wanted} or "
                             f"more, not {seeds}")


# Aggregates

def repeated(point, seeds):
    """The runs of a point, fewer than ``seeds`` if some of them are the same."""
    return list(dict.fromkeys(point.run.seeded(seed) for seed in range(1, seeds + 1)))


def aggregate(point, seeds, found):
    """One point over its seeds: accuracies in percent, mean and sample standard deviation.

    Parameters
    ----------
    point : Point
    seeds : int
        Seeds 1..seeds were run.
    found : dict of str to dict
        Results by digest.

    Returns
    -------
    dict
        JSON; ``sd`` is None for a single run.
    """
    runs = [found[run.digest] for run in repeated(point, seeds)]
    tests = [100 * run["test_accuracy"] for run in runs]
    held = [100 * run["validation_accuracy"] for run in runs
            if run["validation_accuracy"] is not None]  # a refit has none
    return {
        "labels": point.labels, "paper": point.paper, "n": len(runs),
        "mean": round(statistics.mean(tests), 4),
        "sd": round(statistics.stdev(tests), 4) if len(tests) > 1 else None,
        "test": [round(test, 4) for test in tests],
        "validation_mean": round(statistics.mean(held), 4) if held else None,
        "triggered": triggered(runs),
        "stored_bits": runs[0]["stored_bits"],
        "seconds": round(sum(run["seconds"] for run in runs), 2),
        "samples_per_second": round(statistics.mean(run["samples_per_second"] for run in runs))
        if all(run.get("samples_per_second") for run in runs) else None,
        "run": asdict(point.run),
        **(of_images(point, tests) if "inputs" in point.labels and point.run.windows else {}),
    }


def of_images(point, tests):
    """What a convolutional network is, and reaches, in words of its own."""
    run = point.run
    return {
        "dataset": run.dataset, "bits_per_pixel": catalogue.bits_per_pixel(run.encoding),
        "model": run.model,
        "test_mean": statistics.mean(tests), "seeds": len(tests),
        "test_std": statistics.stdev(tests) if len(tests) > 1 else None,
        "configuration": {"layers": list(run.hidden), "windows": list(map(list, run.windows)),
                          "counter_bits": run.counter_bits, "encoding": run.encoding},
    }


def triggered(runs):
    """Samples that trigger an update, in percent of each epoch, mean over runs; None if unknown.

    They decide the speed of a trainer: other samples need only forward and classify.
    """
    if not all("history" in run for run in runs):  # of a baseline, or of several folds
        return None
    return [round(100 * statistics.mean(epoch["triggered"] for epoch in same), 2)
            for same in zip(*(run["history"] for run in runs), strict=True)]


def write(docs, name, points, seeds, found, command):
    """Write docs/results/NAME.json and the figures of an experiment."""
    used, data = {}, {}
    for point in points:
        for run in repeated(point, seeds):
            data[run.dataset] = found[run.digest].get("data")
            for package, version in found[run.digest]["versions"].items():
                used.setdefault(package, set()).add(str(version))
    document = {
        "experiment": name, "command": command,
        "versions": {package: " and ".join(sorted(each)) for package, each in used.items()},
        "data": data,  # checksums of data that are read from files
        "points": [aggregate(point, seeds, found) for point in points],
    }
    head = json.dumps(document | {"points": None}, indent=2, allow_nan=False)
    lines = ",\n".join(f"    {json.dumps(point, allow_nan=False)}" for point in document["points"])
    with replacing(Path(docs) / "results" / f"{name}.json") as file:  # a line for each point
        file.write(head.replace('"points": null', f'"points": [\n{lines}\n  ]').encode() + b"\n")
    for figure, path in pictures(docs, name):
        figures.accuracies(path, document["points"], figure)


def pictures(docs, name):
    """Pairs (Figure, path) of an experiment."""
    folder = Path(docs) / "figures"
    return [(figure, folder / f"{name}{f'-{number}' if number else ''}.svg")
            for number, figure in enumerate(EXPERIMENTS[name].figures)]


# The document

def value(point):
    """Mean and deviation as a table shows them."""
    return f"{point['mean']:.1f}" + ("" if point["sd"] is None else f" ± {point['sd']:.1f}")


def table(document, columns=None):
    """Lines of a table, its heading first, all texts.

    With ``columns``, the values of that label are columns, and only accuracies are shown.
    """
    points = document["points"]
    if columns is not None:
        across = list(dict.fromkeys(point["labels"][columns] for point in points))
        rows = {}
        for point in points:
            labels = dict(point["labels"])
            place = labels.pop(columns)
            rows.setdefault(tuple(labels.items()), {})[place] = value(point)
        first = points[0]["labels"]
        return [[name for name in first if name != columns]
                + [f"{columns} = {place}" for place in across],
                *([str(text) for _, text in labels] + [cells.get(place, "") for place in across]
                  for labels, cells in rows.items())]
    paper = any(point["paper"] is not None for point in points)
    heading = [*points[0]["labels"], "ours, %", "n", *["paper, %", "difference"] * paper]
    lines = [heading]
    for point in points:
        line = [*map(str, point["labels"].values()), value(point), str(point["n"])]
        if paper:
            known = point["paper"] is not None
            line += [f"{point['paper']:.1f}", f"{ahead(point, point['paper']):+.1f}"] if known \
                else ["", ""]
        lines.append(line)
    return lines


def below_paper(document):
    """Texts of the points that do not reach the paper's value, with the difference."""
    return [f"{told(point['labels'])} ({lead:+.1f})" for point in document["points"]
            if point["paper"] is not None and (lead := ahead(point, point["paper"])) < 0]


def ahead(point, other):
    """Percentage points by which a mean is above another value, both rounded as tables show them.

    So a reader who subtracts the printed figures finds the printed difference.
    """
    shown = [float(f"{number:.1f}") for number in (point["mean"], other)]
    return round(shown[0] - shown[1], 1) + 0.0  # not -0.0


def against_baselines(document):
    """BEP and each baseline: lines (task, net, BEP, baseline's name and value, difference)."""
    by_task = {}
    for point in document["points"]:
        labels = point["labels"]
        by_task.setdefault((labels["data set"], labels["net"]), {})[labels["model"]] = point
    return [(*task, value(models["bep"]), name, value(other), ahead(models["bep"], other["mean"]))
            for task, models in by_task.items() if "bep" in models
            for name, other in models.items() if name != "bep"]


def against_cited(document):
    """Points and the Tsetlin machine's figures: lines (labels, ours, cited, difference)."""
    known = {task.lower(): value for task, value in cited.TRAINERS[0].accuracies.items()}
    return [(point["labels"], value(point), other, ahead(point, other))
            for point in document["points"]
            if (other := known.get(point["labels"]["data set"])) is not None]


def render(docs):
    """Write results.md in the folder ``docs`` from results/\\*.json there; return its text.

    Experiments without a file are listed as not run. Raises ValueError for a damaged file.
    """
    docs = Path(docs)
    present = {name: document for name in EXPERIMENTS
               if (document := documents.stored(docs, name)) is not None}
    text = documents.render(
        "results.md.j2", cited=cited, experiments=EXPERIMENTS, documents=present, table=table,
        below_paper=below_paper,
        against_baselines=against_baselines, against_cited=against_cited,
        pictures=lambda name: [path.relative_to(docs) for _, path in pictures(docs, name)])
    documents.write(docs / "results.md", text)
    return text
