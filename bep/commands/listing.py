"""`bep list`: the names that other commands take, with sizes."""

import typer

from bep.flow.boards import boards, target
from bep_model import configuration
from bep_model.data import catalogue
from bep_model.fit import presets


def data_sets():
    """Lines (name, samples, numbers of a sample, classes, what it is)."""
    yield "DATA SET", "SAMPLES", "NUMBERS", "CLASSES", ""
    for name, known in catalogue.SETS.items():
        kind = "sequences" if catalogue.sequential(name) else \
            "images" if catalogue.images(name) else ""
        if known.classes is None:
            yield name, "", "", "", f"{kind}: your own files"
        else:
            samples = f"{known.train}" + ("" if known.test is None else f" + {known.test}")
            yield (name, samples, " x ".join(map(str, known.shape or ())), str(known.classes),
                   f"{kind}, folds" if catalogue.folded(name) else kind)


def all_presets():
    """Lines (name, layers, B_h, epochs)."""
    yield "PRESET", "LAYERS", "B_h", "EPOCHS"
    for name in presets.names():
        found = configuration.load(name).preset
        yield (name, "-".join(map(str, found.hidden)), str(found.counter_bits), str(found.epochs))


def all_boards():
    """Lines (name, part)."""
    yield "BOARD", "PART"
    for name in boards():
        yield name, target(name).part


def show(lines):
    """Print lines of texts as columns."""
    lines = list(lines)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        typer.echo("  ".join(f"{text:{width}}" for text, width in
                             zip(line, widths, strict=True)).rstrip())


def command():
    """List data sets, presets and boards, with sizes."""
    for number, part in enumerate((data_sets, all_presets, all_boards)):
        if number:
            typer.echo()
        show(part())
