"""Settings of PLLs against their limits, written anew from the documents."""

from bisect import bisect_right

import pytest

from rtl.pll import ECP5PLL, ICE40PLL


@pytest.mark.parametrize("mhz", [10, 12, 16, 25, 48, 100, 133])
def test_ice40(mhz):
    found = ICE40PLL.settings(mhz * 10**6)
    assert [setting.hz for setting in found] == sorted({setting.hz for setting in found})
    for setting in found:
        detector = mhz / setting.reference
        oscillator = detector * setting.feedback
        assert 10 <= detector <= 133 and 533 <= oscillator <= 1066 and 1 <= setting.output <= 6
        assert 1 <= setting.reference <= 16 and 1 <= setting.feedback <= 128
        assert 16 <= setting.hz / 10**6 <= 275
        assert float(setting.hz) == pytest.approx(1e6 * oscillator / 2**setting.output)


@pytest.mark.parametrize("mhz", [8, 12, 25, 48, 50, 100])
def test_ecp5(mhz):
    found = ECP5PLL.settings(mhz * 10**6)
    for setting in found:
        detector = mhz / setting.reference
        assert 3.125 <= detector <= 400 and 1 <= setting.reference <= 128
        assert 400 <= detector * setting.feedback * setting.output <= 800
        assert 1 <= setting.feedback <= 128 and 1 <= setting.output <= 128
        assert float(setting.hz) == pytest.approx(1e6 * detector * setting.feedback)


@pytest.mark.parametrize("pll, mhz, low, high, step", [
    (ICE40PLL, 12, 17, 33, 0.376), (ECP5PLL, 25, 20, 120, 3.126)])
def test_settings_are_close(pll, mhz, low, high, step):
    """Little is lost by taking the next setting below a clock that would just be met."""
    frequencies = [setting.hz / 10**6 for setting in pll.settings(mhz * 10**6)]
    for tenth in range(10 * low, 10 * high):
        below = frequencies[bisect_right(frequencies, tenth / 10) - 1]
        assert 0 <= tenth / 10 - below <= step


def test_none_outside_of_the_input_range():
    assert ICE40PLL.settings(9_000_000) == [] and ECP5PLL.settings(7_000_000) == []
