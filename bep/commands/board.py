"""`bep board`: a board at a serial port, real or simulated."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

from bep import ports, results
from bep.commands import board_store, options
from bep.commands.board_options import HYPER, Baud, Planned, Port, Timeout, of_training, opened
from bep.commands.board_program import program
from bep.commands.hyper_options import with_hyper
from bep.commands.listing import show
from bep.commands.train import beside, count, held_out, moving, resumable, with_sweep
from bep.flow import stores
from bep.flow.boards import boards, target
from bep_model import configuration, state
from bep_model.checks import MOST_SEED, integer
from bep_model.config import NUMERICS_VERSION, Config
from bep_model.data.catalogue import Encoding
from bep_model.files import check_outputs, telling
from bep_model.fit import portable, presets, training
from bep_model.fit.hyper import Hyper
from bep_model.fit.lessons import StoredTeacher
from bep_model.program import divided
from bep_model.protocol import INFERENCE, MAGIC
from bep_model.stored import parse


def board():
    """Train, read and write a board at a serial port, or simulate one."""


app = typer.Typer(callback=board, no_args_is_help=True)

Json = Annotated[Path | None, Option(help="Write this here instead, as JSON.")]
Source = Annotated[Path, Argument(metavar="SOURCE", help=f"{options.SOURCE}.")]


def held(source, config):
    """The state in a state file; None for another source."""
    return state.load(source, state.State(config)) if configuration.is_state(source) else None


@app.command("list")
def list_(json: Json = None):
    """List the serial ports, their USB chips, and the boards that they fit."""
    found = list(ports.lines())
    if json is not None:
        check_outputs(**{"--json": json})
        results.write_json(json, [
            {"port": name, "usb": chip, "product": product,
             "boards": [] if fitting == "-" else fitting.split(", ")}
            for name, chip, product, fitting in found])
        return
    show([("PORT", "USB", "PRODUCT", "BOARDS"), *found] if found else [("no serial port",)])


@app.command()
def info(port: Port = None, baud: Baud = None, timeout: Timeout = 10.0, json: Json = None):
    """Show what trainer is at a port."""
    check_outputs(**{"--json": json})
    with opened(Config(1, (1,), 2), port, baud, timeout) as found:
        values = found.info()
        where = found.port
    if values["IDENT"] not in (MAGIC, INFERENCE):
        raise ValueError(f"{where}: this is no trainer: register IDENT is {values['IDENT']:#010x}, "
                         f"not {MAGIC:#010x}")
    known = [name for name in presets.names()
             if configuration.load(name).config.identifier == values["DIGEST"]]
    version = values["VERSION"]
    infers = values["IDENT"] == INFERENCE
    if json is not None:
        results.write_json(json, {
            "port": where, "inference": infers, "numerics": version,
            "digest": f"{values['DIGEST']:08x}", "presets": known,
            "registers": {name.lower(): value for name, value in values.items()}})
        return
    results.table(f"{'inference only' if infers else 'trainer'} at {where}", [
        ("numerics", version if version == NUMERICS_VERSION
         else f"{version}, but this program has {NUMERICS_VERSION}"),
        ("digest of the configuration", f"{values['DIGEST']:08x}"),
        ("preset", ", ".join(known) or "none of this program's"),
        *((name.lower(), f"{values[name]:,}")
          for name in ("SAMPLES", "ERRORS", "TRIGGERED", "UPDATES") if not infers)])


@app.command()
@with_hyper
@resumable
def train(
    context: typer.Context,
    source: Planned,
    dataset: options.Dataset = "digits",
    data: options.Data = None,
    encoding: options.Images = "default",
    validation: options.Validation = None,
    train_samples: options.TrainSamples = None,
    data_seed: options.DataSeed = 0,
    epochs: options.Epochs = 30,
    until: options.Until = None,
    seed: options.Seed = 1,
    keep_best: options.KeepBest = False,
    sweep: options.Sweep = None,
    hyper: Hyper = HYPER,
    window: options.Window = Encoding.window,
    chunk: options.Chunk = Encoding.chunk,
    bits: options.Bits = Encoding.bits,
    expand: options.Expand = Encoding.expand,
    pairs: options.Pairs = Encoding.pairs,
    fold: options.Fold = 0,
    from_store: Annotated[bool, Option("--from-store", help=(
        "Take the samples from the board's sample store, which is filled first if it holds other "
        "ones, in the order chip."))] = False,
    save: options.Save = None,
    json: Annotated[Path | None, Option(
        rich_help_panel=options.FILES, help="Write the result here.")] = None,
    port: Port = None, baud: Baud = None, timeout: Timeout = 10.0,
):
    """Train a board, to the very counters of `bep train` with the same options.

    From a state file training goes on, in the training of the file if that is unfinished; else the
    board draws new counters. With --save or --json, a
    training that is stopped goes on with the same command, on this board, on another one, or as
    `bep train` in the model: beside that file, the epochs that are done are in one that ends in
    `.unfinished`.
    """
    begun = held(source, context.obj.config)
    unfinished = beside(save, json, source=None if begun is None else source)
    check_outputs({"SOURCE": source, "--dataset": options.file_of(dataset)}, **{
        "--save": save, "--json": json,
        "the file of unfinished epochs": unfinished.path})
    unfinished.epochs()  # raises for what is none
    options.check_until(until, epochs, save)
    integer("seed", seed, 0, MOST_SEED)
    found = context.obj
    validation = held_out(validation, dataset, hyper, keep_best)
    samples = options.samples(found, dataset, data, encoding, validation, train_samples, data_seed,
                              window, chunk, bits, expand, pairs, fold)
    hyper = with_sweep(hyper, sweep)
    training.check(found.config, samples, epochs, hyper, keep_best)
    unfinished.options = options.to_keep(
        dataset, options.encoding(dataset, encoding, window, chunk, bits, expand, pairs,
                                  found.preset),
        validation, train_samples, data_seed, fold)
    order = unfinished.begun.facts["order"] if unfinished.begun else "host"
    with results.Stages() as stages, opened(found.config, port, baud, timeout) as trainer:
        trainer.connect()
        if begun is None:
            training.begin(trainer, samples.train.x, hyper, seed)
        else:
            trainer.write(begun)
        stored = StoredTeacher(trainer, trainer.fill(samples, stages.begin)) if from_store else None
        teacher = stored or training.Teacher(trainer, samples, order)
        earlier = unfinished.check(trainer, samples, epochs=epochs, hyper=hyper, seed=seed,
                                   keep_best=keep_best, order=teacher.order)
        if earlier:
            results.say(f"going on from {unfinished.place}, {earlier} of "
                        f"{results.counted(epochs, 'epoch')}")
        last = max(earlier, epochs if until is None else until)
        done = stages.begin("samples", last * len(samples.train), earlier * len(samples.train))
        seen = wrong = 0

        def progress(count, errors):
            nonlocal seen, wrong
            seen, wrong = seen + count, wrong + errors
            done(count, f"accuracy {1 - wrong / seen:.1%}")
            if seen >= len(samples.train):  # of this epoch
                seen = wrong = 0

        trainer.progress = progress
        try:
            history = training.fit(trainer, samples, epochs=epochs, hyper=hyper, seed=seed,
                                   keep_best=keep_best, teacher=teacher, checkpoint=unfinished,
                                   until=until)
        except KeyboardInterrupt as stop:
            if unfinished.path is None:
                stop.add_note("the board keeps its counters, and no file is written")
            raise
        ended = trainer.read()
        trainer.progress = None
        accuracy = stored.accuracy("test") if stored else training.accuracy(trainer, samples.test)
    seconds = sum(epoch.seconds for epoch in history)
    result = {"dataset": dataset, "port": trainer.port, "test_accuracy": accuracy,
              "seconds": seconds, "train_samples": len(samples.train), "epochs": epochs,
              "seed": seed, "data_seed": data_seed, "keep_best": keep_best, "order": teacher.order,
              "configuration": asdict(found.config) | {"digest": found.config.digest},
              "hyper": asdict(hyper), "history": [asdict(epoch) for epoch in history]}
    results.deliver(
        (save, lambda path: state.save(path, ended, estimator=portable.of_training(
            found.config, samples, hyper, history, seed=seed),
            **moving(unfinished, history, epochs))),
        (json, lambda path: results.write_json(path, result)))
    results.table(f"{dataset} on the board at {trainer.port}, {count(history, epochs)}, "
                  f"seed {seed}", [
        *([] if accuracy is None else [("test accuracy", f"{accuracy:.2%}")]),
        ("seconds of training", f"{seconds:.2f}"),
        *([("samples per second", f"{len(history) * len(samples.train) / seconds:,.0f}")]
          if seconds else []),
    ])
    unfinished.remove()


@app.command("eval")
def evaluate(
    context: typer.Context,
    source: Planned,
    dataset: options.Dataset = "digits",
    data: options.Data = None,
    encoding: options.Images = "default",
    validation: options.Validation = None,
    data_seed: options.DataSeed = 0,
    window: options.Window = Encoding.window,
    chunk: options.Chunk = Encoding.chunk,
    bits: options.Bits = Encoding.bits,
    expand: options.Expand = Encoding.expand,
    pairs: options.Pairs = Encoding.pairs,
    fold: options.Fold = 0,
    confusion: Annotated[bool, Option(
        "--confusion", help="Also show how many samples of each class, a line, were predicted as "
                            "each class, a column.")] = False,
    port: Port = None, baud: Baud = None, timeout: Timeout = 10.0,
):
    """Infer the test samples of a data set with the weights that are on the board.

    These are not those of SOURCE, unless `bep board write` has loaded them or it was trained there.

    The options of the data must be those of the training: an encoding is learnt from its samples.
    """
    found = context.obj
    validation = held_out(validation, dataset, *of_training(found.preset))
    samples = options.samples(found, dataset, data, encoding, validation, None, data_seed,
                              window, chunk, bits, expand, pairs, fold)
    with opened(found.config, port, baud, timeout) as trainer:
        trainer.connect(infer=True)
        test = samples.test
        predictions = trainer.predict(test.x, test.lengths) if len(test) else test.labels
    rows = [("test samples", f"{len(test):,}" if len(test) else "none")]
    if len(test):
        rows.append(("test accuracy", f"{(predictions == test.labels).mean():.2%}"))
    results.table(f"{dataset} on the board at {trainer.port}", rows)
    if confusion:
        counts = training.confusion(test.labels, predictions, samples.classes)
        named = range(samples.classes) if samples.labels is None else samples.labels
        names = [str(name) for name in named]
        results.table("class, and how many were predicted as each class", [
            ("", *names), *((name, *row) for name, row in zip(names, counts, strict=True))])


for command in (board_store.load, board_store.image, board_store.autostart, program):
    app.command()(command)


@app.command()
def read(
    source: Source,
    out: Annotated[Path, Argument(metavar="FILE", help="The state file to write.")],
    port: Port = None, baud: Baud = None, timeout: Timeout = 10.0,
):
    """Write the state that is on the board into a file, with classes and encoder of SOURCE, if that
    is a state file.

    A board does not tell how many samples it has seen since the last reinforcement sweep: the file
    says 0. `bep board train --save` knows it.
    """
    check_outputs({"SOURCE": source}, FILE=out)
    config = configuration.buildable(source).config
    with opened(config, port, baud, timeout) as trainer:
        found = trainer.connect().read()
    told = {"estimator": state.describe(source)[1], "data": state.data(source)} \
        if configuration.is_state(source) else {}
    results.deliver((out, lambda path: state.save(path, found, **told)))
    results.say(f"the state of the board at {trainer.port} is in {out}")


@app.command()
def write(
    source: Annotated[Path, Argument(metavar="FILE", help="A state file.")],
    port: Port = None, baud: Baud = None, timeout: Timeout = 10.0,
):
    """Load a state file into the board."""
    config, _ = state.describe(source)
    with opened(config, port, baud, timeout) as trainer:
        trainer.connect().write(state.load(source, state.State(config)))
    results.say(f"the board at {trainer.port} has the state of {source}")


@app.command()
def simulate(
    source: Source,
    board: Annotated[str | None, Option(
        help=f"Build the trainer as for this board, one of {', '.join(boards())}, or a file as "
             "docs/boards.md describes it [default: dual-port memory without registers behind "
             "it].")] = None,
    infer: Annotated[bool, Option(
        "--inference", help="A board that only infers, with the weights of a state file.")] = False,
    latency: Annotated[int, Option(
        help="Milliseconds for which short answers are held back, 16 as by an FTDI chip.")] = 0,
    store: options.Store = "none",
    content: Annotated[Path | None, Option(
        metavar="FILE", help="What the store's chip holds from the start, a file of "
                             "`bep board image` or `autostart`.")] = None,
    build_dir: Annotated[Path, Option(help="Where simulators are kept.")] = Path("build"),
):
    """Simulate a board behind a pseudo-terminal, a serial port for `--port`, until Ctrl-C.

    The first line on standard output is the name of the port.
    """
    from bep.flow.memories import window  # these need other extras
    from sim import desk, folders

    integer("latency", latency, 0, 1000)
    octets = None if content is None else content.read_bytes()
    if octets is not None and stores.resource(store) is None:
        raise ValueError(f"--content is for a store with a chip, not for --store {store}")
    if octets is not None:
        with telling(content):
            parse(divided(octets)[1])
    folders.check_writable(build_dir=build_dir)
    config = configuration.buildable(source).config
    built: dict[str, Any] = {"window": 512}
    if board:
        described = target(board)
        built = described.options | {
            "window": window(config, described, store, infer)}
    if infer:
        from bep.flow import inference

        built |= {"weights": inference.weights(inference.trained(source))}
    results.say("making the simulator, which takes minutes unless it was made before")
    desk.serve(config, lambda name: typer.echo(name), latency=latency, root=build_dir,
               store=stores.make(store), content=octets, **built)
