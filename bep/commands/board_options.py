"""What the commands of `bep board` share: options, and the board at a port."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from bep import ports
from bep.commands import options
from bep.commands.train import tell
from bep_model import configuration
from bep_model.checks import number
from bep_model.device import Board
from bep_model.fit.hyper import Hyper
from bep_model.protocol import RATES

HYPER = Hyper()
LINK = "Link"


def defaults(context: typer.Context, source: Path):
    """Make what a source says the defaults of all other options."""
    tell(context, source, configuration.buildable(source))
    return source


Planned = Annotated[Path, Argument(metavar="SOURCE", is_eager=True, callback=defaults, help=(
    f"{options.SOURCE}: what is on the board, and the defaults of all options of data and "
    "training that it tells."))]
Port = Annotated[str | None, Option(
    rich_help_panel=LINK, help="The serial port; by default the one that fits a board by its chip "
    "(`bep board list`).")]
Baud = Annotated[int | None, Option(
    rich_help_panel=LINK, help="Bits per second; by default the first of the board's rates "
    "(docs/boards.md) at which a trainer answers.")]
Timeout = Annotated[float, Option(
    rich_help_panel=LINK, help="Most seconds to wait for an answer.")]


def opened(config, port, baud, timeout, progress=None):
    """The board at a port."""
    number("timeout", timeout, 0, 3600, above=True)
    rates: tuple = RATES
    if port is None:
        port, rates = ports.find()
    return Board(port, config, baud=rates if baud is None else baud, timeout=timeout,
                 progress=progress)


def of_training(preset):
    """Hyper-parameters and keep_best that decide whether validation samples are held out."""
    return (preset.hyper, preset.keep_best) if preset else (HYPER, False)
