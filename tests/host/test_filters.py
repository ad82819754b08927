"""Convolutional networks at the command line."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bep import cli
from bep_model import BEPClassifier, configuration
from bep_model.config import Config

NETWORK = ("--filters", "12", "--hidden", "16", "--train-samples", "300", "--group", "8")
TRAIN = ("train", "--dataset", "digits", *NETWORK)


def bep(*arguments):
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def test_a_training_goes_on_and_its_files_say_what_it_was(tmp_path):
    whole, part, end, text = (tmp_path / name for name in ("a.npz", "b.npz", "c.npz", "d.toml"))
    common = (*TRAIN, "--epochs", 4, "--filter-size", 4, "--pool", 2, "--filter-rate", 0.5,
              "--shift", 1)
    run = bep(*common, "--save", whole, "--save-config", text, "--json", tmp_path / "a.json")
    assert run.exit_code == 0, run.output
    result = json.loads((tmp_path / "a.json").read_text())
    assert result["configuration"]["windows"] == [[4, 4, 1, 2]]
    assert result["hyper"]["filter_rate"] == 0.5
    rates = [epoch["parameters"]["rates"][0] for epoch in result["history"]]
    assert rates[0] == 1 << 15 and rates == sorted(rates, reverse=True) and rates[3] == 197
    config = Config(192, (12, 16), 10, image=(8, 8, 3), windows=((4, 4, 1, 2),))
    assert configuration.load(whole).config == configuration.load(text).config == config

    assert bep(*common, "--until", 2, "--save", part).exit_code == 0
    assert bep("train", "--start", part, "--save", end).exit_code == 0
    assert bep("train", "--config", text, "--train-samples", 300, "--save", part).exit_code == 0
    for other in (end, part):
        with np.load(whole) as expected, np.load(other) as found:
            for name in ("counters_1", "counters_2", "thresholds_1", "bank"):
                np.testing.assert_array_equal(found[name], expected[name])
    classifier = BEPClassifier.load(whole)
    assert (classifier.filters, classifier.hidden_layer_sizes) == ([12], [16])


def test_the_simulator_goes_on_with_a_training_whose_images_are_moved(tmp_path):
    common = ("train", "--dataset", "digits", "--filters", 6, "--hidden", 8, "--group", 4,
              "--filter-group", 3, "--weight-lanes", 24, "--train-samples", 40, "--shift", 1,
              "--no-validation", "--epochs", 4)
    whole, part, later, end = (tmp_path / name for name in ("a.npz", "b.npz", "c.npz", "d.npz"))
    assert bep(*common, "--save", whole).exit_code == 0
    assert bep(*common, "--until", 1, "--save", part).exit_code == 0
    run = bep("verify", "--start", part, "--until", 3, "--save", later)
    assert run.exit_code == 0, run.output
    run = bep("train", "--start", later, "--save", end)
    assert run.exit_code == 0, run.output
    with np.load(whole) as expected, np.load(end) as found:
        for name in ("counters_1", "counters_2", "thresholds_1", "bank"):
            np.testing.assert_array_equal(found[name], expected[name])


@pytest.mark.parametrize(("arguments", "text"), [
    ("--filters 0", "--filters[1] must be between 1 and 65535, not 0"),
    ("--filter-size 9", "--filter-size must be between 1 and 8, not 9"),
    ("--filter-size 3 3", "--filter-size must have one entry, or one for each of the 1 convolu"),
    ("--pool 7", "--pool must be between 1 and 6, not 7"),
    ("--filter-nu 2", "--filter-nu must be between 0 and 1, not 2"),
    ("--shift 256", "--shift must be between 0 and 255, not 256"),
    ("--shift 8", "shift must be less than the image's rows and columns, 8, not 8"),
    ("--shift 1 --order chip", "shift must be 0 in the order chip, whose samples lie in the store "
     "as they are, not 1"),
    ("--kappa 0.5", "a convolutional network has no stability"),
])
def test_wrong_options(arguments, text):
    run = bep(*TRAIN, *arguments.split())
    assert run.exit_code == 2 and text in " ".join(run.output.split()), run.output


def test_what_filters_need():
    run = bep("train", "--dataset", "digits", "--stride", 2)
    assert run.exit_code == 2 and "--stride must be left out without --filters" in run.output
    run = bep("train", "--dataset", "random-prototypes", *NETWORK)
    assert run.exit_code == 2 and "--filters must be left out for random-prototypes, whose bits " \
        "are no images in this encoding, not 12" in run.output


def test_options_of_filters_without_filters():
    run = bep("train", "--hidden", 8, 8, "--epochs", 1, "--filter-nu", 0.2)
    assert run.exit_code == 2
    assert "--filter-nu must be 0.05 without filters, not 0.2" in run.output


@pytest.mark.parametrize("command", [
    "verify --samples 2 --config", "board train --port nowhere", "board load --port nowhere"])
def test_gateware_refuses_two_layers_before_it_needs_data(command, monkeypatch, tmp_path):
    monkeypatch.delenv("BEP_DATA", raising=False)
    preset = configuration.load("mnist-levels-75-88f8s1p3-120-b7-online")
    window = preset.config.windows[0]
    two = replace(preset.config, layers=(8, 8, 9), windows=(window, (3, 3)))
    configuration.dump(tmp_path / "two.toml", two, preset=replace(
        preset.preset, hidden=two.layers, windows=two.windows))
    run = bep(*command.split(), tmp_path / "two.toml")
    assert run.exit_code == 2 and "Downloading" not in run.output
    assert "windows must have at most one entry for gateware" in run.output.splitlines()[-1]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """State files and configurations: g has a layer of filters, f has two."""
    folder = tmp_path_factory.mktemp("filters")
    for name, more in (("f", ("--filters", 5)), ("g", ())):
        run = bep(*TRAIN, *more, "--epochs", 1, "--save", folder / f"{name}.npz",
                  "--save-config", folder / f"{name}.toml")
        assert run.exit_code == 0, run.output
    return folder


def test_filters_in_gateware(trained, tmp_path):
    """The thresholds come from the samples; then counters and results are the model's."""
    run = bep("verify", "--config", trained / "g.npz", "--samples", 12, "--epochs", 2,
              "--json", tmp_path / "out.json")
    assert run.exit_code == 0, run.output
    found = json.loads((tmp_path / "out.json").read_text())
    assert (found["mismatches"], found["samples"]) == (0, 24) and found["updates"] > 0
    config = configuration.load(trained / "g.npz").config
    assert found["compared_counters"] == 3 * sum(k * f for k, f in config.shapes)


