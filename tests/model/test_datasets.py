import os
from pathlib import Path

import numpy as np
import pytest

from bep_model.config import Config
from bep_model.data import datasets, images
from tests.model.idx_files import write_idx, write_set

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("BEP_DATA", ROOT / "../shared/data"))


@pytest.fixture
def folder(tmp_path):
    """A small data set in MNIST's four files."""
    return write_set(tmp_path)


def test_held_out_samples_leave_the_training_part(folder):
    held = datasets.load("mnist", data=folder)
    whole = datasets.load("mnist", data=folder, validation=False)
    assert [len(part) for part in (held.train, held.validation, held.test)] == [100, 20, 30]
    assert [len(part) for part in (whole.train, whole.validation, whole.test)] == [120, 0, 30]
    assert whole.validation.x.shape == (0, 20)
    np.testing.assert_array_equal(np.bincount(held.validation.labels), np.full(10, 2))


def test_medians_are_those_of_the_training_part(folder):
    data = datasets.load("mnist", data=folder)
    assert abs(data.train.x.mean(axis=0) - 0.5).max() <= 0.02  # ties only


@pytest.mark.parametrize(("encoding", "inputs", "levels"), [
    ("median", 784, 1), ("differences-70", 70, 1), ("selected-60", 60, 5)])
def test_encodings_of_images(tmp_path, encoding, inputs, levels):
    write_set(tmp_path, shape=(28, 28))
    data = datasets.load("mnist", data=tmp_path, encoding=encoding)
    assert data.train.x.dtype == data.test.x.dtype == np.uint8
    assert data.train.x.shape == (100, inputs) and data.test.x.shape == (30, inputs)
    place = data.train.x.mean(axis=0) * (levels + 1)  # quantiles of the training part
    assert abs(place - place.round()).max() < 0.06 * (levels + 1) and place.min() > 0.5
    assert len(np.unique(place.round())) == levels


def test_thermometer_leaves_out_bits_that_hardly_change(folder):
    path = folder / "train-images-idx3-ubyte.gz"
    x = np.random.default_rng(2).integers(0, 256, (120, 4, 5))
    x[:, 0] = 0
    write_idx(path, x)
    data = datasets.load("mnist", data=folder, encoding="thermometer")
    assert data.inputs == 2 * 15 and data.test.x.shape == (30, 30)


def test_windows_of_differences_have_the_images_width(tmp_path):
    write_set(tmp_path, shape=(3, 12))
    encoder = images.encoder("differences-40", (3, 12)).fit(np.zeros((2, 36)))
    columns = np.hstack([encoder.added_, encoder.subtracted_]) % 12
    assert (np.ptp(columns, axis=1) < 9).all() and encoder.width == 12
    assert datasets.load("mnist", data=tmp_path, encoding="differences-40").inputs == 40


@pytest.mark.parametrize(("shape", "encoding", "text"), [
    ((4, 5), "selected-101", "selected-101: images of 4 x 5 pixels have only 100 bits"),
    ((2, 3), "differences-9", "mnist, encoding differences-9: pixels must be even, 2 to 6"),
])
def test_an_encoding_gives_the_bits_it_is_asked_for_or_says_so(tmp_path, shape, encoding, text):
    write_set(tmp_path, shape=shape)
    with pytest.raises(ValueError, match=text):
        datasets.load("mnist", data=tmp_path, encoding=encoding)


def test_a_thermometer_without_a_bit_that_changes(tmp_path):
    write_set(tmp_path)
    write_idx(tmp_path / "train-images-idx3-ubyte.gz", np.zeros((120, 4, 5)))
    with pytest.raises(ValueError, match="mnist, encoding thermometer: No feature"):
        datasets.load("mnist", data=tmp_path, encoding="thermometer")


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


@pytest.mark.parametrize("encoding", ["medium", "differences", "differences-0", "differences-x",
                                      "differences-65536", "thermometer-3", "selected-0"])
def test_unknown_encoding(folder, encoding):
    with pytest.raises(ValueError, match=f"N with N = 1..65535, not '{encoding}'"):
        datasets.load("mnist", data=folder, encoding=encoding)


@pytest.mark.parametrize("name", ["digits", "random-prototypes"])
def test_other_data_has_one_encoding(name):
    with pytest.raises(ValueError, match=f"{name} has no encoding but \"default\", not 'median'"):
        datasets.load(name, encoding="median")


