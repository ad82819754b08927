import numpy as np
import pytest

from bep_model.data import catalogue, datasets
from bep_model.data.catalogue import Encoding


@pytest.mark.parametrize(("name", "sequential", "folded", "images"), [
    ("digits", False, False, None), ("mnist", False, False, "mnist"),
    ("s-emnist-letters", True, False, "emnist-letters"), ("PenDigits", True, True, None),
    ("GunPoint", True, True, None), ("s-digits", True, True, None)])
def test_a_name_tells_what_a_data_set_is(name, sequential, folded, images):
    assert catalogue.sequential(name) == sequential
    assert catalogue.folded(name) == folded
    assert catalogue.images(name) == images


@pytest.mark.parametrize("name", catalogue.PLAIN)
def test_sizes_are_those_that_are_loaded(name):
    known, data = catalogue.SETS[name], datasets.load(name, validation=False)
    assert (len(data.train), len(data.test), data.classes) == (
        known.train, known.test, known.classes)
    levels = 3 if name == "digits" else 1
    assert data.inputs == levels * np.prod(known.shape) and data.steps == 0


def test_sequences_have_an_encoding_of_their_own():
    assert catalogue.encoding_of("PenDigits") == Encoding() == Encoding(None, 1, 10, None)
    assert catalogue.encoding_of("s-mnist", Encoding(20)).window == 20
    assert catalogue.encoding_of("mnist", "selected-9") == "selected-9"
    assert catalogue.encoding_of("digits") == "default"


@pytest.mark.parametrize(("name", "encoding", "text"), [
    ("PenDigits", "median", "PenDigits is a set of sequences: .* cannot be 'median'"),
    ("mnist", Encoding(), "mnist is no set of sequences: its encoding cannot be Encoding"),
    *(("mnist", Encoding(**{name: 3}), f"{name} must be left out for mnist, .*, not 3")
      for name in ("window", "chunk", "bits", "expand")),
    ("mnist", "medium", "encoding must be one of default, median, .*, not 'medium'"),
    ("digits", "median", "digits has no encoding but \"default\", not 'median'"),
])
def test_an_encoding_of_another_kind(name, encoding, text):
    with pytest.raises(ValueError, match=text):
        catalogue.encoding_of(name, encoding)


@pytest.mark.parametrize(("values", "error", "text"), [
    (dict(bits=0), ValueError, "bits must be at least 1, not 0"),
    (dict(chunk=0), ValueError, "chunk must be at least 1, not 0"),
    (dict(window=-1), ValueError, "window must be at least 1, not -1"),
    (dict(expand=1.5), TypeError, "expand must be an integer, not 1.5"),
    (dict(chunk=None), TypeError, "chunk must be an integer, not None"),
])
def test_an_encoding_is_checked(values, error, text):
    with pytest.raises(error, match=text):
        Encoding(**values)
