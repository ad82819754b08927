"""`bep train`: train the golden model on a data set."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress
from typer import Option

from bep import results
from bep.commands import options
from bep.commands.hyper_options import with_hyper
from bep_model import state
from bep_model.config import Config
from bep_model.data import datasets
from bep_model.data.catalogue import Encoding
from bep_model.files import check_outputs, written_to
from bep_model.fit import presets, training
from bep_model.fit.checkpoint import Checkpoint
from bep_model.fit.hyper import Hyper
from bep_model.network import Network

HYPER = Hyper()


def defaults(context: typer.Context, name: str | None):
    """Make a preset's values the defaults of all other options."""
    if name is not None:
        preset = asdict(presets.load(name))
        encoding = preset.pop("encoding")
        context.default_map = {"validation": True, "keep_best": True} | preset.pop("hyper") | (
            encoding if isinstance(encoding, dict) else {"encoding": encoding}) | preset
    return name


@with_hyper
def train(
    preset: Annotated[str | None, Option(
        is_eager=True, callback=defaults,
        help="Name or file of a preset: --dataset, --hidden, --counter-bits, --epochs and the "
             "hyper-parameters, unless they are given too; with --validation and --keep-best."
    )] = None,
    dataset: Annotated[str, Option(help=options.DATASET)] = "digits",
    data: options.Data = None,
    steps: Annotated[int | None, Option(
        help="T_max of a recurrent trainer; by default those of the longest sequence.")] = None,
    window: options.Window = Encoding.window,
    chunk: options.Chunk = Encoding.chunk,
    bits: options.Bits = Encoding.bits,
    expand: options.Expand = Encoding.expand,
    fold: Annotated[int, Option(
        help="Which of three folds of a UCR or UEA set is the test part, 0..2.")] = 0,
    encoding: options.Images = "default",
    hidden: Annotated[list[int], Option(
        help="Neurons per layer: --hidden 75 75. Of sequences two, K_s and K_y, the state and "
             "the output.")] = (128, 128),  # type: ignore[assignment]
    counter_bits: Annotated[int, Option(help="B_h, stored bits per counter, 2..15.")] = 7,
    weight_lanes: Annotated[int, Option(help="P, weight bits per cycle of the trainer.")] = 64,
    counter_lanes: Annotated[int, Option(
        help="Q, counters per cycle, a divisor of P; fixes the random bits.")] = 8,
    epochs: Annotated[int, Option(help="Passes over the training samples.")] = 30,
    seed: Annotated[int, Option(
        help="Of the initial weights, the random bits and the sample order.")] = 1,
    data_seed: Annotated[int, Option(help="Of held-out samples and of generated data.")] = 0,
    prototype_seed: Annotated[int, Option(help="Of the class prototypes.")] = 1,
    sweep: Annotated[int | None, Option(
        help="Samples per reinforcement sweep, a multiple of the batch; by default "
             f"{HYPER.sweep}, or the batch if that does not divide it.")] = None,
    hyper: Hyper = HYPER,
    validation: Annotated[bool | None, Option(
        help="Hold out validation samples; by default yes, but not of the digits.")] = None,
    keep_best: Annotated[bool, Option(
        help="End with the epoch of the best validation accuracy, not with the last.")] = False,
    train_samples: Annotated[int | None, Option(
        help="Train on the first so many samples only.")] = None,
    start: Annotated[Path | None, Option(
        help="Go on from this state file instead of new counters.")] = None,
    save: Annotated[Path | None, Option(help="Write the trained state here.")] = None,
    literal_targets: Annotated[bool, Option(help="The paper's literal sign(0) = +1.")] = False,
    json: Annotated[Path | None, Option(help="Write the result here.")] = None,
):
    """Train the golden model on a data set and report its test accuracy.

    With --save or --json, a training that is stopped goes on with the same command: beside that
    file, the epochs that are done are in one that ends in `.unfinished`.
    """
    # Beside what is to be written, unless that is a pipe or the like.
    unfinished = next((Checkpoint.beside(path) for path in (save, json)
                       if path is not None and not written_to(path)), None)
    check_outputs({"--start": start, "--preset": presets.file(preset)}, **{
        "--save": save, "--json": json, "checkpoint": unfinished and unfinished.path})
    if validation is None:
        validation = dataset != "digits" or hyper.patience > 0 or keep_best
    encoding = options.encoding(dataset, encoding, window, chunk, bits, expand)
    samples = datasets.load(dataset, data=data, seed=data_seed, fold=fold, validation=validation,
                            encoding=encoding)
    if train_samples is not None:
        samples = samples.limit(train_samples)
    config = Config(samples.inputs, tuple(hidden), samples.classes, counter_bits, weight_lanes,
                    counter_lanes, max_batch=hyper.batch, seed=prototype_seed,
                    max_steps=samples.steps if steps is None else steps, stable=hyper.stable)
    if sweep is None:
        sweep = hyper.sweep if hyper.sweep % hyper.batch == 0 else hyper.batch
    hyper = replace(hyper, sweep=sweep)
    parameters = training.check(config, samples, epochs, hyper)
    network = Network(config, literal_targets=literal_targets)
    network.reset(seed)
    if start is not None:
        state.load(start, network)
    # Nothing to do, but the model's loops are compiled now, outside the time that is reported.
    network.train(samples.train.x[:0], samples.train.labels[:0], parameters)
    network.flush(parameters)
    with Progress(console=results.console) as bar:
        task = bar.add_task("training", total=epochs)

        def progress(epoch):
            held = epoch.validation_accuracy
            bar.update(task, advance=1, description=f"epoch {epoch.epoch + 1}, error "
                       f"{epoch.error:.1%}" + ("" if held is None else f", validation {held:.1%}"))

        try:
            history = training.fit(network, samples, epochs=epochs, hyper=hyper, seed=seed,
                                   progress=progress, keep_best=keep_best, checkpoint=unfinished)
        except KeyboardInterrupt as stop:
            done = bar.tasks[0].completed
            stop.add_note("nothing is kept, which --save FILE would change" if unfinished is None
                          else "before the end of an epoch nothing is kept" if not done
                          else f"{done} of {epochs} epochs are in {unfinished.path}; the same "
                          "command goes on from there")
            raise
    seconds = sum(epoch.seconds for epoch in history)
    result = {
        "preset": preset,
        "dataset": dataset,
        "encoding": encoding if isinstance(encoding, str) else asdict(encoding) | {"fold": fold},
        "test_accuracy": training.accuracy(network, samples.test),
        "train_accuracy": training.accuracy(network, samples.train),
        "validation_accuracy": training.accuracy(network, samples.validation),
        "seconds": seconds,
        "samples_per_second": epochs * len(samples.train) / seconds if epochs else None,
        "train_samples": len(samples.train),
        "epochs": epochs,
        "seed": seed,
        "data_seed": data_seed,
        "literal_targets": literal_targets,
        "keep_best": keep_best,
        "configuration": asdict(config) | {"digest": config.digest},
        "hyper": asdict(hyper),
        "parameters": asdict(parameters),
        "history": [asdict(epoch) for epoch in history],
        "versions": results.versions("bep-trainer", "numpy", "numba", "scikit-learn"),
    }
    results.deliver((save, lambda path: state.save(path, network)),
                    (json, lambda path: results.write_json(path, result)))
    if unfinished is not None:
        unfinished.remove()
    held = result["validation_accuracy"]
    speed = result["samples_per_second"]
    results.table(f"{dataset}, {'-'.join(map(str, config.widths))}, {epochs} epochs, seed {seed}", [
        ("test accuracy", f"{result['test_accuracy']:.2%}"),
        ("train accuracy", f"{result['train_accuracy']:.2%}"),
        *([] if held is None else [("validation accuracy", f"{held:.2%}")]),
        ("seconds of training", f"{seconds:.2f}"),
        *([] if speed is None else [("samples per second", f"{speed:,.0f}")]),
    ])
