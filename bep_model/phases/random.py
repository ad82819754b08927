"""Random bits: a bank of xorshift generators and bit-serial Bernoulli words (docs/algorithm.md)."""

import numpy as np

from bep_model.checks import MOST_SEED, integer
from bep_model.phases.bits import kernel

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


@kernel
def xorshift(x):
    """Next state of a generator, uint32."""
    x ^= np.uint32(x << np.uint32(13))
    x ^= np.uint32(x >> np.uint32(17))
    return np.uint32(x ^ np.uint32(x << np.uint32(5)))


def _jumps():
    """Entry [k, b, v] is the state that follows v << 8 b after 2**k draws.

    xorshift is linear over bits, so the xor of four entries, one per byte, is a jump from any
    state.
    """
    values = np.arange(256, dtype=np.uint32)
    state = np.stack([values << np.uint32(8 * b) for b in range(4)])
    state = state ^ (state << np.uint32(13))
    state = state ^ (state >> np.uint32(17))
    jumps = [state ^ (state << np.uint32(5))]
    for _ in range(31):
        table, state = jumps[-1], jumps[-1].view("<u4")
        octets = state.astype("<u4").view(np.uint8).reshape(*state.shape, 4)
        jumps.append(np.bitwise_xor.reduce([table[b, octets[..., b]] for b in range(4)]))
    return np.array(jumps)


_JUMPS = _jumps()

STREAMS = 64
"""Streams into which the words of several rows are cut, to draw as many words at once."""


@kernel
def jump(x, n):
    """The state that follows x after n draws."""
    k = 0
    n %= (1 << 32) - 1  # the period
    while n:
        if n & 1:
            x = (_JUMPS[k, 0, x & 255] ^ _JUMPS[k, 1, (x >> np.uint32(8)) & 255]
                 ^ _JUMPS[k, 2, (x >> np.uint32(16)) & 255] ^ _JUMPS[k, 3, x >> np.uint32(24)])
        n >>= 1
        k += 1
    return x


@kernel
def bernoulli(bank, lanes, p, sections, drawn, masks):
    """Draw the Bernoulli(p / 2**16) bits of some rows of counters.

    A section of n counters takes ceil(n / lanes) counter words; every word draws 16 - (trailing
    zeros of p) times from every generator. p = 0 and p = 2**16 draw nothing.

    Parameters
    ----------
    bank : uint32 array (ceil(lanes / 32),)
        States of the generators, advanced in place.
    lanes : int
        Q, counters per word.
    p : int
        0..2**16.
    sections : integer array
        Counters in each section of a row, which takes whole words of 64 bits.
    drawn : uint64 array (rows, words of a row)
        Receives the bits, packed; the unused ones are 0.
    masks : uint32 array (2 or more, STREAMS)
        Scratch: rows 0 and 1 for :func:`_draw`, and behind them 32 bits for each word and
        generator, cut into streams of equal length.
    """
    if p == 0 or p == ALWAYS:
        _fill(np.uint64(0) if p == 0 else ~np.uint64(0), sections, drawn)
        return
    words = 0
    for part in sections:
        words += drawn.shape[0] * -(-part // lanes)
    length, generators = -(-words // STREAMS), bank.shape[0]
    flat = masks[2:2 + length * generators].reshape(-1, generators)
    for g in range(generators):
        _draw(bank[g:g + 1], words, p, masks[0], masks[1], flat[:, g])
    if lanes % 8 == 0:
        _lay_octets(lanes // 8, sections, flat, drawn)
    else:
        _lay_bits(lanes, sections, flat, drawn)


@kernel
def _fill(word, sections, drawn):
    """All bits of a word for the counters, and 0 for the rest of each section."""
    for row in range(drawn.shape[0]):
        end = 0
        for part in sections:
            begin, end = end, end + (part + 63) // 64
            drawn[row, begin:end] = word
            drawn[row, end - 1] &= ~np.uint64(0) >> np.uint64(-part & 63)


@kernel
def _draw(generator, words, p, states, mask, flat):
    """32 Bernoulli bits for each of ``words`` words, and for others that fill the last streams."""
    first, length = 0, flat.shape[0] // states.shape[0]
    while (p >> first) & 1 == 0:
        first += 1
    ahead, draws = 1, 16 - first
    states[0] = generator[0]
    while ahead < states.shape[0]:  # beginning with one stream, as many again from these
        for v in range(ahead):
            states[ahead + v] = jump(states[v], ahead * length * draws)
        ahead *= 2
    generator[0] = jump(generator[0], words * draws)
    for i in range(length):
        mask[:] = 0
        for b in range(first, 16):
            if (p >> b) & 1:
                for v in range(states.shape[0]):
                    mask[v] |= states[v]
                    states[v] = xorshift(states[v])
            else:
                for v in range(states.shape[0]):
                    mask[v] &= states[v]
                    states[v] = xorshift(states[v])
        for v in range(states.shape[0]):
            flat[v * length + i] = mask[v]


@kernel
def _lay_bits(lanes, sections, flat, drawn):
    """Put the bits of the words one behind the other, each section into whole words of 64."""
    word = 0
    for row in range(drawn.shape[0]):
        end = 0
        for part in sections:
            out, end = end, end + (part + 63) // 64
            packed, filled = np.uint64(0), 0
            for _ in range(-(-part // lanes)):
                for g in range(flat.shape[1]):
                    count = min(32, lanes - 32 * g)
                    bits = np.uint64(flat[word, g]) & (~np.uint64(0) >> np.uint64(64 - count))
                    packed |= bits << np.uint64(filled)
                    filled += count
                    if filled >= 64:
                        if out < end:
                            drawn[row, out] = packed
                        out += 1
                        filled -= 64
                        packed = bits >> np.uint64(count - filled)
                word += 1
            if out < end:
                drawn[row, out] = packed
            drawn[row, end - 1] &= ~np.uint64(0) >> np.uint64(-part & 63)


@kernel
def _lay_octets(octets, sections, flat, drawn):
    """The same for words of whole octets, for which it is simpler and faster."""
    source, target = flat.view(np.uint8), drawn.view(np.uint8)
    word = 0
    for row in range(drawn.shape[0]):
        end = 0
        for part in sections:
            begin, end = end, end + (part + 63) // 64
            words = -(-part // (8 * octets))
            for octet in range(octets):
                for n in range(min(words, -(-(8 * (end - begin) - octet) // octets))):
                    target[row, 8 * begin + n * octets + octet] = source[word + n, octet]
            drawn[row, end - 1] &= ~np.uint64(0) >> np.uint64(-part & 63)
            word += words


@kernel
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
