"""The command `bep` in a process of its own, for tests that need one."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from bep_model import configuration

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


@contextmanager
def simulated_board(folder, config, *options):
    """The port of a simulated board, which ends in one line when it is interrupted."""
    configuration.dump(folder / "a.toml", config)
    with subprocess.Popen(
            command("board", "simulate", "a.toml", *options, "--build-dir", ROOT / "build"),
            cwd=folder, env=environment(), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        yield process.stdout.readline().strip()
        process.send_signal(signal.SIGINT)
        told = process.communicate(timeout=30)[1]
        assert process.returncode == 130
        assert told.splitlines()[1:] == ["bep: stopped by SIGINT"]  # after a line at the start