@pytest.mark.parametrize("board", ["icebreaker", "ice40-hx8k-b-evn"])
def test_cost_of_filters(trained, tmp_path, board):
    run = bep("cost", "--board", board, "--config", trained / "g.toml",
              "--json", tmp_path / "out.json")
    assert run.exit_code == 0, run.output
    found = json.loads((tmp_path / "out.json").read_text())["predicted"]
    assert min(found["luts"]["value"], found["brams"], found["cycles_per_sample"]) > 0


def test_what_filters_do_not_have(trained, tmp_path):
    run = bep("export", "--out", tmp_path / "a.v", "--bring-up", tmp_path / "b.hex",
              trained / "g.toml")
    assert run.exit_code == 2 and "--bring-up is for a network without filters" in run.output
    assert not (tmp_path / "a.v").exists()


@pytest.mark.parametrize("command", [
    "build --board icebreaker --build-dir out --config f.toml",
    "build --board icebreaker --build-dir out --inference --config f.npz",
    "cost --board icebreaker --config f.npz", "cost --board icebreaker --config f.toml",
    "verify --samples 2 --config f.npz", "export --out out f.npz",
    "bench --board icebreaker f.toml", "board train --port nowhere f.npz",
    "board read --port nowhere f.toml out", "board image f.toml out", "board simulate f.toml"])
def test_gateware_refuses_two_layers_of_filters(command, trained, monkeypatch, tmp_path):
    """Every command that needs it, in one line that names the file, and before any work."""
    monkeypatch.chdir(tmp_path)
    arguments = [trained / word if word.startswith("f.") else word for word in command.split()]
    run = bep(*arguments)
    source = next(word for word in arguments if isinstance(word, Path))
    assert run.exit_code == 2 and run.stderr == (
        f"bep: {source}: windows must have at most one entry for gateware, which has one "
        "convolutional layer at most, not [[3, 3, 1, 1], [3, 3, 1, 1]]\n")
    assert run.stdout == "" and list(tmp_path.iterdir()) == []
