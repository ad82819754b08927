"""Options that several commands have: what is trained, data sets and their encodings."""

import inspect
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from typing import Annotated

from typer import Option

from bep.flow import stores
from bep_model.checks import integer
from bep_model.data import catalogue
from bep_model.data.catalogue import Encoding
from bep_model.fit.hyper import Hyper

DATASET = (f"One of {', '.join(catalogue.PLAIN)}; a table, FILE.csv or FILE.arff, "
           "with the class last, or FILE.npz, with arrays x and y; a folder of images in a folder "
           f"per class, FOLDER/; of images, {', '.join(catalogue.IMAGES)}; of sequences, which a "
           "recurrent network takes, any of the images row by row, as s-mnist, "
           f"{', '.join(catalogue.ARCHIVE)}, or another UCR or UEA set.")

DATA, NETWORK, FILTERS, HYPER, SEQUENCES, FILES = (
    "Data", "Network", "Filters (convolutional networks)", "Hyper-parameters",
    "Sequences (recurrent networks)", "Files")
"""Topics under which the help of a command with many options has them."""

SOURCE = "A configuration file (TOML), a state file, or the name of a preset"
NAMES = ("--config", "--preset")
"""Of the option that takes one."""
Source = Annotated[Path | None, Option(*NAMES, metavar="FILE|NAME",
                                       help=f"{SOURCE}.")]

Inference = Annotated[bool, Option(
    "--inference", help="Infer only, with the weights of the state file that --config names.")]

Data = Annotated[Path | None, Option(
    rich_help_panel=DATA,
    help="Folder of the files; else BEP_DATA, else MNIST and Fashion-MNIST are downloaded. Of a "
         "table, else the working folder.")]
Images = Annotated[str, Option(
    rich_help_panel=DATA,
    help=f"Of images as bits: {', '.join(catalogue.ENCODINGS)}; of tables: "
         f"{', '.join(catalogue.TABLE_ENCODINGS)}.")]
Window = Annotated[int | None, Option(
    rich_help_panel=SEQUENCES,
    help="Only the last samples of a sequence; by default all.")]
Chunk = Annotated[int, Option(
    rich_help_panel=SEQUENCES, help="Samples of a sequence per time step.")]
Bits = Annotated[int, Option(
    rich_help_panel=SEQUENCES,
    help="Thermometer levels per sample and dimension of a sequence.")]
Expand = Annotated[int | None, Option(
    rich_help_panel=SEQUENCES,
    help="K_x, random features of a time step's bits; 0 for the bits themselves.")]

Pairs = Annotated[bool, Option(
    rich_help_panel=SEQUENCES,
    help="Each bit of a time step is followed by its complement, and all by a 1.")]

Scheduler = Annotated[str | None, Option(
    help="Address of a dask scheduler, tcp://HOST:PORT; else processes here.")]
MOST_WORKERS = 1000
Workers = Annotated[int | None, Option(
    help="Processes on this machine; by default one per core.")]

Dataset = Annotated[str, Option(rich_help_panel=DATA, help=DATASET)]
Validation = Annotated[bool | None, Option(
    rich_help_panel=DATA,
    help="Hold out validation samples; by default yes, but not of the digits.")]
TrainSamples = Annotated[int | None, Option(
    rich_help_panel=DATA, help="Train on the first so many samples only.")]
DataSeed = Annotated[int, Option(
    rich_help_panel=DATA, help="Of held-out samples and of generated data.")]
Order = Annotated[str, Option(
    help="Of the samples in an epoch: host, or chip, that of a trainer with a sample store.")]
Store = Annotated[str, Option(help=f"Sample store of the trainer: {stores.CHOICES}.")]
Fold = Annotated[int, Option(
    rich_help_panel=SEQUENCES,
    help="Which of three folds of a UCR or UEA set is the test part, 0..2.")]
Epochs = Annotated[int, Option(help="Passes over the training samples.")]
Until = Annotated[int | None, Option(
    help="End after so many of the epochs; what --save writes goes on (docs/state.md).")]
Seed = Annotated[int, Option(
    help="Of the initial weights, the random bits and the sample order.")]
KeepBest = Annotated[bool, Option(
    help="End with the epoch of the best validation accuracy, not with the last.")]
