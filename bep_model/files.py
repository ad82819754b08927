"""Files that appear whole or not at all, and files of TOML."""

import os
import tempfile
import tomllib
from contextlib import contextmanager
from dataclasses import MISSING, fields
from pathlib import Path


@contextmanager
def replacing(path):
    """Yield a binary file that takes the place of ``path`` when the block ends without exception.

    Until then, and after an exception, ``path`` is as it was before. Raises OSError; what
    the system says of a write has the name of ``path``.
    """
    path = Path(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(handle, "wb") as file:
            yield file
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)  # mkstemp's files are for the owner only
        os.replace(temporary, path)
    except BaseException as error:
        os.unlink(temporary)
        if isinstance(error, OSError) and error.strerror and error.filename is None:
            error.filename = str(path)  # as when the disk is full
        raise


def read_toml(path):
    """The tables of a TOML file, which may begin with a byte-order mark.

    Raises ValueError, starting with the path, for anything else; OSError.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not a TOML file: {error}") from None


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
