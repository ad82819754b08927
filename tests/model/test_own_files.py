"""Own data in .npz, .arff and folders of images: what is read, and what is refused."""

import tracemalloc
import zipfile

import numpy as np
import pytest
from PIL import Image

from bep_model.data import datasets, tables

X = np.arange(12.0).reshape(6, 2)
ARFF = """@relation r
@attribute wide numeric
@attribute high real
@attribute kind {no, yes}
@data
1,2.5,no
-3,4,yes
"""


@pytest.mark.parametrize("y", [
    [3, 1, 3, 1, 3, 1], ["b", "A", "b", "A", "b", "A"], [True, False] * 3, [2.5, 0.5] * 3,
    [b"b", b"a"] * 3])
def test_npz(tmp_path, y):
    np.savez(tmp_path / "own.npz", x=X, y=y)
    ((values, labels),), classes, names = tables.read(tmp_path / "own.npz")
    np.testing.assert_array_equal(values, X)
    assert labels.tolist() == [1, 0] * 3 and names is None
    assert classes.tolist() == sorted({v.decode() if isinstance(v, bytes) else v for v in y})
    np.savez(tmp_path / "own.npz", x=X, y=y, x_test=X[:2], y_test=y[:2])
    parts, _, _ = tables.read(tmp_path / "own.npz")
    assert [len(part[1]) for part in parts] == [6, 2] and parts[1][1].tolist() == [1, 0]


def test_npz_as_a_data_set_keeps_its_test_part(tmp_path):
    x = np.random.default_rng(1).integers(0, 256, (40, 4, 5))
    np.savez(tmp_path / "own.npz", x=x, y=[7, 9] * 20, x_test=x[:6], y_test=[7, 9] * 3)
    data = datasets.load("own.npz", data=tmp_path, encoding="differences-12")
    assert (len(data.train), len(data.validation), len(data.test)) == (32, 8, 6)
    assert data.inputs == 12 and data.encoder.width == 5 and list(data.labels) == [7, 9]
    np.savez(tmp_path / "bits.npz", x=x & 1, y=[7, 9] * 20)
    data = datasets.load("bits.npz", data=tmp_path, encoding="none")
    assert data.inputs == 20 and data.encoder is None and len(data.test) == 8


@pytest.mark.parametrize(("arrays", "message"), [
    ({"z": X}, "own.npz must have an array x, it has z"),
    ({"x": X}, "own.npz must have an array y, it has x"),
    ({"x": X, "y": [1] * 6, "x_test": X}, "own.npz must have an array y_test, it has x, y, x_test"),
    ({"x": X, "y": [1] * 5}, r"own.npz, array y: its shape must be \(6,\), a label per sample"),
    ({"x": X[:, 0], "y": [1] * 6}, r"own.npz, array x: its shape must be \(samples, features\)"),
    ({"x": X.reshape(6, -1, 1, 1), "y": [1] * 6}, r"own.npz, array x: its shape must be .* not "),
    ({"x": X * np.nan, "y": [1] * 6}, "own.npz, array x: it must hold finite numbers only"),
    ({"x": X.astype(str), "y": [1] * 6}, "own.npz, array x: it must hold numbers, not <U"),
    ({"x": X, "y": [None] * 6},
     r"own.npz: array y holds objects: make text of them, as y.astype\(str\) does"),
    ({"x": [[1, None]] * 6, "y": [1] * 6},
     r"own.npz: array x holds objects: make numbers of them, as x.astype\(float\) does"),
    ({"x": X, "y": [1j] * 6}, "own.npz, array y: it must hold labels that are numbers or text"),
    ({"x": X, "y": [1] * 6}, "own.npz has the class 1 only; there must be two"),
    ({"x": X, "y": [1, 2] * 3, "x_test": X, "y_test": [3] * 6},
     "own.npz has test samples of the class 3, and no training samples of it"),
    ({"x": X, "y": [1, 2] * 3, "x_test": X[:, :1], "y_test": [1] * 6},
     "own.npz: samples of x have the shape"),
    ({"x": X, "y": [1, 2] * 3, "x_test": X, "y_test": ["1"] * 6},
     "own.npz: y and y_test must both be text, or both numbers"),
])
def test_npz_refuses(tmp_path, arrays, message):
    np.savez(tmp_path / "own.npz", **arrays)
    with pytest.raises(ValueError, match=f"^{tmp_path}/{message}"):
        tables.read(tmp_path / "own.npz")


