"""Bits in 64-bit words, and how the kernels of the model are compiled."""

import hashlib
from pathlib import Path

import numba
import numpy as np
from numba.extending import overload

WORD = 64
"""Bits in a packed word; element i of a vector is bit i % 64 of word i // 64."""


def _sources_digest():
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:16]


# Numba finds a stale compilation by the caller's file alone. A kernel that another file inlines
# would survive its own change, so the cache folder is named after all the sources together.
_CACHE = Path(__file__).parent / "__pycache__" / f"numba-{_sources_digest()}"


def compiled(function):
    """Compile a kernel to machine code, kept on disk; the identity if NUMBA_DISABLE_JIT is set."""
    given = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = given or str(_CACHE)
    try:
        return numba.njit(function, cache=True, nogil=True, error_model="numpy")
    finally:
        numba.config.CACHE_DIR = given


def popcount(word):
    """Number of ones in a uint64."""
    return int(word).bit_count()


@overload(popcount)
def _popcount(word):
    def swar(word):  # the form that LLVM turns into a (vector) popcnt instruction
        word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
        pairs = np.uint64(0x3333333333333333)
        word = (word & pairs) + ((word >> np.uint64(2)) & pairs)
        word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
        return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)

    return swar


@compiled
def bit(words, i):
    """Element ``i`` of a packed vector, as bool."""
    return (words[i >> 6] >> np.uint64(i & 63)) & np.uint64(1) != np.uint64(0)


@compiled
def lowest(word):
    """Index of the lowest one of a uint64 that is not 0."""
    return np.int64(popcount(~word & (word - np.uint64(1))))


@compiled
def expand(packed, elements):
    """Spread packed bits over an int16 array of one element, 0 or 1, for each of their 64s."""
    for word in range(packed.shape[0]):
        for i in range(64):
            element = (packed[word] >> np.uint64(i)) & np.uint64(1)
            elements[64 * word + i] = np.int16(element)


def words(n):
    """Packed words that hold ``n`` bits."""
    return -(-n // WORD)


def pack(bits):
    """Pack bits along the last axis.

    Parameters
    ----------
    bits : uint8 or bool array (..., n)
        Elements 0 or 1.

    Returns
    -------
    uint64 array (..., ceil(n / 64))
        Unused high bits are 0.
    """
    octets = np.packbits(bits, axis=-1, bitorder="little")
    packed = np.zeros((*octets.shape[:-1], 8 * words(bits.shape[-1])), np.uint8)
    packed[..., : octets.shape[-1]] = octets
    return packed.view("<u8").astype(np.uint64, copy=False)


def unpack(packed, n):
    """The ``n`` bits of packed words as a uint8 array (..., n); the reverse of :func:`pack`."""
    octets = np.ascontiguousarray(packed).astype("<u8", copy=False).view(np.uint8)
    return np.unpackbits(octets, axis=-1, count=n, bitorder="little")
