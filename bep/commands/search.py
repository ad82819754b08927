"""`bep search`: hyper-parameters by Optuna, on validation accuracy alone."""

import json
import os
import shlex
import sys
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import optuna
import typer
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from typer import Option

from bep import results
from bep.commands import options
from bep.experiments.runs import content
from bep_model import configuration
from bep_model.checks import MOST_SEED, called, integer
from bep_model.config import divisors as all_divisors
from bep_model.data import datasets
from bep_model.files import check_outputs, written_to
from bep_model.fit import training
from bep_model.fit.hyper import Hyper
from bep_model.fit.presets import Preset
from bep_model.network import Network
from bep_model.parameters import nearest_divisor

START = Hyper(nu=0.2, group=15, sweep=100, reinforce_bits=16)
"""First trial of a search that starts from no preset; the values are near the paper's."""
SPACE = {each.name: each.metadata["search"] for each in fields(Hyper) if each.metadata["search"]}
"""The hyper-parameters that are searched, and where."""
STARTUP = 10
"""Trials at random before the sampler draws on what it has seen and any trial is pruned."""
WARMUP = 3
"""Epochs that a trial runs at least."""


def suggest(trial, preset):
    """Hyper-parameters of a trial: some are searched, the others are those of the preset.

    A step of reinforcement and one of an update weigh the same, so the strength of the former is
    searched in parts of the thinning of the latter, as ``balance``. ``kappa`` is searched if the
    preset has one: it is not in the paper.
    """
    def drawn(name):
        if name == "group":
            return trial.suggest_categorical(name, group_sizes(preset))
        low, high, log, digits = SPACE[name]
        return round(trial.suggest_float(name, low, high, log=log), digits)

    thinning = drawn("thinning")
    balance = trial.suggest_float("balance", 0.02, 2, log=True)
    values = {"thinning": thinning, "p_r": round(balance * thinning, 3),
              "kappa": preset.hyper.kappa and drawn("kappa")}
    return replace(preset.hyper, **values, **{
        name: drawn(name) for name in SPACE if name not in values})


def group_sizes(preset):
    """Group sizes worth a trial: divisors of the widest layer, of the space if any are."""
    sizes = all_divisors(max(preset.hidden))
    return [d for d in sizes if d >= SPACE["group"].low] or list(sizes)


def start(preset):
    """The point of the search where :func:`suggest` gives the preset's own values, or nearly so."""
    hyper = preset.hyper
    group = nearest_divisor(max(preset.hidden), hyper.group)
    return {name: getattr(hyper, name) for name in SPACE if name != "kappa" or hyper.kappa} | {
        "group": max(group, min(group_sizes(preset))),
        "balance": hyper.p_r / max(hyper.thinning, SPACE["thinning"].low)}


