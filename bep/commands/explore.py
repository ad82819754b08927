"""`bep explore`: searches networks, lanes and boards for several objectives at once."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from bep import results
from bep.commands import options
from bep.experiments import explore as experiment
from bep.experiments import study as definition
from bep.experiments.runs import content
from bep.reports import study_report
from bep_model.checks import integer
from bep_model.files import check_outputs
from sim import folders

MOST = 1000
"""Builds."""


def command(
    file: Annotated[Path, Argument(
        metavar="STUDY.toml", help="What is searched, for which objectives: docs/explore.md.")],
    storage: Annotated[Path | None, Option(
        help="SQLite file of the trials; the same command goes on from there, also in several "
             "processes at once. By default study.sqlite in the folder of --out.",
        show_default=False)] = None,
    out: Annotated[Path | None, Option(
        help="Folder of study.html, study.csv and study.json; by default build/explore/ and the "
             "study's name.", show_default=False)] = None,
    confirm: Annotated[int, Option(
        help="Build so many designs of the front, minutes each.")] = 0,
    data: options.Data = None,
    scheduler: options.Scheduler = None,
    workers: options.Workers = None,
    build_dir: Annotated[Path, Option(
        rich_help_panel=options.FILES, help="Where builds are kept.")] = Path("build"),
):
    """Search designs for several objectives: accuracy, speed, size, energy; write a report.

    Accuracy is that on validation samples, after training in the golden model; the others come
    from the cost model (docs/cost-model.md).
    """
    integer("confirm", confirm, 0, MOST)
    options.check_workers(scheduler, workers)
    study = definition.load(file)
    options.check_data(study.dataset, data)
    content(study.dataset, data)  # raises for data that are missing or damaged
    out = out or Path("build/explore") / file.stem
    storage = storage or out / "study.sqlite"
    folders.check_writable(out=out, storage=storage.parent)
    with folders.made(out, storage.parent):
        check_outputs({"STUDY.toml": file, "--dataset": options.file_of(study.dataset)},
                      **{"--storage": storage, "--out": out / "study.json"})
        try:
            trials = experiment.explore(study, storage, data=None if data is None else str(data),
                                        scheduler=scheduler, workers=workers)
        except KeyboardInterrupt as stop:
            stop.add_note(f"the trials are in {storage}; the same command goes on from there")
            raise
        if confirm:
            with results.Stages() as stages:
                trials = experiment.confirmed(trials, confirm, build_dir,
                                              stages.say("build of trial"))
        report(study, trials, file, out)
    states = [trial["state"] for trial in trials]
    front = sorted((trial for trial in trials if trial["front"]),
                   key=lambda trial: -trial["values"]["accuracy"])
    results.table(f"the front: {len(front)} of {len(trials)} designs ({states.count('stopped')} "
                  f"stopped early, {states.count('infeasible')} infeasible)", [
        ("", "network", "B_h", "P, Q", *study.objectives),
        *((str(trial["number"]), trial["network"], trial["counter_bits"],
           f"{trial['weight_lanes']}, {trial['counter_lanes']}",
           *(shown(name, trial["values"][name]) for name in study.objectives))
          for trial in front)])
    results.say(f"report: {out / 'study.html'}")


def report(study, trials, file, out):
    """Write the report of a study into a folder."""
    study_report.write({
        "name": file.stem, "title": f"{file.stem}: {study.dataset} on {', '.join(study.boards)}",
        "command": shlex.join(["bep", *sys.argv[1:]]),
        "versions": results.versions("bep-trainer", "numpy", "optuna", "amaranth"),
        "toml": file.read_text(encoding="utf-8"), "dataset": study.dataset,
        "boards": list(study.boards), "epochs": study.epochs, "seed": study.seed,
        "objectives": [{"name": name, "direction": direction} for name, direction in
                       zip(study.objectives, study.directions, strict=True)],
        "constraints": list(study.constraints), "trials": trials}, out)


def shown(name, value):
    """A value of an objective as a text."""
    return f"{value:.1%}" if name == "accuracy" else f"{value:,.4g}" if value < 100 else \
        f"{value:,.0f}"
