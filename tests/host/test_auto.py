"""Settings of sequences that nobody gives: by the rule, and by --auto."""

import json
import re
import shlex

import pytest
from typer.testing import CliRunner

from bep import cli
from bep.commands import suited
from bep_model import configuration
from bep_model.data import datasets
from bep_model.fit import choice, rule, training
from tests.model.archive_files import write_toy


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BEP_DATA", raising=False)
    write_toy(tmp_path)


SMALL = ("--hidden", "8", "8", "--epochs", "3")


def bep(*arguments):
    return CliRunner().invoke(cli.app, ["train", "--dataset", "Toy", "--data", ".",
                                        *map(str, arguments)])


def shown(run):
    """The command that a run says it is."""
    line, = re.findall(r"^bep train .*", run.output, re.MULTILINE)
    return shlex.split(line)[2:]


def result(name):
    with open(name) as file:
        found = json.load(file)
    return {key: found[key] for key in ("encoding", "hyper", "history", "test_accuracy", "epochs",
                                        "keep_best")} | {
        "history": [entry | {"seconds": 0} for entry in found["history"]]}


def test_the_rule_gives_what_nobody_gives():
    run = bep("--json", "a.json", "--save-config", "a.toml", "--nu", 0.25, "--epochs", 3)
    assert run.exit_code == 0, run.output
    ruled = rule.preset("Toy", rule.shape(datasets.read("Toy", ".")))
    preset = configuration.load("a.toml").preset
    assert preset.encoding == ruled.encoding and preset.hidden == ruled.hidden
    assert preset.hyper.nu == 0.25 and preset.hyper.p_r == ruled.hyper.p_r
    assert preset.keep_best and preset.epochs == 3


def test_a_command_as_it_is_shown_does_the_same():
    first = bep(*SMALL, "--auto", 1, "--json", "a.json", "--fold", 1)
    assert first.exit_code == 0, first.output
    before = result("a.json")
    again = CliRunner().invoke(cli.app, ["train", *shown(first)])
    assert again.exit_code == 0, again.output
    assert result("a.json") == before
    assert "--auto" not in shown(first) and "--fold" in shown(first)


def test_settings_that_are_better_are_taken(monkeypatch):
    def choose(every, *_, **__):
        return [choice.Tried(every[0], 0.5), choice.Tried(every[2], 0.75)]

    monkeypatch.setattr(choice, "choose", choose)
    run = bep(*SMALL, "--auto", 5, "--json", "a.json", "--save-config", "a.toml")
    assert run.exit_code == 0, run.output
    assert "is the rule with bits 10 (as it is 50.0%)" in run.output
    assert configuration.load("a.toml").preset.encoding.bits == 10
    with open("a.json") as file:
        assert json.load(file)["auto"] == [
            {"changed": {}, "validation_accuracy": 0.5},
            {"changed": {"bits": 10}, "validation_accuracy": 0.75}]


def test_what_was_chosen_goes_on_after_a_stop(monkeypatch):
    whole = bep(*SMALL, "--bits", 10, "--json", "whole.json")
    assert whole.exit_code == 0, whole.output
    monkeypatch.setattr(choice, "choose", lambda every, *_, **__: [choice.Tried(every[2], 0.75)])
    epoch, calls = training.Teacher.epoch, []

    def stopping(self, *arguments):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return epoch(self, *arguments)

    monkeypatch.setattr(training.Teacher, "epoch", stopping)
    assert bep(*SMALL, "--auto", 5, "--save", "a.npz", "--json", "a.json").exit_code
    monkeypatch.setattr(choice, "choose", None)  # it is not called again
    run = bep(*SMALL, "--auto", 5, "--save", "a.npz", "--json", "a.json")
    assert run.exit_code == 0, run.output
    assert "--auto chose before what is in a.npz.unfinished" in run.output
    assert result("a.json") == result("whole.json")


def test_a_stop_while_it_chooses_leaves_nothing(tmp_path, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(choice, "choose", stopped)
    before = sorted(tmp_path.rglob("*"))
    assert bep(*SMALL, "--auto", 5, "--save", "a.npz", "--save-config", "a.toml").exit_code
    assert sorted(tmp_path.rglob("*")) == before


def test_without_random_features_the_bits_are_the_inputs():
    run = bep(*SMALL, "--expand", 0, "--chunk", 1, "--bits", 4, "--save-config", "a.toml")
    assert run.exit_code == 0, run.output
    assert configuration.load("a.toml").preset.encoding.expand is None
    assert configuration.load("a.toml").config.inputs == 8


@pytest.mark.parametrize(("arguments", "text"), [
    ("--auto 0", "auto must be between 1 and 1000000, not 0.0"),
    ("--auto nan", "auto must be between 1 and 1000000, not nan"),
    ("--auto inf", "auto must be between 1 and 1000000, not inf"),
    ("--auto 5 --chunk 3 --p-r 1", "auto chooses --chunk, --p-r: leave out either"),
    ("--auto 5 --steps 2", "auto chooses --steps: leave out either"),
    ("--auto 5 --no-validation", "auto needs validation samples: give no --no-validation"),
    ("--auto 5 --preset PenDigits-256-256-b7",
     "auto is for a new training: --config PenDigits-256-256-b7 has settings of its own"),
    ("--hidden 4", "a recurrent network must have 2 layers (state and output), not 1"),
    ("--window 0", "window must be at least 1, not 0"),
])
def test_mistakes(arguments, text):
    run = bep(*arguments.split())
    assert run.exit_code == 2 and text in run.output.replace("\n", " "), run.output


def test_other_data_have_no_auto():
    run = CliRunner().invoke(cli.app, ["train", "--auto", "5"])
    assert run.exit_code == 2
    assert "auto must be left out for digits, which is no set of sequences, not 5" in run.output


def test_options_that_are_chosen_are_options():
    options = {option.name for option in cli.load("train").params}
    assert set(suited.CHOSEN) <= options
