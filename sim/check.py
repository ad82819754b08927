"""Co-simulation: carries out a job in the golden model and in the gateware, and compares."""

import numpy as np

from bep_model.checks import integer
from bep_model.fit.hyper import Hyper
from bep_model.fit.training import ORDERS, begin, met
from bep_model.network import Network
from bep_model.parameters import idle_parameters
from bep_model.phases import frame, random
from bep_model.protocol import COUNTERS, Cause
from bep_model.words import integers
from rtl.cycles import Cycles
from rtl.trainer import Trainer
from rtl.verilog import convert
from sim import folders, processes
from sim.compare import compare
from sim.expected import COUNTED, expected
from sim.job import Job, Run
from sim.simulate import simulate

MOST_SAMPLES = 2**27
"""Of a job, whose order takes 8 bytes for each."""
PORT_BYTES = 64
"""Default number of bytes that pass the state port of a simulated trainer at once.

On a board they are single bytes, but a bench that reads all counters after every batch would spend
most of its time on them.
"""


def check(job, *, command="", progress=None, root="build", waves=False, **options):
    """Carry out a job in the golden model and in the simulated gateware, and compare.

    Parameters
    ----------
    job : Job
    command : str
        Shell command that repeats this, for the report of a mismatch.
    progress : callable, optional
        As in ``sim.expected.expected``; the simulation follows after the last sample.
    root : path
        Build folder.
    waves : bool
        See ``sim.simulate.simulate``.
    **options
        Options of ``rtl.trainer.Trainer``; ``port_bytes`` is :data:`PORT_BYTES` by default.

    Returns
    -------
    dict
        - ``mismatches``, ``compared_counters``, ``mismatches_by_kind``, ``report``: see
          ``sim.compare.Comparison``;
        - ``samples``, ``errors``, ``triggered``, ``updates``: counted by the gateware;
        - ``cycles``, ``cycles_per_phase``, ``cycles_per_sample``: clock cycles of the gateware,
          without waits for the bench to take a snapshot;
        - ``ideal_cycles``, ``ideal_cycles_per_sample``: one for every word; ``efficiency``: the
          ideal ones divided by those measured;
        - ``run_errors``: wrong predictions in each run;
        - ``seconds``, ``simulated_samples_per_second``, ``simulated_cycles_per_second``: of the
          simulation, without its build.

    Raises
    ------
    SimulationError
        When the simulation does not build or run to its end.
    """
    return observed(job, command=command, progress=progress, root=root, waves=waves, **options)[0]


def observed(job, *, command="", progress=None, root="build", waves=False, **options):
    """The result of :func:`check`, and the state that the gateware ended with.

    Returns
    -------
    (dict, tuple of int16 arrays (K_l, F_l), uint32 array (generators,))
    """
    options = {"port_bytes": PORT_BYTES} | options
    trainer = Trainer(job.config, integers(frame.prototypes(job.config)), **options)
    with folders.temporary(root) as own, processes.grouped(TMPDIR=str(own)):
        verilog = convert(trainer)
    cycles = Cycles(trainer)
    want = expected(job, cycles, progress)
    got = simulate(job, verilog, root=root, waves=waves)
    comparison = compare(job, want, got, command)
    performance = got["performance"].copy()
    performance[:, COUNTERS.index("CYCLES_WAIT")] -= got["rest"]
    counted = dict(zip((name.lower() for name in COUNTERS),
                       (performance[-1] - performance[0]).tolist(), strict=True))
    spent = {cause.name.lower(): counted[f"cycles_{cause.name.lower()}"] for cause in Cause}
    samples, total, ideal = len(got["prediction"]), sum(spent.values()), int(want["ideal"].sum())
    ends = np.cumsum([len(run.order) for run in job.runs])
    state = (tuple(got[f"counters_{l}"][-1] for l in range(1, job.config.depth + 1)),
             got["bank"][-1].astype(np.uint32))
    return {
        "mismatches": comparison.mismatches,
        "compared_counters": comparison.compared_counters,
        "mismatches_by_kind": comparison.by_kind,
        "report": comparison.report,
        **{name.lower(): counted[name.lower()] for name in COUNTED},
        "cycles": total,
        "cycles_per_phase": spent,
        "cycles_per_sample": total / samples,
        "ideal_cycles": ideal,
        "ideal_cycles_per_sample": ideal / samples,
        "efficiency": round(ideal / total, 4),
        "run_errors": [int(part.sum()) for part in np.split(got["error"], ends[:-1])],
        "seconds": float(got["seconds"]),
        "simulated_samples_per_second": samples / float(got["seconds"]),
        "simulated_cycles_per_second": int(got["clocks"]) / float(got["seconds"]),
    }, *state


