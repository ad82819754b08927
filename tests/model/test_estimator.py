"""The classifier: scikit-learn's conventions, the golden model's training behind them, files."""

import doctest
import json
import pickle
import re
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits, load_iris
from sklearn.ensemble import AdaBoostClassifier, StackingClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.inspection import permutation_importance
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer, KBinsDiscretizer, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

import bep_model.fit.estimator
from bep_model import state
from bep_model.config import Config
from bep_model.data import datasets, encoders, selection
from bep_model.data.encoders import Differences, Local, Median, Thermometer, Threshold
from bep_model.data.selection import Informative
from bep_model.fit import portable, training
from bep_model.fit.estimator import BEPClassifier
from bep_model.fit.hyper import Hyper
from bep_model.network import Network

X, Y = load_digits(return_X_y=True)
BITS = datasets.load("digits")


def of_classes(classes):
    """The digits of the first so many classes."""
    rows = np.isin(Y, np.arange(classes))
    return X[rows], Y[rows]


def small(**options):
    return BEPClassifier(**dict(hidden_layer_sizes=(32, 32), epochs=3, random_state=1) | options)


@parametrize_with_checks([
    BEPClassifier((32, 32)),
    BEPClassifier(32, encoder=Thermometer(16), batch=5, sweep=20, thinning=0.5, counter_bits=5),
])
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)


def test_the_example_in_the_documentation():
    results = doctest.testmod(bep_model.fit.estimator)
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
    documented = " ".join(re.findall(r"\n    ((?:r, nu|filter_nu),.*?)\n        ",
                                     BEPClassifier.__doc__, re.DOTALL))
    wanted = asdict(Hyper())
    for name in ("horizon", "delay"):
        del wanted[name]  # of recurrent networks
    assert {name: options[name] for name in wanted} == wanted
    assert set(re.findall(r"\w+", documented)) == set(wanted)


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
    assert lead.shape == (two.sum(),) and lead.dtype == np.float64
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


LEARNT, TREE = small(epochs=10), DecisionTreeClassifier()


@pytest.mark.parametrize("consumer", [
    CalibratedClassifierCV(LEARNT, cv=2), CalibratedClassifierCV(LEARNT, cv=2, ensemble=False),
    CalibratedClassifierCV(LEARNT, method="isotonic", cv=2),
    StackingClassifier([("bep", LEARNT), ("tree", TREE)], TREE, cv=2),
    VotingClassifier([("bep", LEARNT), ("tree", TREE)], voting="soft"),
    OneVsRestClassifier(LEARNT), make_pipeline(StandardScaler(), LEARNT)],
    ids=lambda consumer: type(consumer).__name__)
@pytest.mark.parametrize("classes", [2, 10])
def test_what_takes_classifiers(consumer, classes):
    x, y = of_classes(classes)
    x, y = x[:1000], y[:1000]
    fitted = clone(consumer).fit(x, y)
    assert fitted.score(x, y) > 0.6
    np.testing.assert_allclose(fitted.predict_proba(x).sum(axis=1), 1)


def test_scores_and_predictions_of_all_kinds():
    x, y = X[:400], Y[:400]
    for method, shape in (("predict", (400,)), ("decision_function", (400, 10)),
                          ("predict_proba", (400, 10))):
        assert cross_val_predict(small(), x, y, cv=2, method=method).shape == shape
    for scoring in ("roc_auc_ovr", "roc_auc_ovo", "neg_log_loss", "top_k_accuracy"):
        assert np.isfinite(cross_val_score(small(), x, y, cv=2, scoring=scoring)).all()
    assert cross_val_score(small(), X[Y < 2], Y[Y < 2], cv=2, scoring="roc_auc").min() > 0.95
    importance = permutation_importance(small().fit(x, y), x, y, n_repeats=2, random_state=0)
    assert importance.importances_mean.max() > 0


