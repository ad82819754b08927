"""`bep bench`: cycles of a training, the energy model, what is written, what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bep import cited, results
from bep.cli import app
from bep.commands import bench
from bep.experiments import designs
from bep.flow import energy, families, throughput
from bep.flow.boards import boards, target
from bep.flow.links import link_rate
from bep.reports import bench_report
from bep_model import configuration
from bep_model.config import Config
from bep_model.data import datasets
from bep_model.fit.presets import Preset
from bep_model.fit.training import Hyper, epoch_order
from bep_model.phases import frame
from bep_model.protocol import Cause
from bep_model.words import integers
from rtl.cycles import Cycles
from rtl.trainer import Trainer
from sim.expected import COUNTED, expected
from sim.job import Job, Run

DESIGNS = Path(__file__).parents[2] / "docs" / "designs"
CONFIG = Config(192, (12, 8), 10, weight_lanes=32, counter_lanes=16, max_batch=4)
PRESET = Preset("digits", (12, 8), 7, 4, Hyper(
    group=4, batch=4, sweep=24, thinning=0.5, anneal=0.5, reinforce_bits=4))
BUILT = {"board": "icebreaker", "part": "iCE40UP5K-SG48", "luts": 3200, "ffs": 2000, "brams": 20,
         "spram": 2, "fmax_mhz": 20.0, "clock_mhz": 18.0, "oscillator_mhz": 12.0, "baud": 3_000_000,
         "pll": {"oscillator": 12_000_000, "reference": 1, "feedback": 48, "output": 32}, "seed": 1,
         "cells": {"used": 4000, "available": 5280}}


@pytest.fixture(scope="module")
def data():
    return datasets.load("digits").limit(70)


# Cycles

@pytest.fixture(scope="module")
def measured(data):
    return throughput.measure(CONFIG, data, PRESET, {"single_port": True}, epochs=4)


def test_epochs_by_themselves_are_those_of_the_whole_run(data, measured):
    """70 samples end neither with a sweep nor with a full batch."""
    history, states, accuracy = throughput.train(CONFIG, data, PRESET, 1)
    assert [state.since_sweep for state in states] == [0, 22, 18, 14, 10]
    runs = [Run(epoch.parameters, epoch_order(1, epoch.epoch, 70)) for epoch in history]
    trainer = Trainer(CONFIG, integers(frame.prototypes(CONFIG)), single_port=True)
    job = Job(CONFIG, data.train.x, data.train.labels, runs, states[0].bank,
              states[0].counters)
    found = expected(job, Cycles(trainer))
    for l in (1, 2):
        np.testing.assert_array_equal(found[f"counters_{l}"][-1], states[-1].counters[l - 1])
    timed = np.diff(found["performance"][:, len(COUNTED):], axis=0)
    for epoch, what in ((0, "first"), (3, "last")):
        assert measured[what] == pytest.approx(throughput.by_phase([1, *timed[epoch] / 70]))
    mean = throughput.by_phase([1, *timed.sum(axis=0) / 280])
    assert measured["cycles"] == pytest.approx(mean)
    assert measured["cycles_per_sample"] == pytest.approx(sum(mean.values()))
    ideal = found["ideal"].sum() / 280
    assert measured["ideal_cycles_per_sample"] == pytest.approx(ideal)
    assert measured["efficiency"] == pytest.approx(ideal / sum(mean.values()))
    assert measured["run_accuracy"] == accuracy and measured["counted_epochs"] == [0, 1, 2, 3]


def test_an_inferred_sample(measured):
    cycles = measured["cycles"]
    assert measured["inference_cycles_per_sample"] == pytest.approx(
        cycles["wait"] + cycles["forward"] + cycles["classify"])


def test_validation_samples_are_trained_on_with_refit(data):
    once = replace(PRESET, epochs=1)
    found = throughput.measure(CONFIG, data, once, {}, refit=True)
    assert found["train_samples"] == 70 + len(data.validation)
    assert found["first"] == found["last"] == pytest.approx(found["cycles"])


@pytest.mark.parametrize(("total", "count", "wanted"), [
    (40, 3, [0, 20, 39]), (5, 9, [0, 1, 2, 3, 4]), (1, 3, [0]), (7, 2, [0, 6]), (7, 1, [0])])
def test_spread(total, count, wanted):
    assert throughput.spread(total, count) == wanted


def test_between_counted_epochs_is_a_straight_line():
    mean = throughput.over_run({0: np.array([10, 1]), 2: np.array([20, 1]), 4: np.array([20, 3])},
                               5)
    assert mean.tolist() == [(10 + 15 + 20 + 20 + 20) / 5, (1 + 1 + 1 + 2 + 3) / 5]


# Energy, link, cited figures

def test_energy_agrees_with_its_sources():
    ice40, ecp5 = families.ICE40UP.energy["iCE40UP5K"], families.ECP5.energy["LFE5U-85F"]
    # The clock tree's share, of a design that was measured at 1.219 V: hardly any cells.
    for mhz, current in ((48, 2184.0), (12, 645.0)):
        low, high = ice40.power(mhz, 28)
        assert 0.9 * low < families.VOLT * current / 1e3 < 1.1 * high
    assert ecp5.power(0, 0) == pytest.approx([233.2, 233.2])
    assert ecp5.power(100, 30000)[0] == ecp5.power(0, 0)[0] < ecp5.power(100, 30000)[1]
    assert energy.per_sample([2.0, 20.0], 1000) == [2.0, 20.0]  # mW / (1/ms) = uJ


@pytest.mark.parametrize("part", [*(target(board).part for board in boards()),
                                  "LFE5U-25F-6BG381C"])
def test_rates_with_and_without_an_energy_model(part):
    model = families.found(families.of(part).energy, part)
    assert model is None or not part.startswith("LFE5U-25F")
    rates = designs.rates(10.0, {"cycles_per_sample": 100, "inference_cycles_per_sample": 50},
                          model, 1000)
    assert (rates["training"], rates["inference"]) == (1e5, 2e5)
    assert rates["power_mw"] == (model and model.power(10.0, 1000))
    assert (results.band(rates["training_uj"]) == "unknown") == (model is None)


def test_link_rate():
    """README: 25 bytes per sample, 20 of them in a packet of 507 bytes."""
    assert link_rate(Config(192, (8,), 10), 1_000_000) == pytest.approx(1e5 * 20 / 507)
    wide = Config(8192, (8,), 10)  # a sample that fills more than the usual packet
    assert link_rate(wide, 1_000_000) == pytest.approx(1e5 / (7 + 1025))


def test_cited_rates():
    assert cited.TRAINERS[0].cycles == 1250
    assert cited.TRAINERS[2].cycles is None


# The command

@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a list of two designs; builds are faked."""
    monkeypatch.chdir(tmp_path)
    configuration.dump("tiny.toml", CONFIG)
    configuration.dump("preset.toml", CONFIG, preset=replace(PRESET, epochs=2))
    Path("designs.toml").write_text("".join(
        f'[{name}]\nconfig = "tiny.toml"\nboard = "icebreaker"\npreset = "preset.toml"\n'
        "lanes = [16, 64]\nrouted = [64]\n" for name in ("one", "two")))
    Path("README.md").write_text(
        "first\n" + "".join(f"<!-- {name} -->\nold\n<!-- end of {name} -->\n"
                           for name in bench_report.TABLES.values()) + "last\n")
    Path("docs/results").mkdir(parents=True)
    monkeypatch.setattr(bench.datasets, "load", lambda name, **_: datasets_load(name).limit(70))
    monkeypatch.setattr(designs, "build", lambda *_, clock="auto", store="none": BUILT | {
        "fmax_mhz": 20 + (clock == "off")})
    sizes = {key: value for key, value in BUILT.items() if key != "fmax_mhz"}
    monkeypatch.setattr(designs, "synthesize", lambda config, *_: sizes | {
        "luts": 30 * config.weight_lanes})
    return tmp_path


