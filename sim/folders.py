"""Folders that live as long as a process, and folders that are valid only when complete."""

import errno
import fcntl
import hashlib
import json
import os
import resource
import shutil
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

UNFINISHED = ".bep-unfinished-"
"""Prefix of the names of temporary folders."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors for which the system takes no more bytes."""
LEAST_SPACE = 1 << 16
"""Bytes; a disk with fewer counts as full."""
ATTEMPTS = 100
"""To make a folder: another process may remove an empty parent meanwhile."""
SEAL = "complete.json"
"""File in every complete folder: SHA-256 of its important files, by name."""


@contextmanager
def temporary(parent):
    """Yield a new folder in ``parent``, which is made if needed; remove it after the block.

    A process that is killed leaves its folder, and the next call removes it. A folder is in use as
    long as it is locked; a lock ends with its process. Where the file system has no locks, only the
    process's own folder is removed. Parent folders that were made for it are removed too if they
    are empty.

    Raises OSError, with the name of ``parent`` if it is none that can be made, and for errors in
    the new folder, such as a full disk.
    """
    named = str(parent)
    with ExitStack() as stack, _said_of(named):
        parent = Path(parent).absolute()
        _tidy(stack, parent)
        for _ in range(ATTEMPTS):
            with suppress(FileNotFoundError):
                folder, handle = _begin(parent)
                break
        else:
            folder, handle = _begin(parent)
        stack.callback(os.close, handle)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        try:
            yield folder
        except Exception as error:
            _check_space(folder, named, str(error))
            raise


@contextmanager
def made(*wanted):
    """Make folders for a block. Those that were not there and are empty at its end are removed."""
    with ExitStack() as stack:
        for folder in wanted:
            _tidy(stack, Path(folder).absolute())
            folder.mkdir(parents=True, exist_ok=True)
        yield


def _tidy(stack, parent):
    """Let the end of a stack remove a folder and its parents, of those that are still missing."""
    for folder in reversed([parent, *parent.parents]):
        if not folder.exists():
            stack.callback(_remove_empty, folder)


def check_writable(**parents):
    """Raise OSError if :func:`temporary` could not work there: to be called before hard work.

    Keywords name what the folders are for.
    """
    for name, parent in parents.items():
        existing = next(each for each in (parent, *Path(parent).absolute().parents)
                        if os.path.lexists(each))
        if not os.path.isdir(existing):
            raise NotADirectoryError(f"{name} must be a folder, not {parent}")
        with temporary(parent):
            pass


@contextmanager
def _said_of(named):
    """What the system says in this block of temporary files is said of ``named``."""
    try:
        yield
    except OSError as error:
        if UNFINISHED in str(error.filename) or (
                error.filename is None and error.errno in (*FULL, errno.ENOENT)):
            raise OSError(error.errno, error.strerror, named) from None
        raise


def _begin(parent):
    """Make a folder in ``parent`` and lock it; return it and the handle of the lock."""
    parent.mkdir(parents=True, exist_ok=True)
    with _locked(parent):  # no process has made a folder and not yet locked it
        for left in parent.glob(f"{UNFINISHED}*"):
            with suppress(OSError), _locked(left, wait=False):
                shutil.rmtree(left, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=parent))
        handle = os.open(folder, os.O_RDONLY)
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return folder, handle


def _remove_empty(folder):
    with suppress(OSError), _locked(folder):
        folder.rmdir()


def _check_space(folder, named, said=""):
    """Raise OSError for ``named`` if a file of a folder may be cut off.

    Not every program says so. ``said`` is what one has said.
    """
    numbers = [number for number in FULL if os.strerror(number) in said]
    found = os.statvfs(folder)
    free = (found.f_bavail if os.geteuid() else found.f_bfree) * found.f_frsize
    if found.f_blocks and free < LEAST_SPACE:
        numbers.append(errno.ENOSPC)
    most, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if most != resource.RLIM_INFINITY and any(
            path.lstat().st_size >= most for path in folder.rglob("*")):
        numbers.append(errno.EFBIG)
    if numbers:
        raise OSError(numbers[0], os.strerror(numbers[0]), named) from None


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


def complete(folder, program=""):
    """Whether a folder is sealed, its files have not changed since, and its program can be run."""
    try:
        sealed = json.loads((folder / SEAL).read_text(encoding="utf-8"))
        return bool(sealed) and os.access(folder / program, os.X_OK) and all(
            _sha256(folder / name) == digest for name, digest in sealed.items())
    except (OSError, ValueError, AttributeError):
        return False


def kept(folder, make):
    """Return a complete folder; if it is none, let ``make`` fill one in its place.

    ``make`` is called with an empty folder, and returns the names of its important files. What it
    raises leaves nothing behind.
    """
    if not complete(folder):
        with temporary(folder.parent) as own:
            made = own / "made"
            made.mkdir()
            publish(made, folder, make(made))
    return folder


def publish(folder, destination, names, program=""):
    """Seal a folder over its files ``names`` and rename it, unless the destination is complete."""
    _check_space(folder, str(folder))
    sealed = {name: _sha256(folder / name) for name in names}
    (folder / SEAL).write_text(json.dumps(sealed, indent=2) + "\n", encoding="utf-8")
    with _locked(destination.parent):
        if complete(destination, program):  # another process was faster
            return
        if destination.is_dir() and not destination.is_symlink():
            shutil.rmtree(destination)
        else:
            destination.unlink(missing_ok=True)
        folder.rename(destination)


def _sha256(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
