"""Each phase on a case small enough to work out by hand."""

import numpy as np
import pytest

from bep_model.phases.backward import backward, gate
from bep_model.phases.bits import (
    bit,
    expand,
    join_counters,
    lowest,
    pack,
    popcount,
    slice_counters,
    unpack,
    words,
)
from bep_model.phases.classify import classify, triggers
from bep_model.phases.forward import forward
from bep_model.phases.random import scratch
from bep_model.phases.reinforce import reinforce
from bep_model.phases.select import select
from bep_model.phases.update import step, update


def packed(text):
    """Packed words of a text of bits, element 0 first."""
    return pack(np.array([int(c) for c in text if c in "01"], np.uint8))


def text(vector, n):
    return "".join(map(str, unpack(vector, n)))


def samples(*texts):
    """A packed row of each of several vectors, as of one sample."""
    return [packed(text)[np.newaxis] for text in texts]


def columns(*texts):
    """Packed words of several texts, each in a column of its own."""
    return np.ascontiguousarray(np.stack([packed(text) for text in texts], axis=1))


@pytest.mark.parametrize("n", [1, 63, 64, 65, 200])
def test_packing(n):
    bits = np.random.default_rng(n).integers(0, 2, (3, n), dtype=np.uint8)
    vectors = pack(bits)
    assert vectors.shape == (3, words(n))
    assert vectors.dtype == np.uint64
    np.testing.assert_array_equal(unpack(vectors, n), bits)
    assert [bit(vectors[1], i) for i in range(n)] == bits[1].tolist()
    elements = np.empty(64 * words(n), np.int16)
    expand(vectors[2], elements)
    np.testing.assert_array_equal(elements[:n], bits[2])
    assert not elements[n:].any()


@pytest.mark.parametrize("word", [1, 2**63, 2**64 - 1, 0x8000_0000_0000_0100, 0b1011000])
def test_words(word):
    assert popcount(np.uint64(word)) == bin(word).count("1")
    assert lowest(np.uint64(word)) == len(bin(word)) - bin(word).rfind("1") - 1


def test_forward():
    """Rows agree with the input 101 in 3, 1 and 0 places; sign(0) needs an even fan-in."""
    z, activations = np.empty(3, np.int32), np.empty(1, np.uint64)
    forward(columns("101", "110", "010"), packed("101"), 3, z, activations)
    assert z.tolist() == [3, -1, -3]
    assert text(activations, 64) == "1" + 63 * "0"
    forward(columns("10"), packed("11"), 2, z[:1], activations)
    assert z[0] == 0
    assert text(activations, 64) == "1" + 63 * "0"


def test_classify():
    """Classes 1 and 2 tie: the lower index is predicted."""
    logits = np.empty(3, np.int32)
    prototypes = np.stack([packed("0011"), packed("1100"), packed("1010")])
    assert classify(prototypes, packed("1110"), 4, logits) == 1
    assert logits.tolist() == [-2, 2, 2]


@pytest.mark.parametrize(("label", "margin", "triggered"), [
    (0, 4, False), (0, 5, True), (1, 4, True), (1, -4, False), (1, -3, True), (2, -8, False),
    (2, -7, True)])
def test_trigger(label, margin, triggered):
    """Logits 6, 2, -2: margins 4, -4 and -8; a margin equal to M does not trigger."""
    assert triggers(np.array([6, 2, -2], np.int32), label, margin) == triggered


def test_gate():
    """Neurons 1 to 3 have an open gate, 2 has no target."""
    passing = np.empty(1, np.uint64)
    gate(np.array([-4, -3, 0, 3, 4], np.int32), 3, packed("110111"), passing)
    assert text(passing, 64) == "01010" + 59 * "0"


@pytest.mark.parametrize(("literal", "targets", "valid"), [(False, "100", "101"),
                                                           (True, "110", "111")])
def test_backward(literal, targets, valid):
    """Neurons 0 and 1 pass on targets +1 and -1, so u = w0 - w1; neuron 2 has a closed gate."""
    below, valid_below, u = np.empty(1, np.uint64), np.empty(1, np.uint64), np.empty(3, np.int32)
    backward(columns("100", "110", "011"), packed("101"), packed("110"), literal, u, below,
             valid_below)
    assert u.tolist() == [2, 0, -2]
    assert text(below, 64) == targets + 61 * "0"
    assert text(valid_below, 64) == valid + 61 * "0"


def test_select():
    """Neurons 0 to 3 are wrong. Of two with equal abs(z) the lower wins, without a target none."""
    z = np.array([-5, 3, -3, 9, 1, 1], np.int32)
    winners = np.empty(1, np.uint64)
    select(z, packed("010111"), packed("101011"), packed("111011"), 3, 0, winners)
    assert text(winners, 6) == "010000"
    select(z, packed("010111"), packed("101011"), packed("101111"), 2, 0, winners)
    assert text(winners, 6) == "101000"


