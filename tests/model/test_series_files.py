import numpy as np
import pytest

from bep_model.data import series_files

NAN = np.nan
HEADER = ("%#about", "@problemName Toy", "@classLabel true a b", "@data")


def ts(folder, *lines, header=HEADER, extra=()):
    """Read a .ts file of these lines; ``extra`` ones stand in its header."""
    path = folder / "Toy_TRAIN.ts"
    path.write_text("\n".join([*extra, *header, *lines]) + "\n", encoding="utf-8")
    return series_files.read(path)


def tsv(folder, *lines):
    path = folder / "Toy_TRAIN.tsv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return series_files.read(path)


def numbers(cases):
    return [case.values.T.tolist() for case in cases]


@pytest.mark.parametrize(("text", "value"), [
    ("1.5", 1.5), ("-1.5", -1.5), ("+2", 2.0), ("-3.25e-1", -0.325), ("4E+2", 400.0), (" 7 ", 7.0),
    (".5", 0.5), ("5.", 5.0), ("1e-400", 0.0)])
def test_numbers_are_those_in_the_text(tmp_path, text, value):
    assert numbers(ts(tmp_path, f"1,{text}:a")) == [[[1, value]]]
    assert numbers(tsv(tmp_path, f"a\t1\t{text}")) == [[[1, value]]]
    stamped = ts(tmp_path, f"(0,1),(1,{text}):a", extra=["@timestamps true"])
    assert numbers(stamped) == [[[1, value]]]


@pytest.mark.parametrize("text", ["x", "1_0", "inf", "-Infinity", "0x1", "1,5", "1 2", "\u0661",
                                  "NA", "null", "1e", "--1", "1e999", ""])
def test_anything_else_is_no_number(tmp_path, text):
    with pytest.raises(ValueError, match=r"Toy_TRAIN.tsv, line 2: value 2 is"):
        tsv(tmp_path, "a\t1\t2", f"b\t1\t{text}")
    if "," not in text:
        with pytest.raises(ValueError, match=r"Toy_TRAIN.ts, line 6: value 2 is"):
            ts(tmp_path, "1,2:a", f"1,{text}:b")


def test_missing_values(tmp_path):
    np.testing.assert_array_equal(ts(tmp_path, "1,?,NaN,nan,2:a")[0].values[:, 0],
                                  [1, NAN, NAN, NAN, 2])
    np.testing.assert_array_equal(tsv(tmp_path, "a\tNaN\tnan\t2")[0].values[:, 0], [NAN, NAN, 2])
    with pytest.raises(ValueError, match=r"line 1: value 1 is '\?', which is no number \(nor NAN"):
        tsv(tmp_path, "a\t?\t2")


@pytest.mark.parametrize("line", ["1,2,?:a", "?,1,2:a", "1,2,NaN:a", "?,1:?,2:a"])
def test_missing_values_at_an_end_must_be_announced(tmp_path, line):
    with pytest.raises(ValueError, match="line 5: the sequence begins or ends with what may be"):
        ts(tmp_path, line)
    case, = ts(tmp_path, line, extra=["@missing true"])
    assert len(case.values) == line.split(":")[0].count(",") + 1
    with pytest.raises(ValueError, match="a value is missing, the header says @missing false"):
        ts(tmp_path, line, extra=["@missing false"])


def test_one_dimension_that_lacks_its_end_is_no_padding(tmp_path):
    np.testing.assert_array_equal(ts(tmp_path, "1,?:3,4:a")[0].values, [[1, 3], [NAN, 4]])


def test_time_stamps(tmp_path):
    cases = ts(tmp_path, "(0,-1.5),(1,2.0),(2,-3.25e-1):a", "( 5 , 1 ) , (5.5,?) , (6,2) : b",
               extra=["@timeStamps TRUE", "@missing true"])
    np.testing.assert_array_equal(cases[0].values[:, 0], [-1.5, 2, -0.325])
    np.testing.assert_array_equal(cases[1].values[:, 0], [1, NAN, 2])
    case, = ts(tmp_path, "(0,1),(1,2):(0,3),(1,4):a", extra=["@timeStamps true"])
    np.testing.assert_array_equal(case.values, [[1, 3], [2, 4]])


