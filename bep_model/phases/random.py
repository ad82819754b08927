"""Random bits: a bank of xorshift generators and bit-serial Bernoulli words (docs/algorithm.md)."""

import numpy as np

from bep_model.checks import MOST_SEED, integer
from bep_model.phases.bits import compiled

GOLDEN = 0x9E3779B9
"""2**32 divided by the golden ratio: the step between seeds, and the stand-in for a seed of 0."""

ALWAYS = 1 << 16
"""The probability 1 in units of 2**-16."""


def seeds(seed, n, first=0):
    """Start states of ``n`` generators, beginning with number ``first``.

    Generator k starts from mix(seed + (k + 1) * GOLDEN mod 2**32), mix being the 32-bit finaliser
    of MurmurHash3.

    Parameters
    ----------
    seed : int
        0..2**32-1.
    n, first : int

    Returns
    -------
    uint32 array (n,)
        No element is 0.
    """
    seed = integer("seed", seed, 0, MOST_SEED)
    # 64-bit arithmetic: the products wrap modulo 2**64, whose low 32 bits are those wanted.
    mask = np.uint64(0xFFFFFFFF)
    k = np.arange(first, first + n, dtype=np.uint64)
    x = (np.uint64(seed) + (k + np.uint64(1)) * np.uint64(GOLDEN)) & mask
    x ^= x >> np.uint64(16)
    x = x * np.uint64(0x85EBCA6B) & mask
    x ^= x >> np.uint64(13)
    x = x * np.uint64(0xC2B2AE35) & mask
    x ^= x >> np.uint64(16)
    return np.where(x == 0, GOLDEN, x).astype(np.uint32)


@compiled
def xorshift(x):
    """Next state of a generator, uint32."""
    x ^= np.uint32(x << np.uint32(13))
    x ^= np.uint32(x >> np.uint32(17))
    return np.uint32(x ^ np.uint32(x << np.uint32(5)))


def _jumps():
    """Entry [d, b, v] is the state that follows v << 8 b after d draws.

    xorshift is linear over bits, so the xor of four entries, one per byte, is a jump from any
    state. With jumps the words of a row do not depend on one another, which is fast.
    """
    values = np.arange(256, dtype=np.uint32)
    state = np.stack([values << np.uint32(8 * b) for b in range(4)])
    jumps = [state]
    for _ in range(16):
        state = state ^ (state << np.uint32(13))
        state = state ^ (state >> np.uint32(17))
        state = state ^ (state << np.uint32(5))
        jumps.append(state)
    return np.array(jumps)


_JUMPS = _jumps()


@compiled
def bernoulli(bank, lanes, p, n, drawn):
    """Draw the Bernoulli(p / 2**16) bits of one row of counters.

    A row of n counters takes ceil(n / lanes) counter words; every word draws 16 - (trailing zeros
    of p) times from every generator. p = 0 and p = 2**16 draw nothing.

    Parameters
    ----------
    bank : uint32 array (ceil(lanes / 32),)
        States of the generators, advanced in place.
    lanes : int
        Q, counters per word.
    p : int
        0..2**16.
    n : int
        Counters in the row.
    drawn : uint64 array (ceil(n / 64),)
        Receives the bits, packed; the unused ones are 0.
    """
    drawn[:] = 0
    if p == ALWAYS:
        drawn[:] = ~np.uint64(0) >> np.uint64(-n & 63)
        drawn[:-1] = ~np.uint64(0)
    if p == 0 or p == ALWAYS:
        return
    first = 0
    while (p >> first) & 1 == 0:
        first += 1
    jump = _JUMPS[16 - first]
    generators = bank.shape[0]
    words = -(-n // lanes)
    states = np.empty(words * generators, np.uint32)
    for i in range(states.shape[0]):
        x = bank[i % generators]
        states[i] = x
        bank[i % generators] = (jump[0, x & 255] ^ jump[1, (x >> np.uint32(8)) & 255]
                                ^ jump[2, (x >> np.uint32(16)) & 255] ^ jump[3, x >> np.uint32(24)])
    masks = np.zeros(words * generators, np.uint32)
    for b in range(first, 16):
        if (p >> b) & 1:
            masks |= states
        else:
            masks &= states
        for i in range(states.shape[0]):
            states[i] = xorshift(states[i])
    for i in range(masks.shape[0]):
        lane = 32 * (i % generators)
        start = i // generators * lanes + lane
        count = min(32, lanes - lane, n - start)
        if count > 0:
            mask = np.uint64(masks[i]) & (~np.uint64(0) >> np.uint64(64 - count))
            word, place = start >> 6, start & 63
            drawn[word] |= mask << np.uint64(place)
            if place + count > 64:
                drawn[word + 1] |= mask >> np.uint64(64 - place)


@compiled
def happens(bank, p):
    """Whether an event of probability p / 2**16 happens: if generator 0's low 16 bits are below p.

    That takes one draw; p = 0 and p = 2**16 draw nothing. Bank as for :func:`bernoulli`.
    """
    if p == 0 or p == ALWAYS:
        return p == ALWAYS
    drawn = bank[0] & np.uint32(0xFFFF)
    for k in range(bank.shape[0]):
        bank[k] = xorshift(bank[k])
    return drawn < p