def test_select_barely_right():
    """Neurons 0 and 3 are wrong, 1 and 4 right by less than 3, 5 has no target."""
    z = np.array([-4, 2, 3, 5, -1, 0], np.int32)
    activations, targets, valid = packed("011001"), packed("111101"), packed("111110")
    winners = np.empty(1, np.uint64)
    for stability, expected in ((0, "100100"), (2, "100010"), (3, "010010"), (6, "010010")):
        select(z, activations, targets, valid, 3, stability, winners)
        assert text(winners, 6) == expected


def planes(counters, bits=3):
    """Bit planes of one layer's counters, and its visible weights by rows and by columns."""
    rows = slice_counters(counters, bits)
    return rows, rows[:, -1].T.copy(), pack((counters >= 0).T).T.copy()


def room(rows, lanes):
    """What kernels take for the random bits of some rows of one counter word each."""
    return lanes, np.empty((rows, 1), np.uint64), scratch(1, lanes, rows)


@pytest.mark.parametrize("bits", [2, 7, 15])
def test_sliced_counters(bits):
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    counters = np.random.default_rng(bits).integers(low, high, (3, 70), np.int16, endpoint=True)
    counters[0, :2] = low, high
    rows = slice_counters(counters, bits)
    assert rows.shape == (3, bits, 2)
    np.testing.assert_array_equal(join_counters(rows, 70), counters)
    np.testing.assert_array_equal(rows[:, -1], pack(counters >= 0))


@pytest.mark.parametrize("bits", [2, 3, 7, 15])
def test_steps_saturate(bits):
    """All values near both ends and zero, up, down and not at all, against plain addition."""
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    values = sorted({v for v in (low, low + 1, -2, -1, 0, 1, high - 1, high) if low <= v <= high})
    rng = np.random.default_rng(bits)
    counters = rng.choice(values, 330).astype(np.int16)
    down, taken = rng.integers(0, 2, (2, 330))
    for flip in (0, 1):
        row = slice_counters(counters[np.newaxis], bits)[0]
        step(row, pack(down ^ flip), np.uint64(-flip & 2**64 - 1), pack(taken))
        expected = np.clip(counters + taken * (1 - 2 * down), low, high)
        np.testing.assert_array_equal(join_counters(row[np.newaxis], 330)[0], expected)


def test_update():
    """Input 1010; row 0 has target +1, row 2 target -1, row 1 does not win; B_h = 3 saturates."""
    counters = np.array([[3, -4, -1, 0], [1, 1, 1, 1], [-4, 3, 0, -1]])
    before, bank = planes(counters), np.array([1], np.uint32)
    update(*before, np.array([4]), *samples("1010", "110", "101"), 1 << 16, bank, *room(3, 4))
    expected = np.array([[3, -4, 0, -1], [1, 1, 1, 1], [-4, 3, -1, 0]])
    for actual, plane in zip(before, planes(expected), strict=True):
        np.testing.assert_array_equal(actual, plane)
    assert bank[0] == 1


def test_update_by_samples_in_order():
    """B_h = 3: 3 stays, then falls; -4 rises, then falls. Row 1 wins in the second sample alone."""
    before, bank = planes(np.array([[3, -4], [0, 0]])), np.array([1], np.uint32)
    inputs, targets, winners = (np.stack([packed(one), packed(other)]) for one, other in (
        ("11", "00"), ("10", "11"), ("10", "11")))
    update(*before, np.array([2]), inputs, targets, winners, 1 << 16, bank, *room(2, 2))
    for actual, plane in zip(before, planes(np.array([[2, -4], [-1, -1]])), strict=True):
        np.testing.assert_array_equal(actual, plane)


def test_thinned_update():
    """State 0x42021 takes only the lowest of the first four lanes' steps."""
    before, bank = planes(np.zeros((1, 4), int)), np.array([0x42021], np.uint32)
    update(*before, np.array([4]), *samples("0000", "1", "1"), 1 << 15, bank, *room(1, 4))
    for actual, plane in zip(before, planes(np.array([[-1, 0, 0, 0]])), strict=True):
        np.testing.assert_array_equal(actual, plane)
    assert bank[0] == 0x4080601


def test_reinforce():
    """State 0x42021 has ones in lanes 0 and 5; state 0x4080601 of row 1 in lane 0 alone."""
    rows = planes(np.array([[0, 0, 0, -1, -1, -1], [3, 3, 3, 3, 3, 3]]))[0]
    bank = np.array([0x42021], np.uint32)
    reinforce(rows, np.array([6]), 1 << 15, bank, *room(2, 6))
    assert join_counters(rows, 6).tolist() == [[1, 0, 0, -1, -1, -2], [3] * 6]
    assert not (rows >> np.uint64(6)).any()
    assert bank[0] == 0x9DCCA8C5
