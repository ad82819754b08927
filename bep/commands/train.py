"""`bep train`: train the golden model on a data set."""

import shlex
import sys
from contextlib import suppress
from dataclasses import asdict, replace
from functools import wraps
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from bep import results
from bep.commands import options, suited
from bep.commands.hyper_options import with_hyper
from bep_model import configuration, state
from bep_model.checks import MOST_SEED, called, integer, integers, one_of
from bep_model.config import CODES, Config
from bep_model.data import catalogue, datasets
from bep_model.data.catalogue import Encoding
from bep_model.files import check_outputs, written_to
from bep_model.fit import portable, rule, training
from bep_model.fit.checkpoint import Checkpoint, position
from bep_model.fit.filters import windows_of
from bep_model.fit.hyper import Hyper
from bep_model.fit.presets import Preset
from bep_model.network import Network
from bep_model.phases.bits import COMPILED

HYPER = Hyper()


def defaults(context: typer.Context, source: Path | None):
    """Make what a source says the defaults of all other options."""
    if source is not None:
        tell(context, source, configuration.load(source))
    return source


def tell(context, source, found):
    """Make what was ``found`` in a source the defaults of all other options."""
    context.obj = found
    config, preset = found.config, found.preset
    filters = len(config.windows)
    told = {
        "filters": config.layers[:filters], "hidden": config.layers[filters:],
        "prototype_seed": config.seed, "batch": config.max_batch} | {
        name: getattr(config, name) for name in (
            "counter_bits", "weight_lanes", "counter_lanes", "code")}
    if preset is not None:
        told |= options.of_data(preset) | asdict(preset.hyper) | {
            name: getattr(preset, name) for name in ("epochs", "validation", "keep_best")}
    told |= of_state(source)
    context.default_map = told


def of_state(source):
    """What a state file says the defaults of options are: of its data, and, if its training is
    unfinished, of that; {} of another file."""
    if not configuration.is_state(source):
        return {}
    run = position(source)
    return (state.data(source) or {}) if run is None else run.defaults


def starting(context: typer.Context, start: Path | None):
    """The same of a state file, unless --config says it."""
    found = existing(start)
    if found is not None:
        position(found)  # raises for what is none
        if context.obj is None:
            defaults(context, found)
    return start


def existing(start):
    """The file of ``--start``, None if there is none: that is refused later, by its option."""
    return start if start is not None and start.is_file() else None


def trainer(found, samples, of_file, **options):
    """The :class:`Config` of these options: a file's for data ``of_file``, else what fits them."""
    if options["windows"]:
        options["image"] = samples.image
    if of_file:
        known = found.config
        shape = {"inputs": known.inputs, "classes": known.classes, "max_steps": known.max_steps}
    else:
        shape = {"inputs": samples.inputs, "classes": samples.classes, "max_steps": samples.steps}
    if found is not None:
        options["max_batch"] = max(options["max_batch"], found.config.max_batch)
        options["stable"] = options["stable"] or found.config.stable
    with called({"layers": "hidden", "max_batch": "batch", "seed": "prototype_seed",
                 "max_steps": "steps"}):
        return Config(**shape | options)


def windows(found, samples, filters, size, stride, pool):
    """The windows of these options; what they leave out is as in a file. Raises ValueError for data
    that are no images."""
    integers("filters", filters, None, 1, 65535)
    if filters and samples.image is None:
        raise ValueError(f"filters must be left out for {samples.name}, whose bits are no images "
                         f"in this encoding, not {', '.join(map(str, filters))}")
    for name, value in (("filter_size", size), ("stride", stride), ("pool", pool)):
        if value and not filters:
            raise ValueError(f"{name} must be left out without --filters, not "
                             f"{', '.join(map(str, value))}")
    return windows_of(filters, samples.image, size or None, stride or None, pool or None,
                      found.config.windows if found is not None else ())


def held_out(validation, dataset, hyper, keep_best):
    """Whether validation samples are held out; None stands for what suits the rest.

    Raises ValueError if they are not and have to be.
    """
    needed = "patience" if hyper.patience > 0 else "keep_best" if keep_best else None
    if validation is None:
        return dataset != "digits" or needed is not None
    if needed and not validation:
        raise ValueError(f"{needed} needs validation samples: give no --no-validation")
    return validation


def with_sweep(hyper, sweep):
    """Hyper-parameters with the value of the option --sweep, or its default if that is None."""
    if sweep is None:
        sweep = hyper.sweep if hyper.sweep % hyper.batch == 0 else hyper.batch
    return replace(hyper, sweep=sweep)