datasets_load = datasets.load


def run(*arguments):
    return CliRunner().invoke(app, ["bench", *map(str, arguments)])


def files():
    return {path: path.read_bytes() for path in Path(".").rglob("*") if path.is_file()}


def test_everything_is_written(place):
    ended = run("designs.toml", "one", "--epochs", 2, "--sweep", "--docs", "docs")
    assert ended.exit_code == 0, ended.output
    entries = json.loads(Path("docs/results/bench.json").read_text())
    assert list(entries) == ["one"]
    entry = entries["one"]
    assert entry["cells"] == BUILT["cells"] and "4,000 of 5,280 (76%)" in ended.stderr
    assert entry["luts"] == 3200 and entry["luts_per_lane"] == 100
    cycles = entry["measured"]["cycles_per_sample"]
    assert cycles == pytest.approx(sum(entry["measured"]["cycles"].values()))
    assert set(entry["measured"]["cycles"]) == {cause.name.lower() for cause in Cause}
    assert entry["at_fmax"]["training"] == pytest.approx(20e6 / cycles)
    assert entry["at_clock"]["training"] == pytest.approx(18e6 / cycles)
    assert entry["clock_mhz"] == 18 and entry["pll"] == BUILT["pll"]
    assert entry["at_fmax"]["power_mw"] == pytest.approx(
        families.ICE40UP.energy["iCE40UP5K"].power(20, 4000))
    assert [point["luts_per_lane"] for point in entry["sweep"]] == [30, 50]
    assert [point["fmax_mhz"] for point in entry["sweep"]] == [None, 21]  # oscillator
    assert entry["sweep"][0]["cycles_per_sample"] > entry["sweep"][1]["cycles_per_sample"]
    assert entry["command"] == "bep bench designs.toml one --epochs 2 --sweep"
    readme = Path("README.md").read_text()
    assert readme.startswith("first\n<!-- bep bench: boards -->\n| board |")
    assert "\n<!-- end of bep bench: boards -->\n<!-- bep bench -->\n| design |" in readme
    assert readme.endswith("\n<!-- end of bep bench -->\nlast\n") and "old" not in readme
    text = Path("docs/throughput.md").read_text()
    inferred = entry["measured"]["inference_cycles_per_sample"]
    for words in (f"| 20.0 | 18.0 | {cycles:,.0f} (",
                  f"{18e6 / cycles:,.0f} | {18e6 / inferred:,.0f}",
                  f"{20e6 / cycles:,.0f} | {20e6 / inferred:,.0f}", f"`{entry['command']}`",
                  "2 of 2 epochs of 70 samples", "| 4,000 (76%) | 3,200; 2,000; 20; 2 |",
                  cited.TRAINERS[0].url, cited.ICE40_POWER):
        assert words in text

    # Another design leaves the first one's entry as it is; without --sweep it has no lanes.
    assert run("designs.toml", "two", "--epochs", 1, "--docs", "docs").exit_code == 0
    both = json.loads(Path("docs/results/bench.json").read_text())
    assert both["one"] == entry and both["two"]["sweep"] == []
    # So does the first one itself, measured again: its figures with other lanes stay.
    assert run("designs.toml", "one", "--epochs", 2, "--docs", "docs").exit_code == 0
    again = json.loads(Path("docs/results/bench.json").read_text())["one"]
    assert again == entry | {"command": "bep bench designs.toml one --epochs 2"}
    assert again["sweep_command"] == entry["command"]
    assert f"`{entry['command']}`" in Path("docs/throughput.md").read_text()
    # The documents alone give the same again.
    before = files()
    assert run("--report", "--docs", "docs").exit_code == 0 and files() == before


