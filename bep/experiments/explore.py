"""Multi-objective search over designs: accuracy by the golden model, the rest by the cost model."""

import json
import sqlite3
import tomllib
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import optuna
from distributed import KilledWorker, wait

from bep import results
from bep.cost.estimate import estimate
from bep.experiments import study as definition
from bep.experiments.runs import content, place, samples
from bep.experiments.workers import cluster, say, told
from bep.flow.boards import target
from bep_model import configuration
from bep_model.config import Config
from bep_model.fit import training
from bep_model.network import Network

POPULATION = 40
"""Of NSGA-II: trials at random before the first generation."""

BEHIND = 0.05
"""A trial ends early if, after a third of its epochs, its accuracy is so far behind that of one
that is as good in all other objectives."""


class Hopeless(Exception):
    """Ends a training early; the text says why."""


@cache
def board_of(name):
    """The board of this name."""
    return target(name)


def carried_out(study, preset, lanes, board, rivals, data):
    """One trial: the estimate, and, if the design is feasible, the training.

    Parameters
    ----------
    study : Study
    preset, lanes, board
        Of :meth:`Study.preset`.
    rivals : list of (dict, list of float)
        Values and validation accuracies of trials that were trained to the end.
    data : str or None
        Folder of the data sets.

    Returns
    -------
    dict
        A trial of the report (``bep.reports.study_report``) without number and front, and
        ``violation``, above 0 if infeasible.
    """
    loaded = samples(content(preset.dataset, data), preset.dataset, study.train_samples,
                     data=place(preset.dataset, data), seed=0, encoding=preset.encoding)
    loaded = replace(loaded, test=loaded.train.first(0))  # never looked at
    config = preset.config(loaded, weight_lanes=lanes[0], counter_lanes=lanes[1])
    parameters = preset.hyper.parameters(config)
    predicted = estimate(config, parameters, board_of(board), study.store)
    found = definition.values(config, predicted, dict(study.prices).get(board))
    trial = {
        "board": board, "configuration": configuration.text(config, preset=preset),
        "network": "-".join(map(str, config.widths)),
        "counter_bits": config.counter_bits, "weight_lanes": lanes[0], "counter_lanes": lanes[1],
        "max_batch": config.max_batch, "encoding": str(preset.encoding), "predicted": predicted,
        "accuracies": [], "built": None, "why": None, "state": "complete"}
    broken = list(definition.violations(study, predicted, found))
    if not broken:
        try:
            trained(study, config, preset, loaded, curves_to_beat(study, found, rivals),
                    trial["accuracies"])
        except Hopeless as end:
            trial |= {"state": "stopped", "why": str(end)}
        found["accuracy"] = max(trial["accuracies"])
        broken = list(definition.violations(study, predicted, found))
    if broken:
        trial |= {"state": "infeasible", "why": "; ".join(text for _, text in broken)}
    return trial | {"values": {"accuracy": None} | found,
                    "violation": sum(excess for excess, _ in broken)}


def trained(study, config, preset, loaded, to_beat, accuracies):
    """Train; add the validation accuracies of the epochs to a list, and return it.

    Raises :class:`Hopeless`.
    """
    network = Network(config)

    def progress(epoch):
        accuracies.append(epoch.validation_accuracy)
        done = len(accuracies)
        if done < study.epochs and done * 3 >= study.epochs and to_beat is not None \
                and max(accuracies) < to_beat[done - 1] - BEHIND:
            raise Hopeless(f"after {done} epochs {max(accuracies):.1%}, {to_beat[done - 1]:.1%} of "
                           "one as good in all other objectives")

    training.begin(network, loaded.train.x, preset.hyper, study.seed)
    training.fit(network, loaded, epochs=study.epochs, hyper=preset.hyper, seed=study.seed,
                 progress=progress)
    return accuracies


def curves_to_beat(study, found, rivals):
    """Best accuracy so far, by epoch, of rivals that are as good in all other objectives."""
    others = [(name, direction == "maximize")
              for name, direction in zip(study.objectives, study.directions, strict=True)
              if name != "accuracy"]
    curves = [np.maximum.accumulate(accuracies) for values, accuracies in rivals
              if all(values[name] >= found[name] if up else values[name] <= found[name]
                     for name, up in others)]
    return np.max(curves, axis=0) if curves else None


@contextmanager
def whole_database(path):
    """Reports what is wrong with a study's file as ValueError or OSError."""
    try:
        if Path(path).exists():
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
                state = database.execute("PRAGMA quick_check").fetchone()[0]
                tables = {name for name, in database.execute("SELECT name FROM sqlite_master")}
            if state != "ok":
                raise ValueError(f"{path} is damaged: {state}")
            if tables and "studies" not in tables:
                raise ValueError(f"{path} is a database, but no study's")
        yield
    except sqlite3.DatabaseError as error:
        raise ValueError(f"{path} is no study, or is damaged: {error}") from None
    except optuna.exceptions.StorageInternalError as error:
        raise OSError(f"{path}: {error.__cause__ or error}") from None


