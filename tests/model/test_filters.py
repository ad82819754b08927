"""Convolutional layers as users ask for them: windows, images of data sets, the classifier."""

import json

import numpy as np
import pytest
from sklearn.datasets import load_digits

from bep_model import configuration, state
from bep_model.config import Config
from bep_model.data import datasets
from bep_model.data.encoders import Thermometer
from bep_model.fit import presets, training
from bep_model.fit.estimator import BEPClassifier
from bep_model.fit.filters import windows_of
from bep_model.fit.hyper import Hyper
from bep_model.fit.presets import Preset
from bep_model.layers import Window
from bep_model.network import Network

X, Y = load_digits(return_X_y=True)
MNIST = (28, 28, 1)


@pytest.mark.parametrize(("filters", "image", "options", "windows"), [
    ((), None, {}, ()),
    ((9,), MNIST, {}, [(8, 8, 2, 1)]),
    ((9,), (8, 8, 3), {}, [(3, 3, 1, 1)]),
    ((9,), (2, 50, 3), {}, [(2, 2, 1, 1)]),
    ((9,), MNIST, {"size": 12, "pool": [2]}, [(12, 12, 3, 2)]),
    ((9,), MNIST, {"size": [(4, 6)], "stride": 3}, [(4, 6, 3, 1)]),
    ((9, 4), MNIST, {"stride": [1, 2]}, [(8, 8, 1, 1), (6, 6, 2, 1)]),
    ((9, 4), MNIST, {"size": 5, "pool": (4, 1)}, [(5, 5, 1, 4), (5, 5, 1, 1)]),
    ((9,), MNIST, {"base": (Window(4, 6, 1, 3),), "stride": 2}, [(4, 6, 2, 3)]),
    ((9,), MNIST, {"base": (Window(4, 6, 1, 3),), "size": 7}, [(7, 7, 1, 3)]),
    ((9,), MNIST, {"base": (Window(4, 6), Window(1, 1))}, [(8, 8, 2, 1)]),
])
def test_windows(filters, image, options, windows):
    assert windows_of(filters, image, **options) == tuple(windows)


@pytest.mark.parametrize(("options", "error", "text"), [
    ({"size": 29}, ValueError, "filter_size must be between 1 and 28, not 29"),
    ({"size": 2.0}, TypeError, "filter_size must be an integer, not 2.0"),
    ({"size": [(3, 4, 5)]}, ValueError, "filter_size must have 2 entries"),
    ({"size": [3, 4]}, ValueError, "filter_size must have one entry, or one for each of the 1 c"),
    ({"stride": 0}, ValueError, "stride must be between 1 and 65535, not 0"),
    ({"pool": 12}, ValueError, "pool must be between 1 and 11, not 12"),
])
def test_wrong_windows(options, error, text):
    with pytest.raises(error, match=text):
        windows_of((9,), MNIST, **options)


@pytest.fixture
def idx(tmp_path, monkeypatch):
    """Random images of 5 x 4 pixels as files of the set ``idx``."""
    rng = np.random.default_rng(0)
    for part, n in (("train", 60), ("t10k", 20)):
        for kind, array in (("images-idx3", rng.integers(0, 256, (n, 5, 4))),
                            ("labels-idx1", np.arange(n) % 3)):
            head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
            (tmp_path / f"{part}-{kind}-ubyte").write_bytes(
                head + array.astype(np.uint8).tobytes())
    monkeypatch.setenv("BEP_DATA", str(tmp_path))


@pytest.mark.parametrize(("encoding", "image"), [
    ("default", (5, 4, 1)), ("levels-60", (5, 4, 1)), ("levels-15-60-200", (5, 4, 3)),
    ("thermometer", None), ("differences-9", None), ("selected-9", None)])
def test_images_of_data_sets(idx, encoding, image):
    data = datasets.load("idx", encoding=encoding)
    assert data.image == image and (image is None or data.inputs == np.prod(image))


def test_levels_are_channels(idx):
    data = datasets.load("idx", encoding="levels-60-200")
    pixels, _ = datasets.read("idx").parts[1]
    bits = np.stack([pixels >= 60, pixels >= 200], axis=-1)
    np.testing.assert_array_equal(data.test.x.reshape(-1, 5, 4, 2), bits)


def test_local_is_a_channel_of_the_levels(idx):
    data = datasets.load("idx", encoding="levels-60-local")
    pixels, _ = datasets.read("idx").parts[1]
    bits = np.stack([pixels >= 60, pixels > pixels.sum(axis=(1, 2), keepdims=True) / 169 + 4],
                    axis=-1)  # all of these images is within the window
    np.testing.assert_array_equal(data.test.x.reshape(-1, 5, 4, 2), bits)
    assert data.image == (5, 4, 2)
    assert datasets.load("idx", encoding="local").image == (5, 4, 1)


@pytest.mark.parametrize("encoding", ["levels", "levels-0", "levels-60-60", "levels-9-8",
                                      "levels-256", "levels-1.5", "levels-1-1000", "levels-local",
                                      "levels-5-local-9"])
def test_wrong_levels(encoding):
    with pytest.raises(ValueError, match=r"ascending levels A, B, .. = 1..255 and N = .*, not 'l"):
        datasets.load("mnist", encoding=encoding)


