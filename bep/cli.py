"""The `bep` command.

A command is a function of its own module, registered here with ``app.command(cls=Command)``. It
reports a user's mistake by raising ValueError, TypeError or OSError with a text that says it all.
"""

import re
from typing import Annotated

import typer
from typer.core import TyperCommand, TyperGroup

from bep.bench import command as bench
from bep.build import command as build
from bep.demo import demo
from bep.reproduce import reproduce
from bep.search import command as search
from bep.train import train
from bep.verify import command as verify

LISTS = ("--hidden",)
"""Options that take several values."""


def spread(arguments):
    """Repeat a list option before each of its values, the only form of lists that click knows.

    ``--hidden 75 75 --seed 1`` becomes ``--hidden 75 --hidden 75 --seed 1``.
    """
    spread, option = [], None
    for argument in arguments:
        if argument.startswith("--"):
            option = argument if argument in LISTS else None
        elif option and spread[-1] != option and re.fullmatch(r"-?\d+", argument):
            spread.append(option)
        spread.append(argument)
    return spread


class Command(TyperCommand):
    """A command whose list options take their values in a row."""

    def parse_args(self, ctx, args):
        return super().parse_args(ctx, spread(args))


class Group(TyperGroup):
    """Commands whose mistakes of the user end in one line and exit code 2, not in a traceback."""

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except (ValueError, TypeError, OSError) as error:
            if ctx.params["traceback"] or isinstance(error, BrokenPipeError):
                raise
            typer.echo(f"bep: {message(error)}", err=True)
            raise typer.Exit(2) from None


def message(error):
    """The text of an exception on one line, without an errno where it is the system's own."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__


app = typer.Typer(cls=Group, no_args_is_help=True, add_completion=False,
                  pretty_exceptions_enable=False)


@app.callback()
def main(
    traceback: Annotated[bool, typer.Option(help="Show where an error arose.")] = False,
):
    """Train binary neural networks by Binary Error Propagation, in software and in hardware."""


app.command(cls=Command)(train)
app.command("verify", cls=Command)(verify)
app.command("build", cls=Command)(build)
app.command("bench", cls=Command)(bench)
app.command("demo", cls=Command)(demo)
app.command("reproduce", cls=Command)(reproduce)
app.command("search", cls=Command)(search)

if __name__ == "__main__":
    app()
