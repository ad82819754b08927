"""A run's results belong to the content of its data, not only to their name."""

import gzip
import json
import shutil
import struct
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from bep import cli
from bep.commands import reproduce
from bep.experiments import runs, workers
from bep.experiments.experiments import EXPERIMENTS
from bep.experiments.runs import Run
from bep.reports import bench_report
from bep_model.data import catalogue
from bep_model.fit.training import Hyper


def write_images(folder, seed, level=9):
    """Files in MNIST's format: 120 and 40 images of 4 x 4 pixels."""
    rng = np.random.default_rng(seed)
    folder.mkdir(exist_ok=True)
    for part, n in (("train", 120), ("t10k", 40)):
        for kind, values in (("images-idx3", rng.integers(0, 256, (n, 4, 4), np.uint8)),
                             ("labels-idx1", (np.arange(n) % 10).astype(np.uint8))):
            head = struct.pack(f">{1 + values.ndim}I", 0x800 + values.ndim, *values.shape)
            path = folder / f"{part}-{kind}-ubyte.gz"
            path.write_bytes(gzip.compress(head + values.tobytes(), level))


def write_series(folder, seed, comment="# ours"):
    """Files of an archive: 60 and 30 sequences of 8 numbers, two classes."""
    rng = np.random.default_rng(seed)
    folder.mkdir(exist_ok=True)
    for part, n in (("TRAIN", 60), ("TEST", 30)):
        lines = [f"{','.join(f'{x:.3f}' for x in rng.normal(size=8))}:{i % 2}"
                 for i in range(n)]
        (folder / f"Ours_{part}.ts").write_text("\n".join([
            comment, "@problemName Ours", "@timeStamps false", "@missing false", "@univariate true",
            "@equalLength true", "@seriesLength 8", "@classLabel true 0 1", "@data", *lines, ""]))


KINDS = {
    "images": (Run("mnist", (8,), epochs=1, counter_bits=7, hyper=Hyper(group=4)), write_images),
    "images as sequences": (Run("s-mnist", (8, 4), epochs=1, counter_bits=7,
                                hyper=Hyper(group=4)), write_images),
    "sequences": (Run("Ours", (8, 4), epochs=1, folds=2, counter_bits=7,
                      hyper=Hyper(group=4)), write_series),
}


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def kind(request):
    """A run, and the function that writes its files."""
    return request.param


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """Carry out runs in this process; the fixture lists those that were carried out."""
    done = []

    def completed(_, wanted, data):
        for run in wanted:
            done.append(run)
            yield run, runs.execute(run, data=data)

    monkeypatch.setattr(workers, "cluster", lambda *_: nullcontext())
    monkeypatch.setattr(workers, "completed", completed)
    return done


@pytest.mark.parametrize("place", ["another folder", "the same folder", "BEP_DATA"])
def test_other_data_are_another_result(kind, place, tmp_path, here, capsys, monkeypatch):
    run, write = kind
    results, first, second = (tmp_path / name for name in ("results", "first", "second"))
    results.mkdir()
    write(first, 1)
    write(second, 2)

    def carry_out(folder):
        if place == "the same folder":
            shutil.copytree(folder, tmp_path / "data", dirs_exist_ok=True)
            folder = tmp_path / "data"
        if place == "BEP_DATA":
            monkeypatch.setenv("BEP_DATA", str(folder))
        (found,) = workers.carry_out(
            {"run": run}, results, data=None if place == "BEP_DATA" else str(folder)).values()
        return found

    one = carry_out(first)
    assert "other data" not in capsys.readouterr().err
    other = carry_out(second)
    assert "1 of these runs have results" in (told := capsys.readouterr().err)
    assert "of other data" in told
    assert one["digest"] == other["digest"] == run.digest and one["data"] != other["data"]
    assert {**one, "seconds": 0, "data": 0} != {**other, "seconds": 0, "data": 0}
    assert carry_out(first) == one and carry_out(second) == other
    assert len(here) == 2 and len(list(results.iterdir())) == 2


def test_how_data_are_written_does_not_matter(kind, tmp_path):
    run, write = kind
    write(tmp_path / "first", 1)
    write(tmp_path / "second", 1, 1 if write is write_images else "# the same numbers")
    told = {runs.content(run.dataset, tmp_path / name) for name in ("first", "second")}
    assert len(told) == 1 and len(told.pop()) == 64


