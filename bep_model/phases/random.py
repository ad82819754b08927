"""Random bits: a bank of xorshift generators and bit-serial Bernoulli words (docs/algorithm.md)."""

from typing import NamedTuple

import numpy as np

from bep_model.checks import MOST_SEED, integer
from bep_model.phases.bits import copy, kernel, stage

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

STREAMS = 512
"""Streams into which the words of several rows are cut, to draw as many words at once."""
_WIDE = STREAMS // 64
"""Words of 64 bits that hold one bit of each stream: as many as the widest vector registers hold.
With fewer, vectors that are loaded straddle those just stored, and wait for them."""


class Scratch(NamedTuple):
    """Arrays for :func:`bernoulli`. Planes hold one bit of every stream, in ``_WIDE`` words."""

    states: np.ndarray  # uint32 (STREAMS,), of one generator, one for each stream or word
    masks: np.ndarray  # uint32 (STREAMS,), a word each
    planes: np.ndarray  # uint64 (generators, 32 planes), the states of all
    drawn: np.ndarray  # uint64 (32 planes), a word of one generator
    block: np.ndarray  # uint64 (64 planes), or 64 bits of every stream
    bits: np.ndarray  # uint64, the words of all streams, one behind the other


def scratch(generators, lanes, words):
    """Scratch for drawing ``words`` counter words at once."""
    planes = np.zeros((generators, 32 * _WIDE), np.uint64)
    bits = (words + STREAMS) * lanes
    return Scratch(np.zeros(STREAMS, np.uint32), np.zeros(STREAMS, np.uint32), planes,
                   np.zeros_like(planes[0]), np.zeros(64 * _WIDE, np.uint64),
                   np.zeros(bits // 64 + 2, np.uint64))


@kernel
def jump(states, n):
    """Let every generator make n draws."""
    n %= (1 << 32) - 1  # the period
    k = 0
    while n:
        if n & 1:
            for i in range(states.shape[0]):
                x = states[i]
                states[i] = (_JUMPS[k, 0, x & 255] ^ _JUMPS[k, 1, (x >> np.uint32(8)) & 255]
                             ^ _JUMPS[k, 2, (x >> np.uint32(16)) & 255]
                             ^ _JUMPS[k, 3, x >> np.uint32(24)])
        n >>= 1
        k += 1


@stage
def bernoulli(bank, lanes, p, sections, drawn, scratch):
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
    scratch : Scratch
        For as many words or more.
    """
    if p == 0 or p == ALWAYS:
        _fill(np.uint64(0) if p == 0 else ~np.uint64(0), sections, drawn)
    elif drawn.shape[0]:
        _draw(bank, lanes, p, sections, drawn, scratch)


@kernel
def _draw(bank, lanes, p, sections, drawn, scratch):
    """The same where it takes draws."""
    words = 0  # of a row
    for part in sections:
        words += -(-part // lanes)
    words *= drawn.shape[0]
    first = 0
    while (p >> first) & 1 == 0:
        first += 1
    if words <= STREAMS:  # up to there it is faster to draw each for itself
        _draw_few(bank, lanes, p, first, words, scratch)
    else:
        _draw_many(bank, lanes, p, first, words, scratch)
    jump(bank, words * (16 - first))
    _cut(lanes, sections, scratch.bits, drawn)


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
def _draw_few(bank, lanes, p, first, words, scratch):
    """The bits of ``words`` counter words, for the bits of p from ``first`` on."""
    scratch.bits[:words * lanes // 64 + 2] = 0
    states, masks = scratch.states[:words], scratch.masks[:words]
    for g in range(bank.shape[0]):
        _start(bank[g], 16 - first, states)
        masks[:] = 0
        for b in range(first, 16):
            for i in range(words):
                masks[i] = masks[i] | states[i] if (p >> b) & 1 else masks[i] & states[i]
                states[i] = xorshift(states[i])
        count = min(32, lanes - 32 * g)
        for i in range(words):
            word = np.uint64(masks[i]) & (~np.uint64(0) >> np.uint64(64 - count))
            _put(word, i * lanes + 32 * g, scratch.bits)


@kernel
def _draw_many(bank, lanes, p, first, words, scratch):
    """The same, and more words that fill the last streams."""
    length = -(-words // STREAMS)
    for g in range(bank.shape[0]):
        _start(bank[g], length * (16 - first), scratch.states)
        for s in range(STREAMS):
            scratch.block[s] = scratch.states[s]
        transpose(scratch.block)
        copy(scratch.block[:32 * _WIDE], scratch.planes[g])
    scratch.bits[:STREAMS * length * lanes // 64 + 2] = 0
    filled = done = 0
    for _ in range(length):
        for g in range(bank.shape[0]):
            count = min(32, lanes - 32 * g)
            drawn = scratch.drawn[:count * _WIDE]
            _draw_word(scratch.planes[g], p, first, drawn)
            for i in range(count):
                copy(drawn[i * _WIDE:(i + 1) * _WIDE], scratch.block[filled * _WIDE:])
                filled += 1
                if filled == 64:
                    _lay(scratch.block, filled, done, length * lanes, scratch.bits)
                    done += filled
                    filled = 0
    if filled:
        _lay(scratch.block, filled, done, length * lanes, scratch.bits)


@kernel
def _start(state, distance, states):
    """A state and those that follow every ``distance`` draws."""
    states[0] = state
    ahead = 1
    while ahead < states.shape[0]:  # from those that are known as many again
        more = states[ahead:2 * ahead]
        copy(states[:more.shape[0]], more)
        jump(more, ahead * distance)
        ahead *= 2


@kernel
def transpose(block):
    """Exchange bit j of word (i, w) with bit i of word (j, w), for i and j in 0..63."""
    wide, half, low = block.shape[0] // 64, 32, ~np.uint64(0) >> np.uint64(32)
    while half:
        shift, far = np.uint64(half), half * wide
        for begin in range(0, block.shape[0], 2 * far):
            one, other = block[begin:begin + far], block[begin + far:begin + 2 * far]
            for i in range(far):
                differing = ((one[i] >> shift) ^ other[i]) & low
                one[i] ^= differing << shift
                other[i] ^= differing
        half >>= 1
        low ^= low << np.uint64(half)


@kernel
def _draw_word(planes, p, first, drawn):
    """One Bernoulli word of a generator in every stream, its bits in planes."""
    drawn[:] = 0
    for b in range(first, 16):
        if (p >> b) & 1:
            for i in range(drawn.shape[0]):
                drawn[i] |= planes[i]
        else:
            for i in range(drawn.shape[0]):
                drawn[i] &= planes[i]
        _advance(planes)


@kernel
def _advance(planes):
    """:func:`xorshift` of all streams, where a shift is the choice of another plane."""
    for i in range(32 * _WIDE - 1, 13 * _WIDE - 1, -1):
        planes[i] ^= planes[i - 13 * _WIDE]
    for i in range(15 * _WIDE):
        planes[i] ^= planes[i + 17 * _WIDE]
    for i in range(32 * _WIDE - 1, 5 * _WIDE - 1, -1):
        planes[i] ^= planes[i - 5 * _WIDE]


@kernel
def _lay(block, filled, done, length, bits):
    """Put the ``filled`` planes of a block behind the ``done`` bits that each stream has."""
    transpose(block)
    for s in range(STREAMS):
        word = block[s] & (~np.uint64(0) >> np.uint64(64 - filled))
        _put(word, s * length + done, bits)


@kernel
def _put(word, place, bits):
    """Put bits into a packed vector, where no ones are yet."""
    bits[place >> 6] |= word << np.uint64(place & 63)
    bits[(place >> 6) + 1] |= word >> np.uint64(1) >> np.uint64(63 - (place & 63))


@kernel
def _cut(lanes, sections, bits, drawn):
    """Cut the bits of the words into sections, each into whole words of 64."""
    place = 0
    for row in range(drawn.shape[0]):
        end = 0
        for part in sections:
            begin, end = end, end + (part + 63) // 64
            first, shift = place >> 6, np.uint64(place & 63)
            for k in range(end - begin):
                drawn[row, begin + k] = bits[first + k] >> shift | \
                    bits[first + k + 1] << np.uint64(1) << (np.uint64(63) - shift)
            drawn[row, end - 1] &= ~np.uint64(0) >> np.uint64(-part & 63)
            place += -(-part // lanes) * lanes


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
