import os
from pathlib import Path

import numpy as np
import pytest

from bep_model.config import Config
from bep_model.data import datasets, encoders
from bep_model.data.catalogue import Encoding
from tests.model.archive_files import write_toy, write_ts
from tests.model.idx_files import write_idx, write_set

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("BEP_DATA", ROOT / "../shared/data"))


@pytest.fixture
def folder(tmp_path):
    """A small data set in four files like MNIST's."""
    return write_set(tmp_path)


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
    encoder = encoders.of_images("differences-40", (3, 12)).fit(np.zeros((2, 36)))
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


@pytest.mark.parametrize("encoding", ["medium", "differences", "differences-0", "differences-x",
                                      "differences-65536", "thermometer-3", "selected-0"])
def test_unknown_encoding(folder, encoding):
    with pytest.raises(ValueError, match=f"and N = 1..65535, not '{encoding}'"):
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


def test_random_prototypes():
    data = datasets.load("random-prototypes")
    assert data.train.x.shape == (20000, 1000) and data.test.x.shape == (3000, 1000)
    means = np.array([data.train.x[data.train.labels == c].mean(axis=0) for c in range(10)])
    prototypes = means > 0.5
    # 20,000 / 10 samples pin each mean to about 0.011: the flip probability shows on both sides
    assert abs(np.abs(means - 0.5).mean() - 0.04) < 0.002
    # the best possible classifier, the nearest prototype, reaches about 82 %
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
    with pytest.raises(FileNotFoundError, match="unknown data set 'cifar'; known are digits, ran"
                                                r".*; any other .*: cifar needs cifar_TRAIN\.ts"):
        datasets.load("cifar")
    with pytest.raises(TypeError, match="digits has no option 'flip'"):
        datasets.load("digits", flip=0.1)


def test_limit_and_check():
    data = datasets.load("digits")
    assert len(data.limit(10).train) == 10 and len(data.limit(10).test) == 360
    with pytest.raises(ValueError, match="train_samples must be between 1 and 1150 for digits"):
        data.limit(1151)
    data.check(Config(192, (8,), 10))
    with pytest.raises(ValueError, match="digits has 192 inputs, the configuration 191"):
        data.check(Config(191, (8,), 10))
    with pytest.raises(ValueError, match="digits has 10 classes, the configuration only 9"):
        data.check(Config(192, (8,), 9))


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "kmnist"])
def test_real_images(name):
    if not (DATA / name).is_dir():
        pytest.skip(f"{name} is not in the data folder (environment variable BEP_DATA)")
    data = datasets.load(name, data=DATA)
    assert data.train.x.shape == (50000, 784)
    assert len(data.validation) == 10000 and data.test.x.shape == (10000, 784)
    np.testing.assert_array_equal(np.bincount(data.test.labels).sum(), 10000)
    assert (data.train.x.mean(axis=0) <= 0.5).all()  # exclusive medians


def test_the_encoder_sees_the_training_part_alone(tmp_path):
    folder, _ = write_toy(tmp_path)
    data = datasets.load("Toy", data=folder, encoding=Encoding(bits=1, window=1))
    # A median is exclusive: half of the samples it was learnt from are above it.
    assert (np.count_nonzero(data.train.x, axis=0) == 8).all()
    assert data.train.lengths is None and data.train.x.shape == (16, 1, 2)


def test_unequal_lengths_come_along(tmp_path):
    folder, _ = write_toy(tmp_path)
    data = datasets.load("Toy", data=folder, encoding=Encoding(bits=3))
    for part in (data.train, data.validation, data.test):
        assert part.lengths.shape == (len(part),) and part.lengths.dtype == np.int64
        for x, length in zip(part.x, part.lengths, strict=True):
            assert not x[length:].any()
    few = data.limit(4).train
    np.testing.assert_array_equal(few.lengths, data.train.lengths[:4])


def test_check_of_a_configuration(tmp_path):
    data = datasets.load("Toy", data=write_toy(tmp_path)[0], encoding=Encoding(bits=3))
    data.check(Config(6, (8, 8), 2, max_steps=5))
    for steps, text in ((4, "max_steps must be at least 5 for .* Toy, not 4"), (0, "not 0")):
        with pytest.raises(ValueError, match=text):
            data.check(Config(6, (8, 8), 2, max_steps=steps))


def test_missing_values_at_the_end_of_a_ts_are_steps(tmp_path):
    cases = [([[1, 2, "?"]], "a"), ([["?", 3, 4]], "b"), ([[5, 6]], "b"), ([[7, 8]], "a")] * 3
    write_ts(tmp_path, "Gap", cases, cases, extra="@missing true\n")
    data = datasets.load("Gap", data=tmp_path, validation=False, encoding=Encoding(bits=1))
    np.testing.assert_array_equal(np.sort(data.train.lengths), [2] * 8 + [3] * 8)


def test_a_window_without_a_number(tmp_path):
    cases = [([[1, 2, "?"]], "a"), ([[2, 3, 4]], "b")] * 3
    write_ts(tmp_path, "Gap", cases, cases, extra="@missing true\n")
    with pytest.raises(ValueError, match=r"Gap: .* sequence without any number in its last 1"):
        datasets.load("Gap", data=tmp_path, encoding=Encoding(window=1))


def test_images_row_by_row():
    if not (DATA / "mnist").is_dir():
        pytest.skip("mnist is not in the data folder (environment variable BEP_DATA)")
    data = datasets.load("s-mnist", data=DATA, encoding=Encoding(20, bits=1))
    assert data.train.x.shape == (50000, 20, 28) and data.test.x.shape == (10000, 20, 28)
    assert len(data.validation) == 10000 and data.train.lengths is None
    assert (data.train.x.mean(axis=0) <= 0.5).all()