def test_other_images_of_data():
    assert datasets.load("digits").image == (8, 8, 3)
    assert datasets.load("random-prototypes", train=10, test=10).image is None
    digits = datasets.load("digits")
    config = Config(192, (4, 4), 10, image=(8, 12, 2), windows=((3, 3),))
    with pytest.raises(ValueError, match=r"digits has images \[8, 8, 3\], the configuration "
                                         r"\[8, 12, 2\]"):
        training.check(config, digits, 1, Hyper())


def classifier(**options):
    return BEPClassifier(**{"hidden_layer_sizes": 32, "epochs": 5, "random_state": 1,
                            "filters": 16, "group": 8} | options)


def test_the_classifier_is_the_golden_model_with_filters(tmp_path):
    """Trained, saved, loaded: as by hand; and partial_fit goes on."""
    found = classifier(encoder=Thermometer((4, 8, 12)), filters=[16, 12], stride=1).fit(X, Y)
    config = Config(192, (16, 12, 32), 10, image=(8, 8, 3), windows=((3, 3), (3, 3)))
    assert found.network_.config == config
    bits = found.encoder_.transform(X)
    network, hyper = Network(config), Hyper(group=8)
    training.begin(network, bits, hyper, 1)
    samples = datasets.Samples(bits, Y)
    data = datasets.Dataset("digits", samples, samples.first(0), samples.first(0), 10,
                            image=(8, 8, 3))
    history = training.fit(network, data, epochs=5, hyper=hyper, seed=1)
    assert [entry.parameters.rates[0] for entry in history] == [
        hyper.rates(config, epoch, 5)[0] for epoch in range(5)]
    for actual, expected in zip((*found.network_.counters, *found.network_.thresholds),
                                (*network.counters, *network.thresholds), strict=True):
        np.testing.assert_array_equal(actual, expected)
    assert found.score(X, Y) > 0.8
    found.save(tmp_path / "state.npz")
    loaded = BEPClassifier.load(tmp_path / "state.npz")
    for each in (found, loaded):
        each.partial_fit(X[:200], Y[:200])
    np.testing.assert_array_equal(found.decision_function(X), loaded.decision_function(X))
    assert loaded.get_params()["filters"] == [16, 12]
    again = loaded.fit(X, Y)
    np.testing.assert_array_equal(again.network_.counters[0], network.counters[0])


@pytest.mark.parametrize(("options", "error", "text"), [
    ({"filters": 1.5}, TypeError, r"filters\[0\] must be an integer, not 1.5"),
    ({"filters": (8, 0)}, ValueError, r"filters\[1\] must be between 1 and 65535, not 0"),
    ({"filter_size": 9}, ValueError, "filter_size must be between 1 and 8, not 9"),
    ({"image_shape": (9, 8)}, ValueError, r"image_shape must have 64 pixels \(n_features = 64\), "
     "not 9 x 8"),
    ({"image_shape": (4, 4, 4)}, ValueError, "image_shape must be rows and columns, not"),
    ({"kappa": 0.5}, ValueError, "kappa must be 0 with filters, not 0.5"),
    ({"filter_rate": 2}, ValueError, "filter_rate must be between 0 and 1, not 2"),
    ({"filter_rate_end": 0.0}, ValueError, "filter_rate_end must be above 0 and at most 1"),
])
def test_what_the_classifier_refuses(options, error, text):
    with pytest.raises(error, match=text):
        classifier(**options).fit(X, Y)


def test_the_classifier_needs_square_images_or_their_shape():
    with pytest.raises(ValueError, match="image_shape must have 60 pixels"):
        classifier().fit(X[:, :60], Y)
    found = classifier(epochs=0, image_shape=(6, 10)).fit(X[:, :60], Y)
    assert found.network_.config.image == (6, 10, 8)


def test_presets_with_filters(tmp_path):
    hyper = Hyper(filter_rate=0.5)
    preset = Preset("digits", (16, 8), 7, 3, hyper, windows=[[3, 3, 1, 2]])
    assert preset.name == "digits-16f3s1p2-8-b7-online"
    assert Preset("digits", (16, 9, 8), 7, 3, hyper,
                  windows=[[3, 2], [2, 2, 2]]).name == "digits-16f3x2s1-9f2s2-8-b7-online"
    config = preset.config(datasets.load("digits"))
    assert config == Config(192, (16, 8), 10, image=(8, 8, 3), windows=((3, 3, 1, 2),))
    configuration.dump(tmp_path / "a.toml", config, preset=preset)
    found = configuration.load(tmp_path / "a.toml")
    assert (found.config, found.preset) == (config, preset)
    dense = Preset("digits", (16, 8), 7, 3, Hyper())
    configuration.dump(tmp_path / "b.toml", dense.config(datasets.load("digits")), preset=dense)
    assert "filter" not in (tmp_path / "b.toml").read_text()
    assert configuration.load(tmp_path / "b.toml").preset == dense


def test_packaged_presets_with_filters():
    found = [name for name in presets.names() if configuration.load(name).config.windows]
    assert {configuration.load(name).preset.dataset for name in found} == {
        "mnist", "fashion-mnist"}


def test_a_digest_without_filters_is_what_it_was():
    plain = Config(192, (128, 128), 10)
    assert plain.digest != Config(192, (128, 128), 10, image=(8, 8, 3), windows=((3, 3),)).digest
    text = json.dumps(state.State(plain).config.identifier)
    assert text == json.dumps(int(plain.digest[:8], 16))
