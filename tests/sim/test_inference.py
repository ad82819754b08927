"""Designs that only infer, in simulation, against the golden model."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import sim.check_inference
from bep.cli import app
from bep_model import state
from bep_model.config import Config
from bep_model.data.datasets import Samples
from bep_model.network import Network
from bep_model.words import weight_words
from sim.check_inference import check_inference

STABLE = Config(24, (12, 8, 5), 4, weight_lanes=8, counter_lanes=4, max_batch=2, stable=True)
FILTERS = Config(50, (6, 8), 3, 5, 40, 8, image=(5, 5, 2), windows=((2, 2, 1, 3),))
RECURRENT = Config(9, (11, 5), 4, 3, 4, 4, max_batch=2, max_steps=5)


def network(config, seed=3):
    rng, made = np.random.default_rng(seed), Network(config)
    low, high = config.counter_range
    made.load([rng.integers(low, high + 1, shape).astype(np.int16) for shape in config.shapes])
    made.thresholds = [rng.integers(-layer.fan_in // 2, layer.fan_in // 2, layer.neurons)
                       for layer in config.network if layer.window]
    return made


def samples(config, count=40):
    rng = np.random.default_rng(count)
    steps = (config.max_steps,) * config.recurrent
    return Samples(rng.integers(0, 2, (count, *steps, config.inputs)).astype(np.uint8),
                   rng.integers(0, config.classes, count),
                   rng.integers(1, config.max_steps + 1, count) if config.recurrent else None)


@pytest.mark.parametrize(("config", "options"), [
    (STABLE, {"idle": 0.3, "backpressure": 0.3}), (RECURRENT, {"registered": True}),
    (FILTERS, {"idle": 0.3}), (FILTERS, {"registered": True}),
], ids=["stable", "recurrent", "filters", "filters-registered"])
def test_equal(config, options):
    some = samples(config)
    trained = network(config)
    result = check_inference(trained, some, **options)
    assert (result["mismatches"], result["report"], result["samples"]) == (0, "", 40)
    assert result["errors"] == (trained.predict(some.x, some.lengths) != some.labels).sum()


def test_other_weights_are_found(monkeypatch):
    monkeypatch.setattr(sim.check_inference, "weight_words", lambda trained: [
        word ^ 1 for word in weight_words(trained)])
    result = check_inference(network(STABLE), samples(STABLE))
    assert result["mismatches"] > 0
    assert result["report"].startswith("sample ") and " instead of " in result["report"]


def test_the_command(tmp_path):
    state.save(tmp_path / "a.npz", network(STABLE))
    told = CliRunner().invoke(app, [
        "verify", "--config", str(tmp_path / "a.npz"), "--inference", "--samples", "21",
        "--board", "icebreaker", "--json", str(tmp_path / "out.json")])
    assert told.exit_code == 0, told.output
    result = json.loads((tmp_path / "out.json").read_text())
    assert (result["mismatches"], result["samples"]) == (0, 21)
    assert result["digest"] == STABLE.digest