def test_the_page_says_whose_clock_it_is(place, monkeypatch):
    monkeypatch.setattr(designs, "build", lambda *_, **__: BUILT | {"clock_mhz": 12.0, "pll": None})
    ended = run("designs.toml", "one", "--epochs", 1, "--docs", "docs")
    assert ended.exit_code == 0, ended.output
    cycles = json.loads(Path("docs/results/bench.json").read_text())["one"]["measured"][
        "cycles_per_sample"]
    text = Path("docs/throughput.md").read_text()
    assert "| 20.0 | 12.0 (oscillator) |" in text
    assert f"| one | 12.0 (oscillator) | {12e6 / cycles:,.0f} |" in text


def test_a_configuration_is_a_design(place):
    preset = replace(PRESET, epochs=2, validation=False, keep_best=False)
    configuration.dump("mine.toml", CONFIG, preset=preset)
    for name, refit in (("mine", True), ("preset", False)):
        ended = run(f"{name}.toml", "--board", "icebreaker", "--epochs", 1)
        assert ended.exit_code == 0, ended.output
        entry = json.loads(Path("build/docs/results/bench.json").read_text())[name]
        assert entry["run"]["refit"] == refit and entry["board"] == "icebreaker"
        assert entry["command"] == f"bep bench {name}.toml --board icebreaker --epochs 1"