def test_copies_go_on_alike():
    classifier = small().fit(X[:400], Y[:400])
    copy = pickle.loads(pickle.dumps(classifier))
    for each in (classifier, copy):
        each.partial_fit(X[400:800], Y[400:800])
    assert_equal_states(copy.network_, classifier.network_)


@pytest.mark.parametrize("classes", [2, 10])
def test_probabilities_rank_as_the_logits_do(classes):
    x, y = of_classes(classes)
    classifier = small().fit(x, y)
    assert classifier.temperature_ == 32 ** 0.5
    probabilities = classifier.predict_proba(x)
    assert probabilities.dtype == np.float64 and probabilities.min() >= 0
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(classifier.classes_[probabilities.argmax(axis=1)],
                                  classifier.predict(x))
    logits = classifier.network_.logits(classifier._bits(x)).astype(int)
    order = np.argsort(logits, axis=1, kind="stable")
    rising = np.take_along_axis(probabilities, order, axis=1)
    same = np.diff(np.take_along_axis(logits, order, axis=1), axis=1) == 0
    steps = np.diff(rising, axis=1)
    assert (steps[~same] > 0).all() and (steps[same] == 0).all()


def test_probabilities_are_calibrated_to_samples_held_out():
    classifier = small(validation_fraction=0.3, epochs=10).fit(X[:900], Y[:900])
    losses, chosen = [], classifier.temperature_
    for factor in (1, 1 / 3, 3):
        classifier.temperature_ = chosen * factor
        losses.append(log_loss(Y[900:], classifier.predict_proba(X[900:])))
    assert losses[0] < min(losses[1:])


def test_weights_and_sparse_features_are_refused():
    with pytest.raises(TypeError, match="sample_weight"):
        small().fit(X, Y, sample_weight=np.ones(len(Y)))
    with pytest.raises(ValueError, match="doesn't support sample_weight"):
        AdaBoostClassifier(small()).fit(X, Y)
    with pytest.raises(TypeError, match="dense data is required"):
        small().fit(csr_array(X), Y)


def test_an_encoder_may_make_sparse_bits():
    x = X[:300, X[:300].std(axis=0) > 3]
    networks = [small(encoder=KBinsDiscretizer(3, encode=encode, strategy="uniform"))
                .fit(x, Y[:300]).network_ for encode in ("onehot", "onehot-dense")]
    assert_equal_states(*networks)


REFUSED = [
    ({"epochs": -1}, ValueError, "epochs must be between 0 and 1000000, not -1"),
    ({"epochs": 2.0}, TypeError, "epochs must be an integer, not 2.0"),
    ({"epochs": True}, TypeError, "epochs must be an integer, not True"),
    ({"p_r": -1}, ValueError, "p_r must be between 0 and 1000, not -1"),
    ({"p_r": "x"}, TypeError, "p_r must be a number, not 'x'"),
    ({"r": None}, TypeError, "r must be a number, not None"),
    ({"nu": np.nan}, ValueError, "nu must be between 0 and 1, not nan"),
    ({"thinning": np.bool_(True)}, TypeError, "thinning must be a number, not "),
    ({"kappa": 11}, ValueError, "kappa must be between 0 and 10, not 11"),
    ({"anneal": 0.0}, ValueError, "anneal must be above 0 and at most 1, not 0.0"),
    ({"group": 0}, ValueError, "group must be at least 1, not 0"),
    ({"group": 8.0}, TypeError, "group must be an integer, not 8.0"),
    ({"batch": 0}, ValueError, "batch must be between 1 and 1024, not 0"),
    ({"sweep": 65536}, ValueError, "sweep must be between 1 and 65535, not 65536"),
    ({"batch": 3}, ValueError, r"sweep must be a multiple of the batch \(3\), not 200"),
    ({"reinforce_bits": 17}, ValueError, "reinforce_bits must be between 1 and 16, not 17"),
    ({"thinning_bits": 0}, ValueError, "thinning_bits must be between 1 and 16, not 0"),
    ({"patience": -1}, ValueError, "patience must be 0 or more, not -1"),
    ({"counter_bits": "7"}, TypeError, "counter_bits must be an integer, not '7'"),
    ({"weight_lanes": 0}, ValueError, "weight_lanes must be between 1 and 4096, not 0"),
    ({"prototype_seed": -1}, ValueError, "prototype_seed must be between 0 and 4294967295, not -1"),
    ({"random_state": -1}, ValueError, "random_state must be between 0 and 4294967295, not -1"),
    ({"random_state": 1.5}, TypeError, "random_state must be an integer, not 1.5"),
    ({"validation_fraction": 1}, ValueError, "validation_fraction must be 0 or more and below 1"),
    ({"validation_fraction": "a"}, TypeError, "validation_fraction must be a number, not 'a'"),
    ({"hidden_layer_sizes": ()}, ValueError, "hidden_layer_sizes must have 1 to 15 entries"),
    ({"hidden_layer_sizes": "ab"}, TypeError, "hidden_layer_sizes must be a list of integers"),
    ({"hidden_layer_sizes": 2.5}, TypeError, r"hidden_layer_sizes\[0\] must be an integer, not 2"),
    ({"encoder": "median"}, ValueError, "encoder must be 'thermometer', a transformer or None"),
    ({"encoder": Median}, ValueError, "encoder must be 'thermometer', a transformer or None"),
    ({"encoder": 3}, ValueError, "encoder must be 'thermometer', a transformer or None, not 3"),
]


