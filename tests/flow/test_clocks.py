"""Settings of a PLL, the search for a clock, and what is built with it."""

import re
from dataclasses import asdict, replace
from fractions import Fraction

import pytest

from bep.flow import families, synthesis, toolchain
from bep.flow.boards import boards, constraints, target
from bep.flow.clocks import Setting, below, fastest, for_usb, remembered, wanted
from bep.flow.synthesis import prepare
from bep_model.config import Config
from rtl.link.uart import divisor

TINY = Config(16, (8,), 2, counter_bits=3, weight_lanes=8, counter_lanes=8)
ICE40, ECP5 = (target(board).settings(hz) for board, hz in (
    ("icebreaker", 12_000_000), ("ulx3s-85f", 25_000_000)))


def legal(family):
    """Frequencies of the legal settings, in MHz: the data sheets' limits as plain loops."""
    if family == "iCE40":
        for divr in range(16):
            for divf in range(128):
                for divq in range(1, 7):
                    detected = Fraction(12, divr + 1)
                    vco = detected * (divf + 1)
                    if 10 <= detected <= 133 and 533 <= vco <= 1066 and 16 <= vco / 2**divq <= 275:
                        yield vco / 2**divq
    else:
        for clki in (1, 2):  # with 3, the phase detector would have 8.3 MHz
            for clkop in range(1, 129):
                vco = Fraction(25, clki) * clkop
                if 400 <= vco <= 800:
                    yield from (vco / clkos for clkos in range(1, 129)
                                if Fraction(3125, 1000) <= vco / clkos <= 400)


def suits(hz):
    try:
        return divisor(hz, 1_000_000)
    except ValueError:
        return False


@pytest.mark.parametrize(("family", "settings"), [("iCE40", ICE40), ("ECP5", ECP5)])
def test_every_legal_setting_is_found(family, settings):
    rates = sorted({hz for mhz in legal(family) if suits(hz := round(mhz * 1_000_000))})
    assert [setting.hz for setting in settings] == rates
    for tenths in range(50, 2001):
        hz = tenths * 100_000
        reachable = [rate for rate in rates if rate <= hz]
        found = below(settings, hz)
        assert (found.hz if found else None) == max(reachable, default=None)
        if found:
            exact = Fraction(found.oscillator * found.feedback, found.reference * found.output)
            assert abs(found.hz - exact) <= Fraction(1, 2)


def test_the_best_of_equal_settings():
    """25 MHz needs no slower phase detector; of its VCOs the fastest."""
    assert below(ECP5, 25e6) == Setting(25_000_000, 1, 32, 32)


def test_no_setting():
    assert families.ICE40UP.pll.settings(9_000_000) == []  # the input takes 10 MHz at least
    assert target("icebreaker").settings(200_000_000) == []


@pytest.mark.parametrize(("clock", "mhz"), [("28", 27.75), (28.5, 28.5), ("16.125", 16.125),
                                            (270, 270)])
def test_a_wish_is_met_from_below(clock, mhz):
    assert wanted(clock, ICE40).hz == mhz * 1e6


@pytest.mark.parametrize("clock", ["fast", "16.1", "270.1", "-20", "nan", "inf", "", "AUTO", 0,
                                   None])
def test_a_wish_that_cannot_be_met(clock):
    text = f"clock must be auto, off, or 16.125 to 270 MHz, not {clock}"
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        wanted(clock, ICE40)
    with pytest.raises(ValueError, match="^clock must be auto or off on a board without a PLL, "
                                         f"not {re.escape(str(clock))}$"):
        wanted(clock, [])


@pytest.mark.parametrize(("routed", "tried", "chosen"), [
    ({None: 29.5}, [30], 30),  # 1.05 * 29.5 / 1.03 = 30.07
    ({None: 29.5, 30: 29.5}, [30, 28.5], 28.5),  # 29.5 / 1.03 = 28.6
    ({None: 31, 31.5: 31, 30: 30.5}, [31.5, 30, 29.25], 29.25),  # 30.5 / 1.03 = 29.6
    ({None: 29.5, 30: 33}, [30, 31.875], 31.875),  # up: 33 / 1.03 = 32.04
    ({None: 29.5, 30: 33, 31.875: 30}, [30, 31.875], 30),  # a step too far
    ({None: 29.5, 30: 33, 31.875: 32.2}, [30, 31.875, 31.125], 31.125),  # back, not so far
    ({None: 29.5, 30: 29.5, 28.5: 31}, [30, 28.5, 29.625], 29.625),  # between
    ({None: 29.4, 29.625: 29.6}, [29.625, 28.5], 28.5),  # one step at least
    ({None: 15}, [], None),  # slower than any setting
    ({None: 17, 17.25: 16.7, 16.125: 16.2}, [17.25, 16.125], None),
])
def test_the_search(routed, tried, chosen):
    """Designs of which is given how fast they are, by their clock; others are 3 % faster."""
    asked = []

    def route(setting):
        mhz = setting and setting.hz / 1e6
        asked.append(mhz)
        return {"pll": setting, "fmax_mhz": routed.get(mhz, 1.03 * (mhz or 0) + 0.01)}
    report = fastest(ICE40, route)
    assert asked == [None, *tried]
    assert (report["pll"] and report["pll"].hz / 1e6) == chosen


