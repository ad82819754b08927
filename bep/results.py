"""Reports of commands: a table on the screen, and a JSON file written whole or not at all."""

import importlib.metadata
import json
import platform
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bep_model.config import NUMERICS_VERSION
from bep_model.files import replacing

console = Console(stderr=True)
"""Progress bars and tables go to standard error; standard output stays free."""


def write_json(path, result):
    """Write ``result`` as JSON, see :func:`bep_model.files.replacing`.

    Raises OSError, or TypeError for values that JSON cannot hold; then ``path`` is unchanged.
    """
    text = json.dumps(result, indent=2, allow_nan=False) + "\n"
    with replacing(path) as file:
        file.write(text.encode())


def deliver(*outputs):
    """Write what a command has worked for: pairs of a path and what writes there, called with it.

    A path may be None: no file. What cannot be written is written into the temporary folder; then
    OSError is raised at the end, and says where that is.
    """
    elsewhere = []
    for path, write in outputs:
        if path is None:
            continue
        try:
            write(path)
        except OSError as error:
            with ExitStack() as stack:
                try:
                    folder = Path(tempfile.mkdtemp(prefix="bep-"))
                    stack.callback(shutil.rmtree, folder)
                    write(folder / path.name)
                except OSError:  # the first one says more
                    raise error from None
                stack.pop_all()
            elsewhere.append(f"{path}: {error.strerror or error}; what belongs there is in "
                             f"{folder / path.name}")
    if elsewhere:
        raise OSError("; ".join(elsewhere))


def versions(*packages):
    """Versions by name: Python, the numerics, and the given packages (None if not installed)."""
    found = {"python": platform.python_version(), "numerics": NUMERICS_VERSION}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = None
    return found


def say(text):
    """Print a line, which is not folded."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def counted(number, what):
    """A number of things in words: ``1 epoch``, ``2,000 samples``."""
    return f"{number:,} {what}{'s' * (number != 1)}"


def band(ends):
    """Two ends with two significant digits: ``1.3 to 9.8``."""
    return "unknown" if ends is None else " to ".join(short(end) for end in ends)


def short(value):
    """A number with two significant digits and no exponent, whole from 10 on."""
    return f"{value:,.0f}" if value >= 10 else f"{float(f'{value:.2g}'):g}"


def table(title, rows):
    """Print rows (what, value, ...) as a table."""
    console.print(title, style="italic")
    view = Table(show_header=False)
    view.add_column(style="bold")
    for what, *values in rows:
        while len(view.columns) <= len(values):
            view.add_column(justify="right")
        view.add_row(what, *map(str, values))
    console.print(view)


class Stages:
    """Progress of a command, stage by stage: bars at a terminal, lines anywhere else.

    Use it in a ``with`` statement. It shows nothing before the first stage begins.
    """

    def __init__(self):
        self.bar = Progress(console=console) if console.is_interactive else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.bar is not None:
            self.bar.stop()

    def begin(self, what, total=None, done=0):
        """Show a new stage of size ``total``, of which ``done`` is there, or of unknown size.

        Return the function to call with each amount of work done, and optionally with its result.
        """
        if self.bar is None:
            return lines(what, total, done)
        self.end()
        self.bar.start()
        task, update = self.bar.add_task(what, total=total, completed=done), self.bar.update
        return lambda amount=1, found="": update(
            task, advance=amount, description=f"{what}, {found}" if found else what)

    def end(self):
        """Complete the stages of unknown length."""
        if self.bar is not None:
            for task in self.bar.tasks:
                if task.total is None:
                    self.bar.update(task.id, total=1, completed=1)

    def say(self, name):
        """Return a function that begins a stage for each step, from a few words about the step."""
        return lambda what: self.begin(f"{name}: {what}")


def lines(what, total, done=0):
    """Like :meth:`Stages.begin`, with one line when the stage begins and ten spread over it."""
    def advance(amount=1, found=""):
        nonlocal done
        before, done = done, done + amount
        if total and 10 * done // total > 10 * before // total:
            say(f"{what}: {done:,} of {total:,}" + (f", {found}" if found else ""))

    say(f"{what}: {done:,} of {total:,}" if total else what)
    return advance
