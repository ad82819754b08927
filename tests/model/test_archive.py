import os
from pathlib import Path

import numpy as np
import pytest

from bep.experiments import runs
from bep_model.data import archive, catalogue, datasets
from bep_model.data.catalogue import Encoding
from bep_model.data.labels import name as class_name
from tests.model.archive_files import lengths, write_toy, write_ts, write_tsv

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("BEP_DATA", ROOT / "../shared/data"))


def test_sequences_are_read_and_aligned_at_their_end(tmp_path):
    folder, cases = write_toy(tmp_path)
    values, labels, *_ = archive.read("Toy", folder)
    assert values.shape == (30, 5, 2)
    np.testing.assert_array_equal(labels, np.arange(30) % 2)
    np.testing.assert_array_equal(lengths(values), 1 + np.arange(30) % 5)
    for row, (x, _) in zip(values, cases, strict=True):
        np.testing.assert_array_equal(row[-len(x[0]):], np.transpose(x))
        assert np.isnan(row[:-len(x[0])]).all()


def test_tsv_and_places(tmp_path, monkeypatch):
    for part, text in (("TRAIN", "1\t0.5\t1.5\n-1\t2.5\t3.5\n"), ("TEST", "1\t4.5\t5.5\n")):
        (tmp_path / f"Flat_{part}.tsv").write_text(text)
    monkeypatch.setenv("BEP_DATA", str(tmp_path))
    values, labels, *_ = archive.read("Flat")
    np.testing.assert_array_equal(values[..., 0], [[0.5, 1.5], [2.5, 3.5], [4.5, 5.5]])
    assert labels[0] == labels[2] != labels[1]


def test_missing_and_damaged_files(tmp_path):
    folder, _ = write_toy(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"Nothing needs Nothing_TRAIN\.ts and Nothing"):
        datasets.load("Nothing", data=folder)
    with pytest.raises(FileNotFoundError, match="there is no data folder"):
        datasets.load("Toy", data=folder / "missing")
    path = folder / "ucr" / "Toy" / "Toy_TEST.ts"
    path.write_text(path.read_text() + "1,x:3,4:a\n")
    with pytest.raises(ValueError, match=r"Toy_TEST.ts, line 26: value 2 is 'x', which is no num"):
        datasets.load("Toy", data=folder)


def test_other_dimensions_in_one_file_only(tmp_path):
    write_ts(tmp_path, "Odd", [([[1], [2]], label) for label in "ab"], [([[1]], "b")])
    with pytest.raises(ValueError, match=r"Odd_TEST.ts has .* 1 dimensions, .*_TRAIN.ts of 2"):
        archive.read("Odd", tmp_path)


def test_a_sequence_without_numbers(tmp_path):
    write_ts(tmp_path, "Void", [([[1], [2]], "ab"[i % 2]) for i in range(8)], [([["?"]] * 2, "a")])
    with pytest.raises(ValueError, match=r"Void_TEST.ts, line 6: the sequence holds no number"):
        datasets.load("Void", data=tmp_path, folds=2)


def test_nan_at_the_end_of_a_tsv_is_padding(tmp_path):
    nan = float("nan")
    write_tsv(tmp_path, "Pad", [(1, 0.1, 0.2, nan, "NaN"), (2, 0.3, 0.4, 0.5, 0.6)] * 6)
    values, *_ = archive.read("Pad", tmp_path)
    np.testing.assert_array_equal(values[0, :, 0], [nan, nan, 0.1, 0.2])
    np.testing.assert_array_equal(lengths(values), [2, 4] * 12)
    data = datasets.load("Pad", data=tmp_path, validation=False, encoding=Encoding(bits=1))
    for part in (data.train, data.test):
        np.testing.assert_array_equal(part.lengths, 2 + 2 * part.labels)
    # As a .ts with the real lengths.
    write_ts(tmp_path, "Same", [([[0.1, 0.2]], "a"), ([[0.3, 0.4, 0.5, 0.6]], "b")] * 6,
             [([[0.1, 0.2]], "a"), ([[0.3, 0.4, 0.5, 0.6]], "b")] * 6)
    same = datasets.load("Same", data=tmp_path, validation=False, encoding=Encoding(bits=1))
    np.testing.assert_array_equal(data.train.x, same.train.x)
    np.testing.assert_array_equal(data.train.lengths, same.train.lengths)


@pytest.mark.parametrize(("row", "length", "values"), [
    ((1, 5, "NaN", 6), 3, [5, np.nan, 6]), ((1, "NaN", 5, 6), 3, [np.nan, 5, 6])])
def test_nan_elsewhere_is_a_missing_value(tmp_path, row, length, values):
    write_tsv(tmp_path, "Hole", [row, (2, 7, 8, 9)] * 6)
    np.testing.assert_array_equal(archive.read("Hole", tmp_path)[0][0, :, 0], values)
    data = datasets.load("Hole", data=tmp_path, validation=False, encoding=Encoding(bits=2))
    assert data.train.lengths is None and data.steps == length
    assert not data.train.x[data.train.labels == 0][:, np.isnan(values)].any()