def opened(study, path, checksum):
    """The Optuna study in a file, made if there is none.

    Raises ValueError for a file of another study, other data or other versions.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}", engine_kwargs={
        "connect_args": {"timeout": 60}})
    found = optuna.create_study(storage=storage, study_name="bep", load_if_exists=True,
                                directions=study.directions)
    identity = {"study": study.digest, "data": checksum, "objectives": list(study.objectives)}
    kept = found.user_attrs.get("identity")
    if kept is None and not found.trials:
        found.set_user_attr("identity", identity)
    elif kept != identity:
        differs = "data" if kept and kept["study"] == study.digest else "study file or version"
        raise ValueError(f"{path} is of another {differs}: give another --storage")
    found.sampler = optuna.samplers.NSGAIISampler(
        population_size=POPULATION,
        seed=int(np.random.SeedSequence([study.seed, len(found.trials)]).generate_state(1)[0]))
    return found


def finished(found):
    """The trials of an Optuna study that have a result."""
    return [trial for trial in found.get_trials(deepcopy=False)
            if trial.state == optuna.trial.TrialState.COMPLETE]


def scores(study, result):
    """The values of a result for Optuna, the worst ones there are for what is not known."""
    worst = {"maximize": 0.0, "minimize": 1e12}
    return [worst[direction] if result["values"][name] is None else result["values"][name]
            for name, direction in zip(study.objectives, study.directions, strict=True)]


def explore(study, path, *, data=None, scheduler=None, workers=None):
    """Carry out the trials that a study's file lacks; return those there are, for the report.

    Parameters
    ----------
    study : Study
    path : path
        SQLite file. Several processes may work on one, and go on after any end of one.
    data : str, optional
        Folder of the data sets where the trials are carried out.
    scheduler, workers
        As for :func:`bep.experiments.workers.carry_out`.

    Returns
    -------
    list of dict
        Trials, numbered, each with whether it is on the front.

    Raises
    ------
    ValueError, OSError
        For a file that is no study, or of another, and for data that are not as they should be.
    """
    with whole_database(path):
        found = opened(study, path, content(study.dataset, data))
        if len(finished(found)) < study.trials:
            with results.Stages() as stages, \
                    cluster(scheduler, workers, Path(path).parent) as client:
                work(study, found, client, data, stages)
        trials = [trial.user_attrs["result"] | {"number": trial.number}
                  for trial in finished(found)]
    return with_front(study, trials)


def work(study, found, client, data, stages):
    """Keep the workers busy until the study has all its trials."""
    done, counted, running, failed = stages.begin("trials", study.trials), 0, {}, 0

    def submit(rivals):
        trial = found.ask()
        preset, lanes, board = study.preset(trial)
        future = client.submit(carried_out, study, preset, lanes, board, rivals, data, pure=False)
        running[future] = trial

    while True:
        there = [trial.user_attrs["result"] for trial in finished(found)]
        done(len(there) - counted)
        counted = len(there)
        rivals = [(each["values"], each["accuracies"]) for each in there
                  if each["state"] == "complete"]
        free = max(1, len(client.scheduler_info()["workers"]))
        while len(running) < min(free, study.trials - counted):
            submit(rivals)
        if counted >= study.trials or not running:
            break
        for future in wait(list(running), return_when="FIRST_COMPLETED").done:
            trial, error = running.pop(future), future.exception()
            if error is None:
                result = json.loads(json.dumps(future.result()))
                trial.set_user_attr("result", result)
                trial.set_constraint("feasible", result["violation"])
                found.tell(trial, scores(study, result))
                continue
            found.tell(trial, state=optuna.trial.TrialState.FAIL)
            failed += 1
            say(f"trial {trial.number} failed: {told(error)}")
            if failed >= 3 and not isinstance(error, KilledWorker):
                raise ValueError(f"{failed} trials failed, the last one with {told(error)}")
    for trial in running.values():
        found.tell(trial, state=optuna.trial.TrialState.FAIL)


def with_front(study, trials):
    """The trials, each with ``front``: complete, and no other one is better in all objectives."""
    complete = [trial for trial in trials if trial["state"] == "complete"]
    signs = np.array([1 if each == "maximize" else -1 for each in study.directions])
    points = np.array([scores(study, trial) for trial in complete]).reshape(-1, len(signs)) * signs
    front = {trial["number"] for trial, point in zip(complete, points, strict=True)
             if not any(np.all(points >= point, axis=1) & np.any(points > point, axis=1))}
    return [trial | {"front": trial["number"] in front} for trial in trials]


def confirmed(trials, count, build_dir, progress):
    """Build at most ``count`` trials of the front, from the most to the least accurate; return all
    trials, those with ``built``."""
    from bep.flow.synthesis import build

    front = sorted((trial for trial in trials if trial["front"]),
                   key=lambda trial: -trial["values"]["accuracy"])
    chosen = {front[i]["number"] for i in np.linspace(0, len(front) - 1, count).round().astype(int)
              } if front else set()
    built = {}
    for trial in front:
        if trial["number"] in chosen:
            config = Config(**tomllib.loads(trial["configuration"])["trainer"])
            try:
                report = build(config, trial["board"], build_dir=build_dir,
                               progress=lambda what, n=trial["number"]: progress(f"{n}: {what}"))
            except ValueError as error:
                say(f"trial {trial['number']} is not confirmed: {error}")
                continue
            built[trial["number"]] = {key: report[key] for key in (
                "luts", "ffs", "brams", "spram", "fmax_mhz", "clock_mhz", "cells")}
    return [trial | {"built": built.get(trial["number"])} for trial in trials]