def search(preset, *, trials, seed=1, config=None, data=None, data_seed=0,
           storage=None, progress=None):
    """Look for the hyper-parameters of the best validation accuracy.

    Every trial trains a network anew and is worth the best validation accuracy of its epochs; it
    ends early if after some epoch that is below the median of the earlier trials. The test part is
    put away before the first trial.

    Parameters
    ----------
    preset : Preset
        What to train. Its own hyper-parameters are the first trial; those not searched stay.
    trials : int
        Trials of the study in all: those already in the storage count.
    seed : int
        Of the networks, their sample order, and the sampler, 0..2**32-1.
    config : Config, optional
        Of the networks; by default one that fits the data.
    data, data_seed
        Folder and seed of the data set, see :func:`datasets.load`.
    storage : path-like, optional
        Journal file. A study of the same preset, seeds, numerics and content of the data that it
        holds is continued, and is the same in the end as one that was never stopped.
    progress : callable, optional
        Called with the study before the first trial and after every one.

    Returns
    -------
    (Configuration, optuna.Study)
        The trainer, its preset with the best values found, and all trials.

    Raises
    ------
    TypeError, ValueError, OSError
        For values or data that are not allowed.
    """
    integer("trials", trials, 1)
    integer("seed", seed, 0, MOST_SEED)
    samples = datasets.load(preset.dataset, data=data, seed=data_seed, encoding=preset.encoding)
    samples = replace(samples, test=samples.train.first(0))
    config = config or preset.config(samples)
    training.check(config, samples, preset.epochs, preset.hyper)

    def objective(trial):
        network, best = Network(config), 0.0
        hyper = suggest(trial, preset)
        training.begin(network, samples.train.x, hyper, seed)

        def report(epoch):
            nonlocal best
            best = max(best, epoch.validation_accuracy)
            trial.report(best, epoch.epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

        training.fit(network, samples, epochs=preset.epochs, hyper=hyper, seed=seed,
                     progress=report)
        return best

    optuna.logging.set_verbosity(optuna.logging.ERROR)  # what ends a trial is raised besides
    checksum = content(preset.dataset, data)
    with nullcontext() if storage is None else whole_lines(storage):
        study = open_study(preset, config, seed, data_seed, checksum, storage)
        if progress is not None:
            progress(study)
        while (number := finished(study)) < trials:
            # Each trial has its own random numbers, and sees no trial that was stopped.
            study.sampler = optuna.samplers.TPESampler(
                n_startup_trials=STARTUP, constant_liar=False,
                seed=int(np.random.SeedSequence([seed, number]).generate_state(1)[0]))
            study.optimize(objective, n_trials=1,
                           callbacks=[] if progress is None else [lambda study, _: progress(study)])
    best = optuna.trial.FixedTrial(study.best_params)
    found = replace(preset, hyper=suggest(best, preset))
    return configuration.Configuration(config, found.hyper.parameters(config), found), study


def open_study(preset, config, seed, data_seed, checksum, storage):
    """The study of a preset, from its storage if it is in there."""
    study = optuna.create_study(
        study_name=f"{preset}, seed {seed}, data seed {data_seed}, data {checksum}, "
                   f"trainer {config.digest}",
        storage=None if storage is None else JournalStorage(JournalFileBackend(str(storage))),
        load_if_exists=True,
        direction="maximize",
        pruner=optuna.pruners.MedianPruner(STARTUP, WARMUP),
    )
    if not finished(study) and not any(trial.state.name == "WAITING" for trial in study.trials):
        study.enqueue_trial(start(preset))
    return study


def check_journal(path):
    """Raise ValueError if a file that exists is no journal of trials; return its whole lines."""
    octets = Path(path).read_bytes() if Path(path).exists() else b""
    *lines, rest = octets.split(b"\n")
    try:
        known = all("op_code" in dict(json.loads(line)) for line in lines)
    except (ValueError, TypeError, RecursionError):
        known = False
    head = b'{"op_code":'
    if not known or (not lines and rest[:len(head)] != head[:len(rest)]):
        raise ValueError(f"{path} is no journal of trials, or is damaged")
    return octets[:len(octets) - len(rest)]


@contextmanager
def whole_lines(path):
    """A journal in use: a line that was cut off, by a full disk perhaps, is taken off it."""
    def cut():
        with suppress(FileNotFoundError):
            os.truncate(path, len(check_journal(path)))

    cut()
    there = os.path.exists(path)
    try:
        yield
    except Exception as error:
        cut()
        if not there and os.path.exists(path) and not os.path.getsize(path):
            os.unlink(path)
        found: BaseException | None = error
        while found is not None and not isinstance(found, OSError):
            found = found.__context__  # Optuna goes on after the first one, to others
        if found is None:
            raise
        raise OSError(found.errno, found.strerror, str(path)) from None


def finished(study):
    """Trials of a study that ended, to their last epoch or pruned."""
    return sum(trial.state.name in ("COMPLETE", "PRUNED") for trial in study.trials)


def tried(study, epochs):
    """How much was tried, in words."""
    return f"{results.counted(finished(study), 'trial')} of {results.counted(epochs, 'epoch')}"


def report(study, epochs, command):
    """How a preset was found, as the text of its head."""
    complete = [trial for trial in study.trials if trial.state.name == "COMPLETE"]
    best = sorted(complete, key=lambda trial: -trial.value)[:5]
    columns = sorted(study.best_params)
    return "\n".join([
        f"Found by: {command}",
        f"{tried(study, epochs)}, {len(complete)} of them to the last one; "
        f"validation accuracy {study.best_value:.2%} (one seed, best epoch).",
        "The best trials (balance is p_r in parts of thinning):",
        " ".join(f"{name:>10}" for name in ("validation", *columns)),
        *(" ".join([f"{trial.value:10.2%}", *(f"{trial.params[name]:10.3g}" for name in columns)])
          for trial in best),
    ])


def command(
    context: typer.Context,
    source: Annotated[Path | None, typer.Argument(
        metavar="FILE|NAME", show_default=False,
        help="Preset, or configuration file with a training, to start from instead of the options "
             "below.")] = None,
    dataset: Annotated[str, Option(help=options.DATASET)] = "digits",
    hidden: Annotated[list[int], Option(
        help="Neurons per layer: --hidden 75 75.")] = (128, 128),  # type: ignore[assignment]
    counter_bits: Annotated[int, Option(help="B_h, stored bits per counter, 2..15.")] = 15,
    batch: Annotated[int, Option(help="Samples per application of updates.")] = 100,
    trials: Annotated[int, Option(help="Trials in all; those in the storage count.")] = 50,
    epochs: Annotated[int, Option(
        help="Passes over the training samples per trial, and in the preset that is found, also "
             "if FILE has others.")
    ] = 12,
    seed: Annotated[int, Option(
        help="Of the networks, their sample order, and the sampler.")] = 1,
    data_seed: Annotated[int, Option(help="Of held-out samples and of generated data.")] = 0,
    data: options.Data = None,
    storage: Annotated[Path | None, Option(
        help="Journal file of the trials; the same command continues it. By default none.")] = None,
    out: Annotated[Path | None, Option(
        help="Write the trainer and the best values here, a configuration file.")] = None,
):
    """Search hyper-parameters by validation accuracy; the test samples are never looked at."""
    check_outputs({"FILE": source}, **{"--out": out, "--storage": storage})
    if storage is not None:
        if written_to(storage):
            raise ValueError(f"--storage must be a file to go on from, not {storage}")
        check_journal(storage)
    integer("batch", batch, 1)
    integer("data_seed", data_seed, 0, MOST_SEED)
    config = None
    if source is None:
        with called({"layers": "hidden", "max_batch": "batch"}):
            wanted = Preset(dataset, tuple(hidden), counter_bits, epochs, replace(
                START, batch=batch, sweep=100 if 100 % batch == 0 else batch))
    elif given := [name for name in ("dataset", "hidden", "counter_bits", "batch")
                   if name in options.given(context)]:
        raise ValueError(f"what is trained is either a preset or options, not both: {source} and "
                         f"{', '.join(given)}")
    else:
        config, _, given = configuration.trained(source)
        wanted = replace(given, validation=True, keep_best=True)
    options.check_data(wanted.dataset, data)
    check_outputs({"--dataset": options.file_of(wanted.dataset)}, **{"--out": out})
    with results.Stages() as stages:
        done, counted = None, 0

        def progress(study):
            nonlocal done, counted
            done = done or stages.begin(f"{wanted.name}, trials", trials)
            complete = any(t.state.name == "COMPLETE" for t in study.trials)
            done(finished(study) - counted, f"best {study.best_value:.2%}" if complete else "")
            counted = finished(study)

        try:
            found, study = search(replace(wanted, epochs=epochs), trials=trials, seed=seed,
                                  config=config, data=data, data_seed=data_seed, storage=storage,
                                  progress=progress)
        except KeyboardInterrupt as stop:
            stop.add_note("the trials are lost, which --storage FILE would change"
                          if storage is None else
                          f"the trials are in {storage}; the same command goes on from there")
            raise
    text = report(study, epochs, shlex.join(["bep", *sys.argv[1:]]))
    results.deliver((out, lambda path: configuration.dump(
        path, found.config, preset=found.preset, comment=text)))
    results.table(f"{wanted.name}, {tried(study, epochs)}", [
        ("validation accuracy", f"{study.best_value:.2%}"),
        *found.preset.hyper.used(found.config).items(),
    ])