def test_padding_beside_missing_values_can_be_read_in_two_ways(tmp_path):
    rows = [(1, 5, "NaN", 6), (2, 7, 8, "NaN")] * 6
    write_tsv(tmp_path, "Both", rows)
    with pytest.raises(ValueError, match=r"Both_TRAIN.tsv, line 2: the NaN at the end may be padd"
                                         r".*missing values too \(line 1\); write the set as .ts"):
        archive.read("Both", tmp_path)
    write_tsv(tmp_path, "Apart", rows[:1] * 3, rows[1:2] * 3)
    with pytest.raises(ValueError, match=r"Apart_TEST.tsv, line 1: the NaN at the end"):
        archive.read("Apart", tmp_path)
    # The archive says of these that all have the same length.
    write_tsv(tmp_path, "DodgerLoopDay", rows)
    data = datasets.load("DodgerLoopDay", data=tmp_path, encoding=Encoding(bits=1))
    assert data.train.lengths is None and data.steps == 3


@pytest.mark.parametrize(("train", "test"), [
    ("1 1 2 2", ["1.0", "2.0"]), ("1 1 2 2", [" 1", "2 "]), ("1 1.0 2 2", ["01", "+2e0"]),
    ("0 -0.0 5e1 5e1", ["-0", "50"]), ("a a b b", ["a ", " b"])])
def test_equal_labels_however_they_are_written(tmp_path, train, test):
    write_tsv(tmp_path, "Same", [(label, 5, 6) for label in train.split()],
              [(label, 5, 6) for label in test])
    np.testing.assert_array_equal(archive.read("Same", tmp_path)[1], [0, 0, 1, 1, 0, 1])
    known = dict.fromkeys(map(class_name, train.split()))
    write_ts(tmp_path, "Same", [([[5]], label) for label in train.split()],
             [([[5]], label) for label in test], " ".join(known))
    np.testing.assert_array_equal(archive.read("Same", tmp_path)[1], [0, 0, 1, 1, 0, 1])


def test_capital_letters_make_other_labels(tmp_path):
    cases = [([[5]], label) for label in ("cat", "Cat", "dog", "Emu")]
    write_ts(tmp_path, "Zoo", cases, cases, "Emu dog cat Cat")
    np.testing.assert_array_equal(archive.read("Zoo", tmp_path)[1], [1, 0, 2, 3] * 2)


def test_a_class_that_training_does_not_know(tmp_path):
    write_tsv(tmp_path, "New", [(1, 5), (2, 6)] * 6, [(1, 5), (3, 5)])
    with pytest.raises(ValueError, match=r"New_TEST.tsv, line 2: no sequence of .*TRAIN.tsv is of "
                                         "the class '3'"):
        archive.read("New", tmp_path)


def check_known(name, data=None):
    values, labels, *_ = archive.read(name, data)
    known = catalogue.SETS[name]
    assert values.shape == (known.train, *known.shape)
    np.testing.assert_array_equal(np.unique(labels), np.arange(known.classes))


@pytest.mark.parametrize("name", ["ItalyPowerDemand", "JapaneseVowels"])
def test_what_aeon_brings_needs_no_folder(name, monkeypatch):
    pytest.importorskip("aeon", reason="aeon is not installed")
    monkeypatch.delenv("BEP_DATA", raising=False)
    check_known(name)


@pytest.mark.parametrize("name", ["ItalyPowerDemand", "JapaneseVowels"])
def test_a_folder_that_is_given_counts_alone(name, tmp_path):
    pytest.importorskip("aeon", reason="aeon is not installed")
    with pytest.raises(FileNotFoundError, match=rf"^{name} needs {name}_TRAIN.* in {tmp_path}, in"):
        archive.read(name, tmp_path)
    assert runs.place(name, tmp_path) is None  # one of several sets, as in an experiment
    write_tsv(tmp_path, name, [(1, 5), (2, 6)] * 6)
    assert len(archive.read(name, tmp_path)[0]) == 24
    assert runs.place(name, tmp_path) == tmp_path and runs.place("mnist", tmp_path) == tmp_path


def test_without_aeon_a_folder_is_needed(tmp_path, monkeypatch):
    monkeypatch.delenv("BEP_DATA", raising=False)
    monkeypatch.setattr(archive, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match=r"BEP_DATA; the package aeon, .* is not there"):
        archive.read("ItalyPowerDemand")
    assert len(archive.read("Toy", write_toy(tmp_path)[0])[0]) == 30


@pytest.mark.parametrize("name", catalogue.ARCHIVE)
def test_real_sequences(name):
    if not (DATA / "ucr" / name).is_dir():
        pytest.skip(f"{name} is not in the data folder (environment variable BEP_DATA)")
    check_known(name, DATA)
