"""Files that appear whole or not at all, and files of TOML."""

import fcntl
import hashlib
import io
import os
import re
import stat
import sys
import tempfile
import tomllib
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import MISSING, fields
from pathlib import Path

STANDARD_OUTPUT = Path("-")
"""As an output: standard output."""
DESCRIPTORS = ("/dev/std", "/dev/fd/", "/proc/")
"""How names begin of what is open already, be it a regular file."""


@contextmanager
def replacing(path):
    """Yield a binary file that takes the place of ``path`` when the block ends without exception.

    Until then, and after an exception, ``path`` is as it was before. A symbolic link stays: what
    it leads to is replaced. A device or a pipe is written to when the block ends, and so is
    standard output, which ``-`` stands for. Raises OSError; what the system says has the name of
    ``path``.
    """
    path = Path(path)
    check_writable(path)
    if written_to(path):
        buffer = io.BytesIO()
        yield buffer
        with _said_of(path):
            _write(path, buffer.getbuffer())
        return
    target = Path(os.path.realpath(path))
    with _said_of(path):
        handle, temporary = _beside(target)
    try:
        with _said_of(path, nameless=True), open(handle, "wb") as file:
            yield file
            file.flush()
            os.fchmod(handle, _mode(target))  # mkstemp's files are for the owner only
            with _said_of(path):
                os.replace(temporary, target)  # while it is locked
    except BaseException:
        with suppress(FileNotFoundError):  # stopped just after the rename
            os.unlink(temporary)
        raise


def write_all(contents):
    """Write several files, a dict of path to bytes: all of them or, after an exception, none.

    What a device or a pipe has taken before the exception cannot be taken back.
    """
    with ExitStack() as stack:  # which ends with the files that come last
        for path in sorted(contents, key=lambda path: written_to(Path(path))):
            stack.enter_context(replacing(path)).write(contents[path])


def check_writable(path):
    """Raise OSError if :func:`replacing` could not write ``path``: to be called before hard work.

    ``None`` stands for no file and is always right.
    """
    if path is None or Path(path) == STANDARD_OUTPUT:
        return
    path = Path(path)
    with _said_of(path):
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:  # it is to be made
            mode = None
        target = Path(os.path.realpath(path))
    if mode is not None:
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(f"cannot write {path}: it is a folder")
        if stat.S_ISBLK(mode) or stat.S_ISSOCK(mode):
            raise OSError(f"cannot write {path}: it is a disk or a socket")
        # Root may write whatever it likes, but nobody takes the trouble to forbid it for nothing.
        if not (mode & 0o222 and os.access(path, os.W_OK)):
            raise PermissionError(f"cannot write {path}: it is read-only")
        if written_to(path):
            return
    folder = target.parent if path.is_symlink() else path.parent
    if not folder.is_dir():
        raise FileNotFoundError(f"cannot write {path}: there is no folder {folder}"
                                f"{no_address(path)}")
    with _said_of(path):
        handle, temporary = _beside(target)  # no other test sees all that may be in the way
        os.close(handle)
        os.unlink(temporary)


def no_address(path):
    """What a message about a missing file adds if the path was a URL, whose // a Path halves."""
    return "; it must be a file, not a URL" if re.match(r"[a-z][a-z0-9+.-]+:/", str(path)) else ""


def no_text(error):
    """A UnicodeDecodeError of a file in words."""
    wrong = error.object[error.start]
    return f"must be text in UTF-8, which its byte {error.start + 1}, 0x{wrong:02x}, is not"


def check_outputs(inputs=None, **outputs):
    """Raise OSError or ValueError, before hard work, for files that a command cannot write.

    Parameters
    ----------
    inputs, **outputs : dict of str to path
        Files by what they are for, None standing for no file. An output must be another file than
        every other one.
    """
    taken = {_identity(path): name for name, path in (inputs or {}).items() if path is not None}
    for name, path in outputs.items():
        if path is None:
            continue
        check_writable(path)
        other = taken.setdefault(_identity(path), name)
        if other != name:
            raise ValueError(f"{other} and {name} must be two files, not both {path}")