def archive_of(path, shape, octets):
    """An archive whose x has this shape in its head, and so many zero octets, packed well."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("x.npy", "w") as file:
            np.lib.format.write_array_header_1_0(
                file, {"descr": "<f8", "fortran_order": False, "shape": shape})
            for _ in range(octets >> 24):
                file.write(bytes(1 << 24))
        with archive.open("y.npy", "w") as file:
            np.save(file, np.arange(40) % 2)


def test_an_npz_that_would_fill_the_memory(tmp_path):
    archive_of(tmp_path / "own.npz", (40, 1 << 22), 40 << 25)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=f"^{tmp_path}/own.npz, array x: more than 1073741824 "
                                             "bytes are not read, it has 1342177408$"):
            tables.read(tmp_path / "own.npz")
        assert tracemalloc.get_traced_memory()[1] < 1 << 26
    finally:
        tracemalloc.stop()


def test_an_npz_whose_head_tells_of_more_than_there_is(tmp_path):
    archive_of(tmp_path / "own.npz", (40, 1 << 50), 0)
    with pytest.raises(ValueError, match=(
            f"^{tmp_path}/own.npz, array x: 0 bytes follow its head, which tells of {40 << 53}: "
            rf"shape \(40, {1 << 50}\), type float64$")):
        tables.read(tmp_path / "own.npz")


def test_an_npz_of_small_numbers_that_are_too_many(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "MOST_NUMBERS", 99)
    np.savez(tmp_path / "own.npz", x=np.zeros((50, 2), np.uint8), y=np.arange(50) % 2 > 0)
    with pytest.raises(ValueError, match="array x: it must hold at most 99 numbers, not 100"):
        tables.read(tmp_path / "own.npz")


def test_damaged_npz(tmp_path):
    (tmp_path / "own.npz").write_bytes(b"PK\3\4 no archive")
    with pytest.raises(ValueError, match=r"own\.npz: it is no NumPy archive: "):
        tables.read(tmp_path / "own.npz")
    (tmp_path / "own.npz").write_bytes(b"\x8d no archive at all")
    with pytest.raises(ValueError, match=r"own\.npz: it is no NumPy archive$"):
        tables.read(tmp_path / "own.npz")
    np.save(tmp_path / "one.npy", X)
    (tmp_path / "one.npy").rename(tmp_path / "one.npz")
    with pytest.raises(ValueError, match=r"one\.npz: it is no NumPy archive: "):
        tables.read(tmp_path / "one.npz")


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "own.arff"
    path.write_bytes(b"@relation \x9f")
    with pytest.raises(ValueError, match=r"own\.arff must be text in UTF-8, which its byte 11, "):
        tables.read(path)


def test_an_address_is_no_file():
    with pytest.raises(FileNotFoundError, match=(
            r"there is no file or folder https:/any\.net/a\.csv; it must be a file, not a URL$")):
        tables.read("https://any.net/a.csv")


def test_arff(tmp_path):
    path = tmp_path / "own.arff"
    path.write_text(ARFF)
    ((values, labels),), classes, names = tables.read(path)
    np.testing.assert_array_equal(values, [[1, 2.5], [-3, 4]])
    assert labels.tolist() == [0, 1] and classes.tolist() == ["no", "yes"]
    assert names == ["wide", "high"]
    bare = ARFF.replace("@attribute kind {no, yes}\n", "").replace(",no", "").replace(",yes", "")
    path.write_text(bare)
    assert tables.samples(path, 2).labels is None


@pytest.mark.parametrize(("old", "new", "message"), [
    ("high real", "high {2.5, 4}", "own.arff: attribute high is nominal, and only the class"),
    ("high real", "high string", "own.arff has an attribute of text, or of tables"),
    ("1,2.5", "1,?", "own.arff: a value is missing or infinite"),
    ("yes\n", "?\n", r"own.arff: '\?' is no class label"),
    ("yes\n", "maybe\n", "own.arff is no ARFF file: "),
    ("@data", "@dat", "own.arff is no ARFF file: "),
    (ARFF, "", "own.arff "),
])
def test_arff_refuses(tmp_path, old, new, message):
    path = tmp_path / "own.arff"
    path.write_text(new.join(ARFF.rsplit(old, 1)))
    with pytest.raises(ValueError, match=f"^{tmp_path}/{message}"):
        tables.read(path)


@pytest.fixture
def pictures(tmp_path):
    for n in range(12):
        folder = tmp_path / "own" / ("dog", "cat")[n % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((3, 4), 20 * n, np.uint8)).save(folder / f"{n:02}.png")
    (tmp_path / "own" / "cat" / ".hidden").write_text("no image")
    return tmp_path / "own"


def test_folder_of_images(pictures):
    ((values, labels),), classes, _ = tables.read(pictures)
    assert values.shape == (12, 3, 4) and classes.tolist() == ["cat", "dog"]
    assert values[:, 0, 0].tolist() == [*range(20, 240, 40), *range(0, 240, 40)]
    assert labels.tolist() == [0] * 6 + [1] * 6
    data = datasets.load(f"{pictures}/", encoding="thermometer-2")
    assert data.inputs == 24 and data.classes == 2 and len(data.test) == 2
    assert tables.samples(pictures / "dog", 12).labels is None
    (pictures / "lost.png").touch()
    with pytest.raises(ValueError, match=r"own has lost\.png beside the folders of the cla"):
        tables.read(pictures)
    (pictures / "lost.png").unlink()
    with pytest.raises(ValueError, match="own/dog must have a folder of images for each class"):
        tables.read(pictures / "dog")
    with pytest.raises(ValueError, match="dog has 12 features, not 13"):
        tables.samples(pictures / "dog", 13)


def test_an_empty_folder_among_others(pictures):
    (pictures / "ant").mkdir()
    with pytest.raises(ValueError, match="own/ant has no images: each folder must hold those of"):
        tables.read(pictures)


def test_a_folder_without_its_slash(pictures, monkeypatch):
    monkeypatch.chdir(pictures.parent)
    with pytest.raises(FileNotFoundError, match=r"^own is a folder: for its images give own/; e"):
        datasets.load("own")


def test_folder_of_images_refuses(pictures):
    (pictures / "dog" / "note.txt").write_text("woof")
    with pytest.raises(ValueError, match=r"dog/note\.txt is no image: its format is unknown"):
        tables.read(pictures)
    Image.new("RGB", (4, 5)).save(pictures / "dog" / "note.txt", format="png")
    with pytest.raises(ValueError, match=r"note\.txt has 5 x 4 pixels, .*01\.png 3 x 4: all"):
        tables.read(pictures)


def test_images_that_would_fill_the_memory(pictures, monkeypatch):
    """Told from the head of the first one, before its pixels are read."""
    monkeypatch.setattr("bep_model.data.pictures.LIMIT", 143)
    with pytest.raises(ValueError, match=r"01\.png has 3 x 4 pixels; of so many images each may "
                                         "have at most 11$"):
        tables.read(pictures)
    Image.new("1", (30000, 30000)).save(pictures / "cat" / "00.png")
    with pytest.raises(ValueError, match=r"00\.png is no image: Image size \(900000000 pixels\)"):
        tables.read(pictures)
