"""`bep config`: what describes a trainer, as a configuration file to start from."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from bep.commands import options
from bep_model import configuration
from bep_model.files import STANDARD_OUTPUT, check_outputs, replacing


def command(
    source: Annotated[Path, Argument(
        metavar="FILE|NAME", show_default=False, help=f"{options.SOURCE}.")],
    out: Annotated[Path, Option(
        help="Write it here; `-` is standard output.")] = STANDARD_OUTPUT,
):
    """Write a preset, or the configuration of a state file, as TOML: a file to edit.

    All other commands take the file as it is.
    """
    check_outputs({"FILE": source}, **{"--out": out})
    text = configuration.written(source)
    with replacing(out) as file:
        file.write(text.encode())