def test_a_search_is_remembered(tmp_path):
    """It holds as long as the design that it found is built in the same folder."""
    path, asked, folder = tmp_path / "clock.json", [], "board-{}"

    def route(setting):
        mhz = setting and setting.hz / 1e6
        asked.append(mhz)
        return {"pll": setting and asdict(setting), "folder": f"build/{folder.format(mhz)}",
                "fmax_mhz": {None: 29.5, 30: 29.4}.get(mhz, 29.4)}

    def search():
        asked.clear()
        return remembered(path, ICE40, route)
    first, whole = search(), [None, 30, 28.5]
    assert asked == whole and first["folder"] == "build/board-28.5"
    assert search() == first and asked == [28.5]
    for damage in ("", "{}", '{"pll": {"oscillator": 12}, "build": "x"}'):
        path.write_text(damage, encoding="utf-8")
        assert search() == first and asked == whole
    folder = "other-{}"  # the gateware has changed
    assert search()["folder"] == "build/other-28.5" and asked == [28.5, *whole]
    search()
    assert asked == [28.5]


def test_a_build_searches(tmp_path, monkeypatch):
    made, steps = [], []

    def implement(plan, folder, *_):
        made.append(folder)
        (folder / "top.bin").write_text("made", encoding="utf-8")
    monkeypatch.setattr(synthesis, "implement", implement)
    monkeypatch.setattr(toolchain, "cells", lambda folder: {})
    monkeypatch.setattr(toolchain, "placed", lambda folder: {"ICESTORM_LC": {"used": 1}})
    monkeypatch.setattr(toolchain, "timing", lambda folder, hz: {
        "fmax_mhz": {12_000_000: 29.5}.get(hz, 31), "clock_mhz": hz / 1e6})

    first = synthesis.build(TINY, "icebreaker", 1, tmp_path, steps.append)
    assert len(made) == 2 and first["clock_mhz"] == 30
    assert steps == ["generating the design", "generating the design, 30 MHz"]
    steps.clear()
    assert synthesis.build(TINY, "icebreaker", 1, tmp_path, steps.append) == first
    assert len(made) == 2 and steps == ["generating the design, 30 MHz"]
    assert synthesis.build(TINY, "icebreaker", 2, tmp_path)["seed"] == 2
    assert len(made) == 4 and len(list(tmp_path.glob("*.json"))) == 2


@pytest.mark.parametrize(("board", "mhz", "instance", "constraint"), [
    ("icebreaker", 28.5, {"DIVR": 0, "DIVF": 75, "DIVQ": 5, "FILTER_RANGE": 1},
     "set_frequency clock.made 28.5\n"),
    ("icesugar", 48, {"DIVR": 0, "DIVF": 63, "DIVQ": 4, "FILTER_RANGE": 1},
     "set_frequency clock.made 48.0\n"),
    ("ulx3s-85f", 84.375, {"CLKI_DIV": 1, "CLKFB_DIV": 1, "CLKOP_DIV": 27, "CLKOS_DIV": 8},
     'FREQUENCY NET "clock.made" 84375000.0 HZ;'),
    ("upduino-v3", 27, {"DIVR": 0, "DIVF": 71, "DIVQ": 5, "FILTER_RANGE": 1},
     "set_frequency clock.made 27.0\n"),
    ("ice40-hx8k-b-evn", 48, {"DIVR": 0, "DIVF": 63, "DIVQ": 4, "FILTER_RANGE": 1},
     "set_frequency clock.made 48.0\n"),
])
def test_the_design_has_the_pll_and_its_constraint(board, mhz, instance, constraint):
    described = target(board)
    oscillator = 25_000_000 if board == "ulx3s-85f" else 12_000_000
    plan, hz = prepare(TINY, described, 1, wanted(mhz, described.settings(oscillator)))
    design = plan.files["top.il"]
    design = design if isinstance(design, str) else design.decode()
    assert hz == mhz * 1e6
    assert len(re.findall(rf"cell \\{described.primitive} ", design)) == 1
    for name, value in instance.items():
        assert re.search(rf"parameter \\{name} {value}\n", design)
    constraints = "".join(str(plan.files.get(name, "")) for name in ("top.pcf", "top.lpf"))
    assert constraint in constraints
    without, hz = prepare(TINY, described, 1)
    assert hz == oscillator and described.primitive not in str(without.files["top.il"])


def test_a_board_without_a_pll(tmp_path, monkeypatch):
    text = (constraints() / "icebreaker.toml").read_text(encoding="utf-8")
    file = tmp_path / "mine.toml"
    file.write_text("".join(line for line in text.splitlines(True) if "pll" not in line),
                    encoding="utf-8")
    assert not target(file).pll and target(file).settings(12_000_000) == []
    with pytest.raises(ValueError, match="clock must be auto or off on a board without a PLL, not"):
        synthesis.build(TINY, file, clock=24)
    asked = []
    monkeypatch.setattr(synthesis, "routed", lambda *arguments: asked.append(arguments[6]))
    synthesis.build(TINY, file)
    assert asked == [None]  # the setting


@pytest.mark.parametrize("board", boards())
def test_the_boards_of_the_package_have_a_pll(board):
    """The oscillator of the UPduino is not at its pad."""
    assert target(board).pll == ("core" if board == "upduino-v3" else True)


@pytest.mark.parametrize(("oscillator", "hz"), [
    (25_000_000, 48_076_923), (48_000_000, 48_000_000), (12_000_000, 48_000_000)])
def test_the_clock_of_usb(oscillator, hz):
    setting = for_usb(families.ECP5.pll, oscillator)
    assert setting.hz == hz and setting in families.ECP5.pll.settings(oscillator)


def test_an_oscillator_that_makes_no_clock_of_usb():
    with pytest.raises(ValueError, match=r"^the PLL does not make 48 MHz for USB from 400000000 Hz "
                                         r"within 0\.2 %$"):
        for_usb(replace(families.ECP5.pll, references=range(1, 2), feedbacks=range(1, 2),
                        detected=(10, 400), vco=(400, 800), outputs=(1, 4)), 400_000_000)