Sweep = Annotated[int | None, Option(
    rich_help_panel=HYPER,
    help="Samples per reinforcement sweep, a multiple of the batch; by default "
         f"{Hyper.sweep}, or the batch if that does not divide it.")]
Save = Annotated[Path | None, Option(
    rich_help_panel=FILES, help="Write the trained state here.")]


SEQUENCE_DEFAULTS = asdict(Encoding())
"""Values of the options of sequences by their names."""


def instead(function, name, added, made):
    """A command that has other options in place of one argument.

    Parameters
    ----------
    function : callable
    name : str
        The argument.
    added : dict of str to inspect.Parameter
        The options, by name; keyword only.
    made : callable
        What the argument is, of a dict of the options' values.
    """
    own = inspect.signature(function).parameters

    @wraps(function)
    def command(**given):
        values = {each: given.pop(each) for each in added}
        return function(**given, **{name: made(values)})

    found = [option.replace(kind=inspect.Parameter.KEYWORD_ONLY)
             for each in own for option in (added.values() if each == name else [own[each]])]
    command.__signature__ = inspect.Signature(found)  # type: ignore[attr-defined]
    return command


def check_workers(scheduler, workers):
    """Raise ValueError unless --scheduler and --workers suit each other."""
    if workers is not None:
        integer("workers", workers, 1, MOST_WORKERS)
        if scheduler is not None:
            raise ValueError("--workers are of this machine; with --scheduler there are its own")


def file_of(dataset):
    """The file, or folder, that --dataset names, which no output may replace; else None."""
    return Path(dataset) if dataset is not None and Path(dataset).exists() else None


def of_data(preset):
    """Values of the options of data that a preset stands for, by their names."""
    return {"dataset": preset.dataset} | of_encoding(preset.encoding)


def of_encoding(encoding):
    """Values of the options that an encoding stands for, by their names."""
    return {"encoding": encoding} if isinstance(encoding, str) else asdict(encoding)


def to_keep(dataset, encoding, validation, train_samples, data_seed, fold):
    """What a state file tells of an unfinished training's data: options by their names."""
    return {"dataset": dataset, "validation": validation, "train_samples": train_samples,
            "data_seed": data_seed, "fold": fold} | of_encoding(encoding)


def given(context):
    """Names of the options that stand in the command line."""
    return {name for name in context.params
            if getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"}


def check_until(until, epochs, save):
    """Raise ValueError unless ``--until`` suits the epochs and the file of ``--save``."""
    if until is not None:
        integer("until", until, 1, max(1, epochs))
        if save is None:
            raise ValueError("--until is for a training that goes on later: give --save")


def check_data(dataset, data):
    """Raise ValueError if a folder is given for a data set that has no files."""
    if data is not None and dataset in catalogue.PLAIN:
        raise ValueError(f"--data {data} is for data sets in files, and {dataset} has none: "
                         "is it for another --dataset?")


def encoding(dataset, images, window, chunk, bits, expand, pairs, preset=None):
    """The encoding of a data set, of the values of these options.

    Those that are just a ``preset``'s are not for data of another kind.

    Raises ValueError if another option than those of its kind is not at its default.
    """
    sequences = Encoding(window, chunk, bits, expand or None, pairs)
    if preset is not None and preset.encoding in (images, sequences):
        try:
            return catalogue.encoding_of(dataset, preset.encoding)
        except ValueError:
            return catalogue.encoding_of(dataset)
    if not catalogue.sequential(dataset):
        return catalogue.encoding_of(dataset, images if sequences == Encoding() else sequences)
    return catalogue.encoding_of(dataset, sequences if images == "default" else images)


def samples(found, dataset, data, images, validation, train_samples, data_seed, window, chunk, bits,
            expand, pairs, fold):
    """The data set that the options describe, for a board of this source."""
    from bep_model.data import datasets  # slow to import

    check_data(dataset, data)
    chosen = encoding(dataset, images, window, chunk, bits, expand, pairs, found.preset)
    loaded = datasets.load(dataset, data=data, seed=data_seed, fold=fold, validation=validation,
                            encoding=chosen)
    loaded = loaded if train_samples is None else loaded.limit(train_samples)
    loaded.check(found.config)
    return loaded
