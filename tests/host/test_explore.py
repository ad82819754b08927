"""`bep explore`: what a study searches, how it goes on, what is refused."""

import json
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import optuna
import pytest
from typer.testing import CliRunner

from bep import cli
from bep.experiments import explore, study
from bep_model import configuration
from bep_model.config import Config
from tests.host.programs import environment

ROOT = Path(__file__).parents[2]
TEXT = """
dataset = "digits"
boards = ["icebreaker"]
objectives = ["accuracy", "trained_samples_per_second"]
trials = 8
epochs = 3
train_samples = 200
store = "block:1"
constraints = ["trained_samples_per_second >= 5000"]

[space]
depth = [1, 2]
width = [8, 24]
"""


def written(path, text=TEXT, **changed):
    """A study file with other values."""
    for name, value in changed.items():
        lines = [f"{name} = {value}" if line.startswith(f"{name} =") else line
                 for line in text.splitlines()]
        text = "\n".join(lines if f"{name} = {value}" in lines else [f"{name} = {value}", *lines])
    path.write_text(text)
    return path


def run(*words, **options):
    return subprocess.run([sys.executable, "-m", "bep.cli", "explore", *map(str, words)], cwd=ROOT,
                          capture_output=True, text=True, check=False, **options)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A study that was killed, went on, and was then extended; its folder."""
    folder = tmp_path_factory.mktemp("explore")
    path, out = written(folder / "study.toml"), folder / "out"
    words = [path, "--out", out, "--workers", "1"]
    with subprocess.Popen([sys.executable, "-m", "bep.cli", "explore", *map(str, words)], cwd=ROOT,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as started:
        limit = time.monotonic() + 120
        while count(out / "study.sqlite") < 3 and started.poll() is None \
                and time.monotonic() < limit:
            time.sleep(0.2)
        started.send_signal(signal.SIGKILL)
    assert started.returncode == -signal.SIGKILL
    before = results(out / "study.sqlite")
    ended = run(*words)
    assert ended.returncode == 0, ended.stderr
    after = results(out / "study.sqlite")
    assert len(after) == 8 and len(before) >= 3
    assert {number: after[number] for number in before} == before
    return folder, ended


def count(path):
    """How many results are in a study's file."""
    try:
        return len(results(path))
    except (sqlite3.Error, OSError):
        return 0


def results(path):
    """The results in a study's file, by the numbers of their trials."""
    if not path.exists():
        return {}
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return dict(database.execute(
            "select number, value_json from trials join trial_user_attributes using (trial_id) "
            "where key = 'result' and state = 'COMPLETE'"))


def test_a_killed_study_goes_on(done):
    folder, ended = done
    found = json.loads((folder / "out" / "study.json").read_text())
    assert len(found["trials"]) == 8
    assert any(trial["front"] for trial in found["trials"])
    assert "report: " in ended.stderr
    for name in ("study.html", "study.csv"):
        assert (folder / "out" / name).stat().st_size > 100


def test_each_trial_is_what_its_configuration_says(done):
    found = json.loads((done[0] / "out" / "study.json").read_text())
    for trial in found["trials"]:
        path = done[0] / "trial.toml"
        path.write_text(trial["configuration"])
        config = configuration.load(path).config
        assert "-".join(map(str, config.widths)) == trial["network"]
        assert (config.weight_lanes, config.counter_lanes) == (
            trial["weight_lanes"], trial["counter_lanes"])
        if trial["state"] == "complete":
            assert len(trial["accuracies"]) == 3
            assert trial["values"]["accuracy"] == max(trial["accuracies"])
            assert trial["values"]["trained_samples_per_second"] >= 5000
        if trial["state"] == "infeasible":
            assert trial["why"] and not trial["front"]


def test_a_study_that_is_done_only_writes_its_report(done):
    begun = time.monotonic()
    ended = run(done[0] / "study.toml", "--out", done[0] / "out")
    assert ended.returncode == 0 and "0 of" not in ended.stderr
    assert time.monotonic() - begun < 60


