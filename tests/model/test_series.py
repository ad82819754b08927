import os
from pathlib import Path

import numpy as np
import pytest

from bep_model.config import Config
from bep_model.data import series
from bep_model.data.labels import name as class_name
from bep_model.data.series import Encoding
from bep_model.data.series_encoders import lengths

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("BEP_DATA", ROOT / "../shared/data"))

HEADER = ("@problemName {name}\n@univariate false\n@equalLength false\n{extra}"
          "@classLabel true {labels}\n@data\n")


def write_ts(folder, name, train, test, labels="a b", extra=""):
    """Write two .ts files of (dimensions, label) cases."""
    for part, cases in (("TRAIN", train), ("TEST", test)):
        lines = [":".join([*(",".join(map(str, d)) for d in dims), label]) for dims, label in cases]
        (folder / f"{name}_{part}.ts").write_text(
            HEADER.format(name=name, labels=labels, extra=extra) + "\n".join(lines) + "\n")


@pytest.fixture
def archive(tmp_path):
    """Thirty sequences of two dimensions and of 1 to 5 samples."""
    rng = np.random.default_rng(1)
    cases = []
    for i in range(30):
        x = rng.integers(0, 100, (2, 1 + i % 5)) + 100 * (i % 2)
        cases.append((x.tolist(), "ab"[i % 2]))
    folder = tmp_path / "ucr" / "Toy"
    folder.mkdir(parents=True)
    write_ts(folder, "Toy", cases[:10], cases[10:])
    return tmp_path, cases


def test_sequences_are_read_and_aligned_at_their_end(archive):
    folder, cases = archive
    values, labels = series.read("Toy", folder)
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
    values, labels = series.read("Flat")
    np.testing.assert_array_equal(values[..., 0], [[0.5, 1.5], [2.5, 3.5], [4.5, 5.5]])
    assert labels[0] == labels[2] != labels[1]


def test_folds_are_disjoint_and_stratified(archive):
    folder, _ = archive
    seen, labels = [], np.arange(30) % 2
    for fold in range(3):
        data = series.load("Toy", data=folder, fold=fold, encoding=Encoding(bits=3))
        assert [len(p) for p in (data.train, data.validation, data.test)] == [16, 4, 10]
        assert np.bincount(data.test.labels).tolist() == [5, 5]
        assert np.bincount(data.validation.labels).tolist() == [2, 2]
        assert data.classes == 2 and data.steps == 5 and data.inputs == 6
        seen.append(series._fold("Toy", labels, "ab", fold, 3, 0)[1])
    np.testing.assert_array_equal(np.sort(np.concatenate(seen)), np.arange(30))


def test_the_encoder_sees_the_training_part_alone(archive):
    folder, _ = archive
    data = series.load("Toy", data=folder, encoding=Encoding(bits=1, window=1))
    # An exclusive median: half of what it was learnt from is above it.
    assert (np.count_nonzero(data.train.x, axis=0) == 8).all()
    assert data.train.lengths is None and data.train.x.shape == (16, 1, 2)


def test_unequal_lengths_come_along(archive):
    folder, _ = archive
    data = series.load("Toy", data=folder, encoding=Encoding(bits=3))
    for part in (data.train, data.validation, data.test):
        assert part.lengths.shape == (len(part),) and part.lengths.dtype == np.int64
        for x, length in zip(part.x, part.lengths, strict=True):
            assert not x[length:].any()
    few = data.limit(4).train
    np.testing.assert_array_equal(few.lengths, data.train.lengths[:4])


