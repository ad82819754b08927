import errno
import gzip
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bep import cli, results
from bep.experiments.runs import Run, execute
from bep.flow.boards import boards
from bep_model import BEPClassifier, configuration
from bep_model.data import catalogue
from bep_model.data.catalogue import Encoding
from bep_model.files import replacing
from bep_model.fit import presets
from bep_model.fit.training import Hyper

SMALL = ("train", "--dataset", "digits", "--hidden", "16", "16", "--train-samples", "60",
         "--epochs", "2")


def bep(*arguments):
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


@pytest.mark.parametrize(("given", "wanted"), [
    ("--hidden 75 75 --seed 1", "--hidden 75 --hidden 75 --seed 1"),
    ("--hidden 75", "--hidden 75"),
    ("--hidden 75 --hidden 30", "--hidden 75 --hidden 30"),
    ("--hidden 1 2 3", "--hidden 1 --hidden 2 --hidden 3"),
    ("--seed 1 2", "--seed 1 2"),
    ("--hidden 5 file", "--hidden 5 file"),
    ("--hidden", "--hidden"),
    ("--hidden=8 9", "--hidden=8 9"),
])
def test_lists_are_spread(given, wanted):
    assert cli.spread(given.split()) == wanted.split()


def test_train_writes_its_result(tmp_path):
    out = tmp_path / "out.json"
    run = bep(*SMALL, "--counter-bits", 7, "--batch", 1, "--seed", 3, "--json", out)
    assert run.exit_code == 0, run.output
    result = json.loads(out.read_text())
    assert result["configuration"]["layers"] == [16, 16]
    assert result["configuration"]["counter_bits"] == 7
    for name in ("test_accuracy", "train_accuracy"):
        assert 0 <= result[name] <= 1
    assert result["seconds"] > 0 and result["samples_per_second"] > 0
    assert result["train_samples"] == 60 and result["validation_accuracy"] is None
    assert [epoch["epoch"] for epoch in result["history"]] == [0, 1]
    assert result["parameters"] == result["history"][0]["parameters"]
    assert result["versions"]["numpy"] == np.__version__
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]
    assert "test accuracy" in run.stderr and run.stdout == ""


def test_the_seed_decides(tmp_path):
    runs = []
    for seed in (1, 1, 2):
        assert bep(*SMALL, "--seed", seed, "--json", tmp_path / "out.json").exit_code == 0
        result = json.loads((tmp_path / "out.json").read_text())
        runs.append([(epoch["error"], epoch["triggered"]) for epoch in result["history"]])
    assert runs[0] == runs[1] != runs[2]


def test_every_option_reaches_the_training(tmp_path):
    out = tmp_path / "out.json"
    run = bep(*SMALL, "--r", 0.25, "--nu", 0.5, "--group", 4, "--p-r", 0.5, "--reinforce-bits", 6,
              "--thinning", 0.5, "--anneal", 0.25, "--batch", 5, "--sweep", 20, "--patience", 3,
              "--thinning-bits", 3, "--kappa", 0.5, "--counter-lanes", 16, "--weight-lanes", 32,
              "--literal-targets", "--validation", "--json", out)
    assert run.exit_code == 0, run.output
    result = json.loads(out.read_text())
    assert result["hyper"] == {
        "r": 0.25, "nu": 0.5, "group": 4, "p_r": 0.5, "reinforce_bits": 6, "thinning": 0.5,
        "batch": 5, "sweep": 20, "patience": 3, "anneal": 0.25, "horizon": 65535,
        "thinning_bits": 3, "kappa": 0.5, "filter_nu": 0.05, "filter_group": 8, "filter_rate": 0.3,
        "filter_rate_end": 0.003, "filter_quantile": 0.8, "shift": 0, "delay": 0}
    parameters = result["parameters"]
    assert (parameters["margin"], parameters["gates"], parameters["groups"]) == (4, [96, 8], [4, 4])
    assert (parameters["thinning"], parameters["batch"], parameters["sweep"]) == (1 << 15, 5, 20)
    assert parameters["stabilities"] == [7, 0]
    assert any(parameters["reinforce"])
    assert all(p % 1024 == 0 for p in parameters["reinforce"])
    assert result["configuration"]["counter_lanes"] == 16
    assert result["configuration"]["weight_lanes"] == 32
    assert result["validation_accuracy"] is not None and result["literal_targets"] is True