def beside(save, json, **options):
    """The file of unfinished epochs, beside what is to be written; of no path if that is no file.

    ``options`` are those of :class:`Checkpoint`.
    """
    return next((Checkpoint.beside(path, **options) for path in (save, json)
                 if path is not None and not written_to(path)), Checkpoint(**options))


def moving(unfinished, history, epochs):
    """What :func:`state.save` keeps of a training: where it is, and at its end on what it was."""
    return unfinished.entries() if len(history) < epochs else {"data": unfinished.options}


def count(history, epochs):
    """How many epochs are done, in words."""
    all_of_them = results.counted(epochs, "epoch")
    return all_of_them if len(history) == epochs else f"{len(history)} of {all_of_them}"


def resumable(command):
    """A command that, if it is stopped, tells where the epochs are that are done."""
    @wraps(command)
    def resumable(save, json, **options):
        try:
            return command(save=save, json=json, **options)
        except (KeyboardInterrupt, OSError) as stop:
            if getattr(stop, "__notes__", ()):  # the command has told it
                raise
            unfinished, done = beside(save, json), 0
            with suppress(ValueError, OSError):
                done, epochs = unfinished.epochs()
            if isinstance(stop, OSError) and not done:  # it may be no fault that goes away
                raise
            stop.add_note("nothing is kept, which --save with a plain file would change"
                          if unfinished.path is None
                          else "before the end of an epoch nothing is kept" if not done
                          else f"{done} of {results.counted(epochs, 'epoch')} are in "
                          f"{unfinished.path}; the same command goes on from there")
            raise

    return resumable


