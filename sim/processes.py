"""Programs that a command starts: with a chosen environment, and ended with the command."""

import multiprocessing
import os
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait
from pathlib import Path
from unittest.mock import patch

PASSED = ("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "LANG", "LD_LIBRARY_PATH",
          "DYLD_LIBRARY_PATH", "SDKROOT", "DEVELOPER_DIR", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE",
          "YOWASP_CACHE_DIR", "XDG_CACHE_HOME")
PASSED_PREFIXES = ("LC_", "NIX_", "CONDA_", "CCACHE_", "NUMBA_")
"""Variables of the user's environment that programs see: they tell where things are on this
machine. cocotb, make or a tool could take others, set for another project perhaps, for their
settings."""


class ProgramError(RuntimeError):
    """A program ended with an error; the text is the end of its output."""


def environment(**more):
    """Return the environment for a program, with ``more``; it ignores all other variables.

    Python programs find the packages that this process finds.
    """
    passed = {name: value for name, value in os.environ.items()
              if name in PASSED or name.startswith(PASSED_PREFIXES)}
    # "" on the path would mean another folder in another working folder.
    path = [*map(os.path.abspath, sys.path), str(Path(__file__).absolute().parent.parent)]
    return passed | {"PYTHONPATH": os.pathsep.join(dict.fromkeys(path)), "PYTHONHASHSEED": "0",
                     "PYTHONUTF8": "1"} | more


@contextmanager
def group():
    """Yield the id of a process group for :class:`subprocess.Popen`, killed when the block ends.

    It is also killed when this process ends in any other way, even by SIGKILL: the first process of
    the group is a shell that reads from a pipe, and the pipe closes then. Programs that a program
    starts belong to its group.
    """
    with subprocess.Popen(["/bin/sh", "-c", "read _; kill -s KILL 0"], cwd="/", process_group=0,
                          stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as guard:
        assert guard.stdin
        try:
            yield guard.pid
        finally:
            guard.stdin.close()


def run(command, **options):
    """Run a program to its end like :func:`subprocess.run`, in a :func:`group`, without input."""
    with group() as number:
        return subprocess.run(command, stdin=subprocess.DEVNULL, process_group=number, **options)


@contextmanager
def grouped(**more):
    """In this block, programs that a library starts are in a :func:`group`.

    They see the :func:`environment` with ``more``. Not for use in several threads.
    """
    start = subprocess.Popen
    with (group() as number, patch.dict(os.environ, environment(**more), clear=True),
          patch.object(subprocess, "Popen", lambda *given, **options: start(
              *given, process_group=number, **options))):
        yield


@contextmanager
def helper():
    """Yield ``submit`` of another Python process, which ends with this one.

    An exception in the block ends its work, too.
    """
    with ProcessPoolExecutor(1, initializer=_end_with_parent) as pool:
        try:
            yield lambda *call, **options: pool.submit(_work, *call, **options)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise


def _work(function, *given, **options):
    try:
        return function(*given, **options)
    except Exception:
        raise
    except BaseException:
        os._exit(1)  # it was stopped, so other submitted work is not wanted either


def _end_with_parent():
    parent = multiprocessing.parent_process()
    assert parent  # this is a helper
    threading.Thread(target=lambda: (wait([parent.sentinel]), os._exit(1)), daemon=True).start()