def test_no_epochs_is_allowed(tmp_path):
    assert bep(*SMALL[:-1], 0, "--json", tmp_path / "out.json").exit_code == 0
    assert json.loads((tmp_path / "out.json").read_text())["samples_per_second"] is None


def test_sequences_and_their_options(tmp_path):
    pytest.importorskip("aeon", reason="aeon is not installed")
    hyper = Hyper(r=0.5, nu=0.25, group=8, p_r=0.3, sweep=50, horizon=8, reinforce_bits=16)
    out = tmp_path / "out.json"
    run = bep("train", "--dataset", "ItalyPowerDemand", "--hidden", 16, 16, "--window", 12,
              "--chunk", 3, "--bits", 4, "--expand", 32, "--horizon", 8, "--nu", 0.25, "--group", 8,
              "--p-r", 0.3, "--sweep", 50, "--epochs", 2, "--fold", 1, "--keep-best",
              "--train-samples", 80, "--steps", 6, "--json", out)
    assert run.exit_code == 0, run.output
    result = json.loads(out.read_text())
    assert result["encoding"] == dict(
        window=12, chunk=3, bits=4, expand=32, pairs=False, fold=1)
    assert result["configuration"]["max_steps"] == 6 and result["configuration"]["inputs"] == 32
    assert result["parameters"]["horizon"] == 6
    assert result["hyper"] == vars(hyper)
    expected = execute(Run(
        "ItalyPowerDemand", (16, 16), epochs=2, counter_bits=7, encoding=Encoding(12, 3, 4, 32),
        hyper=hyper, train_samples=80))["folds"][1]
    # More steps than are needed change nothing.
    assert result["test_accuracy"] == expected["test_accuracy"]


def test_a_preset_of_sequences(tmp_path):
    pytest.importorskip("aeon", reason="aeon is not installed")
    out = tmp_path / "out.json"
    run = bep("train", "--preset", "ItalyPowerDemand-256-256-b7", "--hidden", 16, 16, "--epochs", 1,
              "--json", out)
    assert run.exit_code == 0, run.output
    result, preset = json.loads(out.read_text()), configuration.load(
        "ItalyPowerDemand-256-256-b7").preset
    assert result["dataset"] == "ItalyPowerDemand" and result["keep_best"]
    assert result["encoding"] == vars(preset.encoding) | {"fold": 0}
    assert result["hyper"] == vars(preset.hyper)


@pytest.fixture
def mnist(tmp_path):
    """Small files in MNIST's format."""
    folder = tmp_path / "mnist"
    folder.mkdir()
    for part, n in (("train", 60), ("t10k", 20)):
        for kind, shape, magic in (("images-idx3", (n, 4, 4), 0x803), ("labels-idx1", (n,), 0x801)):
            values = (np.arange(np.prod(shape)) % 10).astype(np.uint8).tobytes()
            content = struct.pack(f">{1 + len(shape)}I", magic, *shape) + values
            (folder / f"{part}-{kind}-ubyte.gz").write_bytes(gzip.compress(content))
    return folder


def change(path, edit):
    path.write_bytes(gzip.compress(edit(gzip.decompress(path.read_bytes()))))


def test_small_idx_files_work(mnist):
    run = bep("train", "--dataset", "mnist", "--data", mnist, "--hidden", 8, "--epochs", 1)
    assert run.exit_code == 0, run.output


def test_encoding_of_images(mnist, tmp_path):
    path = tmp_path / "out.json"
    run = bep("train", "--dataset", "mnist", "--data", mnist, "--encoding", "differences-20",
              "--hidden", 8, "--epochs", 1, "--json", path)
    assert run.exit_code == 0, run.output
    result = json.loads(path.read_text())
    assert result["encoding"] == "differences-20" and result["configuration"]["inputs"] == 20


@pytest.mark.parametrize(("name", "edit", "text"), [
    ("train-images-idx3", lambda c: c[:-3], "is truncated: 957 bytes of data, 960 expected"),
    ("t10k-images-idx3", lambda c: b"\0\0\x0d" + c[3:],
     "has the magic number 0x00000d03, not 0x00000803"),
    ("t10k-labels-idx1", lambda c: c[:-1] + b"\x0a",
     "has the label 10 at 19; of mnist it must be 0 to 9"),
])
def test_damaged_files(mnist, tmp_path, name, edit, text):
    path = mnist / f"{name}-ubyte.gz"
    change(path, edit)
    refused(text, "--dataset", "mnist", "--data", mnist, "--json", tmp_path / "out.json")
    refused(str(path), "--dataset", "mnist", "--data", mnist)
    assert not (tmp_path / "out.json").exists()


