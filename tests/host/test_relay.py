"""A training moves: begun in the model, gone on in simulated gateware, ended on a board."""

import re
import signal
import subprocess
import time

import numpy as np
import pytest

from bep_model import state
from bep_model.fit.checkpoint import position
from tests.host.programs import ROOT, bep, command, environment

TRAINING = ("--dataset", "t.csv", "--hidden", 10, 6, "--weight-lanes", 8, "--counter-lanes", 4,
            "--batch", 3, "--sweep", 33, "--anneal", 0.25, "--patience", 1, "--group", 2,
            "--keep-best", "--epochs", 6, "--seed", 3, "--data-seed", 2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a table, a training that was never stopped, and one stopped after 2 epochs."""
    folder = tmp_path_factory.mktemp("relay")
    rows = np.random.default_rng(1).integers(0, 9, (80, 3))
    (folder / "t.csv").write_text("".join(
        f"{a},{b},{c},{'xyzw'[k % 4]}\n" for k, (a, b, c) in enumerate(rows)))
    ok("train", *TRAINING, "--save", "whole.npz", cwd=folder)
    ok("train", *TRAINING, "--until", 2, "--save", "two.npz", cwd=folder)
    return folder


def ok(*words, cwd):
    told = bep(*words, cwd=cwd)
    assert told.returncode == 0, told.stderr
    return told.stderr


class Desk:
    """A simulated board."""

    def __init__(self, folder):
        self.process = subprocess.Popen(
            command("board", "simulate", "two.npz", "--build-dir", ROOT / "build"), cwd=folder,
            env=environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def __enter__(self):
        self.port = self.process.stdout.readline().strip()
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=60)


def test_the_file_tells_where_the_training_is(folder):
    found = position(folder / "two.npz")
    assert len(found.history) == 2 and len(found.best) == 2
    wanted = {"dataset": "t.csv", "epochs": 6, "seed": 3, "data_seed": 2, "batch": 3, "sweep": 33,
              "anneal": 0.25, "patience": 1, "group": 2, "keep_best": True, "order": "host"}
    assert {name: found.defaults[name] for name in wanted} == wanted
    assert position(folder / "whole.npz") is None
    assert state.load(folder / "two.npz").sweep_count  # which the others must take over


def test_model_simulator_board(folder):
    """The relay ends with the very file of a training that was never stopped, though the board
    dies in the middle."""
    told = ok("verify", "--start", "two.npz", "--until", 3, "--save", "three.npz", "--build-dir",
              ROOT / "build", cwd=folder)
    assert re.search(r"mismatches\D+0\b", told)
    assert len(position(folder / "three.npz").history) == 3
    words = ("board", "train", "three.npz", "--save", "ended.npz", "--port")
    with Desk(folder) as desk:
        host = subprocess.Popen(command(*words, desk.port), cwd=folder, env=environment(),
                                text=True, stderr=subprocess.PIPE)
        unfinished = folder / "ended.npz.unfinished"
        end = time.monotonic() + 120
        while not unfinished.exists() and time.monotonic() < end:
            time.sleep(0.002)
        desk.process.kill()  # its simulator dies with it
        told = host.communicate(timeout=120)[1]
    assert host.returncode == 2 and re.search("the link was cut|no answer|no bytes", told), told
    assert 3 < len(position(unfinished).history) < 6 and not (folder / "ended.npz").exists()
    with Desk(folder) as desk:
        told = ok(*words, desk.port, cwd=folder)
        assert re.search(r"going on from ended\.npz\.unfinished, [45] of 6 epochs", told)
    assert (folder / "ended.npz").read_bytes() == (folder / "whole.npz").read_bytes()
    assert not unfinished.exists()


def test_back_in_the_model(folder):
    told = ok("train", "--start", "two.npz", "--until", 5, "--save", "five.npz", cwd=folder)
    assert "going on from two.npz, 2 of 6 epochs" in told and "5 of 6 epochs, seed 3" in told
    ok("train", "--start", "five.npz", "--save", "model.npz", cwd=folder)
    assert (folder / "model.npz").read_bytes() == (folder / "whole.npz").read_bytes()
    # A training of the same kind, but new, has the file's options as defaults.
    ok("train", "--config", "two.npz", "--save", "anew.npz", cwd=folder)
    assert (folder / "anew.npz").read_bytes() == (folder / "whole.npz").read_bytes()


@pytest.mark.parametrize(("words", "text"), [
    (("train", "--start", "two.npz", "--seed", 4),
     "two.npz is of a training with seed 3, not 4: give its options to go on with it"),
    (("train", "--start", "two.npz", "--until", 1, "--save", "x.npz"),
     "--until must be at least the 2 epochs that are done, not 1"),
    (("train", "--start", "two.npz", "--until", 7, "--save", "x.npz"),
     "--until must be between 1 and 6, not 7"),
    (("train", "--start", "two.npz", "--until", 3),
     "--until is for a training that goes on later: give --save"),
    (("train", "--start", "two.npz", "--config", "digits-128-128-b7-online"),
     "--config is for a new training: that of --start two.npz has its own"),
    (("verify", "--start", "two.npz", "--samples", 9),
     "--samples does not go with --start two.npz, whose file tells it"),
    (("verify", "--start", "two.npz", "--until", 2), "--until must be between 3 and 6, not 2"),
    (("verify", "--start", "whole.npz"),
     "--start whole.npz has no unfinished training, as `bep train --until` writes it"),
    (("verify", "--dataset", "digits", "--until", 2),
     "--until and --save are for a training that goes on: give --start FILE"),
])
def test_refusals(words, text, folder):
    told = bep(*words, cwd=folder)
    assert told.returncode == 2 and f"\n{told.stderr}".endswith(f"\nbep: {text}\n"), told.stderr
    assert not (folder / "x.npz").exists()


@pytest.mark.parametrize("change", [
    {"facts": {}}, {"history": [{}]}, {"history": 7}, {"options": None}, {"best": ()}])
def test_a_damaged_position_is_refused(change, folder, tmp_path):
    found = position(folder / "two.npz")
    run, _ = state.unfinished(folder / "two.npz")
    best = change.get("best", found.best)
    state.save(tmp_path / "bad.npz", state.load(folder / "two.npz"), best=best,
               run=run | {name: each for name, each in change.items() if name != "best"})
    with pytest.raises(ValueError, match=r"bad\.npz is damaged: the run is none: "):
        position(tmp_path / "bad.npz")
