"""`bep config`: what describes a trainer, as a configuration file to start from."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from bep import results
from bep.commands import options
from bep_model import configuration
from bep_model.files import replacing


def command(
    source: Annotated[Path, Argument(
        metavar="FILE|NAME", show_default=False, help=f"{options.SOURCE}.")],
    out: Annotated[Path | None, Option(
        help="Write it here; by default to standard output.")] = None,
):
    """Write a preset, or the configuration of a state file, as TOML: a file to edit.

    All other commands take the file as it is.
    """
    results.check_writable(out)
    results.check_different(source=source, out=out)
    text = configuration.written(source)
    if out is None:
        typer.echo(text, nl=False)
        return
    with replacing(out) as file:
        file.write(text.encode())
