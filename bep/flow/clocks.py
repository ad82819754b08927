"""Which clock a bitstream has: the legal settings of a PLL, and the search for the fastest."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from bep_model.files import replacing

OFF, AUTO = "off", "auto"
"""The oscillator itself; the fastest setting that routing closes with :data:`MARGIN`."""

USB_HZ = 48_000_000
"""Clock of the receiver on a USB plug of the FPGA's own."""

MARGIN = 1.03
"""How much faster than its clock a design must be. Below 100 MHz, the periods of an iCE40's PLL
differ by 0.05 of a period, peak to peak (FPGA-DS-02008), so the shortest is 2.5 % too short."""

LUCK = 1.05
"""How much faster than routed for one clock a design is hoped to be for the next: another
constraint is another placement, and the Fmax of one design varies by about as much."""


@dataclass(frozen=True)
class Setting:
    """Numbers of a PLL, as ``rtl.clock.Clock`` has them; ``oscillator`` is in Hz."""

    oscillator: int
    reference: int
    feedback: int
    output: int

    @property
    def vco(self):
        """Frequency of the oscillator in the PLL, in Hz."""
        return self.oscillator * self.feedback / self.reference

    @property
    def hz(self):
        """Frequency of the clock it makes, rounded to an integer."""
        return round(self.oscillator * self.feedback / (self.reference * self.output))


@dataclass(frozen=True)
class Pll:
    """The PLL of a part family: what its numbers and frequencies may be.

    Parameters
    ----------
    primitive : str
        See ``rtl.clock.Clock``.
    references, feedbacks, outputs : sequence of int
        The dividers.
    source, detected, vco, made : (float, float)
        Least and most MHz: at its input, at the phase detector, of its own oscillator, of the clock
        that it makes.
    """

    primitive: str
    references: range
    feedbacks: range
    outputs: tuple
    source: tuple
    detected: tuple
    vco: tuple
    made: tuple

    def settings(self, oscillator):
        """All legal settings for an oscillator in Hz, slowest first, one for each frequency.

        Among those of one frequency, it is the one with the fastest phase detector, then VCO.
        """
        if not within(self.source, oscillator):
            return []
        vcos = [Setting(oscillator, reference, feedback, 1) for reference in self.references
                if within(self.detected, oscillator / reference) for feedback in self.feedbacks]
        legal = [replace(vco, output=output) for vco in vcos if within(self.vco, vco.vco)
                 for output in self.outputs]
        best = sorted(legal, key=lambda setting: (setting.hz, -setting.reference, setting.vco))
        found = {setting.hz: setting for setting in best if within(self.made, setting.hz)}
        return list(found.values())


def for_usb(pll, oscillator):
    """The setting nearest to 48 MHz, whose quarter is a clock as well.

    Raises ValueError if there is none within 0.2 %; USB takes 0.25 % (USB 2.0, 7.1.11), and the
    oscillator has a share in that.
    """
    best = min((setting for setting in pll.settings(oscillator)
                if 4 * setting.output in pll.outputs),
               key=lambda setting: abs(setting.hz - USB_HZ), default=None)
    if best is None or abs(best.hz - USB_HZ) > 0.002 * USB_HZ:
        raise ValueError(f"the PLL does not make 48 MHz for USB from {oscillator} Hz within 0.2 %")
    return best


def within(limits, hz):
    """Whether a frequency is between the least and the most MHz."""
    least, most = limits
    return least * 1e6 <= hz <= most * 1e6


def below(settings, hz):
    """The fastest of these settings, slowest first, that is not above a frequency, or None."""
    return max((setting for setting in settings if setting.hz <= hz), default=None,
               key=lambda setting: setting.hz)


def wanted(clock, settings):
    """The setting for a clock in MHz: that clock, or the nearest legal one below it.

    Raises
    ------
    ValueError
        For what is no number, and for a number without a setting.
    """
    if not settings:
        raise ValueError(f"clock must be {AUTO} or {OFF} on a board without a PLL, not {clock}")
    slowest, fastest = (setting.hz / 1e6 for setting in (settings[0], settings[-1]))
    try:
        hz = float(clock) * 1e6
    except (TypeError, ValueError):
        hz = 0
    if not slowest * 1e6 <= hz <= fastest * 1e6:
        raise ValueError(f"clock must be {AUTO}, {OFF}, or {slowest:g} to {fastest:g} MHz, "
                         f"not {clock}")
    return below(settings, hz)


def fastest(settings, route):
    """Search the fastest setting that routing closes; return what ``route`` gave for it.

    The first clock is :data:`LUCK` times as fast as the design routed for the oscillator would
    allow. The next is always the fastest that the last routing would allow, above those that
    closed and below those that did not, until there is none. If none closes at all, the result is
    that of the oscillator.

    Parameters
    ----------
    settings : list of Setting
        Slowest first; may be empty.
    route : callable
        Gives the report of a build with a setting, or with None: the oscillator.
    """
    first, best = route(None), None
    bears = LUCK * bearable(first)
    while setting := below(settings, bears):
        report = route(setting)
        bears = bearable(report)
        if bears >= setting.hz:
            best = report
            settings = [other for other in settings if other.hz > setting.hz]
        else:
            settings = [other for other in settings if other.hz < setting.hz]
    return best or first


def bearable(report):
    """The fastest clock, in Hz, that a routed design bears with the margin."""
    return report["fmax_mhz"] * 1e6 / MARGIN


def remembered(path, settings, route):
    """As :func:`fastest`, whose end is kept in a file.

    A setting found earlier is taken if its design is still the same: then its build is in the
    folder that it was in.
    """
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        setting = known["pll"] and Setting(**known["pll"])
        build = known["build"]
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        pass  # there is none, or it is damaged
    else:
        report = route(setting)
        if Path(report["folder"]).name == build:
            return report
    report = fastest(settings, route)
    found = {"pll": report["pll"], "build": Path(report["folder"]).name}
    with replacing(path) as file:
        file.write(json.dumps(found).encode())
    return report