@with_hyper
@resumable
def train(
    context: typer.Context,
    source: Annotated[Path | None, Option(
        *options.NAMES, metavar="FILE|NAME", is_eager=True, callback=defaults,
        help=f"{options.SOURCE}: the defaults of all options of the network, the data and the "
             "training that it tells.")] = None,
    dataset: options.Dataset = "digits",
    data: options.Data = None,
    encoding: options.Images = "default",
    validation: options.Validation = None,
    train_samples: options.TrainSamples = None,
    data_seed: options.DataSeed = 0,
    hidden: Annotated[list[int], Option(
        rich_help_panel=options.NETWORK,
        help="Neurons per layer: --hidden 75 75. Of sequences two, K_s and K_y, the state and "
             "the output.")] = (128, 128),  # type: ignore[assignment]
    filters: Annotated[list[int], Option(
        rich_help_panel=options.FILTERS,
        help="Filters of the convolutional layers, which come before --hidden; of images, encoded "
             "pixel by pixel.")] = (),  # type: ignore[assignment]
    filter_size: Annotated[list[int], Option(
        rich_help_panel=options.FILTERS,
        help="Rows and columns that a filter sees: a number for all of these layers, or one for "
             "each; by default 2/7 of the image.")] = (),  # type: ignore[assignment]
    stride: Annotated[list[int], Option(
        rich_help_panel=options.FILTERS,
        help="Pixels between two positions of a filter, likewise; by default a quarter of the "
             "size.")] = (),  # type: ignore[assignment]
    pool: Annotated[list[int], Option(
        rich_help_panel=options.FILTERS,
        help="Positions in a row and in a column of a cell, likewise; by default 1.")
    ] = (),  # type: ignore[assignment]
    counter_bits: Annotated[int, Option(
        rich_help_panel=options.NETWORK, help="B_h, stored bits per counter, 2..15.")] = 7,
    weight_lanes: Annotated[int, Option(
        rich_help_panel=options.NETWORK, help="P, weight bits per cycle of the trainer.")] = 64,
    counter_lanes: Annotated[int, Option(
        rich_help_panel=options.NETWORK,
        help="Q, counters per cycle, a divisor of P; fixes the random bits.")] = 8,
    prototype_seed: Annotated[int, Option(
        rich_help_panel=options.NETWORK, help="Of the class prototypes.")] = 1,
    code: Annotated[str, Option(
        rich_help_panel=options.NETWORK,
        help="Of the class prototypes: random, or thermometer for classes in an order.")
    ] = CODES[0],
    epochs: options.Epochs = 30,
    until: options.Until = None,
    seed: options.Seed = 1,
    keep_best: options.KeepBest = False,
    order: options.Order = "host",
    sweep: options.Sweep = None,
    hyper: Hyper = HYPER,
    steps: Annotated[int | None, Option(
        rich_help_panel=options.SEQUENCES,
        help="T_max of a recurrent trainer; by default those of the longest sequence.")] = None,
    window: options.Window = Encoding.window,
    chunk: options.Chunk = Encoding.chunk,
    bits: options.Bits = Encoding.bits,
    expand: options.Expand = Encoding.expand,
    pairs: options.Pairs = Encoding.pairs,
    fold: options.Fold = 0,
    auto: Annotated[float | None, Option(
        rich_help_panel=options.SEQUENCES, metavar="SECONDS",
        help="Choose encoding and hyper-parameters on validation samples: try settings around the "
             "rule's until the time is over.")] = None,
    start: Annotated[Path | None, Option(
        rich_help_panel=options.FILES, is_eager=True, callback=starting,
        help="Go on from this state file instead of new counters: with its network and its data as "
             "defaults, in its training, if that is unfinished, with all of its options.")] = None,
    save: options.Save = None,
    save_config: Annotated[Path | None, Option(
        rich_help_panel=options.FILES,
        help="Write what is trained and how here, a file for --config (seeds are not in it).")
    ] = None,
    json: Annotated[Path | None, Option(
        rich_help_panel=options.FILES, help="Write the result here.")] = None,
    literal_targets: Annotated[bool, Option(help="The paper's literal sign(0) = +1.")] = False,
):
    """Train the golden model on a data set and report its test accuracy.

    With --save or --json, a training that is stopped goes on with the same command: beside that
    file, the epochs that are done are in one that ends in `.unfinished`.

    Of sequences, encoding, network and training follow from their shape by a rule, as far as
    neither an option nor --config tells them.
    """
    if auto is not None:
        suited.check(context, auto, dataset, validation)
    unfinished = beside(save, json, source=existing(start))
    check_outputs({"--start": start, "--config": source,
                   "--dataset": options.file_of(dataset)}, **{
        "--save": save, "--save-config": save_config, "--json": json,
        "the file of unfinished epochs": unfinished.path})
    unfinished.epochs()  # raises for what is none
    if source is not None and unfinished.begun is not None:
        raise ValueError(f"--config is for a new training: that of --start {start} has its own")
    options.check_data(dataset, data)
    integer("data_seed", data_seed, 0, MOST_SEED)
    integer("seed", seed, 0, MOST_SEED)
    one_of("order", order, training.ORDERS)
    found, numbers, tried = context.obj, None, None
    if found is None and catalogue.sequential(dataset) and encoding == "default":
        numbers = datasets.read(dataset, data)
        settled = suited.settled(context, window=window, chunk=chunk, hidden=hidden)
        with called({"layers": "hidden"}):
            told = suited.values(rule.preset(dataset, rule.shape(numbers), **settled))
        told["keep_best"] = validation is not False
        hidden, epochs, keep_best, window, chunk, bits, expand, pairs = suited.untold(
            context, told, hidden=hidden, epochs=epochs, keep_best=keep_best, window=window,
            chunk=chunk, bits=bits, expand=expand, pairs=pairs).values()
        hyper = Hyper(**suited.untold(context, told, **asdict(hyper)))
    options.check_until(until, epochs, save)
    validation = held_out(validation, dataset, hyper, keep_best)
    hyper = with_sweep(hyper, sweep)
    if hyper.delay and start is not None and unfinished.begun is None:
        raise ValueError(f"--delay {hyper.delay} is for new counters: those of --start {start} "
                         "stay as they are")
    encoding = options.encoding(dataset, encoding, window, chunk, bits, expand, pairs,
                                found and found.preset)
    of_file = found is not None and (found.preset is None or (
        found.preset.dataset, found.preset.encoding) == (dataset, encoding))

    def trained(samples, hyper):
        """The trainer of these data, and the parameters with which it begins."""
        config = trainer(found, samples, of_file, layers=(*filters, *hidden),
                         windows=windows(found, samples, filters, filter_size, stride, pool),
                         counter_bits=counter_bits,
                         weight_lanes=weight_lanes, counter_lanes=counter_lanes,
                         max_batch=hyper.batch, seed=prototype_seed, code=code,
                         stable=hyper.stable,
                         **{} if steps is None else {"max_steps": steps})
        with called({} if steps is None else {"max_steps": "steps"}):
            return config, training.check(config, samples, epochs, hyper, keep_best)

    def loaded(encoding, **others):
        """The data in an encoding."""
        found = datasets.load(dataset, data=data, seed=data_seed, fold=fold, validation=validation,
                              encoding=encoding, numbers=numbers, **others)
        return found if train_samples is None else found.limit(train_samples)

    if not COMPILED:
        results.say("without numba this is hundreds of times slower: pip install "
                    "'bep-trainer[fast]'")
    if numbers is not None:
        settings = rule.Settings(encoding, hyper)  # type: ignore[arg-type]
        kept = None if auto is None else suited.kept(unfinished, settings)
        if kept is not None:
            settings = kept
        elif auto is not None:
            samples = loaded(encoding)
            config, parameters = trained(samples, hyper)
            suited.compiled(Network(config), samples, parameters)
            settings, tried = suited.choose(
                settings, auto, lambda encoding, held_seed: loaded(encoding, held_seed=held_seed),
                lambda samples, hyper: trained(samples, hyper)[0], rule.shape(numbers),
                data_seed=data_seed, epochs=epochs, seed=seed, keep_best=keep_best,
                literal_targets=literal_targets, order=order)
        encoding, hyper = settings  # type: ignore[assignment]
    samples = loaded(encoding)
    config, parameters = trained(samples, hyper)
    preset = save_config and Preset(dataset, config.layers, counter_bits, epochs, hyper, encoding,
                                    validation, keep_best, config.windows)
    network = Network(config, literal_targets=literal_targets)
    training.begin(network, samples.train.x, hyper, seed)
    if start is not None:
        state.load(start, network)
        if unfinished.begun is None and state.describe(start)[1] is not None:
            results.say(f"{start} is of an estimator, whose encoder is not used here: the bits of "
                        "a sample may be others")
    suited.compiled(network, samples, parameters)
    unfinished.options = options.to_keep(dataset, encoding, validation, train_samples, data_seed,
                                         fold)
    if earlier := unfinished.check(network, samples, epochs=epochs, hyper=hyper, seed=seed,
                                   keep_best=keep_best, order=order):
        results.say(f"going on from {unfinished.place}, {earlier} of "
                    f"{results.counted(epochs, 'epoch')}")
    if numbers is not None:
        results.say(suited.command(context, settings, hidden, epochs, keep_best))
    with results.Stages() as stages:
        done = stages.begin("epochs", max(earlier, epochs if until is None else until), earlier)

        def progress(epoch):
            held = epoch.validation_accuracy
            done(1, f"error {epoch.error:.1%}"
                 + ("" if held is None else f", validation {held:.1%}"))

        history = training.fit(network, samples, epochs=epochs, hyper=hyper, seed=seed,
                               progress=progress, keep_best=keep_best, checkpoint=unfinished,
                               order=order, until=until)
    seconds = sum(epoch.seconds for epoch in history)
    result = {
        "preset": None if source is None else str(source),
        "dataset": dataset,
        "encoding": encoding if isinstance(encoding, str) else asdict(encoding) | {"fold": fold},
        "test_accuracy": training.accuracy(network, samples.test),
        "train_accuracy": training.accuracy(network, samples.train),
        "validation_accuracy": training.accuracy(network, samples.validation),
        "seconds": seconds,
        "samples_per_second": training.speed(history, len(samples.train)),
        "train_samples": len(samples.train),
        "epochs": epochs,
        "seed": seed,
        "data_seed": data_seed,
        "literal_targets": literal_targets,
        "keep_best": keep_best,
        "order": order,
        "auto": tried,
        "configuration": asdict(config) | {"digest": config.digest},
        "hyper": asdict(hyper),
        "parameters": asdict(parameters),
        "history": [asdict(epoch) for epoch in history],
        "versions": results.versions("bep-trainer", "numpy", "numba", "scikit-learn"),
    }
    results.deliver(
        (save, lambda path: state.save(path, network, estimator=portable.of_training(
            config, samples, hyper, history, seed=seed), **moving(unfinished, history, epochs))),
        (save_config, lambda path: configuration.dump(
            path, config, preset=preset, comment=shlex.join(["bep", *sys.argv[1:]]))),
        (json, lambda path: results.write_json(path, result)))
    held = result["validation_accuracy"]
    speed = result["samples_per_second"]
    results.table(f"{dataset}, {'-'.join(map(str, config.widths))}, {count(history, epochs)}, "
                  f"seed {seed}", [
        ("test accuracy", f"{result['test_accuracy']:.2%}"),
        ("train accuracy", f"{result['train_accuracy']:.2%}"),
        *([] if held is None else [("validation accuracy", f"{held:.2%}")]),
        ("seconds of training", f"{seconds:.2f}"),
        *([] if speed is None else [("samples per second", f"{speed:,.0f}")]),
    ])
    unfinished.remove()  # all is told: a stop before that says where the epochs are
