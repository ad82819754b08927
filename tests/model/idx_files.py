"""Small IDX files for tests."""

import gzip
import struct

import numpy as np


def write_idx(path, array, magic=None, cut=None):
    """Write an array of bytes as IDX, without the last ``cut`` bytes."""
    header = struct.pack(f">{1 + array.ndim}I", magic or 0x0800 | array.ndim, *array.shape)
    content = (header + array.astype(np.uint8).tobytes())[:None if cut is None else -cut]
    path.write_bytes(gzip.compress(content, 1) if path.suffix == ".gz" else content)


def write_set(folder, shape=(4, 5), names="{}-{}-{}-ubyte.gz", parts=("train", "t10k"), classes=10,
              first=0):
    """Write 120 and 30 random images and their labels under MNIST's names; return the folder."""
    rng = np.random.default_rng(1)
    for part, n in zip(parts, (120, 30), strict=True):
        write_idx(folder / names.format(part, "images", "idx3"), rng.integers(0, 256, (n, *shape)))
        write_idx(folder / names.format(part, "labels", "idx1"), first + np.arange(n) % classes)
    return folder