def everything(classifier):
    """Names and identities of the classifier's attributes, and its network's contents."""
    network = classifier.network_
    return ({name: id(value) for name, value in vars(classifier).items()},
            [network.bank.tolist(), *(layer.tolist() for layer in network.counters)],
            network.sweep_count, network.open_batch)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(("options", "error", "text"), REFUSED)
def test_a_refused_hyper_parameter_changes_nothing(method, options, error, text):
    good = small(epochs=1).fit(X[:100], Y[:100])
    bad = good.set_params(**options)
    before = everything(bad)
    with pytest.raises(error, match=f"^{text}"):
        getattr(bad, method)(X[:150], Y[:150])
    assert everything(bad) == before
    fresh = small().set_params(**options)
    with pytest.raises(error, match=f"^{text}"):
        fresh.fit(X[:150], Y[:150])
    assert set(vars(fresh)) == set(small().get_params())


@pytest.mark.parametrize(("method", "options", "x", "y"), [
    ("fit", {"patience": 2}, X[:90], Y[:90]),
    ("fit", {"encoder": None}, X[:90], Y[:90]),
    ("fit", {"encoder": StandardScaler()}, X[:90], Y[:90]),
    ("fit", {"encoder": Thermometer(0)}, X[:90], Y[:90]),
    ("fit", {"validation_fraction": 0.01}, X[:90], Y[:90]),
    ("fit", {}, X[:90], np.zeros(90, int)),
    ("fit", {}, X[:90], Y[:80]),
    ("fit", {}, X[:90, :5] * np.nan, Y[:90]),
    ("partial_fit", {}, X[:90, :5], Y[:90]),
    ("partial_fit", {}, X[:90], Y[:90] + 1),
    ("partial_fit", {}, X[:90], Y[:90] + 0.5),
])
def test_refused_data_change_nothing(method, options, x, y):
    classifier = small(epochs=1).fit(X[:200], Y[:200]).set_params(**options)
    before = everything(classifier)
    with pytest.raises((TypeError, ValueError)):
        getattr(classifier, method)(x, y)
    assert everything(classifier) == before


def test_what_counts_in_partial_fit():
    """Only p_r and reinforce_bits count, from the next renewal of reinforcement on."""
    parts = []
    for changes in ({}, {"r": 0.1, "nu": 0.9, "thinning": 0.2, "group": 4, "sweep": 100,
                         "anneal": 0.5, "epochs": 7, "patience": 3, "counter_bits": 4},
                    {"p_r": 0.1}, {"reinforce_bits": 2}):
        classifier = small().fit(X[:400], Y[:400]).set_params(**changes)
        before = classifier.parameters_
        classifier.partial_fit(X[400:900], Y[400:900])
        assert replace(classifier.parameters_, reinforce=before.reinforce) == before
        parts.append((classifier.network_, classifier.parameters_.reinforce))
    for network, _ in parts:
        assert_equal_states(network, parts[0][0])
    assert parts[1][1] == parts[0][1]
    assert parts[2][1] != parts[0][1] != parts[3][1]


