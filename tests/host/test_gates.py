"""`bep gates`: elements of a trained sample, sums of operations, claims, the page, refusals."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bep import cli
from bep.experiments import lanes, steps
from bep.reports import gates_report
from bep_model.config import Config
from bep_model.data import datasets
from bep_model.fit.hyper import Hyper
from bep_model.fit.presets import Preset
from bep_model.network import Network
from bep_model.parameters import Parameters

ROOT = Path(__file__).parents[2]
CONFIG = Config(192, (12, 8), 10, weight_lanes=32, counter_lanes=16)


def test_elements_of_a_batch():
    """Against the counters that change, and the network's own account of a sample."""
    data = datasets.load("digits").train
    network = Network(CONFIG)
    parameters = Parameters.from_reals(CONFIG, batch=1, sweep=1000, r=1.0, nu=0.3, group=4)
    found = []
    for x, label in zip(data.x[:40], data.labels[:40], strict=True):
        before = [layer.copy() for layer in network.counters]
        phase = network.phases(x, label, parameters)
        total = steps.batch(network, parameters, x[None], np.array([label]))
        changed = sum((old != new).sum() for old, new in
                      zip(before, network.counters, strict=True))
        found.append((total, changed))
        assert total[0] == phase.triggered
        assert total[1] == 192 * 12 + 12 * 8 + 10 * 8
        # Layer 2 passes on its targets through open rows only.
        opened = (phase.valid[1][0] * (abs(phase.z[1][0]) <= parameters.gates[1])).sum()
        assert total[2] == opened * 12
    totals, changes = map(np.array, zip(*found, strict=True))
    np.testing.assert_array_equal(totals[:, 3], changes)  # nothing saturates so early
    assert changes.any() and totals[:, 2].any()


def test_elements_of_a_run():
    data = datasets.load("digits").limit(300)
    preset = Preset("digits", (12, 8), 7, 2, Hyper(
        group=4, batch=1, sweep=100, p_r=2.0, reinforce_bits=2), validation=False, keep_best=False)
    found = steps.bep(CONFIG, data, preset, epochs=2, samples=50)
    assert found.keys() == {*steps.COUNTS, "accuracy"}
    assert 0 < found["triggered"] <= 1 and 0 < found["update"] < found["forward"]
    assert found["reinforce"] == (192 * 12 + 12 * 8) / 100
    assert found["reinforce"] <= found["reinforce_draws"] <= 2 * found["reinforce"]
    assert found["update_draws"] == 0 and found["update_clocks"] == found["update"]  # q = 1
    quiet = replace(preset, hyper=replace(preset.hyper, p_r=0.0))
    assert steps.bep(CONFIG, data, quiet, epochs=1, samples=20)["reinforce"] == 0


def test_weights_and_inputs_of_gradients():
    assert steps.gradients(CONFIG) == {
        "forward": 192 * 12 + 12 * 8 + 80, "inputs": 12 * 8 + 80, "weights": 192 * 12 + 12 * 8,
        "update": 192 * 12 + 12 * 8}


def test_slope():
    line = {width: dict.fromkeys(lanes.KEYS, 7 + 3 * width) for width in (32, 64)}
    found = lanes.slope({16: dict.fromkeys(lanes.KEYS, 1000), **line})
    assert set(found["per_lane"].values()) == {3} and set(found["control"].values()) == {7}


def test_engines_grow_with_their_lanes():
    """The same reinforce engine, whatever the lanes; a wider popcount."""
    make = lanes.engines()
    assert make.keys() > {"forward", "backward", "update-7", "update-15", "bank"}
    small, large = (lanes.gates.of_component(make["popcount"](n)) for n in (4, 8))
    assert 4 < large["gates"] - small["gates"] < 60 and large["ffs"] > small["ffs"]


def counts(gates):
    return dict.fromkeys(lanes.KEYS, gates)


