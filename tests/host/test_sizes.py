"""Sizes that are asked for or claimed: refused by name before memory is taken for them."""

import tracemalloc
from contextlib import contextmanager

import numpy as np
import pytest
from typer.testing import CliRunner

from bep import cli
from bep_model.config import Config
from bep_model.data import archive, datasets
from bep_model.data.catalogue import Encoding
from bep_model.data.encoders import Differences, Median, Thermometer
from bep_model.data.sequences import check
from bep_model.files import read_toml

MANY = 10**12
TINY = "[trainer]\ninputs = 3\nlayers = [2]\nclasses = 2\n"


@contextmanager
def frugal():
    """The block takes little memory."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < 1 << 26
    finally:
        tracemalloc.stop()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.toml").write_text(TINY)
    (tmp_path / "long.toml").write_text(
        f'{TINY}[training]\ndataset = "digits"\nepochs = {MANY}\nhyper = {{}}\n')
    for part in ("TRAIN", "TEST"):
        (tmp_path / f"Ours_{part}.tsv").write_text("".join(
            f"{n % 2}\t{n}\t2\t{n * n}\n" for n in range(12)))
    return tmp_path


@pytest.mark.parametrize(("arguments", "text"), [
    ("train --hidden 65535 65535", "--hidden must have at most 536870912 bits of weights and cou"),
    ("search --hidden 65535 65535", "--hidden must have at most 536870912 bits of weights and c"),
    ("build --board icebreaker --hidden 65535 65535", "--hidden must have at most 536870912 bits"),
    (f"verify --config tiny.toml --samples {MANY}",
     f"--samples must be at most 97612893 for 3 inputs, not {MANY}"),
    (f"verify --dataset digits --samples {MANY}",
     f"--samples must be between 1 and 1437 for digits, not {MANY}"),
    (f"train --train-samples {MANY}", "--train-samples must be between 1 and 1437 for digits"),
    ("train --dataset Ours --data . --hidden 4 4 --bits 1000000000",
     "chunk 2 x bits 1000000000 x 1 dimensions of the samples must make at most 65535 bits"),
    ("train --dataset Ours --data . --hidden 4 4 --chunk 1000000000 --bits 1 --expand 8",
     "chunk 1000000000 x bits 1 x 1 dimensions of the samples must make at most 65535 bits"),
    ("train --dataset mnist --encoding differences-1000000", "N = 1..65535, not 'differences-100"),
    ("train --dataset mnist --encoding selected-" + "9" * 5000, "N = 1..65535, not 'selected-999"),
    ("train --epochs " + "9" * 5000, "--epochs"),
    *((f"{command} --epochs {MANY}", f"--epochs must be between {low} and 1000000, not {MANY}")
      for command, low in (
          ("train", 0), ("search", 1), ("demo", 1), ("gates", 1),
          ("bench digits-128-128-b7-online --board icebreaker", 1),
          ("board autostart digits-128-128-b7-online out", 1),
          ("board train digits-128-128-b7-online --port nowhere", 0),
          ("train --config digits-128-128-b7-online", 0))),
    ("config long.toml", f"long.toml: epochs must be between 1 and 1000000, not {MANY}"),
])
def test_options(arguments, text):
    with frugal():
        told = CliRunner().invoke(cli.app, arguments.split())
    assert told.exit_code == 2 and text in told.stderr and told.stderr.count("\n") == 1


HUGE = "9" * 5000


@pytest.mark.parametrize("arguments", [
    f"train --seed {HUGE}", f"train --hidden {HUGE}", f"train --nu {HUGE}", f"train --data {HUGE}",
    f"verify --dataset digits --samples {HUGE}", f"search --trials {HUGE}", f"config {HUGE}",
    f"board info --port {HUGE}", f"board info --port x --baud {HUGE}", "config huge.toml",
    "train --dataset huge.csv --epochs 1", "train --dataset far.csv --epochs 1",
])
@pytest.mark.filterwarnings("error")
def test_numbers_that_fill_the_screen(arguments, folder):
    """One line that can be read, and no warning of another library."""
    (folder / "huge.toml").write_text(TINY.replace("3", HUGE))
    (folder / "huge.csv").write_text("".join(f"{n},{HUGE}\n{n},b\n" for n in range(9)) + "x,c")
    (folder / "far.csv").write_text("".join(f"{s}1e308,a\n{n},b\n" for n in range(9) for s in "+-"))
    told = CliRunner().invoke(cli.app, arguments.split())
    assert told.exit_code == 2 and told.stderr.count("\n") == 1 and len(told.stderr) < 300
    assert "set_int_max_str_digits" not in told.stderr


def test_a_number_of_too_many_digits_is_found(tmp_path):
    file = tmp_path / "huge.toml"
    file.write_text(f"[trainer]\ninputs = {'9' * 5000}\n")
    with pytest.raises(ValueError, match=r"huge\.toml is not a TOML file: line 2 has a number of "
                                         "more than 4300 digits$"):
        read_toml(file)


@pytest.mark.parametrize(("make", "text"), [
    (lambda: Config(65535, (65535,), 2), "layers must have at most 536870912 bits of weights"),
    (lambda: datasets.random_prototypes(train=MANY), "train must be at most 1065220 for 1000"),
    (lambda: datasets.random_prototypes(test=MANY), "test must be at most 1065220 for 1000"),
    (lambda: datasets.random_prototypes(inputs=MANY), "train must be at most 0 for 10000000000"),
    (lambda: check(Encoding(chunk=300, bits=300), 1), "must make at most 65535 bits, not 90000"),
    (lambda: Thermometer(MANY).fit(np.eye(2)), "levels must be between 1 and 65535, not 1000000"),
    *((lambda encoder=encoder: encoder.fit([[1e308], [-1e308]]),
       r"between -8\.988e\+307 and 8\.988e\+307 .*, not 1e\+308")
      for encoder in (Median(), Thermometer(2))),
    (lambda: Differences(MANY).fit(np.eye(9)), "bits must be between 1 and 65535, not 100000000"),
])
def test_calls(make, text):
    with frugal(), pytest.raises(ValueError, match=text):
        make()


def test_one_long_sequence_among_many_short_ones(folder, monkeypatch):
    monkeypatch.setattr(archive, "MOST_NUMBERS", 100)
    for part in ("TRAIN", "TEST"):
        lines = ["1.0:0", "1.0:1"] * 10 + ["1.0,2.0,3.0:0"]
        (folder / f"Long_{part}.ts").write_text("\n".join([
            "@problemName Long", "@timeStamps false", "@missing false", "@univariate true",
            "@equalLength false", "@classLabel true 0 1", "@data", *lines, ""]))
    with pytest.raises(ValueError, match=r"Long_TRAIN.ts and .*at most 100 numbers.* 126"):
        archive.read("Long", folder)
