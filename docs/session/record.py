"""A session at a simulated board, as a picture of a terminal (``make diagrams``).

The commands are those of docs/board.md. They run in an empty folder; what they print is what the
picture shows.
"""

import io
import os
import shlex
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.text import Text

FILE = Path(__file__).with_name("session.svg")
SOURCE = "digits-128-128-b7-online"
FEW = "--epochs 3 --seed 1"
COMMANDS = (
    "bep board info",
    f"bep board train {SOURCE} {FEW} --save trained.npz",
    f"bep board eval {SOURCE} --confusion",
    f"bep train --config {SOURCE} {FEW} --save model.npz",
    "cmp trained.npz model.npz && echo the same file",
)
WIDTH = 100

# As rich's own, without fonts from elsewhere.
PAGE = """<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font: {char_height}px monospace; line-height: {line_height}px }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


@contextmanager
def simulated(folder, environment):
    """A simulated board; gives the name of its port."""
    command = [sys.executable, "-m", "bep.cli", "board", "simulate", SOURCE,
               "--board", "icebreaker", "--build-dir", str(Path("build").resolve())]
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE,
                          text=True) as board:
        try:
            yield board.stdout.readline().strip()
        finally:
            board.terminate()


def session():
    """Pairs (command, what it prints) of all commands, with the port left out as with one board."""
    environment = os.environ | {"COLUMNS": str(WIDTH), "PYTHONPATH": str(Path.cwd())}
    with (tempfile.TemporaryDirectory() as folder, simulated(folder, environment) as port):
        for command in COMMANDS:
            words = command.replace("bep ", f"{shlex.quote(sys.executable)} -m bep.cli ")
            if command.startswith("bep board"):
                words += f" --port {port}"
                command += f" --port {port}"
            done = subprocess.run(words, shell=True, cwd=folder, env=environment, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True)
            yield command, done.stdout.rstrip()


def picture(pairs):
    """The terminal as SVG."""
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    for command, printed in pairs:
        console.print(Text(f"$ {command}", "bold"))
        console.print(Text.from_ansi(printed))
    return console.export_svg(title="a simulated iCEBreaker", code_format=PAGE, unique_id="session")


if __name__ == "__main__":
    FILE.write_text(picture(session()), encoding="utf-8")
