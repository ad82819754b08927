"""Exact comparison of a simulation's observations with the golden model's."""

from dataclasses import dataclass

import numpy as np

from bep_model.protocol import COUNTERS, Mode
from sim.expected import COUNTED, TIMED


@dataclass(frozen=True)
class Comparison:
    """The outcome.

    Attributes
    ----------
    mismatches : int
        Number of values that differ, of all kinds.
    compared_counters : int
        Number of counters compared, each counted as often as it was read.
    by_kind : dict of str to int
        Mismatches per kind of value, for kinds that have any.
    report : str
        Empty without mismatches; else describes the first one and how to reproduce it.
    """

    mismatches: int
    compared_counters: int
    by_kind: dict
    report: str


def compare(job, expected, observed, command="", *, timed=True):
    """Compare observations with expectations, value by value.

    Parameters
    ----------
    job : Job
    expected, observed : dict of arrays
        From ``sim.expected.expected`` and ``sim.simulate.simulate``.
    command : str
        Shell command that reproduces this comparison, for the report.
    timed : bool
        Whether ``time`` of the observations is exact, so that the cycle counters must agree with
        it.

    Returns
    -------
    Comparison
    """
    layers = [f"counters_{l}" for l in range(1, job.config.depth + 1)]
    kinds = ["prediction", "error", "triggered", "samples", "bank", "performance", *layers]
    pairs = {kind: (expected[kind], observed[kind]) for kind in kinds}
    known = expected["performance"].shape[1]
    columns = [COUNTERS.index(name) for name in (*COUNTED, *TIMED)[:known]]
    pairs["performance"] = (expected["performance"], observed["performance"][:, columns])
    # Every clock cycle is counted under exactly one cause, so their sum is the time that passed.
    total = observed["performance"][:, len(COUNTED):].sum(axis=1)
    if timed:
        pairs["cycles"] = (observed["time"] - observed["time"][0], total - total[0])
    by_kind, first = {}, []
    for kind, (want, got) in pairs.items():
        assert want.shape == got.shape, f"{kind}: {want.shape} expected, {got.shape} observed"
        wrong = np.argwhere(want != got)
        if len(wrong):
            by_kind[kind] = len(wrong)
            at = tuple(int(i) for i in wrong[0])
            # Snapshots are taken between samples.
            when = at[0] + 0.5 if want is expected.get(kind) and kind in kinds[:3] \
                else float(expected["samples"][at[0]])
            first.append((when, len(first), kind, at, int(want[at]), int(got[at])))
    compared = sum(observed[layer].size for layer in layers)
    report = _report(job, expected, by_kind, min(first), command) if first else ""
    return Comparison(sum(by_kind.values()), compared, by_kind, report)


def _report(job, expected, by_kind, first, command):
    _, _, kind, at, want, got = first
    in_snapshot = kind not in ("prediction", "error", "triggered")
    count = int(expected["samples"][at[0]]) if in_snapshot else at[0] + 1
    run, index = _locate(job, count - 1)
    if kind.startswith("counters_"):
        layer, (snapshot, neuron, source) = int(kind.split("_")[1]), at
        what = (f"phase {_phase(job, run, snapshot)}, layer {layer}, neuron {neuron}, "
                f"input {source}: counter")
    elif kind == "bank":
        what = f"phase {_phase(job, run, at[0])}: state of generator {at[1]} of the random bank"
    elif kind == "performance":
        what = f"performance counter {(*COUNTED, *TIMED)[at[1]]}"
    elif kind == "cycles":
        what = "sum of the cycle counters"
    else:
        what = f"phase {'forward or classify'}: {kind}"
    if count:
        batch = index // job.runs[run].parameters.batch
        where = (f"{'after' if in_snapshot else 'of'} sample {count - 1} (run {run}, "
                 f"sample {index} of it, batch {batch}, data row {job.runs[run].order[index]})")
    else:
        where = "before the first sample"
    kinds = ", ".join(f"{name} {number}" for name, number in by_kind.items())
    lines = [f"first mismatch: {what} {where} is {got}, the model says {want}",
             f"mismatches: {kinds}; stimulus seed {job.seed}, configuration "
             f"{job.config.identifier:08x}"]
    return "\n".join(lines + [f"reproduce: {command}"] * bool(command))


def _locate(job, sample):
    """Run, and index within it, of a sample that is counted over all runs."""
    for number, run in enumerate(job.runs):
        if sample < len(run.order):
            return number, sample
        sample -= len(run.order)
    return len(job.runs), sample


def _phase(job, run, snapshot):
    """Name of the phase that changes this part of a snapshot."""
    if snapshot == 0:
        return "initialise"
    if job.runs[run].mode != Mode.TRAIN:
        return "infer (which changes nothing)"
    return "update or reinforce" if any(job.runs[run].parameters.reinforce) else "update"
