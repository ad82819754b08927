import json
import re
import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest
from typer.testing import CliRunner

from bep import cli
from bep.commands import search
from bep_model import configuration
from bep_model.config import Config
from bep_model.data import datasets
from bep_model.fit import training
from bep_model.fit.presets import Preset
from bep_model.fit.training import Hyper
from bep_model.network import Network

pytest.importorskip("optuna", reason="the extra `experiments` is not installed")

SMALL = Preset("digits", (16, 16), 7, 2, Hyper(r=0.25, group=8, p_r=0.2, sweep=100, anneal=0.25))
CONFIG = Config(192, (16, 16), 10, 7)


def bep(*arguments):
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


@pytest.fixture
def few(monkeypatch):
    """Digits with few training samples; using the test part is an error."""

    class Untouchable:
        def __getattribute__(self, name):
            raise AssertionError(f"the test samples were asked for {name}")

    def load(name, *, data=None, seed=0, encoding="default"):
        samples = load_digits(name, seed=seed).limit(100)
        object.__setattr__(samples, "test", Untouchable())
        return samples

    load_digits = datasets.load
    monkeypatch.setattr(datasets, "load", load)


def values(study):
    return [(trial.params, trial.value) for trial in study.trials]


@pytest.mark.usefixtures("few")
def test_trials_see_validation_samples_only(monkeypatch):
    asked = []
    predict = Network.predict
    monkeypatch.setattr(Network, "predict", lambda network, x, lengths=None:
                        asked.append(x) or predict(network, x))
    search.search(SMALL, trials=2)
    wanted = datasets.load("digits").validation.x
    assert len(asked) == 4
    for x in asked:
        np.testing.assert_array_equal(x, wanted)


@pytest.mark.usefixtures("few")
def test_the_first_trial_is_the_preset_and_the_best_trial_is_what_is_found():
    import optuna

    found, study = search.search(SMALL, trials=5)
    first, best = (search.suggest(optuna.trial.FixedTrial(trial.params), SMALL)
                   for trial in (study.trials[0], study.best_trial))
    assert first == SMALL.hyper
    assert found.preset == replace(SMALL, hyper=best)
    assert found.config == CONFIG
    assert found.parameters == best.parameters(CONFIG)
    assert study.best_value == max(trial.value for trial in study.trials)
    network = Network(CONFIG)
    network.reset(1)
    history = training.fit(network, replace(datasets.load("digits"), test=()), epochs=2,
                           hyper=best, seed=1)
    assert study.best_value == max(epoch.validation_accuracy for epoch in history)


def test_stability_is_searched_where_the_preset_has_one():
    import optuna

    stable = replace(SMALL, hyper=replace(SMALL.hyper, kappa=0.3))
    trial = optuna.trial.FixedTrial(search.start(stable))
    assert search.suggest(trial, stable) == stable.hyper and "kappa" in trial.params
    trial = optuna.trial.FixedTrial(search.start(SMALL))
    assert search.suggest(trial, SMALL) == SMALL.hyper and "kappa" not in trial.params


