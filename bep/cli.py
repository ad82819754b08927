"""The `bep` command.

Each command is a function in a module of its own, which :data:`COMMANDS` names and which is
imported when the command is called. A command reports a user's mistake by raising ValueError,
TypeError or OSError with a complete message.
"""

from bep.stopping import Stopped, at_once, from_now_on, stoppable, told

with at_once():  # from here on Ctrl-C is no traceback
    import importlib
    import importlib.metadata
    import importlib.util
    import os
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
    "predict": ("bep.commands.predict:command", ""),
    "config": ("bep.commands.config:command", ""),
    "verify": ("bep.commands.verify:command", "sim"),
    "export": ("bep.commands.export:command", "rtl"),
    "build": ("bep.commands.build:command", "flow"),
    "cost": ("bep.commands.cost:command", "flow"),
    "energy": ("bep.commands.energy:command", "sim,flow"),
    "explore": ("bep.commands.explore:command", "flow,experiments"),
    "guide": ("bep.commands.guide:command", "flow,experiments"),
    "calibrate": ("bep.commands.calibrate:command", "flow,experiments"),
    "bench": ("bep.commands.bench:command", "sim,flow,experiments"),
    "demo": ("bep.commands.demo:demo", "sim,flow,experiments"),
    "reproduce": ("bep.commands.reproduce:reproduce", "experiments"),
    "gates": ("bep.commands.gates:command", "gates"),
    "search": ("bep.commands.search:command", "experiments"),
    "board": ("bep.commands.board:board", "host,sim"),
    "boards": ("bep.commands.boards:command", "flow"),
    "list": ("bep.commands.listing:command", ""),
}
"""Module and function of every command, and the extras of pyproject.toml that it needs."""

OF_PACKAGES = {"serial": "host", "PIL": "images", "luna": "usb"}
"""The extras of packages that a command needs for some of its options only."""

DISTRIBUTION = "bep-trainer"
PACKAGES = ("bep_model", "rtl", "sim")
"""The other packages of the distribution."""

LISTS = ("--hidden", "--filters", "--filter-size", "--stride", "--pool")
"""Options that take several values."""
MOST_DIGITS = 40
"""Of a number in a message; a longer one is cut."""


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
    """A command whose list options take their values in a row, and others one that is not empty."""

    def parse_args(self, ctx, args):
        args = spread(args)
        values, _, order = self.make_parser(ctx).parse_args(list(args))
        known = {name for option in self.get_params(ctx)
                 for name in (*option.opts, *option.secondary_opts) if name.startswith("-")}
        for option in order:
            written = option.opts[0]
            if values[option.name] == "":
                ctx.fail(f"{written if written.startswith('-') else option.metavar} must not be "
                         "empty")
            if isinstance(values[option.name], str) and values[option.name] in known:
                ctx.fail(f"{written} needs a value before {values[option.name]}")
            if order.count(option) > 1 and not option.multiple:
                ctx.fail(f"{' or '.join(option.opts)} must be given once")
        return super().parse_args(ctx, args)


class Group(TyperGroup):
    """Commands in which a user's mistake gives one line and exit code 2 instead of a traceback."""

    def __init__(self, **attributes):
        super().__init__(**attributes)
        # None: still to be loaded.
        self.commands = {**dict.fromkeys(COMMANDS), **self.commands}  # type: ignore[dict-item]

    def get_command(self, ctx, name):
        """Return a command. If it is not loaded, it has only the text for the list of commands."""
        found = self.commands.get(name)
        if name in self.commands and found is None:
            return TyperCommand(name, help=summary(name))
        return found

    def make_context(self, info_name, args, parent=None, **extra):
        given = bool(args)
        try:
            return super().make_context(info_name, args, parent, **extra)
        except Exception as error:
            text = usage(error)
            if text is None or not given:  # without arguments it is the help
                raise
            typer.echo(f"bep: {shortened(text)}", err=True)
            raise typer.Exit(2) from None

    def resolve_command(self, ctx, args):
        ctx.invoked_subcommand = args[0]
        name, found, rest = super().resolve_command(ctx, args)
        with at_once():
            return name, found if self.commands.get(name or "") else load(name), rest

    def invoke(self, ctx):
        try:
            with stoppable():
                check_packages()
                check_folder()
                return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            warnings.simplefilter("ignore")  # about objects that were left unfinished
            number = stop.args[0] if isinstance(stop, Stopped) else signal.SIGINT
            kept = getattr(stop, "__notes__", [])  # what a command says of it
            typer.echo(": ".join([told(number), *kept]), err=True)
            raise typer.Exit(128 + number) from None
        except Exception as error:
            text = message(error, ctx.invoked_subcommand)
            if text is None or ctx.params["traceback"]:
                raise
            warnings.simplefilter("ignore")  # about objects that were left unfinished
            typer.echo(f"bep: {shortened(text)}", err=True)
            raise typer.Exit(2) from None


def usage(error, command=None):
    """Return the message of an error in the options, on one line, and None for other exceptions."""
    if not hasattr(error, "format_message"):  # Typer's errors have it
        return None
    text, cause = error.format_message().rstrip("."), error.__cause__
    if hasattr(cause, "errors"):  # from pydantic, whose text lacks the value
        text += f", not {cause.errors()[0]['input']!r}"
    if instead := other_form(error):
        text += f": {instead}"
    return f"{text}; `bep{f' {command}' if command in COMMANDS else ''} --help` tells more"


