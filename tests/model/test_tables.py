"""Tables of one's own: what a file says, and what is refused with file and line."""

import numpy as np
import pytest

from bep_model.data import datasets, tables

ROWS = "1,2.5,a\n-3,4e1,b\n0,0,a\n"


@pytest.mark.parametrize("text", [
    ROWS, "x,y,class\n" + ROWS, "\ufeff" + ROWS, ROWS.replace("\n", "\r\n"), ROWS.rstrip(),
    ROWS.replace(",", " , "), '"1","2.5","a"\n-3,4e1,b\n\n0,0,a\n', "x,2 y,1\n" + ROWS,
])
def test_reads(tmp_path, text):
    (tmp_path / "own.csv").write_bytes(text.encode())
    ((values, labels),), classes, names = tables.read(tmp_path / "own.csv")
    np.testing.assert_array_equal(values, [[1, 2.5], [-3, 40], [0, 0]])
    assert labels.tolist() == [0, 1, 0] and classes.tolist() == ["a", "b"]
    assert names == {"x,y,": ["x", "y"], "x,2 ": ["x", "2 y"]}.get(text[:4])


@pytest.mark.parametrize(("text", "message"), [
    ("", "own.csv holds no samples"),
    ("x,y,class\n", "own.csv holds no samples"),
    (ROWS + "1,2\n", "own.csv, line 4: 2 values, line 1 has 3"),
    ("h,h,h\n\n1,2,a\n1,2,3,a\n", "own.csv, line 4: 4 values, line 3 has 3"),
    ("a\nb\n", "own.csv, line 2: there must be numbers and a class, with commas between"),
    ("1;2;a\n3;4;b\n", "own.csv, line 2: there must be numbers and a class, with commas betw"),
    ("1\t2\ta\n3\t4\tb\n", "own.csv, line 2: there must be numbers and a class, with commas"),
    (ROWS + "1,,a\n", "own.csv, line 4: value 2 is empty"),
    (ROWS + "1,nan,a\n", "own.csv, line 4: value 2 is 'nan', which is no number"),
    (ROWS + "1,1e999,a\n", "own.csv, line 4: value 2 is too large: 1e999"),
    ("1,x,a\n" + ROWS, "own.csv, line 1: value 2 is 'x', which is no number"),
    (ROWS + "1,2,\n", "own.csv, line 4: the class, the last value, is empty: the line ends"),
    (ROWS + "1,2,nan\n", "own.csv, line 4: 'nan' is no class label"),
    ("1,2,a\n", "own.csv has the class 'a' only; there must be two"),
    ("a,b,\n1,2,\n3,4,\n", "own.csv, line 2: the class, the last value, is empty: the line ends"),
    (ROWS + "1," * 70000 + 'a\n"', "own.csv, line 4: there must be at most 65536 values, not 700"),
    (ROWS + "1,1_0,a\n", "own.csv, line 4: value 2 is '1_0', which is no number"),
    (ROWS + "1,inf,a\n", "own.csv, line 4: value 2 is 'inf', which is no number"),
    (ROWS + "1,\u0967,a\n", "own.csv, line 4: value 2 is '\u0967', which is no number"),
    (ROWS + '1,2,"a\n', "own.csv is no file of comma-separated values: unexpected end"),
])
def test_refuses(tmp_path, text, message):
    (tmp_path / "own.csv").write_text(text)
    with pytest.raises(ValueError, match=f"^{tmp_path}/{message}"):
        tables.read(tmp_path / "own.csv")
    (tmp_path / "own.csv").write_bytes(b"1,\xff,a\n")
    with pytest.raises(ValueError, match=r"own\.csv must be text in UTF-8, which its byte 3, 0xff"):
        tables.read(tmp_path / "own.csv")


def test_a_table_is_a_data_set(tmp_path, monkeypatch):
    rng = np.random.default_rng(1)
    lines = [f"{rng.normal() + 3 * (n % 3):.3f},{rng.normal():.3f},{'xyz'[n % 3]}"
             for n in range(100)]
    (tmp_path / "own.csv").write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path)
    data = datasets.load("own.csv", seed=1)
    assert (len(data.train), len(data.validation), len(data.test)) == (64, 16, 20)
    assert (data.inputs, data.steps, data.classes) == (16, 0, 3)
    assert sorted(np.bincount(data.test.labels)) == [6, 7, 7]
    monkeypatch.chdir("/")
    again = datasets.load("own.csv", data=tmp_path, seed=1)
    np.testing.assert_array_equal(again.train.x, data.train.x)
    with pytest.raises(FileNotFoundError):
        datasets.load("own.csv")
    for folder in (tmp_path, "/nowhere"):
        with pytest.raises(ValueError, match=rf"^data must be left out .*: it is {folder}"):
            datasets.load(str(tmp_path / "own.csv"), data=folder)
    (tmp_path / "OWN.CSV").write_text("\n".join(lines))
    again = datasets.load(str(tmp_path / "OWN.CSV"), seed=1)
    np.testing.assert_array_equal(again.train.x, data.train.x)
    for encoding, inputs in (("median", 2), ("thermometer-3", 6)):
        assert datasets.load("own.csv", data=tmp_path, encoding=encoding).inputs == inputs
    with pytest.raises(ValueError, match=r"^encoding must be one of default, median, thermo"):
        datasets.load("own.csv", data=tmp_path, encoding="thermometer")
    with pytest.raises(ValueError, match=r"encoding none: X must hold bits 0 and 1, not -?\d"):
        datasets.load("own.csv", data=tmp_path, encoding="none")
    (tmp_path / "own.csv").write_text(ROWS)
    with pytest.raises(ValueError, match=r"own\.csv has 1 sample of class b to train on"):
        datasets.load("own.csv", data=tmp_path)
