"""Folders that live as long as a process, and folders that count only when they are complete."""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

UNFINISHED = ".bep-unfinished-"
"""How the names of temporary folders begin."""
SEAL = "complete.json"
"""File of a complete folder: SHA-256 of the files that matter, by name."""


@contextmanager
def temporary(parent):
    """Yield a new folder in ``parent``, which is made if needed; it is gone after the block.

    A process that is killed leaves its folder: the next one to call this removes it. A folder is
    somebody's as long as it is locked, and a lock ends with its process. Where a file system has
    no locks, nothing is removed but one's own.
    """
    parent = Path(parent).absolute()
    parent.mkdir(parents=True, exist_ok=True)
    with _locked(parent):  # nobody is between making a folder and locking it
        for left in parent.glob(f"{UNFINISHED}*"):
            with suppress(OSError), _locked(left, wait=False):
                shutil.rmtree(left, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=parent))
        handle = os.open(folder, os.O_RDONLY)
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


@contextmanager
def _locked(folder, wait=True):
    """Hold the lock of a folder. Without ``wait`` OSError is raised if it cannot be had."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        if wait:
            with suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_EX)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def complete(folder):
    """Whether a folder has its seal, and the files as they were then."""
    try:
        sealed = json.loads((folder / SEAL).read_text(encoding="utf-8"))
        return bool(sealed) and all(_sha256(folder / name) == digest
                                    for name, digest in sealed.items())
    except (OSError, ValueError, AttributeError):
        return False


def publish(folder, destination, names):
    """Seal a folder for its files ``names`` and rename it; a complete destination stays instead."""
    sealed = {name: _sha256(folder / name) for name in names}
    (folder / SEAL).write_text(json.dumps(sealed, indent=2) + "\n", encoding="utf-8")
    with _locked(destination.parent):
        if complete(destination):  # another process was faster
            return
        if destination.is_dir() and not destination.is_symlink():
            shutil.rmtree(destination)
        else:
            destination.unlink(missing_ok=True)
        folder.rename(destination)


def _sha256(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
