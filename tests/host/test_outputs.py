"""No output takes the place of the data that a command reads."""

import pytest
from sklearn.datasets import load_wine
from typer.testing import CliRunner

from bep import cli

TINY = "--hidden 4 4 --epochs 1"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a table, and the configuration of its training."""
    monkeypatch.chdir(tmp_path)
    wine = load_wine()
    (tmp_path / "wine.csv").write_text("".join(
        f"{','.join(map(str, x))},{c}\n" for x, c in zip(wine.data, wine.target, strict=True)))
    (tmp_path / "link.csv").symlink_to("wine.csv")
    assert bep(f"train --dataset wine.csv {TINY} --save-config wine.toml").exit_code == 0
    return tmp_path


def bep(line):
    return CliRunner().invoke(cli.app, line.split())


@pytest.mark.parametrize("line", [
    *(f"train --dataset wine.csv {TINY} {option} {name}"
      for option in ("--save", "--json", "--save-config")
      for name in ("wine.csv", "./wine.csv", "link.csv")),
    "train --config wine.toml --save wine.csv",
    "verify --config wine.toml --dataset wine.csv --samples 5 --json wine.csv",
    "search wine.toml --trials 1 --out wine.csv",
    "board image wine.toml wine.csv",
    "board autostart wine.toml wine.csv --epochs 1",
    "board train wine.toml --save wine.csv",
])
def test_the_data_set_stays(folder, line):
    before = (folder / "wine.csv").read_bytes()
    told = bep(line)
    assert told.exit_code == 2 and told.stderr.count("\n") == 1
    assert "--dataset and " in told.stderr and " must be two files, not both " in told.stderr
    assert (folder / "wine.csv").read_bytes() == before


def test_a_device_is_no_table(folder):
    (folder / "zero.csv").symlink_to("/dev/zero")
    told = bep(f"train --dataset zero.csv {TINY}")
    assert told.exit_code == 2 and told.stderr == "bep: zero.csv must be a file, not a device\n"


def test_a_table_of_too_many_classes(folder):
    (folder / "many.csv").write_text("".join(f"{n},c{n % 300}\n" for n in range(900)))
    told = bep(f"train --dataset many.csv {TINY}")
    assert told.exit_code == 2
    assert told.stderr == (
        "bep: many.csv has 300 classes; there must be 2 to 256 (a sample's class is its last "
        "value, or y)\n")


@pytest.mark.parametrize(("there", "lacking"), [("TRAIN", "TEST"), ("TEST", "TRAIN")])
def test_half_a_set(folder, there, lacking):
    (folder / f"Foo_{there}.tsv").write_text("1\t0.1\t0.2\n2\t0.3\t0.1\n")
    told = bep("train --dataset Foo --data . --hidden 4 4 --epochs 1")
    assert told.exit_code == 2
    assert told.stderr == f"bep: Foo_{lacking}.tsv is missing, the other part of Foo is there\n"
