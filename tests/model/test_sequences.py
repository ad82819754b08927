import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from bep_model.data.catalogue import Encoding
from bep_model.data.sequences import (
    Chunk,
    Expansion,
    StepThermometer,
    Window,
    align_begin,
    align_end,
    steps,
)
from tests.model.archive_files import lengths

NAN = np.nan


def of(*sequences):
    """Sequences of one dimension as an array (N, T, 1), aligned at their end."""
    longest = max(map(len, sequences))
    return np.array([[[NAN]] * (longest - len(s)) + [[value] for value in s] for s in sequences])


def test_align_begin_moves_each_sequence_by_what_it_lacks():
    bits = np.array([[[1], [1], [0]], [[1], [0], [1]], [[1], [1], [1]]], np.uint8)
    moved = align_begin(bits, np.array([3, 2, 1]))
    np.testing.assert_array_equal(moved[:, :, 0], [[1, 1, 0], [0, 1, 0], [1, 0, 0]])


def test_window_is_the_end_of_each_sequence():
    x = of([1, 2, 3, 4], [5, 6])
    np.testing.assert_array_equal(Window(3).fit_transform(x)[..., 0], [[2, 3, 4], [NAN, 5, 6]])
    np.testing.assert_array_equal(Window(9).fit_transform(x), x)
    np.testing.assert_array_equal(Window().fit_transform(x), x)


def test_chunks_are_counted_from_the_end():
    x = np.arange(10.0).reshape(1, 5, 2)
    np.testing.assert_array_equal(
        Chunk(2).fit_transform(x), [[[NAN, NAN, 0, 1], [2, 3, 4, 5], [6, 7, 8, 9]]])
    np.testing.assert_array_equal(Chunk(1).fit_transform(x), x)
    np.testing.assert_array_equal(lengths(Chunk(2).fit_transform(of([1, 2, 3], [4]))), [2, 1])


def test_thermometer_has_levels_per_step_and_dimension():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, 3, 2)) * np.arange(1, 7).reshape(3, 2)
    encoder = StepThermometer(4).fit(x)
    expected = np.quantile(x, [0.2, 0.4, 0.6, 0.8], axis=0)
    np.testing.assert_array_equal(encoder.levels_, np.moveaxis(expected, 0, -1))
    bits = encoder.transform(x)
    assert bits.dtype == np.uint8 and bits.shape == (60, 3, 8)
    for k in range(4):
        np.testing.assert_array_equal(bits[..., k::4], x > expected[k])


def test_thermometer_leaves_missing_samples_out():
    x = of([1, 10], [2, 20], [3, NAN], [30])
    encoder = StepThermometer(1, missing_end=True).fit(x)
    np.testing.assert_array_equal(encoder.levels_[:, 0, 0], [2, 20])
    np.testing.assert_array_equal(encoder.transform(x)[..., 0], [[0, 0], [0, 0], [1, 0], [0, 1]])


def test_a_step_that_was_never_seen_gives_zeros():
    encoder = StepThermometer(2).fit(np.array([[[NAN], [1.0]], [[NAN], [2.0]]]))
    assert np.isnan(encoder.levels_[0]).all()
    np.testing.assert_array_equal(encoder.transform(of([9, 9])), [[[0, 0], [1, 1]]])


def test_expansion_is_the_sign_of_the_sum():
    rng = np.random.default_rng(2)
    bits = rng.integers(0, 2, (5, 4, 9), np.uint8)
    encoder = Expansion(70, seed=3).fit(bits)
    assert set(np.unique(encoder.signs_)) == {-1, 1} and encoder.signs_.shape == (9, 70)
    expected = (2 * bits.astype(int) - 1) @ encoder.signs_.astype(int) >= 0
    np.testing.assert_array_equal(encoder.transform(bits), expected)
    again, other = Expansion(70, seed=3).fit(bits), Expansion(70, seed=4).fit(bits)
    np.testing.assert_array_equal(encoder.signs_, again.signs_)
    assert (encoder.signs_ != other.signs_).any()


def test_expansion_of_an_even_sum_of_zero_is_one():
    encoder = Expansion(64).fit(np.zeros((1, 1, 2), np.uint8))
    differing = encoder.signs_[0] != encoder.signs_[1]
    assert differing.any()
    assert encoder.transform(np.ones((1, 1, 2), np.uint8))[0, 0, differing].all()


