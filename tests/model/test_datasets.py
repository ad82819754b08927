import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from bep_model import datasets, idx
from bep_model.config import Config

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("BEP_DATA", ROOT / "../shared/data"))


def write_idx(path, array, magic=None, cut=None):
    """Write an array of bytes as IDX; ``cut`` drops so many bytes of its end."""
    header = struct.pack(f">{1 + array.ndim}I", magic or 0x0800 | array.ndim, *array.shape)
    content = (header + array.astype(np.uint8).tobytes())[:None if cut is None else -cut]
    path.write_bytes(gzip.compress(content, 1) if path.suffix == ".gz" else content)


@pytest.fixture
def folder(tmp_path):
    """A small data set in MNIST's four files."""
    rng = np.random.default_rng(1)
    for part, n in (("train", 120), ("t10k", 30)):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte.gz", rng.integers(0, 256, (n, 4, 5)))
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte.gz", np.arange(n) % 10)
    return tmp_path


def test_idx_is_read_as_written(tmp_path):
    array = np.arange(24).reshape(2, 3, 4)
    for name in ("a.gz", "a.idx"):
        write_idx(tmp_path / name, array)
        np.testing.assert_array_equal(idx.read(tmp_path / name, 3), array)


@pytest.mark.parametrize(("change", "text"), [
    (dict(magic=0x0d03), "has the magic number 0x00000d03, not 0x00000803"),
    (dict(cut=1), r"is truncated: 23 bytes of data, 24 expected for \(2, 3, 4\)"),
    (dict(cut=30), "is truncated: 10 bytes, a header has 16"),
    (dict(cut=39), "is truncated: 1 bytes, a header has 16"),
])
def test_damaged_idx(tmp_path, change, text):
    path = tmp_path / "a.idx"
    write_idx(path, np.arange(24).reshape(2, 3, 4), **change)
    with pytest.raises(ValueError, match=text) as error:
        idx.read(path, 3)
    assert str(path) in str(error.value)


def test_idx_with_bytes_left_over(tmp_path):
    path = tmp_path / "a.idx"
    write_idx(path, np.arange(4))
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ValueError, match="is too long: 5 bytes of data, 4 expected"):
        idx.read(path, 1)


def test_damaged_gzip(folder):
    path = folder / "train-images-idx3-ubyte.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(ValueError, match="is truncated: its gzip stream has no end"):
        datasets.load("mnist", data=folder)
    path.write_bytes(b"no gzip at all")
    with pytest.raises(ValueError, match="is not a gzip file"):
        datasets.load("mnist", data=folder)
    path.write_bytes(whole[:40] + bytes(40) + whole[80:])
    with pytest.raises(ValueError, match="is not a gzip file"):
        datasets.load("mnist", data=folder)


def test_labels_are_checked(folder):
    path = folder / "train-labels-idx1-ubyte.gz"
    write_idx(path, np.full(120, 10))
    with pytest.raises(ValueError, match="has the label 10 at 0; it must be below 10"):
        datasets.load("mnist", data=folder)
    write_idx(path, np.zeros(119))
    with pytest.raises(ValueError, match="has 119 labels for the 120 images"):
        datasets.load("mnist", data=folder)


def test_no_images(folder):
    write_idx(folder / "t10k-images-idx3-ubyte.gz", np.zeros((0, 4, 5)))
    with pytest.raises(ValueError, match="holds no pixels"):
        datasets.load("mnist", data=folder)


def test_files_are_found_in_the_folder_and_below_it(folder, monkeypatch):
    here = datasets.load("mnist", data=folder)
    inner = folder / "mnist"
    inner.mkdir()
    for path in list(folder.glob("*.gz")):
        path.rename(inner / path.name)
    monkeypatch.setenv("BEP_DATA", str(folder))
    below = datasets.load("mnist")
    np.testing.assert_array_equal(here.train.x, below.train.x)
    with pytest.raises(FileNotFoundError, match=r"fashion-mnist needs .*train-images.*not exist"):
        datasets.load("fashion-mnist")
    with pytest.raises(FileNotFoundError, match="no data folder"):
        datasets.load("mnist", data=folder / "missing")


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
    rng = np.random.default_rng(1)
    for part, n in (("train", 120), ("t10k", 30)):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte.gz", rng.integers(0, 256, (n, 28, 28)))
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte.gz", np.arange(n) % 10)
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
    (dict(seed=-1), "seed of the data must be between 0 and 2\\*\\*32 - 1, not -1"),
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


def test_a_failed_download_says_what_to_do(monkeypatch):
    tried = []

    def retrieve(address, **_):
        tried.append(address)
        raise ConnectionError("no network")

    monkeypatch.setattr(datasets.pooch, "retrieve", retrieve)
    monkeypatch.delenv("BEP_DATA", raising=False)
    with pytest.raises(OSError, match=r"could not download train-images.*--data"):
        datasets.load("mnist")
    assert len(tried) == len(datasets.MIRRORS["mnist"]) > 1


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_real_images(name):
    if not (DATA / name).is_dir():
        pytest.skip(f"{name} is not in the data folder (environment variable BEP_DATA)")
    data = datasets.load(name, data=DATA)
    assert data.train.x.shape == (50000, 784)
    assert len(data.validation) == 10000 and data.test.x.shape == (10000, 784)
    np.testing.assert_array_equal(np.bincount(data.test.labels).sum(), 10000)
    assert (data.train.x.mean(axis=0) <= 0.5).all()  # exclusive medians