def epochs_job(state, samples, history, seed, order, augment=None, **options):
    """A job that goes on from a state, as a training did in the model.

    The first run brings the trainer's sweep count to that of the state, without another effect.

    Parameters
    ----------
    state : State
        Before the first of these epochs.
    samples : Samples
        Of the training.
    history : list of Epoch
        Those to repeat.
    seed : int
        Of the training.
    order : str
        As for :func:`training_job`.
    augment : callable, optional
        As for :func:`bep_model.fit.training.fit`.
    **options
        ``idle``, ``backpressure`` of the job, ``every`` of its epochs.

    Returns
    -------
    Job
    """
    config, every = state.config, options.pop("every", False)
    first = [Run(idle_parameters(config), np.zeros(state.sweep_count, np.int64))] \
        if state.sweep_count else []
    orders = [ORDERS[order](seed, entry.epoch, len(samples)) for entry in history]
    x, labels, lengths = samples.x, samples.labels, samples.lengths
    if augment is not None:  # every epoch has samples of its own
        parts = [met(samples, augment, entry.epoch) for entry in history]
        orders = [rows + k * len(samples) for k, rows in enumerate(orders)]
        x, labels = (np.concatenate([getattr(part, name) for part in parts])
                     for name in ("x", "labels"))
    runs = [Run(entry.parameters, rows, every=every)
            for entry, rows in zip(history, orders, strict=True)]
    return Job(config, x, labels, first + runs, state.bank, state.counters,
               seed=seed, lengths=lengths, thresholds=state.thresholds, **options)


def training_job(config, parameters, samples, seed, *, epochs=1, order="host", every=False,
                 idle=0.0, backpressure=0.0, hyper=None):
    """A job that trains on samples for some epochs, from the state in which a training on them
    begins: newly drawn counters, thresholds of filters, a delay line.

    Parameters
    ----------
    config : Config
    parameters : Parameters
    samples : Samples
    seed : int
        Seed of the random bank, the order of the samples and the bench, 0..2**32-1.
    epochs : int
        At least 1, and with all samples no more than :data:`MOST_SAMPLES`; each ends with a flush.
    order : str
        One of ``bep_model.fit.training.ORDERS``.
    every : bool
        Compare every counter after every batch, not only after every epoch.
    idle, backpressure : float
        Probability that a clock cycle brings no data, or that the bench is not ready; 0 to 0.95.
    hyper : Hyper, optional
        Of the training, for what it begins with.

    Returns
    -------
    Job

    Raises
    ------
    TypeError, ValueError
        For values that are not allowed.
    """
    parameters = parameters.validate(config)
    if not len(samples):
        raise ValueError("there must be at least one sample")
    integer("epochs", epochs, 1, MOST_SAMPLES // len(samples))
    for name, value in (("idle", idle), ("backpressure", backpressure)):
        if not 0 <= value <= 0.95:
            raise ValueError(f"{name} must be between 0 and 0.95, not {value}")
    bank = random.seeds(seed, config.generators)
    runs = [Run(parameters, ORDERS[order](seed, epoch, len(samples)), every=every)
            for epoch in range(epochs)]
    hyper, thresholds, counters = hyper or Hyper(), (), ()
    if config.convolutional or hyper.delay:
        network = Network(config)
        begin(network, samples.x, hyper, seed)
        thresholds = network.thresholds
        if hyper.delay:
            bank, counters = network.bank, network.counters
    return Job(config, samples.x, samples.labels, runs, bank, counters, seed=seed, idle=idle,
               backpressure=backpressure, lengths=samples.lengths, thresholds=thresholds)
