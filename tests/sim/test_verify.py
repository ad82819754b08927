"""`bep verify`, from the command line to the JSON file."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import sim.check
from bep.cli import app
from bep.commands import verify
from bep.commands.verify import example, samples_for
from bep_model.config import Config
from bep_model.configuration import dump
from bep_model.data import datasets
from bep_model.data.catalogue import Encoding
from bep_model.parameters import default_parameters
from bep_model.protocol import Cause
from tests.host.test_content import write_images, write_series

CONFIG = Config(24, (12, 8), 4, weight_lanes=8, counter_lanes=4, max_batch=2)


@pytest.fixture
def run(tmp_path):
    """Call `bep verify` with CONFIG and more arguments; return exit code, output and result."""
    dump(tmp_path / "trainer.toml", CONFIG)

    def run(*arguments, config="trainer.toml"):
        out = tmp_path / "out.json"
        out.unlink(missing_ok=True)
        outcome = CliRunner().invoke(app, ["verify", "--config", str(tmp_path / config), "--json",
                                           str(out), *map(str, arguments)])
        return outcome.exit_code, outcome.output, json.loads(out.read_text()) if out.exists() \
            else None
    return run


@pytest.mark.parametrize("counters", ["every", "end"])
def test_equal(run, counters):
    code, output, result = run("--samples", 21, "--epochs", 2, "--seed", 3, "--counters", counters)
    assert code == 0, output
    assert result["mismatches"] == 0
    assert result["samples"] == 42
    snapshots = 1 + 2 * {"every": 11, "end": 1}[counters]  # batches of two, the last with one
    assert result["compared_counters"] == snapshots * (24 * 12 + 12 * 8)
    assert result["cycles"] == sum(result["cycles_per_phase"].values())
    assert set(result["cycles_per_phase"]) == {cause.name.lower() for cause in Cause}
    assert result["ideal_cycles"] <= result["cycles"]
    assert result["digest"] == CONFIG.digest


def test_snapshots_do_not_count_as_cycles(run):
    results = [run("--samples", 20, "--counters", counters)[2] for counters in ("every", "end")]
    for phase in ("forward", "classify", "backward", "update", "reinforce"):
        assert len({result["cycles_per_phase"][phase] for result in results}) == 1
    # After each of 10 batches the bench polls STATUS, and then loads a sample while nothing runs.
    assert 0 < results[0]["cycles"] - results[1]["cycles"] < 10 * 40


def test_mismatch(run, monkeypatch):
    original = sim.check.expected

    def expected(*arguments):
        wrong = original(*arguments)
        wrong["counters_1"][1, 2, 3] += 1
        return wrong

    monkeypatch.setattr(sim.check, "expected", expected)
    code, output, result = run("--samples", 6)
    assert code == 1
    assert result["mismatches"] == 1
    assert "layer 1, neuron 2, input 3" in output
    assert "reproduce: bep" in output


@pytest.mark.parametrize(("arguments", "text"), [
    (["--samples", 0], "samples must be at least 1, not 0"),
    (["--epochs", 0], "--epochs must be between 1 and 1342177, not 0"),
    (["--epochs", 10**12], "--epochs must be between 1 and 1342177, not 1000000000000"),
    (["--order", "some"], "order must be one of host, chip, not 'some'"),
    (["--counters", "some"], "counters must be one of every, end, not 'some'"),
    (["--idle", 1], "idle must be between 0 and 0.95, not 1.0"),
    (["--dataset", "digits"], "digits has 192 inputs, the configuration 24"),
    (["--dataset", "numerals"], "unknown data set 'numerals'"),
    (["--seed", -1], "--seed must be between 0 and 4294967295, not -1"),
    (["--data", ".", "--dataset", "digits"], "--data . is for data sets in files, and digits has "),
    (["--encoding", "median", "--dataset", "digits"], "digits has no encoding but \"default\""),
])
def test_bad_input(run, arguments, text):
    code, output, result = run(*arguments)
    assert code == 2
    assert text in output
    assert result is None


def test_no_configuration(run):
    code, output, _ = run(config="absent.toml")
    assert code == 2 and "absent.toml: No such file" in output


def test_without_a_configuration_the_data_set_decides():
    outcome = CliRunner().invoke(app, ["verify"])
    assert outcome.exit_code == 2 and "give --config, --dataset or both" in outcome.output
    assert example("digits", 1, None, "default") == Config(192, (64, 32), 10)
    pytest.importorskip("aeon", reason="aeon is not installed")
    config = example("ItalyPowerDemand", 1, None, Encoding(chunk=2, bits=3))
    assert config == Config(6, (64, 32), 2, max_steps=12)
    samples = samples_for(config, "ItalyPowerDemand", 7, 1, encoding=Encoding(chunk=2, bits=3))
    assert samples.x.shape == (7, 12, 6)


def own_table(folder):
    folder.joinpath("own.csv").write_text("".join(
        f"{n * n % 17},{n % 5},{'no' if n % 3 else 'yes'}\n" for n in range(60)))
    return "own.csv", "default"


def own_images(folder):
    write_images(folder, seed=1)
    return "idx", "median"


def own_series(folder):
    write_series(folder, seed=1)
    return "Ours", Encoding(chunk=2, bits=3)


def own_series_tsv(folder):
    for part in ("TRAIN", "TEST"):
        folder.joinpath(f"Ours_{part}.tsv").write_text("".join(
            f"{n % 2}\t{n}\t{n * n % 7}\t2\n" for n in range(30)))
    return "Ours", Encoding(chunk=2, bits=3)


@pytest.mark.parametrize("write", [own_table, own_images, own_series, own_series_tsv])
def test_own_samples_go_through_the_gateware(write, tmp_path, monkeypatch):
    """Samples of own files, as `bep train` takes them; the comparison is tested elsewhere."""
    name, encoding = write(tmp_path)
    jobs = []

    def check(job, **_):
        jobs.append(job)
        return dict.fromkeys(("samples", "compared_counters", "mismatches", "cycles_per_sample",
                              "ideal_cycles_per_sample", "efficiency",
                              "simulated_samples_per_second"), 0)

    monkeypatch.setattr(verify, "check", check)
    options = ["--dataset", name, "--data", str(tmp_path)]
    options += ["--encoding", encoding] if isinstance(encoding, str) else [
        "--chunk", str(encoding.chunk), "--bits", str(encoding.bits)]
    saved = ["--config", str(tmp_path / "trainer.toml"), "--data", str(tmp_path)]
    plain = [] if isinstance(encoding, str) else ["--expand", "0"]
    told = CliRunner().invoke(app, ["train", *options, *plain, "--hidden", "8", "4",
                                    "--epochs", "1", "--save-config", saved[1]])
    assert told.exit_code == 0, told.output
    wanted = datasets.load(name, data=tmp_path, seed=1, validation=False, encoding=encoding)
    # The file says which data they are, and of which kind their bits.
    for arguments, layers in ((options, (64, 32)), (saved, (8, 4))):
        told = CliRunner().invoke(app, ["verify", *arguments, "--samples", "20"])
        assert told.exit_code == 0, told.output
        job = jobs.pop()
        np.testing.assert_array_equal(job.x, wanted.train.x[:20])
        np.testing.assert_array_equal(job.labels, wanted.train.labels[:20])
        assert job.config.layers == layers and job.config.max_steps == wanted.steps


def test_default_parameters_fit():
    for config in (CONFIG, Config(1, (1,), 2, weight_lanes=1, counter_lanes=1, max_batch=7),
                   Config(5, (4, 9), 3, max_batch=1024)):
        parameters = default_parameters(config)
        assert parameters == parameters.validate(config)
        assert parameters.batch == config.max_batch


def test_samples_are_those_of_the_data_set():
    config = Config(192, (4,), 10)
    samples = samples_for(config, "digits", 5, seed=1)
    assert samples.x.shape == (5, 192)
    assert samples.labels.shape == (5,)
    assert np.isin(samples.x, (0, 1)).all()
