import numpy as np
import pytest

from bep_model.checks import MOST_SEED
from bep_model.config import Config
from bep_model.data import datasets
from bep_model.data.catalogue import Encoding
from bep_model.fit import choice, rule, training
from bep_model.fit.choice import Tried
from bep_model.fit.rule import Settings
from bep_model.network import Network
from tests.model.archive_files import write_toy


def test_the_rule_divides_a_whole_sequence_into_two_steps():
    found = rule.preset("Ours", (930, 127, 1))
    assert found.encoding == Encoding(None, 64, 20, 1024)
    assert (found.hidden, found.epochs, found.keep_best) == ((256, 256), 108, True)
    assert rule.preset("Ours", (930, 127, 1), window=9).encoding == Encoding(9, 5, 20, 1024)
    assert rule.preset("Ours", (930, 1, 1)).encoding.chunk == 1


def test_many_steps_have_fewer_inputs_than_the_state_has_neurons():
    found = rule.preset("Ours", (3650, 24, 1), chunk=1)
    assert (found.encoding, found.hidden) == (Encoding(None, 1, 20, 64), (512, 256))
    assert rule.preset("Ours", (3650, 24, 1), chunk=3).encoding.expand == 128
    assert rule.preset("Ours", (3650, 24, 1), chunk=4).encoding.expand == 1024
    assert rule.preset("Ours", (90, 5000, 1), chunk=1, hidden=(4, 4)).encoding.expand == 1


@pytest.mark.parametrize(("count", "epochs"), [(6, 200), (1000, 100), (60_000, 30)])
def test_small_sets_have_more_epochs(count, epochs):
    assert rule.epochs(count) == epochs


@pytest.mark.parametrize("shape", [(6, 1, 1), (200, 100_000, 1), (60_000, 28, 28), (9, 90, 3000),
                                   (2, 3, 65_535), (1_000_000, 100, 1)])
def test_bits_that_a_trainer_takes_and_a_memory_holds(shape):
    found = rule.encoding(shape)
    assert found.chunk * found.bits * shape[2] <= 65_535
    assert found.bits == 1 or np.prod(shape) * found.bits <= rule.MOST_ALL


@pytest.mark.parametrize(("given", "text"), [
    (dict(window=0), "window must be at least 1, not 0"),
    (dict(window=-5), "window must be at least 1, not -5"),
    (dict(chunk=-1), "chunk must be at least 1, not -1"),
    (dict(hidden=(4,)), "must have 2 layers"),
])
def test_values_that_are_not_allowed(given, text):
    with pytest.raises(ValueError, match=text):
        rule.preset("Ours", (90, 30, 1), **given)


def test_candidates_begin_with_the_base_and_differ():
    ruled = rule.preset("Ours", (200, 150, 1))
    base = Settings(ruled.encoding, ruled.hyper)
    found = rule.candidates(base, (200, 150, 1))
    assert found[0] == base and len(set(found)) == len(found) == 15
    assert len(rule.candidates(base, (200, 1, 1))) < 15


class Choice:
    """A choice among settings for a few short sequences."""

    def __init__(self, folder):
        self.numbers = datasets.read("Toy", folder)
        ruled = rule.preset("Toy", rule.shape(self.numbers))
        base = Settings(ruled.encoding, ruled.hyper)
        self.every = rule.candidates(base, rule.shape(self.numbers))[:3]
        self.seeds = []

    def load(self, encoding, held_seed):
        self.seeds.append(held_seed)
        return datasets.load("Toy", numbers=self.numbers, encoding=encoding, held_seed=held_seed)

    def made(self, **options):
        return choice.choose(
            self.every, self.load, lambda data, hyper: Config(
                data.inputs, (8, 8), data.classes, 7, 8, 8, max_steps=data.steps),
            epochs=2, seed=1, **options)


def test_a_choice_is_the_same_again_and_measures_several_divisions(tmp_path):
    made = Choice(write_toy(tmp_path)[0])
    shown = []
    tried = made.made(data_seed=MOST_SEED, progress=lambda tried: shown.append(len(tried)))
    assert [each.settings for each in tried] == made.every and shown == [1, 2, 3]
    assert made.seeds[:choice.DIVISIONS] == [MOST_SEED, 0, 1, 2, 3]
    assert tried == made.made(data_seed=MOST_SEED)
    assert all(0 <= each.accuracy <= 1 for each in tried)


def test_without_time_only_the_first_is_tried(tmp_path):
    made = Choice(write_toy(tmp_path)[0])
    assert [each.settings for each in made.made(seconds=1e-6)] == made.every[:1]


def test_the_first_of_equals_is_the_choice():
    assert choice.best([Tried("a", 0.5), Tried("b", 0.75), Tried("c", 0.75)]).settings == "b"


def test_another_seed_holds_out_other_samples_but_tests_the_same(tmp_path):
    folder, _ = write_toy(tmp_path)
    first, second = (datasets.load("Toy", data=folder, held_seed=seed) for seed in (None, 1))
    assert np.array_equal(first.test.labels, second.test.labels)
    numbers = datasets.read("Toy", folder)
    parts = [datasets.division("Toy", numbers, held_seed=seed) for seed in (0, 1)]
    assert np.array_equal(parts[0][2], parts[1][2])
    assert not np.array_equal(parts[0][1], parts[1][1])
    for train, held, test in parts:
        assert sorted([*train, *held, *test]) == list(range(len(numbers.parts[0][1])))


def test_balanced_accuracy():
    network = Network(Config(4, (4,), 3))
    network.predict = lambda x, lengths: np.array([0, 0, 0, 1])
    samples = datasets.Samples(np.zeros((4, 4), np.uint8), np.array([0, 0, 2, 2]))
    assert training.balanced_accuracy(network, samples) == 0.5
    assert training.balanced_accuracy(network, samples.first(0)) is None
