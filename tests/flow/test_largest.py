"""`bep boards`: the largest preset of a board, how fast it is at least, and the table."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from bep import cli
from bep.commands.boards import table
from bep.flow import largest
from bep.flow.boards import boards, constraints, target
from bep.flow.slowest import slowest
from bep_model import configuration
from bep_model.network import Network
from rtl.cycles import formulas_of
from tests.sim.configurations import CASES
from tests.sim.jobs import job
from tests.sim.recurrent import CASES as RECURRENT

EVERY = CASES | RECURRENT


@pytest.mark.parametrize("name", EVERY)
def test_no_batch_takes_longer_than_the_worst(name):
    """While a network learns, with two sets of parameters."""
    case = EVERY[name]
    config, data = case.config, job(case)
    cycles, network = formulas_of(config, case.options), Network(config)
    network.reset(1)
    for parameters in (case.parameters, case.changed()):
        worst = cycles.batch([slowest(config, parameters)] * parameters.batch,
                             parameters).total()
        for start in range(0, 24, parameters.batch):
            rows = np.arange(start, start + parameters.batch) % len(data.x)
            lengths = data.lengths[rows] if config.recurrent else None
            phases = [network.phases(*sample, parameters, length) for *sample, length in zip(
                data.x[rows], data.labels[rows],
                [None] * len(rows) if lengths is None else lengths, strict=True)]
            assert cycles.batch(phases, parameters).total() <= worst
            network.train(data.x[rows], data.labels[rows], parameters, lengths)


def test_speeds_are_those_of_the_formulas():
    found, board = configuration.load("digits-128-128-b7-online"), target("icebreaker")
    speeds = largest.speeds(found, board, 25.5e6)
    assert 25.5e6 / speeds["inferred"] == pytest.approx(675)  # as `bep bench` counts it
    once, twice = (largest.speeds(found, board, hz)["trained_least"] for hz in (10e6, 20e6))
    assert twice == pytest.approx(2 * once) and once < 10e6 / 979  # the mean of a training


def test_presets_are_tried_until_one_fits(monkeypatch):
    tried = []

    def build(config, board, build_dir, progress):
        progress("synthesis")
        tried.append(config.memory_bits)
        if len(tried) < 3:
            raise ValueError("network larger than the part: needs 9 of 8 logic cells")
        return {"cells": {"used": 1, "available": 2}, "luts": 1, "ffs": 1, "brams": 1, "spram": 0,
                "fmax_mhz": 90.0, "clock_mhz": 80.0, "seed": 1, "versions": {}, "baud": 1_000_000}

    monkeypatch.setattr(largest, "build", build)
    monkeypatch.setattr(largest, "fits", lambda config, described: config.memory_bits < 500_000)
    said = []
    entry = largest.measured("ulx3s-85f", "build", said.append)
    assert tried == sorted(tried, reverse=True) and tried[0] == 471_040
    assert said[-1] == f"{entry['preset']}: synthesis"
    assert entry["preset"] == "digits-128-128-b7-online" and entry["built"]["clock_mhz"] == 80
    assert entry["stores"] == ["sdram", "block:16"] and entry["usb"]
    json.dumps(entry)
    monkeypatch.setattr(largest, "fits", lambda config, described: False)
    entry = largest.measured("icebreaker", "build", said.append)
    assert (entry["preset"], entry["built"]) == (None, None)
    assert entry["stores"] == ["flash", "flash:start", "block:16"]
    assert entry["memory_kbit"] == {"brams": 120, "spram": 1024}


def test_what_fits():
    digits, fashion, wide = (configuration.load(name).config for name in (
        "digits-128-128-b7-online", "fashion-mnist-75-75-b7-online",
        "fashion-mnist-selected-784-111-63-b7"))
    fitting = {board: [largest.fits(config, target(board)) for config in (digits, fashion, wide)]
               for board in ("ice40-hx8k-b-evn", "icebreaker", "ulx3s-25f")}
    assert fitting == {"ice40-hx8k-b-evn": [False] * 3, "icebreaker": [True, True, False],
                       "ulx3s-25f": [True] * 3}


# The command

def bep(*arguments):
    return CliRunner().invoke(cli.app, ["boards", *map(str, arguments)])


def test_the_table_of_the_package(tmp_path):
    """It has every board, as its file and its part are today."""
    file = tmp_path / "boards.json"
    assert bep("--json", file).exit_code == 0
    entries = json.loads(file.read_text(encoding="utf-8"))
    assert list(entries) == boards() and entries == table(constraints() / "built.json")
    for name, entry in entries.items():
        described = target(name)
        assert (entry["part"], entry["baud"], entry["usb"]) == (
            described.part, described.baud, bool(described.plug))
        if built := entry["built"]:
            found = configuration.load(entry["preset"])
            assert largest.fits(found.config, described)
            speeds = largest.speeds(found, described, built["clock_mhz"] * 1e6)
            assert {key: built[key] for key in speeds} == pytest.approx(speeds)
            assert built["cells"]["used"] <= built["cells"]["available"]
            assert built["fmax_mhz"] >= built["clock_mhz"]


def test_the_lines_of_some_boards():
    run = bep("ulx3s-85f", "icebreaker")
    lines = run.stdout.splitlines()
    assert run.exit_code == 0 and [line.split()[0] for line in lines] == [
        "BOARD", "ulx3s-85f", "icebreaker"]
    assert "3 Mbaud, USB" in lines[1] and "fashion-mnist" in lines[2]


def test_a_board_of_ones_own(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text((constraints() / "icebreaker.toml").read_text(encoding="utf-8"))
    lines = bep(file).stdout.splitlines()
    assert len(lines) == 2 and lines[1].startswith(str(file)) and "fashion-mnist" in lines[1]


@pytest.mark.parametrize("content", ["", "[]", "{", '{"icebreaker": {}}', '{"icebreaker": 5}'])
def test_a_file_that_is_no_table(tmp_path, content):
    file = tmp_path / "mine.json"
    file.write_text(content, encoding="utf-8")
    run = bep("--table", file)
    assert run.exit_code == 2
    assert run.stderr == f"bep: {file} is no table that `bep boards --build` wrote\n"


def test_a_board_that_is_none():
    run = bep("icebraker")
    assert run.exit_code == 2 and run.stderr.startswith("bep: board must be one of colorlight")


def test_new_figures_of_some_boards(tmp_path, monkeypatch):
    """The others stay."""
    file = tmp_path / "mine.json"
    known = {name: table(constraints() / "built.json")[name] for name in ("icebreaker", "icesugar")}
    file.write_text(json.dumps(known), encoding="utf-8")
    monkeypatch.setattr(largest, "measured", lambda board, *_: known[board] | {"baud": 7})
    assert bep("icesugar", "--build", "--table", file, "--build-dir", tmp_path).exit_code == 0
    assert table(file) == known | {"icesugar": known["icesugar"] | {"baud": 7}}
