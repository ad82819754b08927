"""Folders that live as long as a process, and folders that are valid only when complete."""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

UNFINISHED = ".bep-unfinished-"
"""Prefix of the names of temporary folders."""
SEAL = "complete.json"
"""File in every complete folder: SHA-256 of its important files, by name."""


@contextmanager
def temporary(parent):
    """Yield a new folder in ``parent``, which is made if needed; remove it after the block.

    A process that is killed leaves its folder, and the next call removes it. A folder is in use as
    long as it is locked; a lock ends with its process. Where the file system has no locks, only the
    process's own folder is removed.
    """
    parent = Path(parent).absolute()
    parent.mkdir(parents=True, exist_ok=True)
    with _locked(parent):  # no process has made a folder and not yet locked it
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
    """Hold the lock of a folder. Without ``wait``, raise OSError if it is held already."""
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
    """Whether a folder is sealed, and its files have not changed since."""
    try:
        sealed = json.loads((folder / SEAL).read_text(encoding="utf-8"))
        return bool(sealed) and all(_sha256(folder / name) == digest
                                    for name, digest in sealed.items())
    except (OSError, ValueError, AttributeError):
        return False


def publish(folder, destination, names):
    """Seal a folder over its files ``names`` and rename it, unless the destination is complete."""
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
