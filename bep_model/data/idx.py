"""Strict reader of IDX files, the format of MNIST and its relatives."""

import gzip
import math
import os
import struct
import zlib
from pathlib import Path

import numpy as np

LIMIT = 2**30
"""Most bytes of data in a file; the largest of EMNIST has 547 million."""

PACKING = 1032
"""The highest compression that gzip can reach."""


def read(path, dimensions):
    """Read one IDX file of unsigned bytes; its content shows whether it is gzip-compressed.

    Parameters
    ----------
    path : path-like
        If it ends in ``.gz``, the file must be compressed.
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
        If it is not such a file, is truncated, holds more than its header says, or more than
        ``LIMIT``. The message starts with the path. The sizes in a header are checked before memory
        is allocated.
    """
    header = 4 + 4 * dimensions
    try:
        with open(path, "rb") as raw:
            packed = Path(path).suffix == ".gz" or raw.peek(2)[:2] == b"\x1f\x8b"
            file = gzip.GzipFile(fileobj=raw) if packed else raw
            shape = _shape(path, file.read(header), dimensions)
            size = math.prod(shape)
            if math.prod(max(1, n) for n in shape) > LIMIT:
                raise ValueError(f"{path} claims to hold {shape}, {size} bytes of data; more than "
                                 f"{LIMIT} are not read")
            stored = os.fstat(raw.fileno()).st_size
            if size > stored * (PACKING if packed else 1):
                raise ValueError(f"{path} is truncated: its {stored} bytes cannot hold the {size} "
                                 f"expected for {shape}")
            # One byte more than there should be tells that there is more, and no more is read.
            content = file.read(size + 1)
    except EOFError:
        raise ValueError(f"{path} is truncated: its gzip stream has no end") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is not a gzip file: {error}") from None
    if len(content) != size:
        what = "is truncated" if len(content) < size else "is too long"
        raise ValueError(f"{path} {what}: {len(content)} bytes of data, {size} expected for "
                         f"{shape}" + " (the rest was not read)" * (len(content) > size))
    return np.frombuffer(content, np.uint8).reshape(shape)


def _shape(path, content, dimensions):
    magic = 0x0800 | dimensions  # 0x08: unsigned bytes
    found = int.from_bytes(content[:4], "big")
    if len(content) >= 4 and found != magic:
        raise ValueError(f"{path} has the magic number 0x{found:08x}, not 0x{magic:08x}")
    if len(content) < 4 + 4 * dimensions:
        raise ValueError(f"{path} is truncated: {len(content)} bytes, a header has "
                         f"{4 + 4 * dimensions}")
    return struct.unpack(f">{dimensions}I", content[4:])


def read_pair(images, labels):
    """Read images and their labels.

    Parameters
    ----------
    images, labels : path-like

    Returns
    -------
    (ndarray uint8 (N, rows, columns), ndarray int64 (N,))

    Raises
    ------
    OSError, ValueError
        As :func:`read`; also for no images at all, or different numbers.
    """
    x, y = read(images, 3), read(labels, 1)
    if not x.size:
        raise ValueError(f"{images} holds no pixels: {x.shape}")
    if len(x) != len(y):
        raise ValueError(f"{labels} has {len(y)} labels for the {len(x)} images of {images}")
    return x, y.astype(np.int64)