def test_a_price_is_an_objective(tmp_path):
    """Prices are the user's."""
    boards = {"icebreaker": 80, "ulx3s-12f": 115.5}
    table = ", ".join(f"{board} = {price}" for board, price in boards.items())
    path = written(tmp_path / "study.toml", boards=json.dumps([*boards]), trials=3, epochs=1,
                   objectives='["accuracy", "price"]', prices=f"{{{table}}}")
    ended = run(path, "--out", tmp_path / "out", "--workers", "1")
    assert ended.returncode == 0, ended.stderr
    found = json.loads((tmp_path / "out" / "study.json").read_text())
    assert {"name": "price", "direction": "minimize"} in found["objectives"]
    for trial in found["trials"]:
        assert trial["values"]["price"] == boards[trial["board"]]


def test_two_processes_share_a_study(tmp_path):
    path, storage = written(tmp_path / "study.toml"), tmp_path / "study.sqlite"
    commands = [[sys.executable, "-m", "bep.cli", "explore", str(path), "--storage", str(storage),
                 "--out", str(tmp_path / name), "--workers", "1"] for name in "ab"]
    started = [subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, text=True) for words in commands]
    for one in started:
        _, told = one.communicate(timeout=300)
        assert one.returncode == 0, told
    found = results(storage)
    assert 8 <= len(found) <= 9  # each may have begun the last one
    for name in "ab":  # whichever ends first knows of less
        trials = json.loads((tmp_path / name / "study.json").read_text())["trials"]
        assert trials and all(json.loads(found[one["number"]])["configuration"]
                              == one["configuration"] for one in trials)


def test_more_trials_are_the_same_study(done):
    path = written(done[0] / "more.toml", trials=9)
    ended = run(path, "--storage", done[0] / "out" / "study.sqlite", "--out", done[0] / "more",
                "--workers", "1")
    assert ended.returncode == 0, ended.stderr
    assert len(json.loads((done[0] / "more" / "study.json").read_text())["trials"]) >= 9


@pytest.mark.parametrize("changed", [
    {"epochs": 4}, {"seed": 2}, {"objectives": '["accuracy", "cells"]'},
    {"boards": '["ulx3s-85f"]'}])
def test_the_file_of_another_study(done, changed):
    path = written(done[0] / "other.toml", **changed)
    before = (done[0] / "out" / "study.sqlite").read_bytes()
    ended = CliRunner().invoke(cli.app, ["explore", str(path), "--out", str(done[0] / "other"),
                                         "--storage", str(done[0] / "out" / "study.sqlite")])
    assert ended.exit_code == 2 and "is of another study file or version" in ended.output
    assert (done[0] / "out" / "study.sqlite").read_bytes() == before
    assert not (done[0] / "other").exists()


@pytest.mark.parametrize("delay", [0.1, 1.0])
def test_a_worker_that_is_killed_while_it_starts(done, tmp_path, delay):
    """One line, and the study goes on later; which is not tried here, as it does after any end."""
    script = tmp_path / "main.py"  # multiprocessing starts processes from a file
    script.write_text(f"""
import os, signal, sys, threading
from bep import cli
from bep.experiments import workers
start = workers.util.spawnv_passfds
def spawn(path, arguments, *given):
    number = start(path, arguments, *given)
    if any("spawn_main" in os.fsdecode(each) for each in arguments):
        threading.Timer({delay}, os.kill, (number, signal.SIGKILL)).start()
    return number
if __name__ == "__main__":
    workers.util.spawnv_passfds = spawn
    cli.app(["explore", "{written(tmp_path / 'study.toml')}", "--out", "out", "--workers", "1"])
""")
    ended = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True,
                           env=environment(), timeout=120)
    assert ended.returncode == 2 and ended.stderr.splitlines()[-1].startswith(
        "bep: the work did not begin: a process for it could not be started, or was ended at once")
    assert "Traceback" not in ended.stderr
    assert results(tmp_path / "out" / "study.sqlite") == {}


