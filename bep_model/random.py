"""Random bits: a bank of xorshift generators and bit-serial Bernoulli words (docs/algorithm.md)."""

import numpy as np

from bep_model.bits import compiled

GOLDEN = 0x9E3779B9
"""2**32 divided by the golden ratio: the step between seeds, and the stand-in for a seed of 0."""

ALWAYS = 1 << 16
"""The probability 1 in units of 2**-16."""


def seeds(seed, n):
    """Start states of ``n`` generators.

    Generator k starts from mix(seed + (k + 1) * GOLDEN mod 2**32), mix being the 32-bit finaliser
    of MurmurHash3.

    Parameters
    ----------
    seed : int
        0..2**32-1.
    n : int

    Returns
    -------
    uint32 array (n,)
        No element is 0.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise TypeError(f"seed must be an integer, not {seed!r}")
    if not 0 <= seed < 1 << 32:
        raise ValueError(f"seed must be between 0 and {(1 << 32) - 1}, not {seed}")
    # 64-bit arithmetic: the products wrap modulo 2**64, whose low 32 bits are those wanted.
    mask = np.uint64(0xFFFFFFFF)
    x = (np.uint64(seed) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(GOLDEN)) & mask
    x ^= x >> np.uint64(16)
    x = x * np.uint64(0x85EBCA6B) & mask
    x ^= x >> np.uint64(13)
    x = x * np.uint64(0xC2B2AE35) & mask
    x ^= x >> np.uint64(16)
    return np.where(x == 0, GOLDEN, x).astype(np.uint32)


@compiled
def xorshift(x):
    """Next state of a generator; a 32-bit value in a uint64."""
    x ^= (x << np.uint64(13)) & np.uint64(0xFFFFFFFF)
    x ^= x >> np.uint64(17)
    return x ^ ((x << np.uint64(5)) & np.uint64(0xFFFFFFFF))


@compiled
def bernoulli(bank, lanes, p, bits):
    """Draw the Bernoulli(p / 2**16) words of one row of counters and spread them over the row.

    A row of F counters takes ceil(F / lanes) words; every word draws 16 - (trailing zeros of p)
    times from every generator. p = 0 and p = 2**16 draw nothing.

    Parameters
    ----------
    bank : uint32 array (ceil(lanes / 32),)
        States of the generators, advanced in place.
    lanes : int
        Q, counters per word.
    p : int
        0..2**16.
    bits : int16 array (F,)
        Receives 0 or 1 per counter.
    """
    if p == 0 or p == ALWAYS:
        bits[:] = np.int16(p != 0)
        return
    first = 0
    while (p >> first) & 1 == 0:
        first += 1
    # Generators do not meet, so each runs through the whole row by itself.
    for k in range(bank.shape[0]):
        x = np.uint64(bank[k])
        begin = 32 * k
        width = min(32, lanes - begin)
        for base in range(0, bits.shape[0], lanes):
            m = np.uint64(0)
            for b in range(first, 16):
                m = m | x if (p >> b) & 1 else m & x
                x = xorshift(x)
            for i in range(base + begin, min(base + begin + width, bits.shape[0])):
                bits[i] = np.int16((m >> np.uint64(i - base - begin)) & np.uint64(1))
        bank[k] = np.uint32(x)
