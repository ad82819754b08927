import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from bep import cli
from bep.experiments import series_experiments
from bep.experiments.runs import execute
from bep.experiments.series_runs import SeriesRun
from bep_model.config import Config
from bep_model.data import series
from bep_model.data.series import Encoding
from bep_model.fit import series_presets
from bep_model.fit.series_presets import SeriesPreset
from bep_model.fit.training import Hyper, accuracy, fit
from bep_model.network import Network

pytest.importorskip("aeon", reason="aeon is not installed")

HYPER = Hyper(r=0.5, nu=0.25, group=8, p_r=0.3, sweep=50, horizon=8)
SMALL = SeriesRun("ItalyPowerDemand", (16, 16), epochs=2, counter_bits=7,
                  encoding=Encoding(12, 3, 4, 32), hyper=HYPER, train_samples=80)


def bep(*arguments):
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def test_a_run_is_the_mean_over_its_folds():
    result = execute(SMALL)
    assert result["digest"] == SMALL.digest and len(result["folds"]) == 3
    for kind in ("test_accuracy", "validation_accuracy"):
        assert result[kind] == pytest.approx(np.mean([fold[kind] for fold in result["folds"]]))
    assert result["stored_bits"] == 7 * (16 * (32 + 16) + 16 * 16)
    data = series.load("ItalyPowerDemand", fold=1, encoding=SMALL.encoding).limit(80)
    network = Network(Config(32, (16, 16), 2, 7, max_steps=4))
    network.reset(SMALL.seed)
    history = fit(network, data, epochs=2, hyper=HYPER, seed=SMALL.seed, keep_best=True)
    fold = result["folds"][1]
    assert fold["test_accuracy"] == accuracy(network, data.test)
    assert [e["error"] for e in fold["history"]] == [e.error for e in history]
    json.dumps(result, allow_nan=False)


def test_equal_runs_have_equal_digests_and_no_others():
    again = replace(SMALL, encoding=Encoding(12, 3, 4, 32))
    assert again.digest == SMALL.digest and again == SMALL
    changes = (dict(seed=2), dict(folds=4), dict(encoding=Encoding(12, 3, 5, 32)),
               dict(hyper=replace(HYPER, horizon=7)))
    digests = {replace(SMALL, **change).digest for change in changes}
    assert len(digests | {SMALL.digest}) == 1 + len(changes)
    assert SMALL.seeded(5) == replace(SMALL, seed=5)
    assert SMALL.seeded(5).data_seed == SMALL.data_seed


@pytest.mark.parametrize("name", series_presets.names())
def test_presets_are_named_after_what_they_hold(name):
    preset = series_presets.load(name)
    narrow = "" if preset.counter_bits == 15 else f"-b{preset.counter_bits}"
    assert name == f"{preset.dataset}-{preset.hidden[0]}-{preset.hidden[1]}{narrow}"
    assert preset.hyper.batch == 1


def test_there_are_presets_of_the_paper_s_sets():
    assert {series_presets.load(name).dataset for name in series_presets.names()} == {
        *series.UCR, "s-mnist"}


@pytest.mark.parametrize(("text", "error", "message"), [
    ("dataset = 'x'", ValueError, "the preset lacks the key 'encoding'"),
    ("colour = 1\n[encoding]\n[hyper]", ValueError, "there is no key 'colour'"),
    ("[encoding]\nchunks = 1\n[hyper]", ValueError, "there is no key 'chunks'; there may be"),
    ("epochs", ValueError, r"is not a TOML file: Expected"),
])
def test_a_damaged_preset(text, error, message, tmp_path, monkeypatch):
    (tmp_path / "odd.toml").write_text(text)
    monkeypatch.setattr(series_presets, "FOLDER", tmp_path)
    with pytest.raises(error, match=message) as caught:
        series_presets.load("odd")
    assert "odd.toml" in str(caught.value)
    with pytest.raises(ValueError, match="unknown preset 'none'; known are odd"):
        series_presets.load("none")


@pytest.mark.parametrize(("change", "error", "text"), [
    (dict(epochs=0), ValueError, "epochs must be at least 1, not 0"),
    (dict(epochs=1.0), TypeError, r"epochs must be an integer, not 1\.0"),
    (dict(hidden=(8,)), ValueError, "a recurrent network must have 2 layers"),
    (dict(hyper=replace(HYPER, nu=2)), ValueError, "nu must be between 0 and 1, not 2"),
])
def test_a_preset_is_checked(change, error, text):
    values = dict(dataset="x", hidden=(8, 8), counter_bits=7, epochs=1, encoding=Encoding(),
                  hyper=HYPER) | change
    with pytest.raises(error, match=text):
        SeriesPreset(**values)


def test_experiments_are_of_the_paper_s_sets():
    points = list(series_experiments.ucr())
    wide = [run for _, run, _ in points if run.hidden[0] == 1035]
    assert [run.dataset for run in wide] == list(series.UCR)
    for run in wide:
        assert run.counter_bits == 15 and run.encoding.chunk == 1
    for labels, run, paper in points:
        assert paper == series_experiments.PAPER[labels["data set"]] and run.hyper.batch == 1


def test_train_command_and_its_options(tmp_path):
    out = tmp_path / "out.json"
    run = bep("train", "--rnn", "--dataset", "ItalyPowerDemand", "--hidden", 16, 16, "--window", 12,
              "--chunk", 3, "--bits", 4, "--expand", 32, "--horizon", 8, "--nu", 0.25, "--group", 8,
              "--p-r", 0.3, "--sweep", 50, "--epochs", 2, "--fold", 1, "--keep-best",
              "--train-samples", 80, "--steps", 6, "--json", out)
    assert run.exit_code == 0, run.output
    result = json.loads(out.read_text())
    assert result["encoding"] == dict(window=12, chunk=3, bits=4, expand=32, fold=1)
    assert result["configuration"]["max_steps"] == 6 and result["configuration"]["inputs"] == 32
    assert result["parameters"]["horizon"] == 6
    assert result["hyper"] == vars(HYPER)
    expected = execute(SMALL)["folds"][1]
    # More steps than are needed change nothing.
    assert result["test_accuracy"] == expected["test_accuracy"]


def test_train_command_takes_a_preset(tmp_path):
    out = tmp_path / "out.json"
    run = bep("train", "--preset", "ItalyPowerDemand-256-256-b7", "--hidden", 16, 16, "--epochs", 1,
              "--json", out)
    assert run.exit_code == 0, run.output
    result, preset = json.loads(out.read_text()), series_presets.load("ItalyPowerDemand-256-256-b7")
    assert result["dataset"] == "ItalyPowerDemand" and result["keep_best"]
    assert result["encoding"] == vars(preset.encoding) | {"fold": 0}
    assert result["hyper"] == vars(preset.hyper)


@pytest.mark.parametrize(("arguments", "text"), [
    ("--dataset Nothing --hidden 8 8", "Nothing needs Nothing_TRAIN.ts and Nothing_TEST.ts"),
    ("--dataset ItalyPowerDemand --hidden 8", "a recurrent network must have 2 layers"),
    ("--dataset ItalyPowerDemand --hidden 8 8 --steps 23", "has 24 time steps, the configuration"),
    ("--dataset ItalyPowerDemand --hidden 8 8 --fold 3", "fold must be between 0 and 2, not 3"),
])
def test_train_command_refuses(arguments, text, monkeypatch):
    monkeypatch.delenv("BEP_DATA", raising=False)
    run = bep("train", "--rnn", *arguments.split())
    assert run.exit_code == 2 and text in run.stderr and run.stderr.count("\n") == 1