@pytest.mark.parametrize(("content", "told"), [
    (b"no database, but a text that is long enough to be one" * 20, "is no study, or is damaged"),
    (None, "is a database, but no study's"),
])
def test_other_files_stay_as_they_are(tmp_path, content, told):
    storage = tmp_path / "mine.sqlite"
    if content is None:
        with closing(sqlite3.connect(storage)) as database:
            database.execute("create table mine (x)")
    else:
        storage.write_bytes(content)
    before = storage.read_bytes()
    ended = CliRunner().invoke(cli.app, ["explore", str(written(tmp_path / "study.toml")),
                                         "--storage", str(storage), "--out", str(tmp_path)])
    assert ended.exit_code == 2 and told in ended.output and str(storage) in ended.output
    assert storage.read_bytes() == before


def test_a_damaged_study_is_told(done, tmp_path):
    octets = bytearray((done[0] / "out" / "study.sqlite").read_bytes())
    octets[4096:len(octets) // 2] = bytes(len(octets) // 2 - 4096)
    storage = tmp_path / "damaged.sqlite"
    storage.write_bytes(octets)
    ended = CliRunner().invoke(cli.app, ["explore", str(written(tmp_path / "study.toml")),
                                         "--storage", str(storage), "--out", str(tmp_path)])
    assert ended.exit_code == 2 and "damaged" in ended.output
    assert storage.read_bytes() == bytes(octets)


@pytest.mark.parametrize(("changed", "told"), [
    ({"boards": '["nothing"]'}, "board must be one of"),
    ({"boards": "[]"}, "boards must not be empty"),
    ({"boards": '["icebreaker", "icebreaker"]'}, "boards must differ"),
    ({"objectives": "[]"}, "objectives must be 1 to 4"),
    ({"objectives": '["beauty"]'}, "objectives must be one of"),
    ({"objectives": '"accuracy"'}, "objectives must be a list"),
    ({"constraints": '["accuracy > 1"]'}, "constraints must be like"),
    ({"constraints": '["beauty >= 1"]'}, "constraints must be like"),
    ({"trials": "0"}, "trials must be"), ({"trials": "1.5"}, "trials must be an integer"),
    ({"epochs": "-1"}, "epochs must be"), ({"dataset": '"nothing.csv"'}, "nothing.csv"),
    ({"dataset": "5"}, "dataset must be"),
    ({"store": '"tape"'}, "store must be one of"), ({"store": '"sdram"'}, "store must suit"),
    ({"width": "[24, 8]"}, "space.width must be the least and the most"),
    ({"width": "[8]"}, "space.width must be the least and the most"),
    ({"depth": "[]"}, "space.depth must not be empty"),
    ({"depth": "[16]"}, "space.depth must be between 1 and 15"),
    ({"beauty": "[1]"}, "has no key 'beauty'"),
    ({"prices": "5"}, "[prices] must be a table of boards, not 5"),
    ({"prices": "{icebreaker = 0}"}, "prices.icebreaker must be a number above 0, not 0"),
    ({"prices": "{ulx3s-85f = 90}"}, "[prices] must be one of icebreaker, not 'ulx3s-85f'"),
    ({"constraints": '["price <= 50"]'}, "the objective price needs a table [prices] with icebr"),
])
def test_refused_studies(tmp_path, changed, told):
    path = written(tmp_path / "study.toml", **changed)
    ended = CliRunner().invoke(cli.app, ["explore", str(path), "--out", str(tmp_path / "out")])
    assert ended.exit_code == 2 and told in ended.output, ended.output
    assert len(ended.output.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", [
    "explore {}", "reproduce random-prototypes", "calibrate --board icebreaker --draws 1"])
@pytest.mark.parametrize(("given", "told"), [
    ("--workers 2 --scheduler tcp://nowhere:1", "--workers are of this machine; with --scheduler "
                                                "there are its own"),
    ("--workers 0", "--workers must be between 1 and 1000, not 0")])
