import os
from pathlib import Path

import numpy as np
import pytest

from bep_model import series
from bep_model.config import Config
from bep_model.series import Encoding
from bep_model.series_encoders import lengths

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("BEP_DATA", ROOT / "../shared/data"))

pytest.importorskip("aeon", reason="aeon is not installed")

HEADER = "@problemName {name}\n@univariate false\n@equalLength false\n@classLabel true a b\n@data\n"


def write_ts(folder, name, train, test):
    """Write two .ts files of (dimensions, label) cases."""
    for part, cases in (("TRAIN", train), ("TEST", test)):
        lines = [":".join([*(",".join(map(str, d)) for d in dims), label]) for dims, label in cases]
        (folder / f"{name}_{part}.ts").write_text(
            HEADER.format(name=name) + "\n".join(lines) + "\n")


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
    _, labels = series.read("Toy", folder)
    seen = []
    for fold in range(3):
        data = series.load("Toy", data=folder, fold=fold, encoding=Encoding(bits=3))
        assert [len(p) for p in (data.train, data.validation, data.test)] == [16, 4, 10]
        assert np.bincount(data.test.labels).tolist() == [5, 5]
        assert np.bincount(data.validation.labels).tolist() == [2, 2]
        assert data.classes == 2 and data.steps == 5 and data.inputs == 6
        seen.append(series._fold(labels, fold, 3, 0)[1])
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
    (dict(seed=-1), r"seed of the data must be between 0 and 2\*\*32 - 1, not -1"),
    (dict(validation=1.0), "validation must be at least 0 and below 1, not 1.0"),
    (dict(encoding=Encoding(bits=0)), "bits must be at least 1, not 0"),
    (dict(encoding=Encoding(chunk=0)), "size must be at least 1, not 0"),
    (dict(encoding=Encoding(window=-1)), "length must be at least 1, not -1"),
    (dict(validation=0.01), "Toy: .*test_size = 1 should be greater"),
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
    with pytest.raises(ValueError, match=r"Toy_TEST.ts: could not convert string to float: 'x'"):
        series.load("Toy", data=folder)


def test_other_dimensions_in_one_file_only(tmp_path):
    write_ts(tmp_path, "Odd", [([[1], [2]], "a")], [([[1]], "b")])
    with pytest.raises(ValueError, match="Odd has sequences of 2 and of 1 dimensions"):
        series.read("Odd", tmp_path)


def test_a_sequence_without_numbers(tmp_path):
    write_ts(tmp_path, "Void", [([[1], [2]], "ab"[i % 2]) for i in range(8)], [([["?"]] * 2, "a")])
    with pytest.raises(ValueError, match="Void has a sequence without any number, at 8"):
        series.load("Void", data=tmp_path, folds=2)


@pytest.mark.parametrize(("name", "shape", "classes"), [
    ("ItalyPowerDemand", (1096, 24, 1), 2), ("JapaneseVowels", (640, 29, 12), 9)])
def test_what_aeon_brings_needs_no_folder(name, shape, classes, monkeypatch):
    monkeypatch.delenv("BEP_DATA", raising=False)
    values, labels = series.read(name)
    assert values.shape == shape
    np.testing.assert_array_equal(np.unique(labels), np.arange(classes))


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