FOUND = {
    "lanes": {name: {"per_lane": counts(size)} for name, size in (
        ("forward", 8), ("backward", 50), ("bernoulli", 6), ("bank", 5), ("update-7", 100))},
    "operators": {name: counts(size) for name, size in (
        *((f"{form}-{operator}", size) for form in ("fp32", "bf16") for operator, size in (
            ("mul", 1000), ("add", 100), ("sqrt", 10), ("div", 1))),
        ("int8-mac", 300), ("int8-signed-add", 200), ("int8-step", 70))},
    "steps": {"forward": 10.0, "backward": 2.0, "update": 1.0, "update_clocks": 3.0,
              "update_draws": 2.0, "reinforce": 0.0, "reinforce_clocks": 0.0,
              "reinforce_draws": 0.0},
    "gradients": {"forward": 10, "inputs": 4, "weights": 6, "update": 6},
}


def test_methods():
    table = gates_report.methods(FOUND, 7)
    assert table["bep"]["update"]["gates"] == 100 + 5
    assert table["bep"]["backward"]["gates"] == 50
    assert table["adam-fp32"]["backward"]["gates"] == 2 * 1100
    assert table["adam-fp32-signs"]["backward"]["gates"] == 2 * 100
    assert table["adam-fp32"]["update"]["gates"] == 6 * 1000 + 4 * 100 + 10 + 1
    assert table["sgd-bf16-signs"]["update"]["gates"] == 1100
    assert table["int8"]["forward"]["gates"] == 300
    assert table["int8-signs"]["update"]["gates"] == 70 + 16 * 5
    assert sum(table["adam-fp32"]["bits"]) == 129 and table["bep"]["bits"] == (7,)


def test_claims():
    found = {(each["method"], each["phase"]): each
             for each in gates_report.claims(gates_report.methods(FOUND, 7))}
    assert len(found) == 6
    assert found["bep", "forward"]["holds"] and not found["bep", "backward"]["holds"]
    assert found["bep", "backward"]["factor"] == 5
    assert found["adam-fp32", "update"]["holds"] and not found["adam-fp32", "backward"]["holds"]


def test_gates_of_a_sample():
    lines = {each["title"]: each for each in
             gates_report.per_sample(FOUND, gates_report.methods(FOUND, 7), 7)}
    own = lines["BEP, 7-bit counters"]
    assert (own["forward"], own["backward"]) == (80, 100)
    assert own["update"] == 100 + 2 * 6 + 2 * 5  # two clocks more of the word, two draws
    one, many = (lines[f"Adam, FP32, signs used, batch {n}"] for n in (1, 100))
    assert one["backward"] == many["backward"] == (4 + 6) * 100
    assert one["update"] == 6 * 6411 == 100 * many["update"]
    assert one["factor"] == one["all"] / own["all"]


def test_the_page_is_what_the_stored_result_gives(tmp_path):
    """What is committed is what the code writes today."""
    name = gates_report.NAME
    (tmp_path / "results").mkdir()
    shutil.copy(ROOT / "docs" / "results" / f"{name}.json", tmp_path / "results")
    told = CliRunner().invoke(cli.app, ["gates", "--report", "--docs", str(tmp_path)])
    assert told.exit_code == 0, told.output
    page = (tmp_path / f"{name}.md").read_bytes()
    assert page == (ROOT / "docs" / f"{name}.md").read_bytes()
    stored = json.loads((ROOT / "docs" / "results" / f"{name}.json").read_text())
    assert stored["lanes"].keys() == lanes.engines().keys()
    assert all(tuple(map(int, each["sizes"])) == lanes.SIZES for each in stored["lanes"].values())


@pytest.mark.parametrize(("arguments", "told"), [
    (["ItalyPowerDemand-256-256-b7"], "preset must have a training, two or more dense layers"),
    (["--epochs", "0"], "--epochs must be between 1"),
    (["--samples", "0"], "--samples must be at least 1"),
    (["--seed", "-1"], "--seed must be"), (["nothing"], "nothing"),
    (["--report"], "run `bep gates`"),
])
def test_refused(arguments, told, tmp_path):
    done = CliRunner().invoke(cli.app, ["gates", *arguments, "--docs", str(tmp_path)])
    assert done.exit_code == 2 and told in done.output
    assert not (tmp_path / "table-2.md").exists()