def test_they_work_in_a_pipeline_and_can_be_cloned():
    x = np.random.default_rng(4).normal(size=(20, 7, 3))
    pipeline = make_pipeline(Window(6), Chunk(2), StepThermometer(5), Expansion(32))
    bits = pipeline.fit(x[:10]).transform(x)
    assert bits.shape == (20, 3, 32) and bits.dtype == np.uint8
    np.testing.assert_array_equal(clone(pipeline).fit(x[:10]).transform(x), bits)


@pytest.mark.parametrize(("encoder", "error", "text"), [
    (Window(0), ValueError, "length must be at least 1, not 0"),
    (Chunk(1.5), TypeError, "size must be an integer, not 1.5"),
    (Chunk(None), TypeError, "size must be an integer, not None"),
    (StepThermometer(0), ValueError, "bits must be at least 1, not 0"),
    (Expansion(True), TypeError, "outputs must be an integer, not True"),
])
def test_they_refuse_parameters(encoder, error, text):
    with pytest.raises(error, match=text):
        encoder.fit(np.zeros((2, 3, 4)))


@pytest.mark.parametrize("encoder", [Window(2), Chunk(2), StepThermometer(2), Expansion(2)])
def test_they_refuse_shapes(encoder):
    with pytest.raises(ValueError, match=r"must have the shape \(N, T, D\), not \(2, 3\)"):
        encoder.fit(np.zeros((2, 3)))
    encoder.fit(np.zeros((2, 3, 4)))
    with pytest.raises(ValueError, match=r"as in fit, not \((3, )?5,?\)"):
        encoder.transform(np.zeros((2, 3, 5)))


PADDED = np.array([[[1.0], [2.0], [NAN]], [[3.0], [4.0], [5.0]]])


@pytest.mark.parametrize("encoder", [Window(2), Chunk(2), StepThermometer(2)])
def test_arrays_filled_up_at_their_end_are_refused(encoder):
    text = "sequence 0 ends in NaN; shorter sequences begin with it"
    with pytest.raises(ValueError, match=text):
        encoder.fit(PADDED)
    encoder.fit(align_end(PADDED))
    with pytest.raises(ValueError, match=text):
        encoder.transform(PADDED)
    clone(encoder).set_params(missing_end=True).fit_transform(PADDED)


def test_align_end():
    moved = align_end(PADDED)
    np.testing.assert_array_equal(moved[..., 0], [[NAN, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(lengths(moved), [2, 3])
    partly = np.array([[[1, NAN], [NAN, 2], [NAN, NAN]]])
    np.testing.assert_array_equal(align_end(partly), np.roll(partly, 1, axis=1))
    for x in ([[[1.0], [NAN], [2.0]]], [[[NAN], [1.0], [2.0]]]):
        with pytest.raises(ValueError, match="sequence 0 has a step without any number before"):
            align_end(x)
    with pytest.raises(ValueError, match="must have the shape"):
        align_end([[1.0]])


@pytest.mark.parametrize("encoder", [Window(2), Chunk(2), StepThermometer(2), Expansion(2)])
@pytest.mark.parametrize("shape", [(2, 0, 3), (2, 3, 0)])
def test_they_refuse_sequences_of_nothing(encoder, shape):
    with pytest.raises(ValueError, match="must have the shape"):
        encoder.fit(np.zeros(shape))


@pytest.mark.parametrize("encoder", [Window(2), Chunk(2), StepThermometer(2)])
def test_they_refuse_infinity(encoder):
    with pytest.raises(ValueError, match="must hold finite numbers, or NaN"):
        encoder.fit(np.array([[[1.0], [np.inf]]]))


def test_levels_of_no_sequences():
    with pytest.raises(ValueError, match="there are no sequences to learn levels from"):
        StepThermometer(2).fit(np.zeros((0, 3, 1)))


@pytest.mark.parametrize("value", [2, -1, 0.5, 257, NAN])
def test_an_expansion_takes_bits(value):
    with pytest.raises(ValueError, match=f"must hold bits 0 and 1, not {value}"):
        Expansion(4).fit(np.array([[[0, 1, value]]]))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.uint64])
def test_lengths_of_any_integers(dtype):
    """T - length is beyond int8."""
    bits = np.random.default_rng(1).integers(0, 2, (3, 200, 2), np.uint8)
    known = np.array([1, 60, 127])
    np.testing.assert_array_equal(align_begin(bits, known.astype(dtype)), align_begin(bits, known))


def test_steps_follow_from_lengths():
    values = of(*(range(1, 2 + n) for n in range(7)))
    for encoding in (Encoding(), Encoding(window=3), Encoding(chunk=2), Encoding(5, 3)):
        made, known = steps(encoding, values, lengths(values))
        np.testing.assert_array_equal(lengths(made), known)
