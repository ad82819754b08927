"""`bep verify --start`: a training goes on in simulated gateware, and may move on from there."""

import shlex
import sys

import numpy as np

from bep import results
from bep.commands import options
from bep.commands.train import moving
from bep.flow.boards import target
from bep_model import configuration, state
from bep_model.checks import integer
from bep_model.fit import portable, training
from bep_model.fit.checkpoint import Checkpoint
from bep_model.fit.hyper import Hyper
from bep_model.network import Network
from sim.check import epochs_job, observed

OWN = ("start", "until", "save", "json", "dataset", "data", "board", "build_dir", "waves",
       "counters", "idle", "backpressure")
"""Options that go with --start; what the others say is in its file."""


def run(context, start, until, *, dataset, data, board, root, waves, every, idle, backpressure):
    """Go on from a state file in the golden model and in simulated gateware, and compare.

    Parameters
    ----------
    context : typer.Context
        Of the command.
    start, until, dataset, ..
        Values of the command's options; ``every`` is whether ``--counters`` says so.

    Returns
    -------
    (dict, callable, Config, dict)
        Result of ``sim.check.check``; what writes a state file, given its path; the trainer's
        configuration; what the result is about.

    Raises
    ------
    ValueError
        For an option that the file decides, and a file without an unfinished training.
    """
    given = options.given(context)
    for each in context.command.params:
        if each.name not in OWN and each.name in given:
            raise ValueError(f"{each.opts[0]} does not go with --start {start}, whose file tells "
                             "it")
    checkpoint = Checkpoint(source=start)
    if checkpoint.begun is None:
        raise ValueError(f"--start {start} has no unfinished training, as `bep train --until` "
                         "writes it")
    begun = checkpoint.begun
    told, kept = begun.facts, dict(begun.options)
    found, done = configuration.buildable(start), len(begun.history)
    last = integer("until", told["epochs"] if until is None else until, done + 1, told["epochs"])
    samples = options.samples(
        found, dataset or kept["dataset"], data, kept.get("encoding", "default"),
        kept["validation"], kept["train_samples"], kept["data_seed"],
        fold=kept["fold"], **{name: kept.get(name, default)
                              for name, default in options.SEQUENCE_DEFAULTS.items()})
    hyper = Hyper(**{name: told[name] for name in Hyper.__dataclass_fields__})
    network = Network(found.config, literal_targets=told["literal_targets"])
    checkpoint.options, ends = kept, []
    with results.Stages() as stages:
        step = stages.begin("golden model, epochs", last, done)

        def progress(epoch):
            ends.append(network.counters)
            if epoch.epoch >= done:
                step(1)

        history = training.fit(
            network, samples, epochs=told["epochs"], hyper=hyper, seed=told["seed"],
            keep_best=told["keep_best"], order=told["order"], checkpoint=checkpoint, until=last,
            progress=progress)
        stages.begin("simulation (building it takes most of a short one)")
        before = state.load(start, state.State(found.config))
        job = epochs_job(before, samples.train, history[done:], told["seed"], told["order"],
                         training.augmenting(found.config, hyper), every=every, idle=idle,
                         backpressure=backpressure)
        result, counters, bank = observed(
            job, root=root, waves=waves, command=shlex.join(["bep", *sys.argv[1:]]),
            **(target(board).options if board else {}))
    if not result["mismatches"]:  # two ways to the same state
        assert all(map(np.array_equal, counters, ends[-1])) and np.array_equal(bank, network.bank)
    ended = state.State(found.config, network.counters if len(history) == told["epochs"]
                        else counters, bank, network.sweep_count,
                        thresholds=network.thresholds)

    def write(path):
        state.save(path, ended, estimator=portable.of_training(
            found.config, samples, hyper, history, seed=told["seed"]),
            **moving(checkpoint, history, told["epochs"]))

    return result, write, found.config, {
        "dataset": dataset or kept["dataset"], "seed": told["seed"], "epochs": told["epochs"],
        "until": last}