def test_digits():
    data = datasets.load("digits", validation=False)
    assert data.train.x.shape == (1437, 192) and data.test.x.shape == (360, 192)
    assert data.train.x.dtype == np.uint8 and set(np.unique(data.train.x)) == {0, 1}
    assert set(data.train.labels) == set(range(10)) and data.classes == 10
    assert np.ptp(np.bincount(data.test.labels)) <= 2  # stratified
    again = datasets.load("digits", validation=False)
    np.testing.assert_array_equal(data.train.x, again.train.x)
    other = datasets.load("digits", validation=False, seed=1)
    assert (data.test.x != other.test.x).any()


def test_digits_for_validation_never_come_from_the_test_part():
    whole, held = (datasets.load("digits", validation=v) for v in (False, True))
    np.testing.assert_array_equal(whole.test.x, held.test.x)
    assert len(held.train) + len(held.validation) == 1437
    rows = {row.tobytes() for row in whole.train.x}
    assert all(row.tobytes() in rows for row in held.validation.x)


def test_random_prototypes():
    data = datasets.load("random-prototypes")
    assert data.train.x.shape == (20000, 1000) and data.test.x.shape == (3000, 1000)
    means = np.array([data.train.x[data.train.labels == c].mean(axis=0) for c in range(10)])
    prototypes = means > 0.5
    # 20,000 / 10 samples pin each mean to about 0.011: the flip probability shows on both sides
    assert abs(np.abs(means - 0.5).mean() - 0.04) < 0.002
    # the best guess, the nearest prototype, reaches the known limit of about 82 %
    sign = 2.0 * prototypes - 1
    guess = np.argmax((2.0 * data.test.x - 1) @ sign.T, axis=1)
    assert 0.79 < np.mean(guess == data.test.labels) < 0.84


def test_random_prototypes_of_any_shape():
    data = datasets.load("random-prototypes", inputs=1, classes=256, train=3, test=2, seed=7)
    assert data.train.x.shape == (3, 1) and data.validation.x.shape == (2, 1)
    assert data.classes == 256
    exact = datasets.load("random-prototypes", inputs=33, classes=2, train=9, flip=0.0)
    assert len({row.tobytes() for row in exact.train.x}) == 2


@pytest.mark.parametrize(("keywords", "text"), [
    (dict(inputs=0), "inputs must be at least 1, not 0"),
    (dict(classes=1), "classes must be at least 2, not 1"),
    (dict(flip=1.5), "flip must be between 0 and 1, not 1.5"),
    (dict(train=0), "train must be at least 1, not 0"),
    (dict(seed=-1), "seed of the data must be between 0 and 4294967295, not -1"),
])
def test_random_prototypes_refuses(keywords, text):
    with pytest.raises(ValueError, match=text):
        datasets.load("random-prototypes", **keywords)


def test_unknown_name_and_option():
    with pytest.raises(ValueError, match="unknown data set 'cifar'; known are digits, random-pro"):
        datasets.load("cifar")
    with pytest.raises(TypeError, match="digits has no option 'flip'"):
        datasets.load("digits", flip=0.1)


def test_limit_and_check():
    data = datasets.load("digits")
    assert len(data.limit(10).train) == 10 and len(data.limit(10).test) == 360
    with pytest.raises(ValueError, match="1 to 1150 training samples, not 1151"):
        data.limit(1151)
    data.check(Config(192, (8,), 10))
    with pytest.raises(ValueError, match="digits has 192 inputs, the configuration 191"):
        data.check(Config(191, (8,), 10))
    with pytest.raises(ValueError, match="digits has 10 classes, the configuration only 9"):
        data.check(Config(192, (8,), 9))


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_real_images(name):
    if not (DATA / name).is_dir():
        pytest.skip(f"{name} is not in the data folder (environment variable BEP_DATA)")
    data = datasets.load(name, data=DATA)
    assert data.train.x.shape == (50000, 784)
    assert len(data.validation) == 10000 and data.test.x.shape == (10000, 784)
    np.testing.assert_array_equal(np.bincount(data.test.labels).sum(), 10000)
    assert (data.train.x.mean(axis=0) <= 0.5).all()  # exclusive medians