def other_form(error):
    """How a command takes a configuration, if it was given as others take it; else None."""
    params = (getattr(error.ctx, "command", None) and error.ctx.command.params) or ()
    takes = [each for each in params if "configuration" in (each.help or "")]
    option = any("--config" in each.opts for each in takes)
    if option and "unexpected extra argument" in error.format_message():
        return "a configuration is given as --config FILE"
    argument = next((each for each in takes if each.param_type_name == "argument"), None)
    if argument is not None and getattr(error, "option_name", None) in ("--config", "--preset"):
        return f"the configuration is the argument {argument.metavar}, without an option"
    return None


def named(text, command):
    """Replace a value's name at the start of a message by the option that the user wrote.

    So are the other names of values in it that are no words of English.
    """
    name = re.match(r"\w+(?=(\[\d+\])? (must|needs) )", text)
    if name is None or command not in COMMANDS:
        return text
    written = {option.name: option.opts[0] for each in family(load(command))
               for option in each.params if option.opts[0].startswith("--")}
    return written.get(name[0], name[0]) + re.sub(
        r"\b[a-z]+(_[a-z]+)+\b", lambda other: written.get(other[0], other[0]), text[name.end():])


def shortened(text):
    """A message without most digits of a number that fills the screen."""
    return re.sub(rf"\d{{{MOST_DIGITS},}}",
                  lambda number: f"{number[0][:9]}... ({len(number[0])} digits)", text)


def message(error, command):
    """Return the message of an exception that is not a bug of the program, and None for others.

    The message has one line, without the errno if it is the system's own. Only the message of an
    external program that failed has more: the lines of its log.
    """
    if isinstance(error, ModuleNotFoundError) and command in COMMANDS:
        extras = OF_PACKAGES.get(error.name or "", COMMANDS[command][1])
        return (f"`bep {command}` needs the package {error.name}, which is not installed: "
                f"pip install '{DISTRIBUTION}{extras and f'[{extras}]'}'")
    processes = sys.modules.get("sim.processes")  # only commands that start programs import it
    if processes is not None and isinstance(error, processes.ProgramError):
        return str(error)
    if (text := usage(error, command)) is not None:
        return text
    if not isinstance(error, ValueError | TypeError | OSError) or isinstance(error,
                                                                             BrokenPipeError):
        return None
    kept = getattr(error, "__notes__", ())
    if isinstance(error, OSError) and error.filename is not None:
        return ": ".join([f"{error.filename}: {error.strerror}", *kept])
    text = named(" ".join(str(error).split()), command) or type(error).__name__
    return ": ".join([text, *kept])


def load(name):
    """Import the module of a command, and return the command."""
    from rich.markup import escape

    module, _, function = COMMANDS[name][0].partition(":")
    found = importlib.import_module(module)
    if hasattr(found, "app"):
        for each in found.app.registered_commands:
            each.cls = Command
        command: Any = typer.main.get_group(found.app)
    else:
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        alone.command(name, cls=Command)(getattr(found, function))
        command = typer.main.get_command(alone)
    texts: list[Any] = [one for each in family(command) for one in (each, *each.params)]
    for one in texts:  # text in square brackets is not mark-up
        one.help = escape(flowing(one.help or ""))
    return command


def flowing(text):
    """A text whose lines end with its paragraphs, so that each is broken as the screen is wide."""
    return re.sub(r"(?<!\n)\n(?!\n)", " ", text)


def family(command):
    """A command and, of a group, the commands in it."""
    return [command, *getattr(command, "commands", {}).values()]


def summary(name):
    """Return the first line of a command's docstring without importing its module: this is fast."""
    module, _, function = COMMANDS[name][0].partition(":")
    spec = importlib.util.find_spec(module)
    assert spec and spec.origin
    source = Path(spec.origin).read_text(encoding="utf-8")
    # The docstring right behind the arguments; they are indented, unless they are on one line.
    found = re.search(rf'^def {function}\(.*(?:\n .*)*\n?\):\n    """(.+?)(?:"""|$)', source,
                      re.MULTILINE)
    assert found, f"the command {name} says nothing of itself"
    return found[1]


def check_packages():
    """Raise ValueError if another module hides one of :data:`PACKAGES`: their names are common."""
    ours = Path(__file__).resolve().parent.parent
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        places = [] if spec is None else spec.submodule_search_locations or [str(spec.origin)]
        if [Path(place).resolve() for place in places] != [ours / name]:
            raise ValueError(
                f"the module {name} of {DISTRIBUTION} is hidden by {', '.join(places)}: rename "
                "that, or take its folder off PYTHONPATH" if places else
                f"the module {name} of {DISTRIBUTION} is missing")


def check_folder():
    """Raise OSError if the working folder was removed: no name of a file would mean anything."""
    try:
        os.getcwd()
    except OSError as error:
        raise OSError(f"the working folder {os.environ.get('PWD', '')} cannot be used: "
                      f"{error.strerror}") from None


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


app = App(cls=Group, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def main(
    traceback: Annotated[bool, typer.Option(help="Show where an error arose.")] = False,
    _: Annotated[bool, typer.Option(
        "--version", help="Print the version.", is_eager=True, callback=version)] = False,
):
    """Train binary neural networks by Binary Error Propagation, in software and in hardware."""


if __name__ == "__main__":
    app()
