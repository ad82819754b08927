"""`bep predict`: a state file alone predicts, in the labels of the user's own data."""

import csv
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from bep import cli
from bep_model import BEPClassifier, state
from tests.host.programs import bep


def failure(*arguments):
    """What a call that is refused says."""
    run = CliRunner().invoke(cli.app, [*map(str, arguments)])
    assert run.exit_code
    return " ".join(run.output.split())


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A folder with a table of three classes, and a state trained on it."""
    folder = tmp_path_factory.mktemp("own")
    rng = np.random.default_rng(1)
    y = np.arange(90) % 3
    x = rng.normal(size=(90, 3)) + 4 * np.eye(3)[y]
    with open(folder / "own.csv", "w", newline="") as file:
        csv.writer(file).writerows(
            [["a", "b", "c", "kind"],
             *([*row, ("low", "Mid", "high")[k]] for row, k in zip(x, y, strict=True))])
    np.savez(folder / "own.npz", x=x, y=10 * y + 5)
    for kind in ("csv", "npz"):
        run = CliRunner().invoke(cli.app, [
            "train", "--dataset", str(folder / f"own.{kind}"), "--hidden", "16", "--hidden", "16",
            "--epochs", "5", "--save", str(folder / f"{kind}.state"),
            "--encoding", "thermometer-5"])
        assert run.exit_code == 0, run.output
    return folder


def test_labels_and_accuracy(own):
    run = bep("predict", "csv.state", "own.csv", cwd=own)
    lines = list(csv.reader(run.stdout.splitlines()))
    assert run.returncode == 0 and lines[0] == ["prediction", "label"] and len(lines) == 91
    classifier = BEPClassifier.load(own / "csv.state")
    assert classifier.encoder_.levels_.shape == (3, 5)
    assert classifier.feature_names_in_.tolist() == ["a", "b", "c"]
    assert classifier.classes_.tolist() == ["Mid", "high", "low"]
    table = np.loadtxt(own / "own.csv", str, delimiter=",", skiprows=1)
    bits = classifier.encoder_.transform(table[:, :3].astype(float))
    expected = classifier.classes_[state.load(own / "csv.state").predict(bits)]
    assert [line[0] for line in lines[1:]] == expected.tolist()
    accuracy = np.mean(expected == table[:, 3])
    assert accuracy > 0.8 and f"accuracy {accuracy:.2%} of 90 samples" in run.stderr


def test_without_classes_as_json_into_a_file(own, tmp_path):
    np.savez(tmp_path / "new.npz", x=np.load(own / "own.npz")["x"][:7])
    run = bep("predict", own / "npz.state", tmp_path / "new.npz", "--json", "-o", "out",
              cwd=tmp_path)
    assert run.returncode == 0 and run.stdout == run.stderr == ""
    told = json.loads((tmp_path / "out").read_text())
    assert told["labels"] is told["accuracy"] is None
    assert len(told["predictions"]) == 7 and set(told["predictions"]) <= {5, 15, 25}
    lines = (own / "own.csv").read_text().splitlines()[1:8]
    (tmp_path / "new.csv").write_text("\n".join(line.rpartition(",")[0] for line in lines))
    run = bep("predict", own / "npz.state", "new.csv", cwd=tmp_path)
    assert run.stdout.split() == ["prediction", *map(str, told["predictions"])]


@pytest.mark.parametrize(("text", "message"), [
    ("1,2\n", "new.csv has 1 features, not 3"),
    ("a,c,b\n1,2,3\n", "new.csv has the feature 'c' at place 2, where "),
    ("1,2,3,huge\n", "new.csv has the class 'huge', which "),
])
def test_refuses_what_does_not_fit(own, tmp_path, text, message):
    (tmp_path / "new.csv").write_text(text)
    assert message in failure("predict", own / "csv.state", tmp_path / "new.csv",
                              "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_state_alone_is_refused(own, tmp_path):
    state.save(tmp_path / "bare", state.load(own / "csv.state"))
    assert "bare has no encoder and no class labels" in failure(
        "predict", tmp_path / "bare", own / "own.csv")