def refused(text, *arguments):
    """`bep train` with these arguments says ``text`` on one line of stderr and exits with 2."""
    run = bep("train", *arguments)
    assert run.exit_code == 2, run.output
    assert run.stdout == ""
    assert run.stderr.startswith("bep: ") and run.stderr.count("\n") == 1
    assert text in run.stderr


def test_missing_file_and_folder(mnist):
    refused("there is no data folder", "--dataset", "mnist", "--data", mnist / "missing")
    refused("fashion-mnist needs ", "--dataset", "fashion-mnist", "--data", mnist.parent / "mnist" /
            "..")
    (mnist / "t10k-labels-idx1-ubyte.gz").unlink()
    refused("t10k-labels-idx1-ubyte.gz, which does not exist", "--dataset", "mnist", "--data",
            mnist)


@pytest.mark.parametrize(("arguments", "text"), [
    ("--dataset cifar", "unknown data set 'cifar'; known are digits, random-prototypes, mnist, "
                        "fashion-mnist"),
    ("--counter-lanes 7", "--counter-lanes must divide --weight-lanes (64), not 7"),
    ("--epochs -1", "--epochs must be between 0 and 1000000, not -1"),
    ("--hidden 0", "--hidden[0] must be between 1 and 65535, not 0"),
    ("--hidden 8 -8", "--hidden[1] must be between 1 and 65535, not -8"),
    ("--counter-bits 1", "--counter-bits must be between 2 and 15, not 1"),
    ("--train-samples 0", "--train-samples must be between 1 and 1437 for digits, not 0"),
    ("--thinning 2", "thinning must be between 0 and 1, not 2.0"),
    ("--batch 3 --sweep 100", "sweep must be a multiple of the batch (3), not 100"),
    ("--patience 2 --no-validation", "--patience needs validation samples"),
    ("--seed -1", "--seed must be between 0 and 4294967295, not -1"),
    ("--prototype-seed -1", "--prototype-seed must be between 0 and 4294967295, not -1"),
    ("--data-seed -1", "--data-seed must be between 0 and 4294967295, not -1"),
    ("--data .", "--data . is for data sets in files, and digits has none"),
    ("--dataset random-prototypes --data .", "--data . is for data sets in files, and random-"),
    ("--encoding median", 'digits has no encoding but "default", not \'median\''),
    ("--dataset mnist --encoding medium", "encoding must be one of default, median, levels-A-"),
    ("--chunk 2", "--chunk must be left out for digits, which is no set of sequences, not 2"),
    ("--window 5", "--window must be left out for digits, which is no set of sequences, not 5"),
    ("--keep-best --no-validation", "--keep-best needs validation samples: give no --no-valid"),
    ("--start a --start b", "--start must be given once"),
    ("--config a --preset b", "--config or --preset must be given once"),
    ("--validation --no-validation", "--validation must be given once"),
    *((f"{option}=", f"{option} must not be empty") for option in (
        "--config", "--start", "--save", "--json", "--dataset", "--data", "--epochs")),
    ("--horizon 4", "--horizon must be 65535 without sequences, not 4"),
    ("--fold 1", "fold is for sets of sequences that are cross-validated, and must be 0 for "),
    ("--steps 5", "--steps must be 0 for digits, which is no set of sequences, not 5"),
    ("--dataset Nothing --hidden 8 8", "Nothing needs Nothing_TRAIN.ts and Nothing_TEST.ts"),
    ("--dataset ItalyPowerDemand --hidden 8", "a recurrent network must have 2 layers"),
    ("--dataset ItalyPowerDemand --chunk 1 --steps 23",
     "--steps must be at least 24 for the sequences of "),
    ("--dataset ItalyPowerDemand --fold 3", "fold must be between 0 and 2, not 3"),
    ("--dataset ItalyPowerDemand --bits 0", "bits must be at least 1, not 0"),
    ("--dataset ItalyPowerDemand --expand 70000", "expand must be between 1 and 65535, not 70000"),
    ("--dataset ItalyPowerDemand --encoding median", "ItalyPowerDemand is a set of sequences: "),
])
def test_wrong_values(arguments, text, monkeypatch):
    if "Power" in arguments:
        pytest.importorskip("aeon", reason="aeon is not installed")
    monkeypatch.delenv("BEP_DATA", raising=False)
    refused(text, *arguments.split())


