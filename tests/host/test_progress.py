"""How far a command is, at a terminal and elsewhere; what the demo ends with."""

import io
import json

import pytest
from rich.console import Console
from typer.testing import CliRunner

from bep import cli, results
from bep.commands import demo


@pytest.fixture
def shown(monkeypatch):
    """What goes to the screen, a terminal or not."""
    def screen(terminal):
        text = io.StringIO()
        monkeypatch.setattr(results, "console", Console(
            file=text, force_terminal=terminal, force_interactive=terminal, width=100,
            _environ={"TERM": "xterm"}))
        return text
    return screen


@pytest.mark.parametrize(("total", "amounts", "wanted"), [
    (30, [1] * 30, ["work: 0 of 30", *(f"work: {n} of 30" for n in range(3, 31, 3))]),
    (2, [1, 1], ["work: 0 of 2", "work: 1 of 2", "work: 2 of 2"]),
    (43110, [43110], ["work: 0 of 43,110", "work: 43,110 of 43,110"]),
    (1000, [1] * 99, ["work: 0 of 1,000"]),
    (None, [], ["work"]),
])
def test_lines_without_a_terminal(shown, total, amounts, wanted):
    text = shown(False)
    with results.Stages() as stages:
        assert text.getvalue() == ""
        done = stages.begin("work", total)
        for amount in amounts:
            done(amount)
        stages.end()
    assert text.getvalue().splitlines() == wanted


@pytest.mark.parametrize("terminal", [False, True])
def test_what_goes_on_is_counted_from_where_it_is(shown, terminal):
    text = shown(terminal)
    with results.Stages() as stages:
        done = stages.begin("work", 4, 1)
        done()
        done(2)
    if terminal:
        assert "100%" in text.getvalue()
    else:
        assert text.getvalue().splitlines() == [
            "work: 1 of 4", "work: 2 of 4", "work: 4 of 4"]


def test_what_came_out_is_told_with_it(shown):
    text = shown(False)
    with results.Stages() as stages:
        stages.begin("work", 1)(1, "best 3 [%]")
        stages.say("board")("synthesis")
    assert text.getvalue().splitlines() == [
        "work: 0 of 1", "work: 1 of 1, best 3 [%]", "board: synthesis"]


def test_bars_at_a_terminal(shown):
    text = shown(True)
    with results.Stages() as stages:
        assert text.getvalue() == ""
        stages.begin("first")
        stages.begin("second", 2)(2, "all")
    assert "second, all" in text.getvalue() and text.getvalue().count("100%") >= 2
    text = shown(True)
    with results.Stages():
        pass
    assert "\n" not in text.getvalue()  # nothing stands before what an error says


@pytest.mark.parametrize(("number", "wanted"), [(1, "1 epoch"), (0, "0 epochs"),
                                                (2000, "2,000 epochs")])
def test_one_of_a_thing(number, wanted):
    assert results.counted(number, "epoch") == wanted


BUILT = {"part": "iCE40UP5K-SG48", "cells": {"used": 4467, "available": 5280}, "luts": 3753,
         "ffs": 2, "brams": 3, "spram": 4, "fmax_mhz": 20.0, "clock_mhz": 12.0, "meets_clock": True,
         "cycles_per_sample": 979, "folder": "build/icebreaker-0", "bitstream": "top.bin"}
REPORT = dict.fromkeys(
    ("model_accuracy", "rtl_accuracy", "rtl_seed", "samples", "compared_counters",
     "cycles_per_sample", "ideal_cycles_per_sample", "simulated_samples_per_second"), 1)


@pytest.mark.parametrize("mismatches", [0, 1])
def test_the_demo_ends_with_its_files(tmp_path, monkeypatch, mismatches):
    def run(epochs, build_dir, begin):
        begin("golden model", 1)(1)
        return REPORT | {"boards": {"icebreaker": BUILT}, "mismatches": mismatches,
                         "report": "first mismatch"}, {"a": [0.5]}, [0.4]

    monkeypatch.setattr(demo, "run", run)
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(cli.app, ["demo", "--epochs", "1"])
    assert ended.exit_code == mismatches, ended.output
    assert ended.stderr.startswith("golden model: 0 of 1\ngolden model: 1 of 1\n")
    assert "4,467 of 5,280 (85%)" in ended.stderr
    last = ["icebreaker, bitstream: build/icebreaker-0/top.bin",
            "report: build/demo/report.json", "picture: build/demo/training.png"]
    assert ended.stderr.splitlines()[-3 - mismatches:][:3] == last
    assert (tmp_path / "build" / "demo" / "training.png").stat().st_size > 1000
    report = json.loads((tmp_path / "build" / "demo" / "report.json").read_text())
    assert report["boards"]["icebreaker"]["cells"]["used"] == 4467
