import pytest
from hypothesis import given
from hypothesis import strategies as st

from bep_model.config import Config
from bep_model.fit import schedule
from bep_model.parameters import reinforce_probabilities

CONFIG = Config(192, (128, 75, 7), 10)


def test_all_bits_are_the_formula():
    for error in (0.0, 0.1, 13.7, 100.0):
        assert schedule.reinforcement(CONFIG, 0.5, error) == reinforce_probabilities(
            CONFIG, 0.5, error)


def test_reinforcement_by_hand():
    # 2**16 * 0.2 * sqrt(25) * sqrt(2 / (pi * 192)) = 3773.77; multiples of 256: 14.7 -> 15
    assert schedule.reinforcement(Config(192, (4,), 2), 0.2, 25.0) == (3774,)
    assert schedule.reinforcement(Config(192, (4,), 2), 0.2, 25.0, 8) == (15 * 256,)


@given(st.floats(0, 3), st.floats(0, 100), st.integers(1, 16))
def test_coarse_reinforcement_is_near_and_legal(p_r, error, bits):
    unit = 1 << (16 - bits)
    fine = schedule.reinforcement(CONFIG, p_r, error)
    for p, exact in zip(schedule.reinforcement(CONFIG, p_r, error, bits), fine, strict=True):
        assert p % unit == 0 and 0 <= p < 1 << 16
        assert abs(p - exact) <= unit // 2 or p == (1 << 16) - unit


@pytest.mark.parametrize("bits", [0, 17])
def test_bits_out_of_range(bits):
    with pytest.raises(ValueError, match=f"between 1 and 16, not {bits}"):
        schedule.reinforcement(CONFIG, 0.2, 100.0, bits)


def test_groups_grow_through_the_divisors():
    seen, group = [], 1
    while not seen or seen[-1] != group:
        seen.append(group)
        group = schedule.next_group(75, group)
    assert seen == [1, 3, 5, 15, 25, 75]


def test_groups_move_after_patience_and_wait_anew():
    groups = schedule.GroupSchedule(CONFIG, (16, 15, 7), patience=2)
    assert groups.update(0.5) == (16, 15, 7)
    assert groups.update(0.5) == (16, 15, 7)    # no better: 1
    assert groups.update(0.6) == (16, 15, 7)    # a new best
    assert groups.update(0.55) == (16, 15, 7)   # 1
    assert groups.update(0.6) == (32, 25, 7)    # 2: equal is not better; 7 is the last divisor
    assert groups.update(0.6) == (32, 25, 7)
    assert groups.update(0.6) == (64, 75, 7)
    assert groups.update(0.0) == (64, 75, 7)
    assert groups.update(0.0) == (128, 75, 7)


def test_patience_zero_keeps_the_groups():
    groups = schedule.GroupSchedule(CONFIG, (16, 15, 7), patience=0)
    for _ in range(5):
        assert groups.update(0.1) == (16, 15, 7)


def test_negative_patience():
    with pytest.raises(ValueError, match=r"patience must be 0 .* not -1"):
        schedule.GroupSchedule(CONFIG, (16, 15, 7), patience=-1)
