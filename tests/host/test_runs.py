import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from bep.experiments import points, runs
from bep.experiments.experiments import EXPERIMENTS
from bep.experiments.runs import Run
from bep_model.config import Config
from bep_model.data import augment, catalogue, datasets
from bep_model.data.catalogue import Encoding
from bep_model.fit import training
from bep_model.fit.baselines import SERIES
from bep_model.fit.training import Hyper
from bep_model.network import Network

HYPER = Hyper(r=0.5, nu=0.25, group=8, p_r=0.3, sweep=50, horizon=8)
SEQUENCES = Run("ItalyPowerDemand", (16, 16), epochs=2, counter_bits=7,
                encoding=Encoding(12, 3, 4, 32), hyper=HYPER, train_samples=80)
SMALL = Run("digits", (16,), epochs=3, counter_bits=7, hyper=Hyper(group=4), train_samples=100)


@pytest.mark.parametrize(("run", "changes"), [
    (SMALL, (dict(dataset="mnist"), dict(hidden=(16, 16)), dict(epochs=4), dict(seed=2),
             dict(data_seed=1), dict(counter_bits=8), dict(hyper=Hyper(group=8)),
             dict(train_samples=None), dict(literal_targets=True), dict(model="random-features"),
             dict(refit=True), dict(dataset="mnist", encoding="median"), dict(counter_lanes=16),
             dict(generated=(("train", 50),)), dict(swap=0.5))),
    (SEQUENCES, (dict(dataset="PenDigits"), dict(seed=2), dict(folds=4), dict(refit=True),
                 dict(encoding=Encoding(12, 3, 5, 32)), dict(hyper=replace(HYPER, horizon=7)))),
])
def test_equal_runs_have_equal_digests_and_no_others(run, changes):
    again = replace(run, encoding=run.encoding if isinstance(run.encoding, str)
                    else replace(run.encoding))
    assert run == again and run.digest == again.digest
    others = [replace(run, **change) for change in changes]
    assert len({each.digest for each in (run, *others)}) == len(others) + 1


def test_folds_of_a_set_with_a_test_part_do_not_matter():
    assert replace(SMALL, folds=5).digest == SMALL.digest


def test_the_digest_tells_numerics_apart(monkeypatch):
    first = SMALL.digest
    monkeypatch.setattr(runs, "NUMERICS_VERSION", -1)
    assert SMALL.digest != first


STORED = {
    "fashion-mnist": "802da1edfcfb38bc",
    "random-prototypes-samples": "24ef5d0aa6aaa85b",
    "stability": "57c0f7903196f5cc",
    "headline": "e70ba107cd7ab966",
    "baselines": "e0b55d5fe83a43e8",
    "ucr": "75d1c2a2b89ab210",
    "s-mnist-horizon": "5e42472c2ad12f79",
}
"""A digest over the digests of all runs of an experiment with seed 2, as in stored results."""


@pytest.mark.parametrize("name", STORED)
def test_digests_stay_as_stored_results_have_them(name):
    digests = [point.run.seeded(2).digest for point in EXPERIMENTS[name].points()]
    assert hashlib.sha256("".join(digests).encode()).hexdigest()[:16] == STORED[name]


def test_digests_are_older_than_thinning_bits():
    assert Run("digits", (16,)).digest == \
        "8bbd2fd6a2643dfba1c683a714f09a7273d1f0eb4403a153c432d61c7c0902e5"
    fine, coarse = (replace(SMALL, hyper=Hyper(group=4, thinning_bits=bits)) for bits in (16, 2))
    assert fine.digest == SMALL.digest != coarse.digest


def test_seeds_generate_data_anew_but_keep_splits():
    assert SMALL.seeded(3) == replace(SMALL, seed=3)
    generated = replace(SMALL, dataset="random-prototypes")
    assert generated.seeded(3) == replace(generated, seed=3, data_seed=3)
    assert SEQUENCES.seeded(5) == replace(SEQUENCES, seed=5)
    regression = replace(SMALL, model="logistic-regression")
    assert regression.seeded(3) == regression


def test_generated_data_may_have_another_size():
    run = Run("random-prototypes", (16,), epochs=1, hyper=Hyper(group=4), data_seed=2,
              generated=(("train", 300), ("test", 40), ("inputs", 96)))
    result = runs.execute(run)
    assert result["stored_bits"] == 15 * 16 * 96
    data = datasets.random_prototypes(train=300, test=40, inputs=96, seed=2)
    network = Network(Config(96, (16,), 10, max_batch=1))
    network.reset(1)
    training.fit(network, data, epochs=1, hyper=run.hyper, seed=1)
    assert result["test_accuracy"] == training.accuracy(network, data.test)
    assert run.small().generated == ()


def test_training_samples_may_have_swap_noise():
    result = runs.execute(replace(SMALL, swap=0.25))
    data = datasets.load("digits").limit(100)
    network = Network(Config(data.inputs, (16,), 10, 7, max_batch=1))
    network.reset(1)
    history = training.fit(
        network, data, epochs=3, hyper=SMALL.hyper, seed=1, keep_best=True,
        augment=lambda samples, epoch: augment.swapped(samples, 0.25, 1, epoch))
    assert [epoch["error"] for epoch in result["history"]] == [epoch.error for epoch in history]
    assert result["test_accuracy"] == training.accuracy(network, data.test)
    assert result["history"] != runs.execute(SMALL)["history"]


