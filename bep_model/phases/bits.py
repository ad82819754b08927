"""Bits in 64-bit words, and how the kernels of the model are compiled."""

import hashlib
import math
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

try:
    import numba
    from numba.core import cgutils, event, types
    from numba.extending import intrinsic, lower_builtin, overload, type_callable
    from numba.np.arrayobj import make_array, populate_array
except ModuleNotFoundError as error:
    if error.name != "numba":
        raise
    numba = None  # a host of a board needs no kernels; they are right without it, but slow

COMPILED = numba is not None
"""Whether kernels are compiled."""
WORD = 64
"""Bits in a packed word; element i of a vector is bit i % 64 of word i // 64."""


def sources_digest(folder):
    """16 hex digits of all Python files in a folder and its sub-folders, names and contents."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        for part in (str(path.relative_to(folder)).encode(), path.read_bytes()):
            digest.update(b"%d:" % len(part) + part)
    return digest.hexdigest()[:16]


def _cache():
    """The first of the folders for compiled kernels that can be written; None if none can.

    Numba notices a change of a kernel's own file only. A kernel inlined from another file would
    stay in its old form, so the folder is named after all sources together.
    """
    package = Path(__file__).parents[1]
    name = f"numba-{sources_digest(package)}"
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    given = numba.config.CACHE_DIR  # NUMBA_CACHE_DIR
    for folder in ([Path(given)] if given else []) + [package / "__pycache__",
                                                      Path(home) / "bep-trainer"]:
        try:
            (folder / name).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder / name):
                return folder / name
        except OSError:
            pass
    return None


_CACHE = _cache() if numba else None


def compiled(function, **options):
    """Compile a function to machine code at its first call; not if NUMBA_DISABLE_JIT is set.

    The code is kept on disk. Where no folder can be written, every process compiles anew. Without
    numba it stays Python.
    """
    if numba is None:
        return function
    given = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(_CACHE or "")
    try:
        return numba.njit(function, cache=_CACHE is not None, nogil=True, error_model="numpy",
                          **options)
    finally:
        numba.config.CACHE_DIR = given


def kernel(function):
    """Compile what every sample passes. A kernel cannot make arrays, nor return one.

    In exchange numba does not count the references to arrays, each an atomic operation. For small
    networks that takes as long as the work itself.
    """
    return compiled(function, _nrt=False)


def stage(function):
    """A kernel that becomes part of its callers, because it takes many arrays, or is called for
    every row: to pass them on takes as long as the work of a small network."""
    return compiled(function, _nrt=False, forceinline=True)


def view(function):
    """A function that returns a part of an array, for use in kernels: it becomes part of them."""
    return compiled(function, inline="always")


def plain(function):
    """A compiled function as Python, where compiling it would take longer than calling it."""
    return getattr(function, "py_func", function)


def popcount(word):
    """Number of ones in a uint64."""
    return int(word).bit_count()


def shaped(plane, begin, shape):
    """The part of an array, taken as flat, that begins at ``begin``, as a view of this shape."""
    return plane.reshape(-1)[begin:begin + math.prod(shape)].reshape(shape)


if numba:
    class _Notice(event.Listener):
        """Tells a user, once, why the first call takes so long."""

        told = False

        def on_start(self, event):
            ours = event.data["dispatcher"].py_func.__module__.startswith("bep_model.")
            if ours and not self.told:
                self.told = True
                once = ", the first time only" if _CACHE else ""
                print(f"compiling the golden model for this processor (10 to 60 s{once}) ...",
                      file=sys.stderr)

        def on_end(self, event):
            pass

    event.register("numba:compile", _Notice())

    @intrinsic
    def _ctpop(_, word):
        return word(word), lambda context, builder, signature, values: builder.ctpop(*values)

    @overload(popcount)
    def _popcount(word):
        return lambda word: _ctpop(word)  # one instruction of the processor, or a few for a vector

    @type_callable(shaped)
    def _type_shaped(_):
        return lambda plane, begin, shape: plane.copy(ndim=len(shape))

    @lower_builtin(shaped, types.Array, types.Integer, types.BaseTuple)
    def _lower_shaped(context, builder, signature, values):
        """Without the checks of numba's own slices and ``reshape``, which take 100 clocks."""
        plane = make_array(signature.args[0])(context, builder, values[0])
        view = make_array(signature.return_type)(context, builder)
        lengths, strides = cgutils.unpack_tuple(builder, values[2]), [plane.itemsize]
        for length in lengths[:0:-1]:
            strides.insert(0, builder.mul(strides[0], length))
        populate_array(view, builder.gep(plane.data, [values[1]]), lengths, strides,
                       plane.itemsize, plane.meminfo)
        return view._getvalue()


@kernel
def bit(words, i):
    """Element ``i`` of a packed vector, as bool."""
    return (words[i >> 6] >> np.uint64(i & 63)) & np.uint64(1) != np.uint64(0)


@kernel
def lowest(word):
    """Index of the lowest one of a uint64 that is not 0."""
    return np.int64(popcount(~word & (word - np.uint64(1))))


@kernel
def ones(words):
    """Number of ones in a packed vector."""
    count = 0
    for k in range(words.shape[0]):
        count += np.int64(popcount(words[k]))
    return count


@kernel
def expand(packed, elements):
    """Spread packed bits over an int16 array: one element, 0 or 1, for every bit of the words."""
    for word in range(packed.shape[0]):
        for i in range(64):
            element = (packed[word] >> np.uint64(i)) & np.uint64(1)
            elements[64 * word + i] = np.int16(element)


@kernel
def copy(source, target):
    """Copy a packed vector to the beginning of another one; kernels cannot assign arrays."""
    for k in range(source.shape[0]):
        target[k] = source[k]


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


def slice_counters(counters, bits):
    """Bit planes of counters: bit b of h + 2**(bits - 1), so that the highest says h >= 0.

    Parameters
    ----------
    counters : integer array (K, n)
        Values that ``bits`` bits in two's complement can hold.
    bits : int

    Returns
    -------
    uint64 array (K, bits, ceil(n / 64))
        Packed along the rows.
    """
    raised = counters.astype(np.int32) + (1 << bits - 1)
    return np.stack([pack((raised >> b & 1).astype(np.uint8)) for b in range(bits)], 1)


def join_counters(planes, n):
    """Counters int16 (K, n) from their bit planes; the reverse of :func:`slice_counters`."""
    bits = planes.shape[1]
    counters = np.full((len(planes), n), -(1 << bits - 1), np.int16)
    for b in range(bits):
        counters += unpack(planes[:, b], n).astype(np.int16) << np.int16(b)
    return counters