@pytest.mark.parametrize(("line", "text"), [
    ("1,2:a", "a colon and a class label|must be .time,value."),
    ("(0,1),(1,2)", "there must be values, a colon and a class label"),
    ("(0,1),(1,2,3):a", "every value must be"), ("(0,1),(1):a", "every value must be"),
    ("(0,1):(0,1:a", "class label '\\(0,1:a' is none of those|every value must be"),
    ("(0,1),(0,2):a", "must grow evenly"), ("(1,1),(0,2):a", "must grow evenly"),
    ("(0,1),(1,2),(3,4):a", "must grow evenly"), ("(0,1),(1e999,2):a", "must grow evenly"),
    ("(1e999,1):a", "must grow evenly"), ("(-1.7e308,1),(1.7e308,2):a", "must grow evenly"),
    ("(2020-01-01,1),(2020-01-02,2):a", "time stamps must be numbers"),
    ("(2020-01-01 10:00:00,1),(2020-01-02 10:00:00,2):a", "time stamps must be numbers"),
    ("(0,1),(1,2):(1,1),(2,2):a", "dimensions have different time stamps"),
    ("(0,1),(1,2):(0,1):a", "different time stamps|different lengths"),
    ("(0,1),(1,x):a", "value 2 is 'x'"), ("():a", "every value must be"),
])
def test_wrong_time_stamps(tmp_path, line, text):
    with pytest.raises(ValueError, match=f"Toy_TRAIN.ts, line 6: .*({text})"):
        ts(tmp_path, line, extra=["@timestamps true"])


def test_time_stamps_must_be_announced(tmp_path):
    with pytest.raises(ValueError, match=r"line 5: value 1 is '.0', which is no number"):
        ts(tmp_path, "(0,1),(1,2):a")


def test_what_a_header_may_have(tmp_path):
    cases = ts(tmp_path, "", "# a comment", "1,2:3,4:a", "", "5,6:7,8: b ", "\t", extra=[
        "\ufeff#caf\u00e9", "", "  @UNIVARIATE  false", "@dimensions 2", "@equalLength true",
        "@seriesLength 2", "@missing false", "@timestamps false", "@targetlabel false", "@other 1"])
    assert numbers(cases) == [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]
    assert [(case.line, case.label) for case in cases] == [(17, "a"), (19, "b")]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_endings(tmp_path, ending):
    for path, lines in ((tmp_path / "a.ts", (*HEADER, "1,2:a", "3,4:b")),
                        (tmp_path / "a.tsv", ("a\t1\t2", "b\t3\t4"))):
        path.write_bytes(ending.join(lines).encode())
        assert numbers(series_files.read(path)) == [[[1, 2]], [[3, 4]]]