def test_json_that_cannot_be_written(tmp_path, monkeypatch):
    def no_work(*_, **__):
        raise AssertionError("the fault must be found before any work is done")

    monkeypatch.setattr("bep_model.fit.training.fit", no_work)
    refused(f"there is no folder {tmp_path / 'missing'}", "--json", tmp_path / "missing" / "out")
    refused("it is a folder", "--json", tmp_path)
    path = tmp_path / "a"
    refused("--save and --json must be two files", "--save", path, "--json", path)
    refused("--start and --json must be two files", "--start", path, "--json", path)
    refused("--start and --save must be two files", "--start", path, "--save", f"{tmp_path}/./a")
    assert list(tmp_path.iterdir()) == []
    path = tmp_path / "a.toml"
    path.write_text(configuration.written("digits-128-128-b7-online"))
    refused("--config and --json must be two files", "--config", path, "--json", path)


@pytest.mark.parametrize(("arguments", "text"), [
    ("train --sed 1", "No such option: --sed"),
    ("train --json", "Option '--json' requires an argument"),
    ("train --keep-best=3", "Option '--keep-best' does not take a value"),
    ("train extra", "(extra)"),
    ("train --hidden 8 c", "(c)"),
    ("build", "Missing option '--board'"),
    ("fly", "No such command 'fly'"),
    ("--foo", "No such option: --foo"),
    *((f"{command} {option} {value}", f"Invalid value for '{option}': ")
      for command, option, value in [
          ("train", "--epochs", "many"), ("train", "--epochs", "1e9"), ("train", "--nu", "a"),
          ("train", "--hidden", "a"), ("verify --dataset digits", "--samples", "1.5"),
          ("build --board icebreaker", "--seed", "x"), ("search", "--trials", "x")]),
])
def test_options_that_do_not_exist_or_parse(arguments, text):
    """One line, with the value and where to read more."""
    run = bep(*arguments.split())
    assert run.exit_code == 2 and run.stdout == ""
    assert run.stderr.startswith(f"bep: {text}" if text[0] != "(" else "bep: ")
    assert text in run.stderr and run.stderr.count("\n") == 1
    value, command = arguments.split()[-1], arguments.split()[0]
    assert "Invalid" not in text or f", not '{value}'; " in run.stderr
    name = f" {command}" if command in cli.COMMANDS else ""
    assert run.stderr.endswith(f"; `bep{name} --help` tells more\n")


@pytest.mark.parametrize(("arguments", "text"), [
    *((f"{command} a.toml", ": a configuration is given as --config FILE; `bep") for command in (
        "train", "build --board icebreaker", "verify", "cost --board icebreaker")),
    *((f"{command} {option} a.toml",
       f": the configuration is the argument {named}, without an option; `bep")
      for command, named in (
          ("search", "FILE|NAME"), ("export --out x", "FILE|NAME"), ("bench", "FILE"),
          ("config", "FILE|NAME"), ("board simulate", "SOURCE"), ("board train", "SOURCE"))
      for option in ("--config", "--preset")),
    ("predict a.npz a.csv --config x", "No such option: --config; `bep predict"),
    ("explore a.toml b.toml", "Got unexpected extra argument(s) (b.toml); `bep explore"),
])
def test_a_configuration_in_the_way_of_another_command(arguments, text):
    run = bep(*arguments.split())
    assert run.exit_code == 2 and text in run.stderr and run.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [
    "config digits-128-128-b7-online --out x", "train --save x", "verify --dataset digits",
    "build --board icebreaker", "export a.toml --out x", "search --out x", "list"])
def test_a_working_folder_that_is_gone(arguments, tmp_path, monkeypatch):
    folder = tmp_path / "gone"
    folder.mkdir()
    with monkeypatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PWD", str(folder))
        folder.rmdir()
        run = bep(*arguments.split())
    assert run.exit_code == 2
    assert run.stderr == f"bep: the working folder {folder} cannot be used: {os.strerror(2)}\n"


@pytest.mark.parametrize("command", [
    "verify --dataset digits", "build --board icebreaker", "board simulate tiny.toml", "demo",
    "bench digits-128-128-b7-online --board icebreaker"])
