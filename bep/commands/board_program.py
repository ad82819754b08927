"""`bep board program`: load a bitstream into a board."""

import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from bep import results
from bep.flow.boards import boards, target


def program(
    bitstream: Annotated[Path, Argument(metavar="FILE", help="What `bep build` has written.")],
    board: Annotated[str, Option(
        help=f"One of {', '.join(boards())}, or a file as docs/boards.md describes it.")],
):
    """Load a bitstream into a board, by the command that `bep build` prints."""
    with open(bitstream, "rb"):  # the programmer's message would be another for each
        pass
    line = target(board).command(bitstream)
    tool = shlex.split(line)[0]
    if shutil.which(tool) is None:
        raise FileNotFoundError(f"{tool}, which programs the board {board}, is not installed, or "
                                "not in PATH (docs/boards.md)")
    results.say(line)
    code = subprocess.run(shlex.split(line), check=False).returncode
    if code:
        raise OSError(f"{tool} has failed with exit code {code}: is the board plugged in, and may "
                      "you use it?")
