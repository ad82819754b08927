"""The golden model's observations of a job."""

from collections import Counter

import numpy as np

from bep_model.network import Network
from bep_model.protocol import COUNTERS, Cause, Mode
from rtl.engines.random import Bernoulli
from sim.job import Observations

COUNTED = COUNTERS[:COUNTERS.index("UPDATES") + 1]
"""Performance counters that the model knows; the others count clock cycles."""

TIMED = COUNTERS[len(COUNTED) + 1:]
"""Performance counters that the formulas of ``rtl.cycles`` know: all cycles but waiting."""


def expected(job, cycles=None, progress=None):
    """Carry out a job in the golden model.

    Parameters
    ----------
    job : Job
    cycles : rtl.cycles.Cycles, optional
        Of the trainer that is simulated.
    progress : callable, optional
        Called with the number of samples just done.

    Returns
    -------
    dict of arrays
        As ``Observations.arrays()``; ``performance`` has the columns of ``COUNTED`` and, with
        ``cycles``, ``TIMED``. Also ``ideal``, int64 (len(Cause),): clock cycles by ``Cause`` if
        every word took one, or as many as its random bits or its memory's single port need.
    """
    return Expected(job, cycles, progress).arrays()


class Expected:
    """Carries out a job as ``sim.trainer_bench.Bench`` does, in the golden model."""

    def __init__(self, job, cycles=None, progress=None):
        self.job, self.config, self.progress = job, job.config, progress
        self.cycles, self.spent = cycles, Counter()
        self.dwell = cycles.update.dwell if cycles else Bernoulli.clocks
        self.network = Network(job.config)
        self.network.bank[:] = job.bank
        if job.counters:
            self.network.load(job.counters)
        else:
            self.network.initialise()
        if job.thresholds:
            self.network.thresholds = job.thresholds
        self.seen = Observations()
        self.performance = np.zeros(len(COUNTED), np.int64)
        self.ideal = np.zeros(len(Cause), np.int64)
        self.since_sweep = 0

    def arrays(self):
        self.snapshot()
        for run in self.job.runs:
            self.run(run)
        return self.seen.arrays() | {"ideal": self.ideal}

    def snapshot(self):
        seen = self.seen
        seen.samples.append(sum(map(len, seen.prediction)))
        seen.bank.append(self.network.bank.copy())
        timed = [self.spent[cause] for cause in list(Cause)[1:]] if self.cycles else []
        seen.performance.append(np.append(self.performance, timed).astype(np.int64))
        seen.counters.append(self.network.counters)

    def run(self, run):
        chunks = run.chunks()
        for chunk in chunks:
            # Weights are constant within a batch, so its samples can be explained before it is
            # trained.
            size = run.parameters.batch if run.mode == Mode.TRAIN else len(chunk)
            results = [self.batch(run, chunk[i:i + size]) for i in range(0, len(chunk), size)]
            for name, values in zip(("prediction", "error", "triggered"),
                                    zip(*results, strict=True), strict=True):
                getattr(self.seen, name).append(np.concatenate(values))
            if chunk is not chunks[-1]:
                self.snapshot()
        if run.mode == Mode.TRAIN:
            self.network.flush(run.parameters)
        self.snapshot()

    def batch(self, run, rows):
        """Process samples; return predictions, errors, triggers."""
        x, labels = self.job.x[rows], self.job.labels[rows]
        lengths = self.job.lengths[rows] if self.config.recurrent else [None] * len(rows)
        training = run.mode == Mode.TRAIN
        trained = training and self.config.convolutional
        phases, results = [], []
        for i, sample in enumerate(x):
            phases.append(self.network.phases(sample, labels[i], run.parameters, lengths[i]))
            if trained:  # which layers the next one updates depends on the bits drawn for this one
                results.append(self.network.train(x[i:i + 1], labels[i:i + 1], run.parameters))
        self.count(run, phases, training)
        if self.progress:
            self.progress(len(rows))
        if trained:
            return [np.concatenate(values) for values in zip(*results, strict=True)]
        if training:
            return self.network.train(x, labels, run.parameters,
                                      lengths if self.config.recurrent else None)
        return [phase.prediction for phase in phases], [phase.error for phase in phases], \
            [False] * len(phases)

    def count(self, run, phases, training):
        """Add to the performance counters and to the ideal cycles of every phase."""
        config, parameters, samples = self.config, run.parameters, len(phases)
        winners = [sum(len(phase.winners[l]) for phase in phases) for l in range(config.depth)]
        self.performance += [samples, sum(phase.error for phase in phases),
                             training * sum(phase.triggered for phase in phases),
                             training * sum(winners)]
        if self.cycles:
            self.time(run, phases, training)
        for phase in phases:
            spent = _ideal(config, parameters, phase, self.dwell)
            for cause in Cause if training else (Cause.FORWARD, Cause.CLASSIFY):
                self.ideal[cause] += spent[cause]
        if not training:
            return
        self.since_sweep += samples
        if self.since_sweep >= parameters.sweep:
            self.since_sweep = 0
            if self.cycles:
                self.spent += self.cycles.sweep(parameters.reinforce)
            self.ideal[Cause.REINFORCE] += sum(
                self.dwell(p) * layer.neurons * layer.counter_words for p, layer in
                zip(parameters.reinforce, config.network, strict=True) if p)

    def time(self, run, phases, training):
        """Add the clock cycles of a batch, or of samples that are only inferred."""
        if training:
            flushed = len(phases) < run.parameters.batch
            self.spent += self.cycles.batch(phases, run.parameters, flushed)
        else:
            for phase in phases:
                self.spent += self.cycles.infer(phase)


def _ideal(config, parameters, phase, dwell):
    """Ideal cycles of one sample by Cause; ``dwell`` is the number for a counter word.

    Votes are counted while counters are stepped, so a row takes the longer of the two.
    """
    spent = Counter({Cause.CLASSIFY: config.classes * config.network[-1].words})
    words_below = 0  # the targets that come from the rows of a layer's oldest step
    for l, layer in enumerate(config.network):
        stepping = dwell(parameters.thinning) * layer.counter_words
        if layer.window:
            cells = len(phase.z[l])
            spent[Cause.FORWARD] += layer.neurons * cells * layer.cell_words
            votes = cells * layer.row_words
        else:
            steps = len(phase.z[l])
            voting = min(parameters.horizon, steps)
            later = sum(map(len, phase.passing[l][steps - voting + 1:]))
            spent[Cause.FORWARD] += layer.neurons * (
                layer.section_words[0] + (steps - 1) * layer.row_words)
            spent[Cause.BACKWARD] += later * layer.words + words_below * len(
                phase.passing[l][steps - voting])
            votes = layer.state * voting * layer.row_words
        spent[Cause.UPDATE] += len(phase.winners[l]) * max(stepping, votes)
        words_below = layer.words
    return spent