def test_numbers_of_numpy_are_numbers():
    numbers = {"epochs": np.int8(3), "counter_bits": np.uint8(7), "group": np.int16(32),
               "batch": np.uint16(1), "sweep": np.int64(200), "random_state": np.uint32(1),
               "prototype_seed": np.int64(1), "r": np.float32(0.5), "kappa": np.float64(0.25),
               "weight_lanes": np.array(64), "hidden_layer_sizes": np.array([32, 32], np.int8)}
    assert_equal_states(small(**numbers).fit(X[:200], Y[:200]).network_,
                        small(kappa=0.25).fit(X[:200], Y[:200]).network_)


def test_labels_of_any_integers():
    for dtype in (np.int8, np.uint8, np.uint64):
        classifier = small().fit(X[:200], Y[:200].astype(dtype))
        assert_equal_states(classifier.network_, small().fit(X[:200], Y[:200]).network_)


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
    ({"hidden_layer_sizes": (8, 0)}, r"^hidden_layer_sizes\[1\] must be between 1 and 65535"),
    ({"r": 3}, "r must be between -2 and 2, not 3"),
    ({"batch": 3}, r"sweep must be a multiple of the batch \(3\), not 200"),
    ({"epochs": -1}, "epochs must be between 0 and 1000000, not -1"),
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
    for options, text in (({"hidden_layer_sizes": (8.5,)},
                           r"^hidden_layer_sizes\[0\] must be an integer"),
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
    """Write a copy of a classifier's file with keys of its table replaced, or removed if None."""
    with np.load(path) as archive:
        arrays = dict(archive)
    table = json.loads(str(arrays["estimator"])) | changes
    for key in [key for key, value in changes.items() if value is None]:
        del table[key]
    arrays["estimator"] = json.dumps(table)
    other = path.with_name("edited.npz")
    np.savez(other, **arrays)
    return other


@pytest.mark.parametrize("encoder", ["thermometer", Thermometer((4, 8.5)), Median(), Threshold(7),
                                     Differences(90, width=8), Differences(), Local((4, 12), 8)])
def test_a_loaded_classifier_goes_on_exactly(tmp_path, encoder):
    path, frame = tmp_path / "state.npz", pd.DataFrame(X).add_prefix("p")
    names = np.array([f"digit {y}" for y in Y], object)
    classifier = small(encoder=encoder, batch=4, hidden_layer_sizes=np.array([16, 32]),
                       counter_bits=np.int64(6)).fit(frame, names)
    classifier.partial_fit(frame[:50], names[:50])
    classifier.save(path)
    loaded = BEPClassifier.load(path)
    np.testing.assert_array_equal(loaded.predict(frame), classifier.predict(frame))
    np.testing.assert_array_equal(loaded.predict_proba(frame), classifier.predict_proba(frame))
    assert loaded.predict(frame).dtype == object
    for each in (classifier, loaded):
        each.partial_fit(frame[:333], names[:333])
    assert_equal_states(loaded.network_, classifier.network_)
    assert loaded.parameters_ == classifier.parameters_
    assert list(loaded.feature_names_in_) == list(frame.columns)
    for each in (classifier, loaded):
        each.fit(frame, names)
    assert_equal_states(loaded.network_, classifier.network_)


def test_an_encoder_that_learns_from_the_classes(tmp_path):
    classifier = small(encoder=Informative(60)).fit(BITS.train.x, BITS.train.labels)
    classifier.save(tmp_path / "state.npz")
    loaded = BEPClassifier.load(tmp_path / "state.npz")
    np.testing.assert_array_equal(loaded.encoder_.ranking_, classifier.encoder_.ranking_)
    np.testing.assert_array_equal(loaded.predict(BITS.test.x), classifier.predict(BITS.test.x))


@pytest.mark.filterwarnings("ignore:there are 192 bits")  # Informative takes 784 by default
def test_every_encoder_needs_no_arguments_and_can_be_saved(tmp_path):
    shipped = {kind for module in (encoders, selection) for kind in vars(module).values()
               if isinstance(kind, type) and kind.__module__ == module.__name__
               and kind.__name__[0] != "_"}
    assert shipped == {kind for kind, _ in portable.ENCODERS.values()}
    for kind in shipped:
        classifier = small(encoder=clone(kind()), epochs=1).fit(BITS.train.x, BITS.train.labels)
        classifier.save(tmp_path / "state.npz")
        loaded = BEPClassifier.load(tmp_path / "state.npz")
        np.testing.assert_array_equal(loaded.predict(BITS.test.x), classifier.predict(BITS.test.x))


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
    with pytest.raises(ValueError, match="the encoders Threshold, Median, Thermometer, Local, "
                                         "Differences, Informative or none, not Binarizer"):
        classifier.save(tmp_path / "state.npz")
    with pytest.raises(NotFittedError):
        small().save(tmp_path / "state.npz")
    with pytest.raises(ValueError, match="p_r must be between"):
        small().fit(X, Y).set_params(p_r=-1).save(tmp_path / "state.npz")
    assert not list(tmp_path.iterdir())


def test_a_network_without_classes_is_not_a_classifier(tmp_path):
    state.save(tmp_path / "state.npz", Network(Config(9, (6, 4), 3)))
    with pytest.raises(ValueError, match=r"state\.npz is the state of a network without encoder"):
        BEPClassifier.load(tmp_path / "state.npz")


@pytest.mark.parametrize(("changes", "text"), [
    ({"options": None}, "it lacks options"),
    ({"options": {"wings": 2}}, "unexpected keyword argument 'wings'"),
    ({"features": 65}, r"median_ must be an array \(65,\) of 65 features and 64 bits, not \(64,\)"),
    ({"features": 10**12}, "features must be between 1 and 16777216, not 10{12}"),
    ({"features": "64"}, "features must be an integer, not '64'"),
    ({"feature_names": ["a"]}, "there must be 64 feature names, not 1"),
    ({"encoder": {"name": "os", "options": {}, "learnt": None}}, "unknown encoder 'os'"),
    ({"encoder": {"name": "Median", "options": {}, "learnt": [1.0]}},
     r"median_ must be an array \(64,\) of 64 features and 64 bits, not \(1,\)"),
    ({"encoder": {"name": "Median", "options": {}, "learnt": [None] * 64}}, "finite numbers only"),
    ({"encoder": {"name": "Median", "options": {}, "learnt": [1e300 * 1e300] * 64}},
     "Infinity is not a number of JSON"),
    ({"encoder": {"name": "Threshold", "options": {"threshold": "x"}, "learnt": None}},
     "threshold must be a number, not 'x'"),
    ({"encoder": {"name": "Thermometer", "options": {"levels": [3, 2]}, "learnt": [[3, 2]] * 64}},
     "levels must be an ascending list"),
    ({"encoder": {"name": "Informative", "options": {"bits": 64}, "learnt": [64] * 64}},
     "ranking_ must hold features, integers from 0 to 63"),
    ({"encoder": {"name": "Differences", "options": {}, "learnt": {
        "median_": [0.5] * 64, "added_": [[-1]] * 64, "subtracted_": [[1]] * 64}}},
     "added_ must hold features, integers from 0 to 63"),
    ({"encoder": {"name": "Thermometer", "options": {"levels": 2}, "learnt": [[1, 2]] * 64}},
     "64 features make 128 bits, not 64"),
    ({"classes": {"dtype": "<i8", "values": [0, 1]}}, "there must be 10 different classes"),
    ({"classes": {"dtype": "<M8[s]", "values": [0, 1]}}, "classes must be numbers or text"),
    ({"classes": {"dtype": "<i8", "values": [1] * 10}}, "there must be 10 different classes"),
    ({"parameters": {"margin": 3}}, "missing 3 required"),
    ({"classes": {"dtype": "<U100000", "values": list("abcdefghij")}}, "numbers or text"),
    ({"recent": [1]}, "not enough values"),
    ({"recent": [1, 2.5]}, "recent must be an integer, not 2.5"),
    ({"temperature": 0}, "temperature must be above 0, not 0"),
    ({"options": {"p_r": -1}}, "p_r must be between 0 and 1000, not -1"),
    ({"options": {"hidden_layer_sizes": "x"}}, "hidden_layer_sizes must be a list of integers"),
])
def test_damaged_files(tmp_path, changes, text):
    small(encoder=Median(), epochs=1).fit(X, Y).save(tmp_path / "state.npz")
    path = edited(tmp_path / "state.npz", **changes)
    with pytest.raises(ValueError, match=rf"^.*edited\.npz is damaged: .*{text}"):
        BEPClassifier.load(path)


@pytest.mark.parametrize(("name", "value"), [
    ("epochs", np.array(1)), ("counter_bits", np.array(6)), ("r", np.longdouble(0.25)),
    ("hidden_layer_sizes", (np.array(9), 6)), ("batch", np.int8(1))])
def test_what_is_trained_with_is_saved(name, value, tmp_path):
    X, y = load_iris(return_X_y=True)
    options = {"hidden_layer_sizes": (9, 6), "epochs": 1, "random_state": 1, name: value}
    classifier = BEPClassifier(**options).fit(X, y)
    classifier.save(tmp_path / "it.npz")
    loaded = BEPClassifier.load(tmp_path / "it.npz")
    np.testing.assert_array_equal(loaded.predict(X), classifier.predict(X))
    assert np.array_equal(getattr(loaded, name), np.asarray(value).tolist() if name != "r"
                          else float(value))


@pytest.mark.parametrize(("labels", "text"), [
    (["a", 1, 2], "y must hold labels that can be ordered"),
    (["a", None, "b"], "y must hold labels that can be ordered")])
def test_labels_that_cannot_be_ordered(labels, text):
    X, y = load_iris(return_X_y=True)
    with pytest.raises((TypeError, ValueError), match=text):
        BEPClassifier((9, 6), epochs=1).fit(X, np.array(labels, object)[y])


def test_no_classes():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match="there must be 2 classes or more, not none"):
        BEPClassifier((9, 6)).partial_fit(X, y, classes=[])


