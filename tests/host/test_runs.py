import json
from dataclasses import dataclass, replace

import pytest

from bep.experiments import runs
from bep.experiments.runs import Run
from bep_model.config import Config
from bep_model.data import augment, datasets
from bep_model.fit import training
from bep_model.fit.training import Hyper
from bep_model.network import Network

SMALL = Run("digits", (16,), epochs=3, counter_bits=7, hyper=Hyper(group=4), train_samples=100)


def test_equal_runs_have_equal_digests_and_no_others():
    assert SMALL.digest == replace(SMALL).digest
    others = [replace(SMALL, **change) for change in (
        dict(dataset="mnist"), dict(hidden=(16, 16)), dict(epochs=4), dict(seed=2),
        dict(data_seed=1), dict(counter_bits=8), dict(hyper=Hyper(group=8)),
        dict(train_samples=None), dict(literal_targets=True), dict(model="random-features"),
        dict(encoding="median"), dict(generated=(("train", 50),)),
        dict(swap=0.5))]
    assert len({run.digest for run in (SMALL, *others)}) == len(others) + 1


def test_the_digest_tells_kinds_and_numerics_apart(monkeypatch):
    @dataclass(frozen=True)
    class Other(Run):
        pass

    first = SMALL.digest
    assert Other("digits", (16,), epochs=3, counter_bits=7, hyper=Hyper(group=4),
                 train_samples=100).digest != first
    monkeypatch.setattr(runs, "NUMERICS_VERSION", -1)
    assert SMALL.digest != first


def test_digests_are_older_than_thinning_bits():
    assert Run("digits", (16,)).digest == \
        "8bbd2fd6a2643dfba1c683a714f09a7273d1f0eb4403a153c432d61c7c0902e5"
    fine, coarse = (replace(SMALL, hyper=Hyper(group=4, thinning_bits=bits)) for bits in (16, 2))
    assert fine.digest == SMALL.digest != coarse.digest


def test_seeds_generate_data_anew_but_keep_splits():
    assert SMALL.seeded(3) == replace(SMALL, seed=3)
    generated = replace(SMALL, dataset="random-prototypes")
    assert generated.seeded(3) == replace(generated, seed=3, data_seed=3)
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
    with pytest.raises(ValueError, match="model must be one of bep, random-features, "
                                         "logistic-regression, not 'svm'"):
        replace(SMALL, model="svm")


def test_the_best_epoch_is_tested():
    result = runs.execute(SMALL)
    held = [epoch["validation_accuracy"] for epoch in result["history"]]
    assert len(held) == 3 and result["validation_accuracy"] == max(held)
    assert result["best_epoch"] == held.index(max(held))
    assert result["digest"] == SMALL.digest and result["run"]["hyper"]["group"] == 4
    assert result["stored_bits"] == 7 * 16 * 192
    assert json.loads(json.dumps(result))["test_accuracy"] == result["test_accuracy"]
    again = runs.execute(SMALL)
    assert {**again, "seconds": 0} == {**result, "seconds": 0}
    other = runs.execute(replace(SMALL, seed=2))
    assert other["history"] != result["history"]


@pytest.mark.parametrize("model", runs.MODELS[1:])
def test_baselines_are_runs(model):
    run = replace(SMALL, model=model)
    result = runs.execute(run)
    assert result["digest"] == run.digest and result["test_accuracy"] > 0.5
    if model == "random-features":
        assert 0.9 * 7 * 16 * 192 < result["stored_bits"] <= 7 * 16 * 192


def test_other_kinds_of_runs_are_registered():
    @dataclass(frozen=True)
    class Sequences:
        seed: int

    with pytest.raises(TypeError, match=r"a run must be a Run, not .*Sequences"):
        runs.execute(Sequences(1))
    runs.execute.register(Sequences, lambda run, *, data=None, progress=None: {"seed": run.seed})
    assert runs.execute(Sequences(4)) == {"seed": 4}


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