@pytest.mark.usefixtures("few")
def test_the_seed_decides():
    runs = [values(search.search(SMALL, trials=3, seed=seed)[1]) for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


@pytest.mark.usefixtures("few")
def test_a_study_goes_on_where_it_was_left(tmp_path):
    storage = tmp_path / "trials.journal"
    first = values(search.search(SMALL, trials=2, storage=storage)[1])
    calls = []
    both = values(search.search(SMALL, trials=4, storage=storage, progress=calls.append)[1])
    assert both[:2] == first and len(both) == 4 and len(calls) == 3
    assert len({str(parameters) for parameters, _ in both}) == 4
    assert values(search.search(SMALL, trials=3, storage=storage)[1]) == both
    other = search.search(SMALL, trials=1, seed=2, storage=storage)[1]
    assert len(other.trials) == 1


def run_to(trials, storage, stop=None, monkeypatch=None):
    """Search with a storage; with ``stop``, until so many epochs of all trials are over."""
    fit, count = training.fit, [0]

    def stopping(*given, progress, **options):
        def counted(epoch):
            progress(epoch)
            count[0] += 1
            if count[0] == stop:
                raise KeyboardInterrupt
        return fit(*given, progress=counted, **options)

    if stop is None:
        return search.search(SMALL, trials=trials, storage=storage)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(training, "fit", stopping)
        search.search(SMALL, trials=trials, storage=storage)


def ended(study):
    return [(trial.params, trial.value, trial.state) for trial in study.trials
            if trial.state.name in ("COMPLETE", "PRUNED")]


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("how", ["7 trials", "stopped in the first", "stopped in another",
                                 "cut in a line", "cut after a line"])
def test_a_search_that_goes_on_is_the_same_in_the_end(how, tmp_path, monkeypatch):
    monkeypatch.setattr(search, "STARTUP", 3)  # the later trials depend on the earlier ones
    monkeypatch.setattr(search, "WARMUP", 0)
    found, whole = search.search(SMALL, trials=14)
    storage = tmp_path / "journal"
    if how == "7 trials":
        run_to(7, storage)
    elif how.startswith("stopped"):
        run_to(14, storage, 1 if "first" in how else 15, monkeypatch)
    else:
        run_to(7, storage)
        lines = storage.read_bytes().splitlines(keepends=True)
        for kept in (2, 3, len(lines) - 5, len(lines) - 1):  # again and again
            text = b"".join(lines[:kept])
            storage.write_bytes(text + lines[kept][:20] * (how == "cut in a line"))
            run_to(7, storage)
            lines = storage.read_bytes().splitlines(keepends=True)
    again, study = run_to(14, storage)
    assert ended(study) == ended(whole) and len(ended(study)) == 14
    assert again == found


NO_JOURNALS = {"notes": b"# Notes\n\nto do\n", "one line": b"to do", "json": b'{"a": 1}\n',
               "a list": b"[]\n", "a number": b"5\n", "octets": b"\xff\x00\n",
               "empty lines": b"\n\n",
               "nested": b"[" * 100000 + b"\n",
               "a journal and notes": b'{"op_code":0,"worker_id":"x"}\nnotes\n'}


@pytest.mark.parametrize("kind", NO_JOURNALS)
def test_a_file_of_somebody_else_stays(kind, tmp_path):
    storage = tmp_path / "notes.md"
    storage.write_bytes(NO_JOURNALS[kind])
    run = bep("search", "--storage", storage, "--trials", 1)
    assert run.exit_code == 2 and run.stderr == (
        f"bep: {storage} is no journal of trials, or is damaged\n")
    assert storage.read_bytes() == NO_JOURNALS[kind]
    assert [path.name for path in tmp_path.iterdir()] == ["notes.md"]


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("octets", [b"", b'{"op_', b'{"op_code":0,"wor'])
def test_the_beginning_of_a_journal_is_one(octets, tmp_path):
    storage = tmp_path / "journal"
    storage.write_bytes(octets)
    assert len(search.search(SMALL, trials=1, storage=storage)[1].trials) == 1


@pytest.mark.usefixtures("few")
def test_a_bad_trial_ends_early(monkeypatch):
    monkeypatch.setattr(search, "STARTUP", 1)
    monkeypatch.setattr(search, "WARMUP", 0)
    _, study = search.search(replace(SMALL, epochs=4), trials=8)
    states = [trial.state.name for trial in study.trials]
    assert states[0] == "COMPLETE" and "PRUNED" in states
    pruned = study.trials[states.index("PRUNED")]
    assert len(pruned.intermediate_values) < 4
    assert search.finished(study) == 8


@pytest.mark.parametrize("hidden", [(1,), (3, 4), (525, 525), (128, 75)])
def test_group_sizes_are_never_none(hidden):
    sizes = search.group_sizes(replace(SMALL, hidden=hidden))
    assert sizes and search.start(replace(SMALL, hidden=hidden))["group"] in sizes


def test_the_command_writes_a_preset_that_train_takes(tmp_path):
    out = tmp_path / "found.toml"
    run = bep("search", "--dataset", "digits", "--hidden", 16, 16, "--counter-bits", 7, "--batch",
              1, "--trials", 2, "--epochs", 1, "--out", out)
    assert run.exit_code == 0, run.output
    assert "validation accuracy" in run.stderr and "test" not in run.stderr and run.stdout == ""
    shown = set(re.findall(r"^. (\w+) +│", run.stderr, re.MULTILINE))
    assert shown == {"r", "nu", "group", "p_r", "thinning", "batch", "sweep", "reinforce_bits",
                     "patience", "anneal", "thinning_bits", "kappa"}
    text = out.read_text()
    assert "2 trials of 1 epoch, 2 of them to the last one" in text
    config, _, found = configuration.load(out)
    assert config == CONFIG and found.name == "digits-16-16-b7-online"
    assert (found.epochs, found.hyper.sweep) == (1, 100)
    # Trained as it was found, it reaches what it is said to reach.
    trained = bep("train", "--preset", out, "--json", tmp_path / "out.json")
    assert trained.exit_code == 0, trained.output
    reached = json.loads((tmp_path / "out.json").read_text())["validation_accuracy"]
    assert f"validation accuracy {reached:.2%} (one seed" in text


def test_train_takes_a_preset_and_what_is_given_wins(tmp_path):
    path, out = tmp_path / "small.toml", tmp_path / "out.json"
    configuration.dump(path, CONFIG, preset=SMALL)
    run = bep("train", "--preset", path, "--train-samples", 60, "--nu", 0.25, "--hidden", 8,
              "--json", out)
    assert run.exit_code == 0, run.output
    result = json.loads(out.read_text())
    assert result["hyper"] == asdict(replace(SMALL.hyper, nu=0.25))
    assert (result["configuration"]["layers"], result["configuration"]["counter_bits"]) == ([8], 7)
    assert (result["epochs"], result["keep_best"], result["preset"]) == (2, True, str(path))
    assert result["validation_accuracy"] == max(
        epoch["validation_accuracy"] for epoch in result["history"])


def test_presets_of_sequences_are_searched_too(tmp_path):
    pytest.importorskip("aeon", reason="aeon is not installed")
    config, _, wanted = configuration.load("ItalyPowerDemand-256-256-b7")
    small, out = tmp_path / "small.toml", tmp_path / "found.toml"
    config = replace(config, layers=(8, 8), weight_lanes=32)
    configuration.dump(small, config, preset=wanted)
    run = bep("search", small, "--trials", 2, "--epochs", 1, "--out", out)
    assert run.exit_code == 0, run.output
    lanes, _, found = configuration.load(out)
    assert lanes == config and found.name == "ItalyPowerDemand-8-8-b7"
    assert found.encoding == wanted.encoding
    assert (found.epochs, found.hyper.horizon) == (1, wanted.hyper.horizon)


@pytest.mark.parametrize(("arguments", "text"), [
    (("search", "nothing"), "unknown preset 'nothing'; known are "),
    (("search", "digits-128-128-b7-online", "--trials", 0), "trials must be at least 1, not 0"),
    (("search", "--counter-bits", 1), "--counter-bits must be between 2 and 15, not 1"),
    (("search", "--dataset", "cifar"), "unknown data set 'cifar'; known are digits, "),
    (("search", "--dataset", "PenDigits", "--hidden", 8), "a recurrent network must have 2 layers"),
    (("search", "--storage", "/nowhere/file"), "there is no folder /nowhere"),
    (("search", "--storage", "sqlite:///any.db"), "sqlite:; it must be a file, not a URL"),
    (("search", "--storage", "same", "--out", "same"), "--out and --storage must be two files"),
    (("search", "--storage", __file__, "--trials", 1), "test_search.py is no journal of trials"),
    (("search", "--storage", "-"), "--storage must be a file to go on from, not -"),
    (("search", "--seed", -1), "seed must be between 0 and 4294967295, not -1"),
    (("search", "--data-seed", -1), "--data-seed must be between 0 and 4294967295, not -1"),
    (("search", "--data", "."), "--data . is for data sets in files, and digits has none"),
    (("search", "a.toml", "--out", "a.toml"), "FILE and --out must be two files"),
    (("search", "--batch", 0), "batch must be at least 1, not 0"),
    (("search", "digits-128-128-b7-online", "--hidden", 8, "--batch", 1),
     "not both: digits-128-128-b7-online and hidden, batch"),
    (("train", "--preset", "nothing"), "unknown preset 'nothing'; known are "),
    (("train", "--preset", "nowhere/none.toml"), "nowhere/none.toml: No such file or directory"),
])
def test_a_mistake_is_told_in_one_line(arguments, text):
    run = bep(*arguments)
    assert run.exit_code == 2 and run.stderr.startswith("bep: ") and text in run.stderr
    assert run.stderr.count("\n") == 1


def test_a_search_that_is_stopped_says_so_in_one_line():
    program = """
import bep.cli, bep.commands.search as search
def stop(*_, **__):
    raise KeyboardInterrupt
search.training.fit = stop
bep.cli.app(["search", "--trials", "1"])
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                         check=False)
    assert run.returncode == 130 and "Traceback" not in run.stderr
    assert run.stderr.splitlines()[-1] == (
        "bep: stopped by SIGINT: the trials are lost, which --storage FILE would change")
