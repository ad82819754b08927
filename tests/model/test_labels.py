import pytest

from bep_model.data import labels


@pytest.mark.parametrize(("texts", "name"), [
    (("1", " 1", "1 ", "01", "+1", "1.", "1.0", "1.000", "1e0", "10e-1", "\t1"), "1"),
    (("0", "-0", "0.0", "-0.0", ".0", "0e5"), "0"),
    (("-1", "-1.0", "-01"), "-1"),
    (("100", "1e2", "1E+2"), "100"),
    (("0.5", ".5", "5e-1", "0.50"), "0.5"),
    (("cat", " cat "), "cat"), (("Cat",), "Cat"), (("a b",), "a b"), (("1_0",), "1_0"),
    (("1e999999999",), "1e999999999"), (("inf",), "inf"), (("0x1",), "0x1"),
    (("12345678901234567890",), "12345678901234567890"),
    (("12345678901234567891",), "12345678901234567891"),
])
def test_labels_of_one_class_have_one_name(texts, name):
    assert {labels.name(text) for text in texts} == {name}


@pytest.mark.parametrize("text", ["", " ", "nan", "NaN", " NAN", "-nan", "?"])
def test_labels_that_say_nothing(text):
    with pytest.raises(ValueError, match="class label"):
        labels.name(text)


def test_order_is_alphabetical():
    assert labels.order(["b", "A", "a", "B", "10", "2", "a"]) == ["10", "2", "A", "a", "B", "b"]
