"""Division of data sets into training, validation and test part."""

import numpy as np
import pytest

from bep_model.data import datasets, division
from bep_model.data.catalogue import Encoding
from tests.model.archive_files import write_toy, write_tsv
from tests.model.idx_files import write_idx, write_set


@pytest.fixture
def folder(tmp_path):
    """A small data set in four files like MNIST's."""
    return write_set(tmp_path)


def test_held_out_samples_leave_the_training_part(folder):
    held = datasets.load("mnist", data=folder)
    whole = datasets.load("mnist", data=folder, validation=False)
    assert [len(part) for part in (held.train, held.validation, held.test)] == [100, 20, 30]
    assert [len(part) for part in (whole.train, whole.validation, whole.test)] == [120, 0, 30]
    assert whole.validation.x.shape == (0, 20)
    np.testing.assert_array_equal(np.bincount(held.validation.labels), np.full(10, 2))


@pytest.mark.parametrize(("labels", "text"), [
    (np.r_[np.zeros(119), 1], "mnist has 1 sample of class 1 to train on and to hold out"),
    (np.arange(10), "mnist: 1 of 10 samples cannot be held out|1 sample of class 0"),
    (np.repeat(np.arange(10), 2), "mnist: 3 of 20 samples cannot be held out; for 10 classes it "
                                  "must be 10 to 10"),
])
def test_too_few_samples_to_hold_out(tmp_path, labels, text):
    write_set(tmp_path)
    write_idx(tmp_path / "train-images-idx3-ubyte.gz", np.zeros((len(labels), 4, 5)))
    write_idx(tmp_path / "train-labels-idx1-ubyte.gz", labels)
    write_idx(tmp_path / "t10k-labels-idx1-ubyte.gz", np.arange(30) % 2)
    with pytest.raises(ValueError, match=text):
        datasets.load("mnist", data=tmp_path)
    assert len(datasets.load("mnist", data=tmp_path, validation=False).train) == len(labels)


def test_digits_for_validation_never_come_from_the_test_part():
    whole, held = (datasets.load("digits", validation=v) for v in (False, True))
    np.testing.assert_array_equal(whole.test.x, held.test.x)
    assert len(held.train) + len(held.validation) == 1437
    rows = {row.tobytes() for row in whole.train.x}
    assert all(row.tobytes() in rows for row in held.validation.x)


def test_folds_are_disjoint_and_stratified(tmp_path):
    folder, _ = write_toy(tmp_path)
    seen, labels = [], np.arange(30) % 2
    for fold in range(3):
        data = datasets.load("Toy", data=folder, fold=fold, encoding=Encoding(bits=3))
        assert [len(p) for p in (data.train, data.validation, data.test)] == [16, 4, 10]
        assert np.bincount(data.test.labels).tolist() == [5, 5]
        assert np.bincount(data.validation.labels).tolist() == [2, 2]
        assert data.classes == 2 and data.steps == 5 and data.inputs == 6
        seen.append(division.divide("Toy", labels, "ab", fold, 3, 0)[1])
    np.testing.assert_array_equal(np.sort(np.concatenate(seen)), np.arange(30))


def test_the_same_seed_gives_the_same_split(tmp_path):
    folder, _ = write_toy(tmp_path)
    one, two, other = (datasets.load("Toy", data=folder, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.train.x, two.train.x)
    assert (one.test.x != other.test.x).any()


@pytest.mark.parametrize("folds", [2, 4, 7])
def test_a_fifth_of_sequences_is_held_out_rounded_up(tmp_path, folds):
    data = datasets.load("Toy", data=write_toy(tmp_path)[0], folds=folds)
    rest = len(data.train) + len(data.validation)
    assert rest + len(data.test) == 30 and len(data.validation) == -(-rest // 5)


def test_only_folds_can_be_chosen():
    with pytest.raises(ValueError, match="cross-validated, and must be 0 for digits, not "):
        datasets.load("digits", fold=1)


def test_without_validation(tmp_path):
    folder, _ = write_toy(tmp_path)
    data = datasets.load("Toy", data=folder, validation=False, encoding=Encoding(expand=16))
    assert len(data.train) == 20 and len(data.validation) == 0
    assert data.validation.x.shape == (0, 5, 16)


@pytest.mark.parametrize(("keywords", "text"), [
    (dict(fold=3), "fold must be between 0 and 2, not 3"),
    (dict(folds=1), "folds must be at least 2, not 1"),
    (dict(seed=-1), r"seed of the data must be between 0 and 4294967295, not -1"),
    (dict(folds=16), "Toy has 15 sequences of class a; for 16 folds there must be 16 or more"),
])
def test_load_refuses(tmp_path, keywords, text):
    with pytest.raises(ValueError, match=text):
        datasets.load("Toy", data=write_toy(tmp_path)[0], **keywords)


@pytest.mark.parametrize(("rows", "text"), [
    ([(1, 5)] * 9, "Few_TRAIN.tsv has the class '1' only; there must be two"),
    ([(1, 5)] * 9 + [("x", 6)], "Few has 2 sequences of class x; for 3 folds there must be 3"),
    ([(c, 5) for c in range(4)] * 2,
     "Few: 2 of 10 samples cannot be held out; for 4 classes it must be 4 to 6"),
])
def test_too_few_of_a_class(tmp_path, rows, text):
    write_tsv(tmp_path, "Few", rows)
    with pytest.raises(ValueError, match=text):
        datasets.load("Few", data=tmp_path)


def test_one_sample_of_a_class_to_hold_out(tmp_path):
    write_tsv(tmp_path, "Few", [(1, 5)] * 9 + [("x", 6)])
    with pytest.raises(ValueError, match="Few has 1 sample of class x to train on and to hold out"):
        datasets.load("Few", data=tmp_path, folds=2)
