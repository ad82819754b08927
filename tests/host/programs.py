"""The command `bep` in a process of its own, for tests that need one."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def environment(**more):
    """This environment, with the packages of this checkout, and ``more``."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return os.environ | {"PYTHONPATH": path} | more


def bep(*arguments, cwd, **more):
    """Run `bep` to its end in a folder, with ``more`` in its environment."""
    return subprocess.run(command(*arguments), cwd=cwd, env=environment(**more), text=True,
                          capture_output=True, encoding="utf-8", check=False)


def command(*arguments):
    """The arguments that run `bep`."""
    return [sys.executable, "-P", "-m", "bep.cli", *map(str, arguments)]