@pytest.mark.parametrize(("y", "fraction", "text"), [
    ([0] * 19 + [1], 0.2, "^y has 1 sample of class 1 to train on and to hold out"),
    (list("a" * 19 + "b"), 0.2, "^y has 1 sample of class b to train on and to hold out"),
    ([n % 10 for n in range(20)], 0.01, "^y: 1 of 20 samples cannot be held out; for 10 classes"),
    ([n % 10 for n in range(20)], 0.9, "^y: 18 of 20 samples cannot be held out; for 10 classes"),
])
def test_too_few_samples_to_hold_out(y, fraction, text):
    with pytest.raises(ValueError, match=text):
        small(validation_fraction=fraction).fit(np.arange(20)[:, None], y)


def test_samples_of_bool_are_numbers():
    x, y = np.arange(60).reshape(20, 3) % 7 > 2, np.arange(20) % 2
    of_bool, of_int = (BEPClassifier((4, 4), epochs=2, random_state=1).fit(each, y)
                       for each in (x, x.astype(int)))
    assert np.array_equal(of_bool.predict(x), of_int.predict(x.astype(int)))


@pytest.mark.parametrize("make", [lambda: Network(3), lambda: BEPClassifier.load(3)])
def test_a_number_is_no_configuration_and_no_file(make):
    with pytest.raises(TypeError):
        make()