def test_results_that_do_not_say_of_which_data_are_not_used(kind, tmp_path, here, capsys):
    run, write = kind
    write(tmp_path, 1)
    results = tmp_path / "results"
    results.mkdir()
    (found,) = workers.carry_out({"run": run}, results, data=str(tmp_path)).values()
    (path,) = results.iterdir()
    del found["data"]
    (results / f"{run.digest}.json").write_text(json.dumps(found))
    path.unlink()
    workers.carry_out({"run": run}, results, data=str(tmp_path))
    assert len(here) == 2 and "do not say of which: they are not used" in capsys.readouterr().err
    path.write_text(json.dumps(found))  # a file that was renamed
    workers.carry_out({"run": run}, results, data=str(tmp_path))
    assert len(here) == 3 and "is damaged; it is run again" in capsys.readouterr().err


@pytest.mark.parametrize("dataset", catalogue.PLAIN)
def test_data_without_files_have_no_checksum(dataset):
    run = Run(dataset, (8,))
    assert runs.content(dataset) is None
    assert runs.file_name(run, None) == f"{run.digest}.json"


def test_files_that_are_missing_are_told_before_anything_is_run(tmp_path, here):
    digits = Run("digits", (8,), epochs=1, hyper=Hyper(group=4), train_samples=60)
    with pytest.raises(FileNotFoundError, match=str(tmp_path)):
        workers.carry_out({"digits": digits, "absent": KINDS["images"][0]}, tmp_path,
                          data=str(tmp_path))
    assert here == []


def test_data_that_are_others_where_they_are_run(tmp_path, monkeypatch, capsys):
    run, write = KINDS["images"]
    write(tmp_path, 1)
    other = runs.execute(run, data=str(tmp_path)) | {"data": "0" * 64}
    monkeypatch.setattr(workers, "completed", lambda *_: [(run, other)])
    assert workers.carry_out({"run": run}, tmp_path / "x", data=str(tmp_path)) == {}
    assert "the data mnist are others where it was run" in capsys.readouterr().err


def test_the_command_writes_what_belongs_to_its_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run, write = KINDS["images"]
    points = [replace(point, run=replace(run, hidden=(width,))) for width, point in zip(
        (4, 8), EXPERIMENTS["hardware"].points(), strict=False)]
    monkeypatch.setattr(reproduce, "planned", lambda *_: points)
    documents = []
    for seed in (1, 2, 1):
        write(tmp_path / str(seed), seed)
        told = CliRunner().invoke(cli.app, [
            "reproduce", "hardware", "--seeds", "1", "--data", str(tmp_path / str(seed)),
            "--results", "results"])
        assert told.exit_code == 0, told.output
        documents.append(json.loads(
            (tmp_path / "build" / "docs" / "results" / "hardware.json").read_text()))
    assert documents[0] == documents[2] != documents[1]
    assert documents[0]["data"]["mnist"] == runs.content("mnist", tmp_path / "1")


def test_a_study_of_other_data_is_another(tmp_path):
    search = pytest.importorskip("bep.commands.search")
    preset = search.Preset("mnist", (8,), 7, 1, Hyper(group=4, sweep=100))
    values = []
    for seed in (1, 2, 1):
        write_images(tmp_path / str(seed), seed)
        _, study = search.search(preset, trials=1, data=tmp_path / str(seed),
                                 storage=tmp_path / "journal")
        assert len(study.trials) == 1
        values.append(study.trials[0].datetime_start)
    assert values[0] == values[2] != values[1]


def test_a_measured_design_shows_no_accuracy_of_other_data():
    entry = {"run": {"dataset": "mnist"}, "data": "a", "measured": {"run_accuracy": 0.5}}
    point = {"run": {"dataset": "mnist"}, "mean": 90.0, "sd": None, "n": 1}
    assert bench_report.accuracy(entry, [point | {"data": "b"}]) == "50.0 % (n = 1)"
    assert bench_report.accuracy(entry, [point | {"data": "a"}]) == "90.0 % (n = 1)"
    assert bench_report.accuracy(entry, [point]) == "90.0 % (n = 1)"
