"""What the golden model says a job's observations must be."""

import numpy as np

from bep_model.network import Network
from bep_model.protocol import COUNTERS, Mode
from sim.job import Observations

COUNTED = COUNTERS[:COUNTERS.index("UPDATES") + 1]
"""Performance counters that the model knows; the others count clock cycles."""


def expected(job, progress=None):
    """Carry out a job in the golden model.

    Parameters
    ----------
    job : Job
    progress : callable, optional
        Called with the number of samples just done.

    Returns
    -------
    dict of arrays
        As ``Observations.arrays()``; ``performance`` has only the columns of ``COUNTED``.
    """
    network = Network(job.config)
    network.bank[:] = job.bank
    if job.counters:
        network.load(job.counters)
    else:
        network.initialise()
    seen = Observations()
    performance = np.zeros(len(COUNTED), np.int64)

    def snapshot():
        seen.samples.append(sum(map(len, seen.prediction)))
        seen.bank.append(network.bank.copy())
        seen.performance.append(performance.copy())
        seen.counters.append([layer.copy() for layer in network.counters])

    snapshot()
    for run in job.runs:
        chunks = run.chunks()
        for chunk in chunks:
            results = _process(network, job, run, chunk, performance, progress)
            for name, values in zip(("prediction", "error", "triggered"), results, strict=True):
                getattr(seen, name).append(values)
            if chunk is not chunks[-1]:
                snapshot()
        if run.mode == Mode.TRAIN:
            network.flush(run.parameters)
        snapshot()
    return seen.arrays()


def _process(network, job, run, chunk, performance, progress):
    """Process samples; return predictions, errors and triggers, and add to the counters."""
    results = []
    batch = run.parameters.batch if run.mode == Mode.TRAIN else 100
    for start in range(0, len(chunk), batch):
        rows = chunk[start:start + batch]
        x, labels = job.x[rows], job.labels[rows]
        # The weights are those from before the batch for each of its samples, here as in training.
        phases = [network.phases(*sample, run.parameters)
                  for sample in zip(x, labels, strict=True)]
        if run.mode == Mode.TRAIN:
            result = network.train(x, labels, run.parameters)
            performance[COUNTED.index("UPDATES")] += sum(
                len(winners) for phase in phases for winners in phase.winners)
        else:
            prediction = network.predict(x)
            result = prediction, prediction != labels, [phase.triggered for phase in phases]
        for name, count in (("SAMPLES", len(rows)), ("ERRORS", np.sum(result[1])),
                            ("TRIGGERED", np.sum(result[2]))):
            performance[COUNTED.index(name)] += count
        results.append(result)
        if progress:
            progress(len(rows))
    return [np.concatenate(values) for values in zip(*results, strict=True)]
