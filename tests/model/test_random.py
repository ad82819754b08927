"""Random words against values worked out by hand (docs/algorithm.md, "Random bits")."""

import numpy as np
import pytest

from bep_model.phases.bits import pack, unpack
from bep_model.phases.random import bernoulli, jump, scratch, seeds, transpose, xorshift
from tests.model.oracle import Bank


def rows_of_bits(bank, lanes, p, sections, rows):
    """Bits of some rows, uint8 (rows, sum of sections); ``bank`` advances in place."""
    widths = [-(-n // 64) for n in sections]
    words = rows * sum(-(-n // lanes) for n in sections)
    packed = np.full((rows, sum(widths)), 2**64 - 1, np.uint64)
    bernoulli(bank, lanes, p, np.array(sections), packed, scratch(len(bank), lanes, words))
    parts = np.split(packed, np.cumsum(widths)[:-1], axis=1)
    for part, n in zip(parts, sections, strict=True):
        assert not unpack(part, 64 * part.shape[1])[:, n:].any()
    return np.hstack([unpack(part, n) for part, n in zip(parts, sections, strict=True)])


def drawn(bank, lanes, p, n):
    """Bits of one row as a list; ``bank`` advances in place."""
    return rows_of_bits(bank, lanes, p, [n], 1)[0].tolist()


def low_bits(value, n):
    return [value >> i & 1 for i in range(n)]


def test_seeds():
    """mix(0x9E3779B9), mix(0x3C6EF372), mix(0xDAA66D2B): the MurmurHash3 finaliser."""
    assert seeds(0, 3).tolist() == [0x92CA2F0E, 0x3CD6E3F3, 0x1B147DCC]
    assert seeds(0, 3).dtype == np.uint32
    np.testing.assert_array_equal(seeds(7, 100)[:5], seeds(7, 5))


def test_a_seed_of_zero_is_replaced():
    """0 is the only word that mix turns into 0; seed + GOLDEN is 0 modulo 2**32 here."""
    assert seeds(2**32 - 0x9E3779B9, 1).tolist() == [0x9E3779B9]


@pytest.mark.parametrize(("seed", "error", "message"), [
    (-1, ValueError, "seed must be between 0 and 4294967295, not -1"),
    (2**32, ValueError, "seed must be between 0 and 4294967295, not 4294967296"),
    (1.0, TypeError, r"seed must be an integer, not 1\.0"),
    (True, TypeError, "seed must be an integer, not True"),
    (np.True_, TypeError, r"seed must be an integer, not np\.True_"),
    (np.int8(-1), ValueError, "seed must be between 0 and 4294967295, not -1"),
])
def test_a_bad_seed_is_refused(seed, error, message):
    with pytest.raises(error, match=message):
        seeds(seed, 1)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64])
def test_a_seed_of_any_integer_type(dtype):
    np.testing.assert_array_equal(seeds(dtype(7), 5), seeds(7, 5))


def test_xorshift():
    """From 1: 1 ^ 1 << 13 = 0x2001; >> 17 adds nothing; ^ << 5 gives 0x42021."""
    states = [np.uint32(1)]
    for _ in range(3):
        states.append(np.uint32(xorshift(states[-1])))
    assert [int(x) for x in states] == [1, 0x42021, 0x4080601, 0x9DCCA8C5]


@pytest.mark.parametrize("n", [0, 1, 2, 5, 1000, 2**32 - 1, 2**32])
def test_jump(n):
    """Over as many draws; 2**32 - 1 is the period."""
    expected = np.uint32(0x42021)
    for _ in range(n % (2**32 - 1)):
        expected = np.uint32(xorshift(expected))
    states = np.array([0x42021, 0], np.uint32)
    jump(states, n)
    assert states.tolist() == [expected, 0]


def test_transpose():
    """Blocks of 64 words of 64 bits, here two whose words alternate."""
    bits = np.random.default_rng(1).integers(0, 2, (64, 2, 64), np.uint8)
    block = pack(bits).ravel()
    transpose(block)
    np.testing.assert_array_equal(unpack(block.reshape(64, 2, 1), 64), bits.transpose(2, 1, 0))


@pytest.mark.parametrize("lanes", [1, 8, 13, 32, 40, 64, 70])
@pytest.mark.parametrize(("p", "rows"), [(0x8000, 5), (0x3200, 5), (0x1235, 50)])
def test_rows_at_once_are_rows_one_by_one(lanes, p, rows):
    """Word by word, by the rule of docs/algorithm.md: rows, in a row sections, in these words."""
    bank = seeds(9, -(-lanes // 32))
    oracle = Bank(lanes)
    oracle.states = bank.tolist()
    sections = [70, 9]
    expected = [[bit for n in sections for bit in oracle.row(n, p)] for _ in range(rows)]
    assert rows_of_bits(bank, lanes, p, sections, rows).tolist() == expected
    assert bank.tolist() == oracle.states


def test_one_draw_is_the_present_state():
    """p = 1/2 takes one draw a word: the states 1, 0x42021, ... themselves, 8 lanes of each."""
    bank = np.array([1], np.uint32)
    expected = low_bits(1, 8) + low_bits(0x21, 8) + low_bits(0x01, 3)
    assert drawn(bank, 8, 1 << 15, 19) == expected
    assert bank.tolist() == [0x9DCCA8C5]


def test_two_draws():
    """p = 1/4 is the lowest one, an or into 0, then a zero, an and; p = 3/4 ends with an or."""
    first, second = 0x42021, 0x4080601
    bank = np.array([first], np.uint32)
    assert drawn(bank, 32, 1 << 14, 32) == low_bits(first & second, 32)
    bank = np.array([first], np.uint32)
    assert drawn(bank, 32, 3 << 14, 32) == low_bits(first | second, 32)


def test_lanes_take_their_generators():
    """Lanes 0..31 from generator 0, 32..39 from generator 1; each word from its own states."""
    bank = np.array([0x42021, 1], np.uint32)
    expected = [*low_bits(0x42021, 32), *low_bits(1, 8), *low_bits(0x4080601, 32),
                *low_bits(0x42021, 8)]
    assert drawn(bank, 40, 1 << 15, 80) == expected
    assert bank.tolist() == [0x9DCCA8C5, 0x4080601]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("lanes", [1, 5, 13, 31, 32])
def test_counter_words_across_packed_words(lanes, seed):
    """One generator, one draw a word: every counter word is the low bits of the next state."""
    state, expected = seeds(seed, 1), []
    bank = state.copy()
    while len(expected) < 200:
        expected += low_bits(int(state[0]), lanes)
        state[0] = xorshift(state[0])
    assert drawn(bank, lanes, 1 << 15, 200) == expected[:200]
    assert bank[0] == state[0]


def test_all_generators_advance_for_a_row_that_needs_one():
    bank = np.array([1, 1, 1], np.uint32)
    assert drawn(bank, 96, 1 << 15, 2) == [1, 0]
    assert bank.tolist() == [0x42021] * 3


@pytest.mark.parametrize(("p", "bit"), [(0, 0), (1 << 16, 1)])
@pytest.mark.parametrize("n", [1, 63, 64, 65, 128])
def test_certain_bits_draw_nothing(p, bit, n):
    bank = np.array([5], np.uint32)
    assert drawn(bank, 8, p, n) == [bit] * n
    assert bank.tolist() == [5]


@pytest.mark.parametrize(("p", "draws"), [(1, 16), (1 << 4, 12), (0xC000, 2), (0xFFFF, 16)])
def test_draws_per_word(p, draws):
    bank = seeds(3, 2)
    expected = bank.copy()
    for k in range(2):
        for _ in range(draws * 3):
            expected[k] = xorshift(expected[k])
    drawn(bank, 50, p, 101)
    np.testing.assert_array_equal(bank, expected)


@pytest.mark.parametrize("p", [655, 0x4000, 30000, 0xFFFF])
def test_frequency(p):
    """Within five standard deviations."""
    n = 60000
    count = sum(drawn(seeds(1, 2), 64, p, n))
    mean = n * p / 65536
    assert abs(count - mean) <= 5 * (mean * (1 - p / 65536)) ** 0.5
