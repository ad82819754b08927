"""Strict reader of IDX files, the format of MNIST and its relatives."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np


def read(path, dimensions):
    """Read one IDX file of unsigned bytes, gzip-compressed if its name ends in ``.gz``.

    Parameters
    ----------
    path : path-like
    dimensions : int
        Expected number of dimensions: 3 for images, 1 for labels.

    Returns
    -------
    ndarray of uint8 with that many dimensions

    Raises
    ------
    OSError
        If the file cannot be opened.
    ValueError
        If it is not such a file, is truncated, or holds more than its header says. The message
        starts with the path.
    """
    try:
        with (gzip.open if Path(path).suffix == ".gz" else open)(path, "rb") as file:
            content = file.read()
    except EOFError:
        raise ValueError(f"{path} is truncated: its gzip stream has no end") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is not a gzip file: {error}") from None
    magic = 0x0800 | dimensions  # 0x08: unsigned bytes
    header = 4 + 4 * dimensions
    found = int.from_bytes(content[:4], "big")
    if len(content) >= 4 and found != magic:
        raise ValueError(f"{path} has the magic number 0x{found:08x}, not 0x{magic:08x}")
    if len(content) < header:
        raise ValueError(f"{path} is truncated: {len(content)} bytes, a header has {header}")
    shape = struct.unpack(f">{dimensions}I", content[4:header])
    size = math.prod(shape)
    if len(content) - header != size:
        what = "is truncated" if len(content) - header < size else "is too long"
        raise ValueError(
            f"{path} {what}: {len(content) - header} bytes of data, {size} expected for {shape}"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def read_pair(images, labels, classes):
    """Read images and their labels.

    Parameters
    ----------
    images, labels : path-like
    classes : int
        Labels must be below this.

    Returns
    -------
    (ndarray uint8 (N, pixels), ndarray int64 (N,))

    Raises
    ------
    OSError, ValueError
        As :func:`read`; also for labels out of range, no images at all, or different numbers.
    """
    x, y = read(images, 3), read(labels, 1)
    if not x.size:
        raise ValueError(f"{images} holds no pixels: {x.shape}")
    if len(x) != len(y):
        raise ValueError(f"{labels} has {len(y)} labels for the {len(x)} images of {images}")
    if y.max() >= classes:
        at = int(np.argmax(y >= classes))
        raise ValueError(f"{labels} has the label {y[at]} at {at}; it must be below {classes}")
    return x.reshape(len(x), -1), y.astype(np.int64)
