"""Clock cycles of a whole training, which runs in the golden model; formulas give its cycles.

The formulas are those of ``rtl.cycles``, which every simulation compares with the gateware's own
performance counters. Whole epochs are counted. Only for networks without recurrence.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from bep_model.fit import training
from bep_model.fit.training import ORDERS
from bep_model.network import Network
from bep_model.protocol import Cause, Mode
from rtl.cycles import BETWEEN, formulas_of
from sim.expected import COUNTED, expected
from sim.job import Job, Run

INFERRED = 100
"""Number of samples whose inference is counted; all take the same time."""


def spread(total, count):
    """At most ``count`` of ``total`` epochs, evenly spread, the first and the last among them."""
    return sorted(set(np.linspace(0, total - 1, min(count, total)).round().astype(int).tolist()))


class State(NamedTuple):
    """The state of a training before an epoch."""

    counters: tuple
    bank: np.ndarray
    since_sweep: int
    thresholds: tuple


def train(config, data, preset, seed, *, refit=False, order="host", progress=lambda epochs: None):
    """Train the golden model as ``bep.experiments.runs`` does.

    Returns
    -------
    (list of Epoch, list of State, float)
        History; the state before every epoch and after the last; test accuracy, 0..1.
    """
    network = Network(config)
    training.begin(network, data.train.x, preset.hyper, seed)
    states = []

    def keep():
        states.append(State(network.counters, network.bank.copy(), network.sweep_count,
                            network.thresholds))

    def after(epoch):
        keep()
        progress(1)

    keep()
    history = training.fit(network, data, epochs=preset.epochs, hyper=preset.hyper, seed=seed,
                           progress=after, keep_best=not refit, order=order)
    return history, states, training.accuracy(network, data.test)


def epoch_job(config, samples, epoch, state, seed, order="host"):
    """A job whose last run repeats one epoch of a training.

    A job begins as if after a sweep. So a first run sends as many samples as there were since the
    last sweep. Its parameters let no sample trigger, so that it changes nothing else.
    """
    rows = ORDERS[order](seed, epoch.epoch, len(samples))
    quiet = replace(epoch.parameters, margin=-2 * config.layers[-1], thinning=0,
                    reinforce=(0,) * config.depth)
    runs = [Run(quiet, rows[:state.since_sweep])] * bool(state.since_sweep)
    return Job(config, samples.x, samples.labels, [*runs, Run(epoch.parameters, rows)],
               state.bank, state.counters, seed=seed, thresholds=state.thresholds)


def inference_job(config, samples, parameters, bank):
    """A job that only infers."""
    return Job(config, samples.x, samples.labels,
               [Run(parameters, np.arange(len(samples)), mode=Mode.INFER)], bank)


def clocks(job, formulas, progress=None):
    """Clock cycles of a job, by the formulas of ``rtl.cycles.Cycles``.

    Returns
    -------
    (int array (len(Cause),), int array (len(Cause),))
        By cause: cycles of the last run; ideal cycles of all runs, see ``sim.expected``.
    """
    found = expected(job, formulas, progress)
    before, after = found["performance"][-2:, len(COUNTED):]
    return np.append(BETWEEN * len(job.runs[-1].order), after - before), found["ideal"]


def measure(config, data, preset, options, *, refit=False, order="host", seed=1, epochs=3,
            trained=lambda epochs: None, counted=lambda samples: None):
    """Cycles per sample of a preset's training.

    Parameters
    ----------
    config : Config
    data : Dataset
        With validation samples, which are trained on too with ``refit``.
    preset : Preset
    options : dict
        Of ``rtl.trainer.Trainer``.
    refit : bool
        See ``bep.experiments.runs.Run``.
    order : str
        Of the samples in an epoch, one of ``bep_model.fit.training.ORDERS``.
    seed : int
        Of the run.
    epochs : int
        Epochs to count, each whole; see :func:`spread`.
    trained, counted : callable
        Called with the number of epochs just trained, of samples just counted.

    Returns
    -------
    dict
        JSON. ``counted_epochs`` (from 0); ``cycles``, by phase, ``cycles_per_sample`` and
        ``ideal_cycles_per_sample`` are means over the run, between the counted epochs
        interpolated; ``first`` and ``last`` epoch: cycles by phase; ``efficiency``,
        ``inference_cycles_per_sample``, ``run_accuracy`` (0..1, on the test part).
    """
    formulas = formulas_of(config, options)
    data = data.refit() if refit else data
    history, states, accuracy = train(config, data, preset, seed, refit=refit, order=order,
                                      progress=trained)
    test = data.test.first(INFERRED)
    inference, inference_ideal = (total / len(test) for total in clocks(
        inference_job(config, test, history[0].parameters, states[0].bank), formulas))
    measured, ideal = {}, {}
    for e in spread(len(history), epochs):
        samples = training.met(data.train, training.augmenting(config, preset.hyper), e)
        job = epoch_job(config, samples, history[e], states[e], seed, order)
        spent, least = clocks(job, formulas, counted)
        least = least - states[e].since_sweep * inference_ideal  # of the first run: no triggers
        measured[e], ideal[e] = spent / len(data.train), least / len(data.train)
    mean, least = (over_run(by_epoch, len(history)) for by_epoch in (measured, ideal))
    return {
        "train_samples": len(data.train), "epochs": len(history), "seed": seed,
        "counted_epochs": sorted(measured),
        "cycles": by_phase(mean),
        "first": by_phase(measured[min(measured)]), "last": by_phase(measured[max(measured)]),
        "cycles_per_sample": float(mean.sum()),
        "ideal_cycles_per_sample": float(least.sum()),
        "efficiency": float(least.sum() / mean.sum()),
        "inference_cycles_per_sample": float(inference.sum()),
        "run_accuracy": accuracy,
    }


def over_run(by_epoch, total):
    """Mean over ``total`` epochs of arrays by epoch; missing epochs are interpolated."""
    epochs = sorted(by_epoch)
    columns = zip(*(by_epoch[epoch] for epoch in epochs), strict=True)
    return np.array([np.interp(range(total), epochs, column).mean() for column in columns])


def by_phase(values):
    """Values in the order of ``Cause`` as a dict by its lower-case names."""
    return {cause.name.lower(): float(values[cause]) for cause in Cause}