def test_workers_that_do_not_suit(command, given, told, tmp_path, monkeypatch):
    path = written(tmp_path / "study.toml")
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(cli.app, f"{command.format(path)} {given}".split())
    assert (ended.exit_code, ended.stderr) == (2, f"bep: {told}\n")
    assert [each.name for each in tmp_path.iterdir()] == ["study.toml"]


def test_a_calibration_without_builds_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(cli.app, ["calibrate"])
    assert (ended.exit_code, ended.stderr) == (
        2, "bep: build/builds.json has no builds yet: give --board and --draws\n")
    assert list(tmp_path.iterdir()) == []


# Parts

STUDY = study.Study("digits", ["icebreaker"], ["accuracy", "trained_samples_per_second", "luts"],
                    5, 6)


def trial(number, accuracy, speed, luts, state="complete"):
    return {"number": number, "state": state,
            "values": {"accuracy": accuracy, "trained_samples_per_second": speed, "luts": luts}}


def test_front():
    trials = [trial(0, 0.9, 100, 10), trial(1, 0.9, 100, 11), trial(2, 0.8, 200, 10),
              trial(3, 0.99, 1, 99), trial(4, 0.99, 999, 1, "stopped"), trial(5, 0.9, 100, 10)]
    front = [each["number"] for each in explore.with_front(STUDY, trials) if each["front"]]
    assert front == [0, 2, 3, 5]
    assert explore.with_front(STUDY, []) == []


def test_a_hopeless_training_ends_early():
    config = Config(192, (16,), 10)
    found = {"trained_samples_per_second": 100, "luts": 10}
    better = ({"trained_samples_per_second": 100, "luts": 9}, [0.5, 0.4, 0.9])
    slower = ({"trained_samples_per_second": 99, "luts": 9}, [1.0, 1.0, 1.0])
    curve = explore.curves_to_beat(STUDY, found, [better, slower])
    assert curve.tolist() == [0.5, 0.5, 0.9]
    assert explore.curves_to_beat(STUDY, found, [slower]) is None
    loaded = explore.samples("", "digits", 100, data=None, seed=0, encoding="default")
    preset = study.Preset("digits", (16,), 7, 6, study.Hyper())
    accuracies = []
    with pytest.raises(explore.Hopeless, match="as good in all other objectives"):
        explore.trained(STUDY, config, preset, loaded, np.ones(6), accuracies)
    assert len(accuracies) == 2  # a third of 6
    assert len(explore.trained(STUDY, config, preset, loaded, np.zeros(6), [])) == 6


def test_a_trial_is_of_the_space():
    space = study.Space(depth=[3], width=[8, 9], weight_lanes=[24], counter_lanes=[5],
                        counter_bits=[4, 4])
    wanted = study.Study("digits", ["ulx3s-85f"], ["accuracy"], 5, 6, space=space)
    found = optuna.create_study(sampler=optuna.samplers.RandomSampler(1))
    for _ in range(20):
        preset, lanes, board = wanted.preset(found.ask())
        assert len(preset.hidden) == 3 and set(preset.hidden) <= {8, 9}
        assert lanes == (24, 4) and board == "ulx3s-85f" and preset.counter_bits == 4


def test_a_study_may_say_nothing_of_its_space(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(TEXT.partition("[space]")[0])
    assert study.load(path).space == study.Space()


def test_violations():
    available = {"luts": 100, "brams": 10, "spram": 0}
    limited = study.Study("digits", ["icebreaker"], ["accuracy"], 5, 6,
                          constraints=["accuracy >= 0.9", "luts <= 50"])
    found = {"cells": 150.0, "luts": 60, "accuracy": 0.5}
    broken = dict(reversed(pair) for pair in study.violations(
        limited, {"available": available, "brams": 10, "spram": 0}, found))
    assert broken == {"150 of 100 logic cells": 0.5, "not accuracy >= 0.9: 0.5":
                      pytest.approx(4 / 9), "not luts <= 50: 60": pytest.approx(0.2)}
    found = {"cells": 100, "luts": 50}  # the accuracy is not known yet
    assert not list(study.violations(
        limited, {"available": available, "brams": 10, "spram": 0}, found))
