"""`bep reproduce NAME`: one command per result of docs/results.md."""

import shlex
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from bep import results as output
from bep.commands import options
from bep.experiments.experiments import EXPERIMENTS
from bep.experiments.runs import content
from bep.experiments.workers import carry_out
from bep.reports import report
from bep_model.checks import integer
from bep_model.files import check_outputs
from sim import folders

MOST = 1000
"""Repetitions, and processes."""


def planned(name, quick):
    """Points of an experiment; with ``quick`` at most four, with runs that take a moment."""
    if name not in EXPERIMENTS:
        raise ValueError(f"unknown experiment {name!r}; known are {', '.join(EXPERIMENTS)}")
    points = list(EXPERIMENTS[name].points())
    return report.shortened(points) if quick else points


def reproduce(
    names: Annotated[list[str] | None, Argument(
        metavar="NAME...", show_default=False,
        help=f"Experiments: {', '.join(EXPERIMENTS)}.")] = None,
    quick: Annotated[bool, Option(
        "--quick", help="A smoke version: a few points, 200 samples, 2 epochs.")] = False,
    seeds: Annotated[int | None, Option(
        help="Repetitions, with the seeds 1, 2, ... [default: 3, of random-prototypes and "
             "random-prototypes-samples 5].")] = None,
    data: options.Data = None,
    scheduler: options.Scheduler = None,
    workers: options.Workers = None,
    folder: Annotated[Path, Option(
        "--results", help="Folder of the results of single runs.")] = Path("build/results"),
    docs: Annotated[Path | None, Option(
        help="Folder of the document, as docs of this project, which takes complete runs only: no "
             "--quick, no fewer seeds than before. By default build/docs, with --quick "
             "build/quick.", show_default=False)] = None,
    only_list: Annotated[bool, Option(
        "--list", help="Print the names of the experiments.")] = False,
    only_report: Annotated[bool, Option(
        "--report", help="Only write results.md anew.")] = False,
):
    """Carry out experiments and write their tables and figures into build/docs/results.md.

    A run whose result is in the folder of results is not repeated. The project's own
    docs/results.md is only written with --docs docs.
    """
    if only_list:
        typer.echo("\n".join(EXPERIMENTS))
        return
    if not names and not only_report:
        raise ValueError(f"name an experiment: {', '.join(EXPERIMENTS)}")
    if seeds is not None:
        integer("seeds", seeds, 1, MOST)
    options.check_workers(scheduler, workers)
    plans = {name: planned(name, quick) for name in names or ()}
    if docs is not None and names:
        report.check_complete(names, quick, seeds)
    for dataset in {point.run.dataset for points in plans.values() for point in points}:
        content(dataset, data)  # raises for data that are missing or damaged
    docs = docs or Path("build", "quick" if quick else "docs")
    folders.check_writable(folder=folder)
    for made in (folder, docs / "results", docs / "figures"):
        made.mkdir(parents=True, exist_ok=True)
    check_outputs(document=docs / "results.md", **{
        name: docs / "results" / f"{name}.json" for name in plans})
    missing = []
    for name, points in plans.items():
        output.console.rule(name)
        repeats = seeds or EXPERIMENTS[name].seeds
        runs = {f"{name}, {report.told(point.labels)}, seed {run.seed}": run
                for point in points for run in report.repeated(point, repeats)}
        found = carry_out(runs, folder, data=None if data is None else str(data),
                          scheduler=scheduler, workers=workers)
        lost = [run for run in runs.values() if run.digest not in found]
        if lost:
            missing.append(f"{name} ({len(lost)} of {len(runs)} runs failed)")
            continue
        command = ["bep", "reproduce", name, *["--quick"] * quick, "--seeds", str(repeats)]
        report.write(docs, name, points, repeats, found, shlex.join(command))
    if only_report or len(missing) < len(plans):
        report.render(docs)
        output.console.print(f"written: {docs / 'results.md'}", soft_wrap=True)
    if missing:
        raise ValueError(f"not written: {', '.join(missing)}")
