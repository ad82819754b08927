"""The `bep` command.

A command is a function of its own module, named in :data:`COMMANDS` and imported when it is
called. It reports a user's mistake by raising ValueError, TypeError or OSError with a text that
says it all.
"""

from bep.stopping import Stopped, at_once, from_now_on, stoppable, told

with at_once():  # from here on Ctrl-C is no traceback
    import ast
    import importlib
    import importlib.metadata
    import importlib.util
    import re
    import signal
    import sys
    import warnings
    from pathlib import Path
    from typing import Annotated, Any

    import typer
    from typer.core import TyperCommand, TyperGroup

COMMANDS = {
    "train": ("bep.commands.train:train", ""),
    "verify": ("bep.commands.verify:command", "sim"),
    "export": ("bep.commands.export:command", "rtl"),
    "build": ("bep.commands.build:command", "flow"),
    "bench": ("bep.commands.bench:command", "sim,flow,experiments"),
    "demo": ("bep.commands.demo:demo", "sim,flow,experiments"),
    "reproduce": ("bep.commands.reproduce:reproduce", "experiments"),
    "search": ("bep.commands.search:command", "experiments"),
    "list": ("bep.commands.listing:command", ""),
}
"""Module and function of every command, and the extras of pyproject.toml that it needs."""

DISTRIBUTION = "bep-trainer"
PACKAGES = ("bep_model", "rtl", "sim")
"""The packages beside this one."""

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

    def __init__(self, **attributes):
        super().__init__(**attributes)
        # None: still to be loaded.
        self.commands = {**dict.fromkeys(COMMANDS), **self.commands}  # type: ignore[dict-item]

    def get_command(self, ctx, name):
        """A command, which may be no more than what the list of commands tells of it."""
        found = self.commands.get(name)
        if name in self.commands and found is None:
            return TyperCommand(name, help=summary(name))
        return found

    def resolve_command(self, ctx, args):
        ctx.invoked_subcommand = args[0]
        name, found, rest = super().resolve_command(ctx, args)
        with at_once():
            return name, found if self.commands.get(name or "") else load(name), rest

    def invoke(self, ctx):
        try:
            with stoppable():
                check_packages()
                return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            warnings.simplefilter("ignore")  # of what was begun and is not used any more
            number = stop.args[0] if isinstance(stop, Stopped) else signal.SIGINT
            kept = getattr(stop, "__notes__", [])  # what a command says of it
            typer.echo(": ".join([told(number), *kept]), err=True)
            raise typer.Exit(128 + number) from None
        except Exception as error:
            text = message(error, ctx.invoked_subcommand)
            if text is None or ctx.params["traceback"]:
                raise
            warnings.simplefilter("ignore")  # of what was begun and is not used any more
            typer.echo(f"bep: {text}", err=True)
            raise typer.Exit(2) from None


def message(error, command):
    """The text of an exception in a command that is no fault of the program; None for any other.

    It is one line, without an errno where it is the system's own; only that of a program that
    failed has the lines of its log.
    """
    if isinstance(error, ModuleNotFoundError) and command in COMMANDS:
        extras = COMMANDS[command][1]
        return (f"`bep {command}` needs the package {error.name}, which is not installed: "
                f"pip install '{DISTRIBUTION}{extras and f'[{extras}]'}'")
    processes = sys.modules.get("sim.processes")  # only commands that start programs import it
    if processes is not None and isinstance(error, processes.ProgramError):
        return str(error)
    if not isinstance(error, ValueError | TypeError | OSError) or isinstance(error,
                                                                             BrokenPipeError):
        return None
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__


def load(name):
    """The command of a name, with its module."""
    from rich.markup import escape

    module, _, function = COMMANDS[name][0].partition(":")
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    alone.command(name, cls=Command)(getattr(importlib.import_module(module), function))
    command = typer.main.get_command(alone)
    texts: list[Any] = [command, *command.params]
    for one in texts:  # what stands in square brackets is no mark-up
        one.help = escape(one.help or "")
    return command


def summary(name):
    """The first line of a command's text, without the time it takes to import what it needs."""
    module, _, function = COMMANDS[name][0].partition(":")
    spec = importlib.util.find_spec(module)
    assert spec and spec.origin
    source = Path(spec.origin).read_text(encoding="utf-8")
    (found,) = (node for node in ast.parse(source).body
                if isinstance(node, ast.FunctionDef) and node.name == function)
    text = ast.get_docstring(found)
    assert text, f"the command {name} says nothing of itself"
    return text.splitlines()[0]


def check_packages():
    """Raise ValueError if one of :data:`PACKAGES`, being common names, is somebody else's."""
    ours = Path(__file__).resolve().parent.parent
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        places = [] if spec is None else spec.submodule_search_locations or [str(spec.origin)]
        if [Path(place).resolve() for place in places] != [ours / name]:
            raise ValueError(
                f"the module {name} of {DISTRIBUTION} is hidden by {', '.join(places)}: rename "
                "that, or take its folder off PYTHONPATH" if places else
                f"the module {name} of {DISTRIBUTION} is missing")


def version(wanted):
    """Print the version, if it is wanted."""
    if wanted:
        try:
            number = importlib.metadata.version(DISTRIBUTION)
        except importlib.metadata.PackageNotFoundError:
            number = "(not installed)"
        typer.echo(f"{DISTRIBUTION} {number}")
        raise typer.Exit


class App(typer.Typer):
    """The command as a program of its own: a signal is no traceback to the very end."""

    def __call__(self, *given, **options):
        from_now_on()
        return super().__call__(*given, **options)


app = App(cls=Group, no_args_is_help=True, add_completion=False,
                  pretty_exceptions_enable=False)


@app.callback()
def main(
    traceback: Annotated[bool, typer.Option(help="Show where an error arose.")] = False,
    _: Annotated[bool, typer.Option(
        "--version", help="Print the version.", is_eager=True, callback=version)] = False,
):
    """Train binary neural networks by Binary Error Propagation, in software and in hardware."""


if __name__ == "__main__":
    app()
