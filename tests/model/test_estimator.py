"""The classifier: scikit-learn's conventions, the golden model's training behind them, files."""

import doctest
import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import bep_model.estimator
from bep_model import datasets, state, training
from bep_model.config import Config
from bep_model.encoders import Median, Thermometer, Threshold
from bep_model.estimator import BEPClassifier
from bep_model.network import Network

X, Y = load_digits(return_X_y=True)
BITS = datasets.load("digits")


def small(**options):
    return BEPClassifier(**dict(hidden_layer_sizes=(32, 32), epochs=3, random_state=1) | options)


@parametrize_with_checks([
    BEPClassifier((32, 32)),
    BEPClassifier(32, encoder=Thermometer(16), batch=5, sweep=20, thinning=0.5, counter_bits=5),
])
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)


def test_the_example_in_the_documentation():
    results = doctest.testmod(bep_model.estimator)
    assert results.attempted and not results.failed


def assert_equal_states(a, b):
    for mine, theirs in zip((a.bank, *a.counters), (b.bank, *b.counters), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert a.sweep_count == b.sweep_count


def test_fit_is_the_training_of_the_golden_model():
    network = Network(Config(192, (32, 32), 10, 5, max_batch=4))
    network.reset(3)
    hyper = training.Hyper(p_r=0.3, batch=4, thinning=0.5, group=8, reinforce_bits=5,
                           anneal=0.25)
    data = datasets.load("digits", validation=False)
    history = training.fit(network, data, epochs=2, hyper=hyper, seed=3)
    classifier = small(encoder=None, counter_bits=5, epochs=2, random_state=3, p_r=0.3, batch=4,
                       thinning=0.5, group=8, reinforce_bits=5, anneal=0.25)
    classifier.fit(data.train.x, data.train.labels)
    assert_equal_states(classifier.network_, network)
    assert [epoch.parameters for epoch in classifier.history_] == [e.parameters for e in history]
    np.testing.assert_array_equal(classifier.predict(data.test.x), network.predict(data.test.x))
    np.testing.assert_array_equal(classifier.decision_function(data.test.x),
                                  network.logits(data.test.x))


def test_every_hyper_parameter_is_an_option():
    options = BEPClassifier().get_params()
    for name, value in asdict(training.Hyper()).items():
        if name != "horizon":  # of recurrent networks
            assert options[name] == value


def test_digits():
    train, test = np.split(np.random.default_rng(1).permutation(len(X)), [1400])
    classifier = BEPClassifier((64, 64), random_state=1, epochs=20).fit(X[train], Y[train])
    assert classifier.score(X[test], Y[test]) > 0.9
    assert isinstance(classifier.encoder_, Thermometer)
    assert classifier.network_.config.inputs == 8 * 64


def test_two_classes_and_labels():
    two = Y < 2
    names = np.array(["zero", "one"], object)[Y[two]]
    classifier = small().fit(X[two], names)
    assert list(classifier.classes_) == ["one", "zero"]
    lead = classifier.decision_function(X[two])
    assert lead.shape == (two.sum(),) and lead.dtype == np.int32
    np.testing.assert_array_equal(classifier.predict(X[two]), np.where(lead > 0, "zero", "one"))
    assert classifier.score(X[two], names) > 0.95


def test_validation_keeps_the_best_epoch():
    classifier = small(validation_fraction=0.25, epochs=6, patience=1, group=4).fit(X, Y)
    held = [epoch.validation_accuracy for epoch in classifier.history_]
    again = small(validation_fraction=0.25, epochs=1 + held.index(max(held)), patience=1, group=4)
    np.testing.assert_array_equal(classifier.predict(X), again.fit(X, Y).predict(X))
    assert len({epoch.parameters.groups for epoch in classifier.history_}) > 1


def test_pipeline_search_and_scikit_learns_encoders():
    pipeline = make_pipeline(Median(), small(encoder=None))
    search = GridSearchCV(pipeline, {"bepclassifier__counter_bits": np.array([2, 6])}, cv=2)
    assert search.fit(X, Y).best_params_ == {"bepclassifier__counter_bits": 6}
    assert small(encoder=Binarizer(threshold=7)).fit(X, Y).score(X, Y) > 0.5


def test_partial_fit_is_the_stream_that_a_trainer_sees():
    x, labels = BITS.train.x[:230], BITS.train.labels[:230]
    classifier = small(encoder=None, batch=8, sweep=80)
    network = Network(Config(192, (32, 32), 10, max_batch=8))
    network.reset(1)
    hyper = training.Hyper(batch=8, sweep=80)
    error, reinforce = [], hyper.reinforcement(network.config, 100.0)
    for part in np.split(np.arange(230), [50, 60, 150]):
        classifier.partial_fit(x[part], labels[part], classes=np.arange(10))
        parameters = hyper.parameters(network.config)
        parameters = type(parameters)(**asdict(parameters) | {"reinforce": reinforce})
        error.extend(network.train(x[part], labels[part], parameters).error)
        network.flush(parameters)
        if len(error) >= 80:
            reinforce, error = hyper.reinforcement(network.config, 100 * np.mean(error)), []
        assert classifier.network_.open_batch == 0
    assert_equal_states(classifier.network_, network)
    assert classifier.parameters_.reinforce == reinforce != hyper.reinforcement(network.config, 100)


def test_partial_fit_learns_and_goes_on_after_fit():
    classifier = small().fit(X[:1000], Y[:1000])
    before = classifier.network_
    for _ in range(5):
        classifier.partial_fit(X[:1000], Y[:1000])
    assert classifier.network_ is before
    assert classifier.score(X[1000:], Y[1000:]) > 0.65


def test_names_of_features():
    frame = pd.DataFrame(X, columns=[f"p{i}" for i in range(64)])
    classifier = small().fit(frame, Y)
    assert list(classifier.feature_names_in_) == list(frame.columns)
    with pytest.raises(ValueError, match="feature names should match"):
        classifier.predict(frame[frame.columns[::-1]])


@pytest.mark.parametrize(("options", "text"), [
    ({"counter_bits": 1}, "counter_bits must be between 2 and 15, not 1"),
    ({"hidden_layer_sizes": (8, 0)}, r"layers\[1\] must be between 1 and 65535, not 0"),
    ({"r": 3}, "r must be between -2 and 2, not 3"),
    ({"batch": 3}, r"sweep must be a multiple of the batch \(3\), not 200"),
    ({"epochs": -1}, "epochs must be 0 or more, not -1"),
    ({"patience": 2}, "patience needs validation samples"),
    ({"validation_fraction": 1}, "validation_fraction must be 0 or more and below 1, not 1"),
    ({"encoder": "median"}, "encoder must be 'thermometer', a transformer or None, not 'median'"),
    ({"encoder": None}, "X must hold bits 0 and 1, not 5.0"),
    ({"encoder": StandardScaler()}, r"StandardScaler\(\) must make bits 0 and 1, not -?[0-9.]+"),
    ({"counter_lanes": 5}, r"counter_lanes must divide weight_lanes \(64\), not 5"),
])
def test_options_that_are_not_allowed(options, text):
    with pytest.raises(ValueError, match=text):
        small().set_params(**options).fit(X[:100], Y[:100])


def test_types_that_are_not_allowed():
    for options, text in (({"hidden_layer_sizes": (8.5,)}, r"layers\[0\] must be an integer"),
                          ({"counter_bits": "7"}, "counter_bits must be an integer, not '7'")):
        with pytest.raises(TypeError, match=text):
            small().set_params(**options).fit(X[:100], Y[:100])


def test_classes_that_are_not_allowed():
    with pytest.raises(ValueError, match="there must be 2 classes or more, not 1 class only"):
        small().fit(X[:5], np.zeros(5))
    with pytest.raises(ValueError, match="the first call of partial_fit needs classes"):
        small().partial_fit(X, Y)
    classifier = small().partial_fit(X[:9], Y[:9], classes=np.arange(9))
    with pytest.raises(ValueError, match="y has the class 9, which is not one of"):
        classifier.partial_fit(X, Y)
    with pytest.raises(ValueError, match=r"classes must be \[.*\] as before, not \[0 1\]"):
        classifier.partial_fit(X[:2], Y[:2], classes=[0, 1])


def edited(path, **changes):
    """Write a copy of a classifier's file with keys of its table replaced, or left out if None."""
    with np.load(path) as archive:
        arrays = dict(archive)
    table = json.loads(str(arrays["estimator"])) | changes
    for key in [key for key, value in changes.items() if value is None]:
        del table[key]
    arrays["estimator"] = json.dumps(table)
    other = path.with_name("edited.npz")
    np.savez(other, **arrays)
    return other


@pytest.mark.parametrize("encoder", ["thermometer", Thermometer((4, 8.5)), Median(), Threshold(7)])
def test_a_loaded_classifier_goes_on_exactly(tmp_path, encoder):
    path, frame = tmp_path / "state.npz", pd.DataFrame(X).add_prefix("p")
    names = np.array([f"digit {y}" for y in Y], object)
    classifier = small(encoder=encoder, batch=4, hidden_layer_sizes=np.array([16, 32]),
                       counter_bits=np.int64(6)).fit(frame, names)
    classifier.partial_fit(frame[:50], names[:50])
    classifier.save(path)
    loaded = BEPClassifier.load(path)
    np.testing.assert_array_equal(loaded.predict(frame), classifier.predict(frame))
    assert loaded.predict(frame).dtype == object
    for each in (classifier, loaded):
        each.partial_fit(frame[:333], names[:333])
    assert_equal_states(loaded.network_, classifier.network_)
    assert loaded.parameters_ == classifier.parameters_
    assert list(loaded.feature_names_in_) == list(frame.columns)
    for each in (classifier, loaded):
        each.fit(frame, names)
    assert_equal_states(loaded.network_, classifier.network_)


def test_a_file_is_the_same_network_for_all(tmp_path):
    classifier = small(encoder=None, random_state=None).fit(BITS.train.x, BITS.train.labels)
    classifier.save(tmp_path / "state.npz")
    network = Network(classifier.network_.config)
    state.load(tmp_path / "state.npz", network)
    assert_equal_states(network, classifier.network_)
    loaded = BEPClassifier.load(tmp_path / "state.npz")
    assert loaded.encoder is None and loaded.random_state is None
    assert loaded.predict(BITS.test.x).dtype == np.int64


def test_what_a_file_cannot_hold(tmp_path):
    classifier = small(encoder=Binarizer(threshold=7)).fit(X, Y)
    with pytest.raises(ValueError, match="the encoders Threshold, Median, Thermometer or none, not "
                                         "Binarizer"):
        classifier.save(tmp_path / "state.npz")
    with pytest.raises(NotFittedError):
        small().save(tmp_path / "state.npz")
    assert not list(tmp_path.iterdir())


def test_a_network_without_classes_is_not_a_classifier(tmp_path):
    state.save(tmp_path / "state.npz", Network(Config(9, (6, 4), 3)))
    with pytest.raises(ValueError, match=r"state\.npz is the state of a network without encoder"):
        BEPClassifier.load(tmp_path / "state.npz")


@pytest.mark.parametrize(("changes", "text"), [
    ({"options": None}, "it lacks options"),
    ({"options": {"wings": 2}}, "unexpected keyword argument 'wings'"),
    ({"features": 65}, "features must be between 1 and 64, not 65"),
    ({"features": "64"}, "features must be between 1 and 64, not '64'"),
    ({"feature_names": ["a"]}, "there must be 64 feature names, not 1"),
    ({"encoder": {"name": "os", "options": {}, "learnt": None}}, "unknown encoder 'os'"),
    ({"encoder": {"name": "Median", "options": {}, "learnt": [1.0]}}, "levels for 64 features"),
    ({"encoder": {"name": "Thermometer", "options": {"levels": 2}, "learnt": [[1, 2]] * 64}},
     "64 features make 128 bits, not 64"),
    ({"classes": {"dtype": "<i8", "values": [0, 1]}}, "there must be 10 different classes"),
    ({"classes": {"dtype": "<M8[s]", "values": [0, 1]}}, "classes must be numbers or text"),
    ({"classes": {"dtype": "<i8", "values": [1] * 10}}, "there must be 10 different classes"),
    ({"parameters": {"margin": 3}}, "missing 3 required"),
    ({"recent": [1]}, "not enough values"),
])
def test_damaged_files(tmp_path, changes, text):
    small(encoder=Median(), epochs=1).fit(X, Y).save(tmp_path / "state.npz")
    path = edited(tmp_path / "state.npz", **changes)
    with pytest.raises(ValueError, match=rf"^.*edited\.npz is damaged: .*{text}"):
        BEPClassifier.load(path)
