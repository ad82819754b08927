import gzip
import struct
import tracemalloc

import numpy as np
import pytest

from bep_model.data import datasets, idx, images
from bep_model.data.catalogue import Encoding
from tests.model.idx_files import write_idx, write_set


@pytest.fixture
def folder(tmp_path):
    return write_set(tmp_path)


def test_idx_is_read_as_written(tmp_path):
    array = np.arange(24).reshape(2, 3, 4)
    for name in ("a.gz", "a.idx"):
        write_idx(tmp_path / name, array)
        np.testing.assert_array_equal(idx.read(tmp_path / name, 3), array)
    (tmp_path / "packed").write_bytes((tmp_path / "a.gz").read_bytes())
    np.testing.assert_array_equal(idx.read(tmp_path / "packed", 3), array)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(("change", "text"), [
    (dict(magic=0x0d03), "has the magic number 0x00000d03, not 0x00000803"),
    (dict(cut=1), r"is truncated: 23 bytes of data, 24 expected for \(2, 3, 4\)"),
    (dict(cut=30), "is truncated: 10 bytes, a header has 16"),
    (dict(cut=39), "is truncated: 1 bytes, a header has 16"),
])
def test_damaged_idx(tmp_path, change, text, suffix):
    path = tmp_path / f"a.idx{suffix}"
    write_idx(path, np.arange(24).reshape(2, 3, 4), **change)
    with pytest.raises(ValueError, match=text) as error:
        idx.read(path, 3)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("packed", [False, True])
def test_idx_with_bytes_left_over(tmp_path, packed):
    path = tmp_path / "a.idx"
    write_idx(path, np.arange(4))
    content = path.read_bytes() + b"xyz"
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(ValueError, match="is too long: 5 bytes of data, 4 expected"):
        idx.read(path, 1)


CLAIMS = [((2**32 - 1,) * 3, 0), ((2**11, 2**10, 2**10), 0), ((2**32 - 1, 2**32 - 1, 0), 0),
          ((1000, 1000, 1000), 100), ((1000, 1000, 100), 100), ((2, 3, 4), 10**8)]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("shape", "there"), CLAIMS)
def test_a_claim_is_not_believed(tmp_path, shape, there, packed):
    path = tmp_path / "claim"
    content = struct.pack(">4I", 0x0803, *shape) + bytes(there)
    path.write_bytes(gzip.compress(content) if packed else content)
    del content
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=f"{path} (claims to hold|is truncated|is too long)"):
            idx.read(path, 3)
        assert tracemalloc.get_traced_memory()[1] < 10**6
    finally:
        tracemalloc.stop()


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
    with pytest.raises(ValueError, match="has the label 10 at 0; of mnist it must be 0 to 9"):
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


def test_a_failed_download_says_what_to_do(monkeypatch):
    tried = []

    def retrieve(address, **_):
        tried.append(address)
        raise ConnectionError("no network")

    monkeypatch.setattr(images.pooch, "retrieve", retrieve)
    monkeypatch.delenv("BEP_DATA", raising=False)
    with pytest.raises(OSError, match=r"could not download train-images.*--data"):
        datasets.load("mnist")
    assert len(tried) == len(images.MIRRORS["mnist"]) > 1


@pytest.mark.parametrize("names", [
    "{}-{}-{}-ubyte.gz", "{}-{}-{}-ubyte", "{}-{}.{}-ubyte", "{}-{}.{}-ubyte.gz"])
@pytest.mark.parametrize("parts", [("train", "t10k"), ("train", "test")])
def test_usual_names(tmp_path, names, parts):
    x, labels = images.read("fashion-mnist", write_set(tmp_path, names=names, parts=parts))[1]
    assert x.shape == (30, 4, 5)
    np.testing.assert_array_equal(labels, np.arange(30) % 10)


EMNIST = [("balanced", 47, 0), ("byclass", 62, 0), ("bymerge", 47, 0), ("digits", 10, 0),
          ("letters", 26, 1), ("mnist", 10, 0)]


@pytest.mark.parametrize("place", ["", "emnist", "gzip", "emnist/gzip", "own"])
@pytest.mark.parametrize(("which", "classes", "first"), EMNIST)
def test_emnist(tmp_path, which, classes, first, place):
    name = f"emnist-{which}"
    place = tmp_path / (name if place == "own" else place)
    place.mkdir(parents=True, exist_ok=True)
    write_set(tmp_path)  # MNIST's names in the same folder are not its
    write_set(place, names=name + "-{}-{}-{}-ubyte.gz", parts=("train", "test"), classes=classes,
              first=first, shape=(6, 4))
    (x, labels), (test_x, test_labels), found = images.read(name, tmp_path)
    raw = idx.read(place / f"{name}-train-images-idx3-ubyte.gz", 3)
    np.testing.assert_array_equal(x, raw.transpose(0, 2, 1))  # upright
    np.testing.assert_array_equal(labels, np.arange(120) % classes)
    np.testing.assert_array_equal(test_labels, np.arange(30) % classes)
    assert found.tolist() == list(range(first, first + classes)) and test_x.shape == (30, 4, 6)
    data = datasets.load(name, data=tmp_path, validation=False)
    assert data.classes == classes and data.inputs == 24


def test_emnist_needs_a_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("BEP_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match=r"emnist-letters is not downloaded; give .*--data"):
        datasets.load("emnist-letters")
    write_set(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"needs .*emnist-letters-train-images-idx3"):
        datasets.load("emnist-letters", data=tmp_path)


@pytest.mark.parametrize(("name", "first", "classes", "text"), [
    ("emnist-letters", 0, 26, "has the label 0 at 0; of emnist-letters it must be 1 to 26"),
    ("emnist-digits", 1, 10, "has the label 10 at 9; of emnist-digits it must be 0 to 9"),
])
def test_labels_of_another_set(tmp_path, name, first, classes, text):
    write_set(tmp_path, names=name + "-{}-{}-{}-ubyte", parts=("train", "test"), first=first,
              classes=classes)
    with pytest.raises(ValueError, match=text):
        datasets.load(name, data=tmp_path)


def test_any_other_files(tmp_path):
    write_set(tmp_path, names="{}-{}-{}-ubyte", classes=7, first=3)
    data = datasets.load("idx", data=tmp_path, validation=False)
    assert data.classes == 7 and data.inputs == 20
    np.testing.assert_array_equal(data.train.labels, np.arange(120) % 7)
    sequences = datasets.load("s-idx", data=tmp_path, encoding=Encoding(bits=2))
    assert sequences.steps == 4 and sequences.inputs == 10 and sequences.classes == 7


@pytest.mark.parametrize("name", ["idx", "mnist"])
def test_classes_that_training_does_not_know(tmp_path, name):
    write_set(tmp_path, classes=5)
    write_idx(tmp_path / "t10k-labels-idx1-ubyte.gz", np.arange(30) % 6)
    with pytest.raises(ValueError, match=r"t10k.* has the label 5 at 5; no image of .* has it"):
        datasets.load(name, data=tmp_path)


def test_one_class_only(tmp_path):
    write_set(tmp_path, classes=1, first=4)
    for name in ("idx", "mnist"):
        with pytest.raises(ValueError, match="has the label 4 only; there must be two classes"):
            datasets.load(name, data=tmp_path)


def test_parts_of_other_shapes(folder):
    write_idx(folder / "t10k-images-idx3-ubyte.gz", np.zeros((30, 5, 4)))
    with pytest.raises(ValueError, match=r"have 5 x 4 pixels, those of .* 4 x 5"):
        datasets.load("mnist", data=folder)
