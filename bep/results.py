"""How commands report: a table on the screen and a JSON file that appears whole or not at all."""

import importlib.metadata
import json
import platform
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bep_model.config import NUMERICS_VERSION
from bep_model.files import replacing

console = Console(stderr=True)
"""Progress bars and tables go to standard error; standard output stays free."""


def write_json(path, result):
    """Write ``result`` as JSON, see :func:`bep_model.files.replacing`.

    Raises OSError, or TypeError for what JSON cannot hold; ``path`` is then as it was before.
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
    """Versions by name: Python, the numerics, and the given installed packages (None: absent)."""
    found = {"python": platform.python_version(), "numerics": NUMERICS_VERSION}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = None
    return found


def table(title, rows):
    """Print pairs (what, value) as a table."""
    console.print(title, style="italic")
    view = Table(show_header=False)
    view.add_column(style="bold")
    view.add_column(justify="right")
    for what, value in rows:
        view.add_row(what, str(value))
    console.print(view)


class Stages:
    """Progress bars (``rich.progress.Progress``) of the stages of a command, one after another."""

    def __init__(self, bar):
        self.bar = bar

    def begin(self, what, total=None):
        """Show a new stage; return what to call with each amount done."""
        self.end()
        task = self.bar.add_task(what, total=total)
        return lambda amount: self.bar.update(task, advance=amount)

    def end(self):
        """Stages of unknown length are done."""
        for task in self.bar.tasks:
            if task.total is None:
                self.bar.update(task.id, total=1, completed=1)

    def say(self, name):
        """Return what to call with a few words about each step, each of which is a stage."""
        return lambda what: self.begin(f"{name}: {what}")