@pytest.mark.parametrize(("extra", "line", "text"), [
    (["@univariate true"], "1:2:a", "line 6: 2 dimensions, the header says @univariate true"),
    (["@dimensions 3"], "1:2:a", "line 6: 2 dimensions, the header says 3"),
    (["@dimension 3"], "1:2:a", "line 6: 2 dimensions, the header says 3"),
    (["@equalLength true"], "1,2:a\n1:b", "line 7: 1 values, not 2 as @equalLength"),
    (["@equalLength true", "@seriesLength 3"], "1,2:a", "line 7: 2 values, not 3 as @equal"),
    (["@seriesLength 3"], "1,2:a", "line 6: 2 values, not 3 as @equalLength and @seriesLength"),
    ([], "1:2:a\n1:b", "line 6: the sequence has 1 dimensions, line 5 has 2"),
    ([], "1,2:3:a", "line 5: the dimensions have different lengths: 2, 1"),
    ([], "1,2", "line 5: there must be values, a colon and a class label"),
    ([], "1,2:", "line 5: the class label is empty"), ([], "1,2:NaN", "'NaN' is no class label"),
    ([], "1,2:?", "line 5: '\\?' is no class label"),
    ([], "1,2:c", "line 5: the class label 'c' is none of those in the line @classLabel: a b"),
    ([], "1,2:A", "line 5: the class label 'A' is none of those"),
    ([], "1,2:a:b:c", "line 5: the class label 'c' is none"),
    ([], ":a", "line 5: value 1 is empty"),
    ([], "1,,2:a", "line 5: value 2 is empty"), ([], "1,2,:a", "line 5: value 3 is empty"),
    ([], "?,?:a", "line 5: the sequence holds no number"),
    (["@equalLength perhaps"], "1:a", "line 1: @equallength must be true or false, not 'perhaps'"),
    (["@missing"], "1:a", "line 1: @missing must be true or false, not ''"),
    (["@dimensions x"], "1:a", "line 1: @dimensions must be a number of 1 or more, not 'x'"),
    (["@dimensions 0"], "1:a", "line 1: @dimensions must be a number of 1 or more, not '0'"),
    (["@missing true", "@missing true"], "1:a", "line 2: @missing was there before"),
    (["1,2:a"], "1:a", "line 1: '1,2:a' stands before the line @data"),
    (["@targetLabel true"], "1:a", "line 5: @targetLabel true: the set has values to predict"),
    (["@classLabel false"], "1:a", "line 1: @classLabel false: the sequences have no class labels"),
    (["@classLabel true"], "1:a", "line 1: @classLabel true must be followed by the class labels"),
    (["@classLabel"], "1:a", "line 1: @classlabel must be true or false"),
    (["@classLabel true 1 1.0"], "1:1", "line 1: @classLabel has the label '1.0' twice"),
    (["@classLabel true a:b"], "1:a", "line 1: a class label cannot have a colon: 'a:b'"),
    (["@classLabel true a nan"], "1:a", "line 1: 'nan' is no class label"),
    (["@data 1"], "1:a", "line 1: @data must stand alone"),
])
def test_wrong_ts(tmp_path, extra, line, text):
    with pytest.raises(ValueError, match=f"Toy_TRAIN.ts, {text}" if text[0] != "'" else text):
        ts(tmp_path, line, extra=extra)


def test_labels_with_commas(tmp_path):
    case, = ts(tmp_path, "1,2:x,y", header=("@classLabel true x,y z", "@data"))
    assert case.label == "x,y" and case.values.shape == (2, 1)


@pytest.mark.parametrize(("header", "text"), [
    (HEADER[:-1], "holds no sequences after the line @data"), (HEADER, "holds no sequences"),
    ((), "holds no sequences"), (("@problemName x", "@data"), "line 2: the line @classLabel true,"),
])
def test_incomplete_ts(tmp_path, header, text):
    with pytest.raises(ValueError, match=rf"Toy_TRAIN.ts,? {text}"):
        ts(tmp_path, header=header)


@pytest.mark.parametrize(("lines", "text"), [
    (["1,2,3"], ", line 1: there must be a class label and values, with tabs between them"),
    (["1 2 3"], ", line 1: there must be a class label and values, with tabs"),
    (["label\tt0", "1\t2"], ", line 1: value 1 is 't0', which is no number"),
    (["1\t2\t3", "1\t2"], ", line 2: 1 values, line 1 has 2; the end of a shorter sequence must"),
    (["1\t2", "1\t2\t3"], ", line 2: 2 values, line 1 has 1"),
    (["1\t2\t"], ", line 1: value 2 is empty"), (["\t1"], ", line 1: the class label is empty"),
    (["\t\t"], ", line 1: value 1 is empty"), (["nan\t1"], ", line 1: 'nan' is no class label"),
    (["1\tNaN\tNaN"], ", line 1: the sequence holds no number"), ([""], " holds no sequences"),
])
def test_wrong_tsv(tmp_path, lines, text):
    with pytest.raises(ValueError, match=f"Toy_TRAIN.tsv{text}"):
        tsv(tmp_path, *lines)


@pytest.mark.parametrize("content", ["caf\u00e9".encode("latin-1"), b"\x1f\x8b\x08\x00\xff",
                                     "1\t2".encode("utf-16")])
@pytest.mark.parametrize("suffix", [".ts", ".tsv"])
def test_files_that_are_no_text(tmp_path, content, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"a{suffix} is no UTF-8 text"):
        series_files.read(path)
