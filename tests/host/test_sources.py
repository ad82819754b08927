"""What describes a trainer goes unchanged into every command that takes one."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bep import cli
from bep.commands import build, export, search, verify
from bep.experiments import designs
from bep_model import configuration, state
from bep_model.config import Config
from bep_model.fit import presets
from bep_model.fit.hyper import Hyper
from bep_model.fit.presets import Preset
from bep_model.network import Network
from bep_model.parameters import Parameters

CONFIG = Config(192, (16, 8), 12, 5, weight_lanes=32, counter_lanes=4, max_batch=20, seed=7,
                stable=True)
PRESET = Preset("digits", (16, 8), 5, 1, Hyper(nu=0.25, group=4, batch=10, sweep=100))
PARAMETERS = Parameters.from_reals(CONFIG, p_r=0.2, batch=2, sweep=8)


def file_of(*parts):
    return lambda: configuration.dump("source.toml", CONFIG, *parts) or "source.toml"


def state_file():
    network = Network(CONFIG)
    network.reset(1)
    state.save("source.npz", network)
    return "source.npz"


SOURCES = {"trainer": file_of(), "parameters": file_of(PARAMETERS),
           "training": file_of(None, PRESET), "all": file_of(PARAMETERS, PRESET),
           "state": state_file, "preset": lambda: "digits-128-128-b7-online"}


@pytest.fixture(params=SOURCES)
def source(request, tmp_path, monkeypatch):
    """What a user names, and what it says."""
    monkeypatch.chdir(tmp_path)
    name = SOURCES[request.param]()
    return name, configuration.load(name)


class Arrived(Exception):
    """A command has got so far, with this."""


def caught(monkeypatch, module, function, take):
    def stop(*given, **more):
        raise Arrived(take(given, more))
    monkeypatch.setattr(module, function, stop)


def bep(*arguments):
    """What a command ended with: that which arrived, or its one line about a mistake."""
    told = CliRunner().invoke(cli.app, [str(argument) for argument in arguments])
    if isinstance(told.exception, Arrived):
        return told.exception.args[0]
    assert told.exit_code in (0, 2), told.output
    return told.stderr


def test_verify(source, monkeypatch):
    name, wanted = source
    caught(monkeypatch, verify, "check", lambda given, _: given[0])
    job = bep("verify", "--config", name, "--samples", 3)
    assert (job.config, job.runs[0].parameters) == (wanted.config, wanted.parameters)
    assert job.x.shape == (3, 192)


def test_build(source, monkeypatch):
    name, wanted = source
    caught(monkeypatch, build, "build", lambda given, _: given[0])
    assert bep("build", "--board", "icebreaker", "--config", name) == wanted.config
    assert "not both" in bep("build", "--board", "icebreaker", "--preset", name, "--classes", 3)


def test_export(source, monkeypatch):
    name, wanted = source
    caught(monkeypatch, export, "bring_up_writes", lambda given, _: given[:2])
    assert bep("export", name, "--out", "out.v") == wanted[:2]


def test_bench_and_search_need_a_training(source, monkeypatch):
    name, wanted = source
    caught(monkeypatch, search, "search", lambda given, more: (given[0], more["config"]))
    if wanted.preset is None:
        assert "must have the table [training]" in bep("search", name, "--epochs", 1)
    else:
        assert bep("search", name, "--epochs", 1) == (replace(wanted.preset, epochs=1),
                                                      wanted.config)
        (design, config, preset), = designs.load(name, board="icebreaker")
        assert (design.board, config, preset) == ("icebreaker", wanted.config, wanted.preset)
        assert not design.refit


@pytest.mark.parametrize("given", [{}, {"hidden": (8, 8)}, {"counter_bits": 6, "seed": 3}])
def test_train(source, given, tmp_path):
    """Its trainer is that of the file, but for what options say; and what it saves is the same."""
    name, wanted = source
    options = [word for key, value in given.items() for word in (
        f"--{'prototype-seed' if key == 'seed' else key.replace('_', '-')}",
        *(value if isinstance(value, tuple) else [value]))]
    assert "accuracy" in bep("train", "--config", name, "--train-samples", 60, "--epochs", 1,
                             "--json", "out.json", "--save", "out.npz", "--save-config",
                             "out.toml", *options)
    expected = replace(wanted.config, **({"layers": given["hidden"]} if "hidden" in given
                                         else given))
    saved = configuration.load("out.toml")
    assert saved.config == configuration.load("out.npz").config == expected
    result = json.loads(Path("out.json").read_text())
    assert result["configuration"]["digest"] == expected.digest
    if wanted.preset is not None:
        assert saved.preset == replace(wanted.preset, epochs=1, hidden=expected.layers,
                                       counter_bits=expected.counter_bits)
    # The same training again, of what was saved.
    assert "accuracy" in bep("train", "--config", "out.toml", "--train-samples", 60,
                             "--json", "again.json")
    again = json.loads(Path("again.json").read_text())
    assert again["test_accuracy"] == result["test_accuracy"]
    assert again["parameters"] == result["parameters"]


def test_config(source):
    name, wanted = source
    assert "bep" not in bep("config", name, "--out", "written.toml")
    assert configuration.load("written.toml") == wanted
    told = CliRunner().invoke(cli.app, ["config", name])
    assert told.stdout == Path("written.toml").read_text() and told.stderr == ""


def test_data_of_another_shape_are_refused(source):
    name, wanted = source
    Path("small.csv").write_text("".join(f"{n},{n * n % 7},{n % 2}\n" for n in range(40)))
    other = "bep: small.csv has 16 inputs, the configuration 192: is it for another --dataset?\n"
    said = bep("train", "--config", name, "--dataset", "small.csv", "--epochs", 1)
    if wanted.preset is None:  # it does not say for which data it is: then for these
        assert said == other
    else:
        assert "small.csv, 16-" in said
    said = bep("verify", "--config", name, "--dataset", "small.csv")
    assert said == other


@pytest.mark.parametrize("name", presets.names())
def test_presets_are_configurations_of_their_data_kind(name):
    config, parameters, preset = configuration.load(name)
    assert parameters == preset.hyper.parameters(config)
    assert preset.sequential == config.recurrent
