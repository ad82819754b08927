"""Commands of `bep board` about sample stores (docs/store.md)."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from bep import results
from bep.commands import options
from bep.commands.board_options import HYPER, Baud, Planned, Port, Timeout, of_training, opened
from bep.commands.hyper_options import with_hyper
from bep.commands.train import held_out, with_sweep
from bep.flow.boards import board_file, boards, target
from bep_model import memories
from bep_model.checks import MOST_EPOCHS, MOST_SEED, integer
from bep_model.data.catalogue import Encoding
from bep_model.files import check_outputs, replacing
from bep_model.fit import training
from bep_model.fit.autostart import autostart as with_program
from bep_model.fit.hyper import Hyper
from bep_model.program import START
from bep_model.stored import pack

Out = Annotated[Path, Argument(metavar="FILE", help="The file to write.")]
FlashOf = Annotated[str, Option(
    help=f"Whose flash chip it is for, one of {', '.join(boards())}, or a file as docs/boards.md "
         "describes it.")]


def load(
    context: typer.Context,
    source: Planned,
    dataset: options.Dataset = "digits",
    data: options.Data = None,
    encoding: options.Images = "default",
    validation: options.Validation = None,
    train_samples: options.TrainSamples = None,
    data_seed: options.DataSeed = 0,
    window: options.Window = Encoding.window,
    chunk: options.Chunk = Encoding.chunk,
    bits: options.Bits = Encoding.bits,
    expand: options.Expand = Encoding.expand,
    pairs: options.Pairs = Encoding.pairs,
    fold: options.Fold = 0,
    port: Port = None, baud: Baud = None, timeout: Timeout = 10.0,
):
    """Load a data set into the board's sample store, unless it is there, and check it."""
    found = context.obj
    validation = held_out(validation, dataset, *of_training(found.preset))
    samples = options.samples(found, dataset, data, encoding, validation, train_samples, data_seed,
                              window, chunk, bits, expand, pairs, fold)
    with results.Stages() as stages, opened(found.config, port, baud, timeout) as trainer:
        trainer.connect()
        described = trainer.fill(samples, stages.begin)
    held_samples(f"{dataset} in the store of the board at {trainer.port}", described)


def image(
    context: typer.Context,
    source: Planned,
    out: Out,
    board: FlashOf = "icebreaker",
    dataset: options.Dataset = "digits",
    data: options.Data = None,
    encoding: options.Images = "default",
    validation: options.Validation = None,
    train_samples: options.TrainSamples = None,
    data_seed: options.DataSeed = 0,
    window: options.Window = Encoding.window,
    chunk: options.Chunk = Encoding.chunk,
    bits: options.Bits = Encoding.bits,
    expand: options.Expand = Encoding.expand,
    pairs: options.Pairs = Encoding.pairs,
    fold: options.Fold = 0,
):
    """Write a data set as a file for a board's flash chip, and say how it gets there.

    Then the chip holds what `bep board load` writes with the same options.
    """
    check_outputs({"SOURCE": source, "--board": board_file(board),
                   "--dataset": options.file_of(dataset)}, FILE=out)
    found, chip = context.obj, memories.Flash
    program = target(board).flash_command(out, chip.start)
    validation = held_out(validation, dataset, *of_training(found.preset))
    samples = options.samples(found, dataset, data, encoding, validation, train_samples, data_seed,
                              window, chunk, bits, expand, pairs, fold)
    described, octets = pack(found.config, samples)
    programmed(out, octets, chip.start)
    held_samples(f"{dataset} in {out}, {len(octets):,} bytes", described)
    results.say(f"program it with: {program}")


@with_hyper
def autostart(
    context: typer.Context,
    source: Planned,
    out: Out,
    board: FlashOf = "icebreaker",
    dataset: options.Dataset = "digits",
    data: options.Data = None,
    encoding: options.Images = "default",
    validation: options.Validation = None,
    train_samples: options.TrainSamples = None,
    data_seed: options.DataSeed = 0,
    epochs: options.Epochs = 30,
    seed: options.Seed = 1,
    sweep: options.Sweep = None,
    hyper: Hyper = HYPER,
    window: options.Window = Encoding.window,
    chunk: options.Chunk = Encoding.chunk,
    bits: options.Bits = Encoding.bits,
    expand: options.Expand = Encoding.expand,
    pairs: options.Pairs = Encoding.pairs,
    fold: options.Fold = 0,
):
    """Write a data set, and a program that trains on it, as a file for a board's flash chip.

    A board built with --store flash:start then trains after every reset, without a host, to the
    counters of `bep train --order chip` with the same options. The model trains first: schedules
    depend on the errors.
    """
    check_outputs({"SOURCE": source, "--board": board_file(board),
                   "--dataset": options.file_of(dataset)}, FILE=out)
    integer("seed", seed, 0, MOST_SEED)
    integer("epochs", epochs, 1, MOST_EPOCHS)
    found = context.obj
    program = target(board).flash_command(out, START)
    validation = held_out(validation, dataset, hyper, False)
    samples = options.samples(found, dataset, data, encoding, validation, train_samples, data_seed,
                              window, chunk, bits, expand, pairs, fold)
    if not len(samples.train):
        raise ValueError("there must be training samples, and there are none")
    with results.Stages() as stages:
        stages.begin("training the model")
        described, octets, network = with_program(
            found.config, samples, epochs=epochs, hyper=with_sweep(hyper, sweep), seed=seed)
    programmed(out, octets, START)
    held_samples(f"{dataset} and {results.counted(epochs, 'epoch')} in {out}, "
                 f"{len(octets):,} bytes", described)
    accuracy = training.accuracy(network, samples.test)
    if accuracy is not None:
        results.say(f"the board will have a test accuracy of {accuracy:.2%}")
    results.say(f"program it with: {program}")


def programmed(out, octets, start):
    """Write a file for address ``start`` of a flash chip, if it fits."""
    memories.check_room(len(octets), memories.Flash.SIZE - start)
    with replacing(out) as file:
        file.write(octets)


def held_samples(title, described):
    """Print how many samples a stored set has."""
    results.table(title, [(f"{name} samples", f"{getattr(described, name):,}")
                          for name in ("train", "validation", "test")])
