"""Files that appear whole or not at all."""

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path):
    """Yield a binary file that takes the place of ``path`` when the block ends without exception.

    Until then, and after an exception, ``path`` is as it was before. Raises OSError.
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
    except BaseException:
        os.unlink(temporary)
        raise