def test_the_same_seed_gives_the_same_split(archive):
    folder, _ = archive
    one, two, other = (series.load("Toy", data=folder, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.train.x, two.train.x)
    assert (one.test.x != other.test.x).any()


def test_without_validation(archive):
    folder, _ = archive
    data = series.load("Toy", data=folder, validation=0.0, encoding=Encoding(expand=16))
    assert len(data.train) == 20 and len(data.validation) == 0
    assert data.validation.x.shape == (0, 5, 16)


def test_check_of_a_configuration(archive):
    data = series.load("Toy", data=archive[0], encoding=Encoding(bits=3))
    data.check(Config(6, (8, 8), 2, max_steps=5))
    for steps, text in ((4, "has 5 time steps, the configuration at most 4"), (0, "at most 0")):
        with pytest.raises(ValueError, match=text):
            data.check(Config(6, (8, 8), 2, max_steps=steps))


@pytest.mark.parametrize(("keywords", "text"), [
    (dict(fold=3), "fold must be between 0 and 2, not 3"),
    (dict(folds=1), "folds must be at least 2, not 1"),
    (dict(seed=-1), r"seed of the data must be between 0 and 4294967295, not -1"),
    (dict(validation=1.0), "validation must be at least 0 and below 1, not 1.0"),
    (dict(encoding=Encoding(bits=0)), "bits must be at least 1, not 0"),
    (dict(encoding=Encoding(chunk=0)), "size must be at least 1, not 0"),
    (dict(encoding=Encoding(window=-1)), "length must be at least 1, not -1"),
    (dict(validation=0.01), "Toy: 1 of 20 samples cannot be held out; for 2 classes it "
                              "must be 2 to 18"),
    (dict(folds=16), "Toy has 15 sequences of class a; for 16 folds there must be 16 or more"),
])
def test_load_refuses(archive, keywords, text):
    with pytest.raises(ValueError, match=text):
        series.load("Toy", data=archive[0], **keywords)


def test_missing_and_damaged_files(archive):
    folder, _ = archive
    with pytest.raises(FileNotFoundError, match=r"Nothing needs Nothing_TRAIN\.ts and Nothing"):
        series.load("Nothing", data=folder)
    with pytest.raises(FileNotFoundError, match="there is no data folder"):
        series.load("Toy", data=folder / "missing")
    path = folder / "ucr" / "Toy" / "Toy_TEST.ts"
    path.write_text(path.read_text() + "1,x:3,4:a\n")
    with pytest.raises(ValueError, match=r"Toy_TEST.ts, line 26: value 2 is 'x', which is no num"):
        series.load("Toy", data=folder)


def test_other_dimensions_in_one_file_only(tmp_path):
    write_ts(tmp_path, "Odd", [([[1], [2]], label) for label in "ab"], [([[1]], "b")])
    with pytest.raises(ValueError, match=r"Odd_TEST.ts has .* 1 dimensions, .*_TRAIN.ts of 2"):
        series.read("Odd", tmp_path)


def test_a_sequence_without_numbers(tmp_path):
    write_ts(tmp_path, "Void", [([[1], [2]], "ab"[i % 2]) for i in range(8)], [([["?"]] * 2, "a")])
    with pytest.raises(ValueError, match=r"Void_TEST.ts, line 6: the sequence holds no number"):
        series.load("Void", data=tmp_path, folds=2)


def write_tsv(folder, name, rows, test=None):
    for part, lines in (("TRAIN", rows), ("TEST", rows if test is None else test)):
        (folder / f"{name}_{part}.tsv").write_text(
            "".join("\t".join(map(str, row)) + "\n" for row in lines))


def test_nan_at_the_end_of_a_tsv_is_padding(tmp_path):
    nan = float("nan")
    write_tsv(tmp_path, "Pad", [(1, 0.1, 0.2, nan, "NaN"), (2, 0.3, 0.4, 0.5, 0.6)] * 6)
    values, _ = series.read("Pad", tmp_path)
    np.testing.assert_array_equal(values[0, :, 0], [nan, nan, 0.1, 0.2])
    np.testing.assert_array_equal(lengths(values), [2, 4] * 12)
    data = series.load("Pad", data=tmp_path, validation=0, encoding=Encoding(bits=1))
    for part in (data.train, data.test):
        np.testing.assert_array_equal(part.lengths, 2 + 2 * part.labels)
    # As a .ts with the real lengths.
    write_ts(tmp_path, "Same", [([[0.1, 0.2]], "a"), ([[0.3, 0.4, 0.5, 0.6]], "b")] * 6,
             [([[0.1, 0.2]], "a"), ([[0.3, 0.4, 0.5, 0.6]], "b")] * 6)
    same = series.load("Same", data=tmp_path, validation=0, encoding=Encoding(bits=1))
    np.testing.assert_array_equal(data.train.x, same.train.x)
    np.testing.assert_array_equal(data.train.lengths, same.train.lengths)


@pytest.mark.parametrize(("row", "length", "values"), [
    ((1, 5, "NaN", 6), 3, [5, np.nan, 6]), ((1, "NaN", 5, 6), 3, [np.nan, 5, 6])])
def test_nan_elsewhere_is_a_missing_value(tmp_path, row, length, values):
    write_tsv(tmp_path, "Hole", [row, (2, 7, 8, 9)] * 6)
    np.testing.assert_array_equal(series.read("Hole", tmp_path)[0][0, :, 0], values)
    data = series.load("Hole", data=tmp_path, validation=0, encoding=Encoding(bits=2, chunk=1))
    assert data.train.lengths is None and data.steps == length
    assert not data.train.x[data.train.labels == 0][:, np.isnan(values)].any()


def test_padding_beside_missing_values_can_be_read_in_two_ways(tmp_path):
    rows = [(1, 5, "NaN", 6), (2, 7, 8, "NaN")] * 6
    write_tsv(tmp_path, "Both", rows)
    with pytest.raises(ValueError, match=r"Both_TRAIN.tsv, line 2: the NaN at the end may be padd"
                                         r".*missing values too \(line 1\); write the set as .ts"):
        series.read("Both", tmp_path)
    write_tsv(tmp_path, "Apart", rows[:1] * 3, rows[1:2] * 3)
    with pytest.raises(ValueError, match=r"Apart_TEST.tsv, line 1: the NaN at the end"):
        series.read("Apart", tmp_path)
    # The archive says of these that all have the same length.
    write_tsv(tmp_path, "DodgerLoopDay", rows)
    data = series.load("DodgerLoopDay", data=tmp_path, encoding=Encoding(bits=1))
    assert data.train.lengths is None and data.steps == 3


def test_steps_follow_from_lengths(tmp_path):
    write_tsv(tmp_path, "Pad", [(c, *range(1 + i)) + ("NaN",) * (6 - i)
                                for i in range(7) for c in (1, 2)] * 3)
    values, _ = series.read("Pad", tmp_path)
    for encoding in (Encoding(), Encoding(window=3), Encoding(chunk=2), Encoding(5, 3)):
        np.testing.assert_array_equal(
            lengths(encoding.steps().fit_transform(values)), encoding.lengths(lengths(values)))


@pytest.mark.parametrize(("train", "test"), [
    ("1 1 2 2", ["1.0", "2.0"]), ("1 1 2 2", [" 1", "2 "]), ("1 1.0 2 2", ["01", "+2e0"]),
    ("0 -0.0 5e1 5e1", ["-0", "50"]), ("a a b b", ["a ", " b"])])
def test_equal_labels_however_they_are_written(tmp_path, train, test):
    write_tsv(tmp_path, "Same", [(label, 5, 6) for label in train.split()],
              [(label, 5, 6) for label in test])
    np.testing.assert_array_equal(series.read("Same", tmp_path)[1], [0, 0, 1, 1, 0, 1])
    known = dict.fromkeys(map(class_name, train.split()))
    write_ts(tmp_path, "Same", [([[5]], label) for label in train.split()],
             [([[5]], label) for label in test], " ".join(known))
    np.testing.assert_array_equal(series.read("Same", tmp_path)[1], [0, 0, 1, 1, 0, 1])


def test_capital_letters_make_other_labels(tmp_path):
    cases = [([[5]], label) for label in ("cat", "Cat", "dog", "Emu")]
    write_ts(tmp_path, "Zoo", cases, cases, "Emu dog cat Cat")
    np.testing.assert_array_equal(series.read("Zoo", tmp_path)[1], [1, 0, 2, 3] * 2)


def test_a_class_that_training_does_not_know(tmp_path):
    write_tsv(tmp_path, "New", [(1, 5), (2, 6)] * 6, [(1, 5), (3, 5)])
    with pytest.raises(ValueError, match=r"New_TEST.tsv, line 2: no sequence of .*TRAIN.tsv is of "
                                         "the class '3'"):
        series.read("New", tmp_path)


@pytest.mark.parametrize(("rows", "text"), [
    ([(1, 5)] * 9, "Few_TRAIN.tsv has the class '1' only; there must be two"),
    ([(1, 5)] * 9 + [("x", 6)], "Few has 2 sequences of class x; for 3 folds there must be 3"),
])
def test_too_few_of_a_class(tmp_path, rows, text):
    write_tsv(tmp_path, "Few", rows)
    with pytest.raises(ValueError, match=text):
        series.load("Few", data=tmp_path)


def test_one_sample_of_a_class_to_hold_out(tmp_path):
    write_tsv(tmp_path, "Few", [(1, 5)] * 9 + [("x", 6)])
    with pytest.raises(ValueError, match="Few has 1 sample of class x to train on and to hold out"):
        series.load("Few", data=tmp_path, folds=2)


def test_missing_values_at_the_end_of_a_ts_are_steps(tmp_path):
    cases = [([[1, 2, "?"]], "a"), ([["?", 3, 4]], "b"), ([[5, 6]], "b"), ([[7, 8]], "a")] * 3
    write_ts(tmp_path, "Gap", cases, cases, extra="@missing true\n")
    data = series.load("Gap", data=tmp_path, validation=0, encoding=Encoding(bits=1))
    np.testing.assert_array_equal(np.sort(data.train.lengths), [2] * 8 + [3] * 8)


def test_a_window_without_a_number(tmp_path):
    cases = [([[1, 2, "?"]], "a"), ([[2, 3, 4]], "b")] * 3
    write_ts(tmp_path, "Gap", cases, cases, extra="@missing true\n")
    with pytest.raises(ValueError, match="Gap has a sequence without any number in its last 1"):
        series.load("Gap", data=tmp_path, encoding=Encoding(window=1))


@pytest.mark.parametrize(("name", "shape", "classes"), [
    ("ItalyPowerDemand", (1096, 24, 1), 2), ("JapaneseVowels", (640, 29, 12), 9)])
def test_what_aeon_brings_needs_no_folder(name, shape, classes, monkeypatch):
    pytest.importorskip("aeon", reason="aeon is not installed")
    monkeypatch.delenv("BEP_DATA", raising=False)
    values, labels = series.read(name)
    assert values.shape == shape
    np.testing.assert_array_equal(np.unique(labels), np.arange(classes))


def test_without_aeon_a_folder_is_needed(archive, monkeypatch):
    monkeypatch.delenv("BEP_DATA", raising=False)
    monkeypatch.setattr(series, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match=r"BEP_DATA; the package aeon, .* is not there"):
        series.read("ItalyPowerDemand")
    assert len(series.read("Toy", archive[0])[0]) == 30


@pytest.mark.parametrize(("name", "shape", "classes"), [
    ("ItalyPowerDemand", (1096, 24, 1), 2), ("JapaneseVowels", (640, 29, 12), 9),
    ("PenDigits", (10992, 8, 2), 10), ("DistalPhalanxOutlineAgeGroup", (539, 80, 1), 3),
    ("ProximalPhalanxOutlineAgeGroup", (605, 80, 1), 3)])
def test_real_sequences(name, shape, classes):
    if not (DATA / "ucr" / name).is_dir():
        pytest.skip(f"{name} is not in the data folder (environment variable BEP_DATA)")
    values, labels = series.read(name, DATA)
    assert values.shape == shape and len(np.unique(labels)) == classes


def test_images_row_by_row():
    if not (DATA / "mnist").is_dir():
        pytest.skip("mnist is not in the data folder (environment variable BEP_DATA)")
    data = series.load("s-mnist", data=DATA, validation=1 / 6, encoding=Encoding(20, bits=1))
    assert data.train.x.shape == (50000, 20, 28) and data.test.x.shape == (10000, 20, 28)
    assert len(data.validation) == 10000 and data.train.lengths is None
    assert (data.train.x.mean(axis=0) <= 0.5).all()
