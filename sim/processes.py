"""Programs that a command starts: they see a chosen environment, and end when the command ends."""

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
"""Variables of the user's environment that programs see: where things are on this machine. All
others, set for another project perhaps, would be taken for settings by cocotb, make or a tool."""


class ProgramError(RuntimeError):
    """A program ended with an error; the text is the end of what it said."""


def environment(**more):
    """Return the environment for a program, the same whatever else is set, and ``more``.

    Python programs find the packages that this process finds.
    """
    passed = {name: value for name, value in os.environ.items()
              if name in PASSED or name.startswith(PASSED_PREFIXES)}
    # "" on the path would mean another folder elsewhere.
    path = [*map(os.path.abspath, sys.path), str(Path(__file__).absolute().parent.parent)]
    return passed | {"PYTHONPATH": os.pathsep.join(dict.fromkeys(path)), "PYTHONHASHSEED": "0",
                     "PYTHONUTF8": "1"} | more


@contextmanager
def group():
    """Yield the id of a process group for :class:`subprocess.Popen`, killed when the block ends.

    It is also killed when this process ends in any other way, by SIGKILL too: then the pipe is
    closed that a shell, the first of the group, reads from. What a program starts is of its group.
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
    """Programs that a library starts in this block are in a :func:`group`, and see the
    :func:`environment` with ``more``. Not for several threads."""
    start = subprocess.Popen
    with (group() as number, patch.dict(os.environ, environment(**more), clear=True),
          patch.object(subprocess, "Popen", lambda *given, **options: start(
              *given, process_group=number, **options))):
        yield


@contextmanager
def helper():
    """Yield ``submit`` of one more Python process, which ends with this one.

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
        os._exit(1)  # it was stopped: what is submitted besides is not wanted either


def _end_with_parent():
    parent = multiprocessing.parent_process()
    assert parent  # this is a helper
    threading.Thread(target=lambda: (wait([parent.sentinel]), os._exit(1)), daemon=True).start()