def _identity(path):
    with _said_of(path):
        return path if path == STANDARD_OUTPUT else os.path.realpath(path)


def written_to(path):
    """Whether a file is written to as it is, not replaced."""
    if path == STANDARD_OUTPUT:
        return True
    try:
        found = path.stat()
    except OSError:
        return False
    return (not stat.S_ISREG(found.st_mode) or os.path.abspath(path).startswith(DESCRIPTORS)
            or _is_standard_output(found))


def _is_standard_output(found):
    try:
        return os.path.samestat(found, os.fstat(sys.stdout.fileno()))
    except (OSError, ValueError, AttributeError):  # there is none, or it is no file
        return False


def _write(path, octets):
    if path == STANDARD_OUTPUT or _is_standard_output(path.stat()):
        sys.stdout.flush()
        sys.stdout.buffer.write(octets)
        sys.stdout.buffer.flush()
    else:
        with open(path, "ab") as file:
            file.write(octets)


def _beside(target):
    """Make a temporary file in the same folder, of any name however long: handle and path.

    It is locked as long as it is open. One that is not is removed: a process that wrote the same
    target was killed.
    """
    prefix = f".bep-{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:8]}-"
    for left in target.parent.glob(f"{prefix}*"):
        with suppress(OSError), open(os.open(left, os.O_RDONLY | os.O_NONBLOCK)) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(left)
    while True:
        handle, temporary = tempfile.mkstemp(prefix=prefix, dir=target.parent)
        with suppress(OSError):  # not every file system has locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return handle, temporary
        os.close(handle)  # another process found it before it was locked


def _mode(target):
    """Permissions of a file that exists, else of a new one."""
    if target.exists():
        return stat.S_IMODE(target.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


@contextmanager
def _said_of(path, nameless=False):
    """What the system says in this block is said of ``path``, as the user named it.

    With ``nameless``, only what is not said of another file.
    """
    try:
        yield
    except OSError as error:
        if error.strerror and not (nameless and error.filename):  # it is the system's
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise


def read_toml(path):
    """The tables of a TOML file, which may begin with a byte-order mark.

    Raises ValueError, starting with the path, for anything else; OSError.
    """
    content = ""
    try:
        content = Path(path).read_text(encoding="utf-8-sig")
        return tomllib.loads(content)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a TOML file: it {no_text(error)}") from None
    except (ValueError, RecursionError) as error:
        text = str(error)
        if "int_max_str_digits" in text:  # Python does not tell where
            most = sys.get_int_max_str_digits()
            line = next((n for n, line in enumerate(content.splitlines(), 1)
                         if re.search(rf"\d[\d_]{{{most},}}", line)), "?")
            text = f"line {line} has a number of more than {most} digits"
        raise ValueError(f"{path} is not a TOML file: {text}") from None


@contextmanager
def telling(path):
    """Begin the text of a TypeError or ValueError that comes out of this block with ``path``."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise type(error)(f"{path}: {error}") from None


def record(cls, where, table, **given):
    """An object of the dataclass ``cls`` from a table of TOML, and fields that are not from there.

    Raises TypeError for what is no table, ValueError for an unknown or a missing key; the text
    begins with ``where``. Else what the class raises.
    """
    if not isinstance(table, dict):
        raise TypeError(f"{where} must be a table, not {table!r}")
    known = {field.name: field.default for field in fields(cls) if field.name not in given}
    for key in table:
        if key not in known:
            raise ValueError(f"{where} has no key {key!r}; it may have {', '.join(known)}")
    for key, default in known.items():
        if default is MISSING and key not in table:
            raise ValueError(f"{where} lacks the key {key!r}")
    return cls(**given, **table)
