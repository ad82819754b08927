"""The clock that a design is built for: a setting of the part's PLL, or the board's oscillator."""

from bisect import bisect_right

from bep_model.checks import number

MARGIN = 1.03
"""How much faster than its clock a design must be by the placer's estimate."""

MOST = 5
"""Builds of one search."""


def legal(described, hz):
    """Settings of a board's PLL whose clock suits its serial port, by rising frequency.

    Parameters
    ----------
    described : bep.flow.boards.Target
    hz : int
        Of the board's oscillator.

    Returns
    -------
    list of rtl.pll.Setting
        Empty without a PLL.
    """
    if not (described.pll and described.family.pll):
        return []
    from rtl import pll  # who only wants to know the board needs no gateware
    from rtl.link.uart import divisor

    found = []
    for setting in getattr(pll, described.family.pll).settings(hz):
        try:
            divisor(round(setting.hz), described.baud)
        except ValueError:
            continue
        found.append(setting)
    return found


def below(settings, hz):
    """The fastest setting that is not above ``hz``; None if there is none."""
    index = bisect_right([setting.hz for setting in settings], hz)
    return settings[index - 1] if index else None


def chosen(clock, described, hz):
    """What the option --clock names: a setting, or None for the board's oscillator.

    Parameters
    ----------
    clock : str
        "off", or a number of MHz, of which the next lower setting is taken if it is within 5 %.
    described, hz
        As for :func:`legal`.

    Raises
    ------
    ValueError
        For anything else, naming what is possible.
    """
    if clock == "off":
        return None
    try:
        wish = float(clock)
    except ValueError:
        raise ValueError(f"clock must be auto, off or a number of MHz, not {clock!r}") from None
    number("clock", wish, 0, above=True)
    settings = legal(described, hz)
    if not settings:
        raise ValueError(f"clock must be auto or off, not {clock}: {described.name} has no PLL "
                         "here")
    found = below(settings, wish * 1e6)
    if found is None or found.hz < 0.95e6 * wish:
        low, high = (float(settings[end].hz) / 1e6 for end in (0, -1))
        near = min(settings, key=lambda setting: abs(setting.hz - wish * 1e6))
        raise ValueError(f"clock must be {low:g} to {high:g} MHz on {described.name}, where "
                         f"{float(near.hz) / 1e6:g} MHz is nearest, not {clock}")
    return found


def search(settings, guess_hz, build):
    """The report of the fastest setting that a design meets with :data:`MARGIN`.

    From the guess on, the next setting is the fastest that the present build would meet; the search
    ends when that one was built before, or after :data:`MOST` builds.

    Parameters
    ----------
    settings : list of rtl.pll.Setting
        Not empty.
    guess_hz : float
    build : callable
        Takes a setting, and returns a report with ``fmax_mhz``.

    Returns
    -------
    dict
        The report. If no setting is met, it is that of the slowest that was built.
    """
    reports = {}
    setting = below(settings, guess_hz) or settings[0]
    while setting.hz not in reports and len(reports) < MOST:
        reports[setting.hz] = report = build(setting)
        setting = below(settings, report["fmax_mhz"] * 1e6 / MARGIN) or settings[0]
    met = [hz for hz, report in reports.items() if report["fmax_mhz"] * 1e6 >= MARGIN * hz]
    return reports[max(met) if met else min(reports)]