@pytest.mark.parametrize("place", ["file", "file/build", "link"])
def test_a_build_folder_that_is_none(command, place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("link").symlink_to("nothing")
    Path("tiny.toml").write_text("[trainer]\ninputs = 3\nlayers = [2]\nclasses = 2\n")
    run = bep(*command.split(), "--build-dir", place)
    assert (run.exit_code, run.stderr) == (2, f"bep: --build-dir must be a folder, not {place}\n")


def test_traceback_on_request():
    run = bep("--traceback", "train", "--dataset", "cifar")
    assert isinstance(run.exception, FileNotFoundError)


def test_as_a_program():
    run = subprocess.run([sys.executable, "-m", "bep.cli", "train", "--dataset", "cifar"],
                         capture_output=True, text=True, check=False)
    assert run.returncode == 2 and run.stdout == "" and run.stderr.count("\n") == 1
    assert run.stderr.startswith("bep: unknown data set 'cifar'; known are digits, random-proto")


def test_names_are_listed():
    run = bep("list")
    assert run.exit_code == 0 and run.stderr == ""
    lines = [line.split() for line in run.stdout.splitlines() if line]
    names = [line[0] for line in lines]
    assert [name for name in names if name.isupper() is False] == [
        *catalogue.SETS, *presets.names(), *boards()]
    assert ["digits", "1437", "+", "360", "8", "x", "8", "10"] in lines
    assert ["digits-128-128-b7-online", "128-128", "7", "30"] in lines


def test_json_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.json"
    results.write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        results.write_json(path, {"a": object()})
    with pytest.raises(ValueError, match="JSON compliant"):
        results.write_json(path, {"a": float("nan")})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_a_failed_rename_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        results.write_json(tmp_path / "a.json", {})
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_with_the_file(tmp_path):
    with pytest.raises(OSError) as caught, replacing(tmp_path / "out"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert cli.message(caught.value, "train") == f"{tmp_path / 'out'}: No space left on device"
    assert list(tmp_path.iterdir()) == []


def test_training_goes_on_from_a_state_file(tmp_path):
    first, second = tmp_path / "first.npz", tmp_path / "second.npz"
    network = ("train", "--hidden", "16", "--epochs", "1")
    assert bep(*network, "--save", first).exit_code == 0
    assert bep(*network, "--start", first, "--save", second).exit_code == 0
    with np.load(first) as one, np.load(second) as two:
        assert (one["counters_1"] != two["counters_1"]).any()
    third = tmp_path / "third.npz"  # the file tells the network, and the data
    assert bep("train", "--epochs", 1, "--start", first, "--save", third).exit_code == 0
    with np.load(second) as two, np.load(third) as three:
        assert (two["counters_1"] == three["counters_1"]).all()
    configuration.dump(tmp_path / "c.toml", configuration.load(first).config, preset=presets.Preset(
        "digits", (16,), 7, 1, Hyper(group=4)))  # --config says more, whichever comes first
    for options in (("--config", tmp_path / "c.toml", "--start", first),
                    ("--start", first, "--config", tmp_path / "c.toml")):
        told = tmp_path / "told.json"
        assert bep("train", *options, "--json", told).exit_code == 0
        assert json.loads(told.read_text())["hyper"]["group"] == 4
    refused("first.npz is the state of another configuration: layers [16] instead of [8]",
            "--hidden", "8", "--start", first)
    refused("state.npz: No such file", "--start", tmp_path / "state.npz")
    refused("there is no folder", "--save", tmp_path / "missing" / "state.npz")


def test_going_on_from_an_estimator_says_that_its_encoder_is_not_used(tmp_path):
    x, y = np.random.default_rng(1).random((20, 24)), np.arange(20) % 10
    BEPClassifier((8,), epochs=1).fit(x, y).save(tmp_path / "e.npz")
    told = bep("train", "--config", tmp_path / "e.npz", "--start", tmp_path / "e.npz", "--epochs",
               0)
    assert told.exit_code == 0, told.stderr
    assert f"{tmp_path / 'e.npz'} is of an estimator, whose encoder is not used" in told.stderr


def test_a_delay_line_is_for_new_counters(tmp_path):
    pytest.importorskip("aeon", reason="aeon is not installed")
    words = ("train", "--dataset", "ItalyPowerDemand", "--hidden", 17, 8, "--chunk", 6, "--bits", 2,
             "--expand", 0, "--pairs", "--horizon", 1, "--nu", 0)
    state = tmp_path / "a.npz"
    run = bep(*words, "--epochs", 1, "--delay", 2, "--save", state)
    assert run.exit_code == 0, run.output
    again = bep(*words, "--epochs", 1, "--delay", 2, "--start", state)
    assert again.exit_code == 2 and "--delay 2 is for new counters: those of" in again.stderr