def test_accuracy_is_that_of_the_headline_experiment(place):
    assert run("designs.toml", "one", "--docs", "docs").exit_code == 0
    entries = json.loads(Path("docs/results/bench.json").read_text())
    own = f"{100 * entries['one']['measured']['run_accuracy']:.1f} % (n = 1)"
    assert own in Path("docs/throughput.md").read_text()
    old = {name: value for name, value in entries["one"]["run"].items() if name != "swap"}
    del old["hyper"]["kappa"]  # fields that came later are at their default
    point = {"run": old | {"seed": 3}, "mean": 12.34, "sd": 0.56, "n": 3}
    other = point | {"run": point["run"] | {"refit": True}, "mean": 77.7}
    Path("docs/results/headline.json").write_text(json.dumps({"points": [other, point]}))
    assert run("--report", "--docs", "docs").exit_code == 0
    text = Path("docs/throughput.md").read_text()
    assert "12.3 ± 0.6 % (n = 3)" in text and own not in text and "77.7" not in text


def test_simulation(place, monkeypatch):
    asked = {}

    def check(job, **options):
        asked.update(options, samples=len(job.runs[0].order))
        return {"samples": 5, "mismatches": asked.get("wrong", 0), "compared_counters": 7,
                "cycles_per_sample": 9.0, "cycles_per_phase": {"wait": 6},
                "report": "first mismatch", "simulated_samples_per_second": 11.0}
    monkeypatch.setattr(designs, "check", check)
    told = ("designs.toml", "one", "--epochs", 1, "--simulate", 5, "--docs", "docs")
    assert run(*told).exit_code == 0
    assert asked["samples"] == 5 and asked["single_port"] is True
    text = Path("docs/throughput.md").read_text()
    assert "5 samples, 0 mismatches" in text and "1.20 clocks of waiting" in text
    before, asked["wrong"] = files(), 1
    refused("gateware and golden model differ: first mismatch", *told)
    assert files() == before


def refused(text, *arguments):
    """`bep bench` with these arguments ends with one line that has this text; nothing changes."""
    before = files()
    ended = run(*arguments)
    assert ended.exit_code == 2, ended.output
    assert ended.stderr.splitlines()[-1].startswith("bep: ") and text in ended.stderr
    assert files() == before


@pytest.fixture
def no_work(monkeypatch):
    """Make hard work a failure of the test."""
    def work(*_, **__):
        raise AssertionError("the fault must be found before any work is done")
    monkeypatch.setattr(designs, "run", work)


@pytest.mark.parametrize(("before", "after", "text"), [
    ("lanes", "lane", "designs.toml: [one] has no key 'lane'; it may have config, board"),
    ('board = "icebreaker"\n', "", "designs.toml: [one] lacks the key 'board'"),
    ("icebreaker", "arty", "board must be one of colorlight-5a75b"),
    ("tiny", "absent", "absent.toml: No such file"),
    ("preset.toml", "digits-128-128-b7-online",
     "[one] trains [12, 8] with B_h = 7, its preset [128, 128] with 7"),
    ("preset.toml", "none", "unknown preset 'none'"),
    ("[64]", "[32]", "[one] routed must be some of its lanes [16, 64], not [32]"),
    ("16, 64", "0", "weight_lanes must be between 1 and 4096, not 0"),
    ('board = "icebreaker"\n', 'board = "icebreaker"\nclock = 9999\n',
     "designs.toml: [one]: clock must be auto, off, or 16"),
    ("[one]", "[one", "designs.toml is not a TOML file"),
    ('preset = "preset.toml"\n', "", "tiny.toml must have the table [training]"),
    (None, "", "designs.toml has no design"),
    (None, "# nothing\n", "designs.toml has no design"),
    (None, "x = 5\n", "designs.toml: [x] must be a table, not 5"),
])
def test_wrong_designs(place, no_work, before, after, text):
    path = Path("designs.toml")
    path.write_text(after if before is None else path.read_text().replace(before, after))
    refused(text, path)