def test_an_unknown_model_is_refused():
    with pytest.raises(ValueError, match=r"model must be one of bep, .* ridge, not 'svm'"):
        replace(SMALL, model="svm")


def test_a_run_fits_its_data():
    with pytest.raises(ValueError, match="random-features takes no sequences, as ItalyPowerDemand"):
        replace(SEQUENCES, model="random-features")
    with pytest.raises(ValueError, match="digits is no set of sequences"):
        replace(SMALL, encoding=Encoding())
    assert Run("s-mnist", (8, 8)).encoding == Encoding()


def test_the_best_epoch_is_tested():
    result = runs.execute(SMALL)
    held = [epoch["validation_accuracy"] for epoch in result["history"]]
    assert len(held) == 3 and result["validation_accuracy"] == max(held)
    assert result["best_epoch"] == held.index(max(held))
    assert result["digest"] == SMALL.digest and result["run"]["hyper"]["group"] == 4
    assert result["stored_bits"] == 7 * 16 * 192
    assert json.loads(json.dumps(result))["test_accuracy"] == result["test_accuracy"]
    again = runs.execute(SMALL)
    timed = {"seconds": 0, "samples_per_second": 0}
    assert {**again, **timed} == {**result, **timed}
    other = runs.execute(replace(SMALL, seed=2))
    assert other["history"] != result["history"]


@pytest.mark.parametrize("model", SERIES)
def test_models_of_sequences_as_they_are(model):
    run = replace(SEQUENCES, model=model, train_samples=None)
    result = runs.execute(run)
    assert result["validation_accuracy"] is None and 0.9 < result["test_accuracy"] <= 1
    assert run.seeded(2) == run and len(result["folds"]) == 3
    with pytest.raises(ValueError, match=f"{model} takes only sequences, and no others, as digits"):
        replace(SMALL, model=model)


@pytest.mark.parametrize("model", ("random-features", "logistic-regression", "tsetlin"))
def test_baselines_are_runs(model):
    if model == "tsetlin":
        pytest.importorskip("green_tsetlin", reason="green-tsetlin is not installed")
    run = replace(SMALL, model=model)
    result = runs.execute(run)
    least = 0.1 if model == "tsetlin" else 0.5  # of six clauses
    assert result["digest"] == run.digest and result["test_accuracy"] > least
    assert ("green-tsetlin" in result["versions"]) == (model == "tsetlin")
    if model != "logistic-regression":
        assert 0.9 * 7 * 16 * 192 < result["stored_bits"] <= 7 * 16 * 192


def test_a_refit_trains_on_all_and_keeps_the_last_epoch():
    run = Run("digits", (16,), epochs=3, counter_bits=7, hyper=Hyper(group=4), refit=True)
    result = runs.execute(run)
    assert result["validation_accuracy"] is None and result["best_epoch"] == 2
    assert all(epoch["validation_accuracy"] is None for epoch in result["history"])
    data = datasets.load("digits").refit()
    assert len(data.train) == 1437 and len(data.validation) == 0
    network = Network(Config(data.inputs, (16,), 10, 7, max_batch=1))
    network.reset(1)
    training.fit(network, data, epochs=3, hyper=run.hyper, seed=1)
    assert result["test_accuracy"] == training.accuracy(network, data.test)


def test_a_run_is_the_mean_over_its_folds():
    pytest.importorskip("aeon", reason="aeon is not installed")
    result = runs.execute(SEQUENCES)
    assert result["digest"] == SEQUENCES.digest and len(result["folds"]) == 3
    for kind in ("test_accuracy", "validation_accuracy"):
        assert result[kind] == pytest.approx(np.mean([fold[kind] for fold in result["folds"]]))
    assert result["stored_bits"] == 7 * (16 * (32 + 16) + 16 * 16)
    data = datasets.load("ItalyPowerDemand", fold=1, encoding=SEQUENCES.encoding).limit(80)
    network = Network(Config(32, (16, 16), 2, 7, max_steps=4))
    network.reset(SEQUENCES.seed)
    history = training.fit(network, data, epochs=2, hyper=HYPER, seed=SEQUENCES.seed,
                           keep_best=True)
    fold = result["folds"][1]
    assert fold["test_accuracy"] == training.accuracy(network, data.test)
    assert [e["error"] for e in fold["history"]] == [e.error for e in history]
    json.dumps(result, allow_nan=False)


def test_a_refit_of_folds_has_no_validation():
    pytest.importorskip("aeon", reason="aeon is not installed")
    result = runs.execute(replace(SEQUENCES, refit=True, folds=2, train_samples=None, epochs=1))
    assert result["validation_accuracy"] is None and len(result["folds"]) == 2


def test_experiments_are_of_the_paper_s_sets():
    found = list(points.ucr())
    wide = [point.run for point in found if point.run.hidden[0] == 1035]
    assert [run.dataset for run in wide] == list(catalogue.ARCHIVE)
    for run in wide:
        assert run.counter_bits == 15 and run.encoding.chunk == 1
    for point in found:
        assert point.paper == points.PAPER_UCR[point.labels["data set"]]
        assert point.run.hyper.batch == 1