def test_wrong_arguments_and_files(place, no_work):
    refused("has no design 'three'; it has one, two", "designs.toml", "three")
    refused("epochs must be between 1 and 1000000, not 0", "designs.toml", "--epochs", 0)
    refused("must be 0 or more, not -1", "designs.toml", "--simulate", -1)
    refused("give either a file of designs or --report")
    refused("give either a file of designs or --report", "designs.toml", "--report")
    refused("has no design yet", "--report", "--docs", "docs")
    refused("absent.toml: No such file", "absent.toml", "--docs", "absent")
    refused("preset.toml is a configuration: give its --board", "preset.toml")
    refused("tiny.toml must have the table [training]", "tiny.toml", "--board", "icebreaker")
    refused("--board icebreaker is for a configuration", "designs.toml", "--board", "icebreaker")
    refused("there is no folder", "designs.toml", "--docs", "absent")
    refused("absent.md: No such file", "designs.toml", "--readme", "absent.md", "--docs", "docs")
    refused("lacks the lines <!-- bep bench: boards -->", "designs.toml", "--readme", "preset.toml",
            "--docs", "docs")
    for name in ("bench", "headline"):
        path = Path(f"docs/results/{name}.json")
        path.write_text("{")
        refused(f"{name}.json is damaged", "designs.toml", "--docs", "docs")
        path.unlink()


def test_a_failure_keeps_what_was_done(place, monkeypatch):
    """The second design's build fails: the first one's entry is there, whole."""
    built = iter([BUILT])

    def build(*_, **__):
        for report in built:
            return report
        raise ValueError("network larger than the part")
    monkeypatch.setattr(designs, "build", build)
    ended = run("designs.toml", "--epochs", 1, "--docs", "docs")
    assert ended.exit_code == 2 and "larger than the part" in ended.stderr
    assert list(json.loads(Path("docs/results/bench.json").read_text())) == ["one"]
    assert "| one, " in Path("README.md").read_text()


def test_a_look_leaves_the_project_s_documents(place):
    before = files()
    assert run("designs.toml", "one", "--epochs", 1).exit_code == 0
    made = {path: octets for path, octets in files().items() if path not in before}
    assert files() == before | made
    assert set(map(str, made)) == {"build/docs/results/bench.json", "build/docs/throughput.md"}
    assert run("--report").exit_code == 0 and files() == before | made


@pytest.mark.parametrize(("arguments", "text"), [
    (("--epochs", 1, "--simulate", 5, "--sweep"), "one needs --epochs 2"),
    (("--epochs", 2, "--simulate", 4, "--sweep"), "one needs --simulate 5"),
    ((), "one needs --simulate 5"),
])
def test_they_take_complete_runs_only(place, no_work, arguments, text):
    Path("docs/results/bench.json").write_text(json.dumps({"one": {
        "measured": {"counted_epochs": [0, 1, 2]}, "simulation": {"samples": 5}, "sweep": [{}]}}))
    refused(f"--docs takes complete runs only: {text}", "designs.toml", *arguments,
            "--docs", "docs")


def test_designs_of_the_repository():
    (design, config, preset), = designs.load(DESIGNS / "digits.toml")
    assert design.name == "digits" and preset.epochs == 30
    preset.hyper.parameters(config)


def test_a_design_with_a_store_tells_what_feeds_it(place, monkeypatch):
    """The simulation is that of a board at its pins (``sim.stored.check_stored``)."""
    text = Path("designs.toml").read_text().replace('board =', 'store = "block:4"\nboard =')
    Path("designs.toml").write_text(text)
    found = {"samples": 40, "mismatches": 0, "compared_counters": 9, "report": "",
             "cycles_per_sample": [125.0], "core_cycles_per_sample": [100.0], "fed": [0.8]}
    monkeypatch.setattr(designs, "check_stored", lambda *_, **__: found)
    ended = run("designs.toml", "one", "--epochs", 1, "--simulate", 40, "--docs", "docs")
    assert ended.exit_code == 0, ended.output
    entry = json.loads(Path("docs/results/bench.json").read_text())["one"]
    assert entry["store"] == "block:4"
    assert entry["board_samples_per_second"] == pytest.approx(0.8 * entry["at_clock"]["training"])
    page = Path("docs/throughput.md").read_text()
    for words in ("fed from block:4: 40 samples, 0 mismatches", "125.0 clocks per sample", "80.0 %",
                  f"| block:4 | {entry['board_samples_per_second']:,.0f} |"):
        assert words in page
