"""Networks with filters on a simulated board: thresholds, training, state, classifier."""

from dataclasses import replace

import numpy as np
import pytest

from bep_model.config import Config
from bep_model.data.datasets import Samples, random_prototypes
from bep_model.device import Board
from bep_model.fit import training
from bep_model.fit.estimator import BEPClassifier
from bep_model.fit.hyper import Hyper
from bep_model.network import Network
from tests.host.programs import simulated_board

CONFIG = Config(36, (6, 8), 4, 7, 18, 6, image=(6, 6, 1), windows=((3, 3, 1, 2),))
HYPER = Hyper(group=4, filter_group=3, filter_nu=0.5, sweep=9)


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    with simulated_board(tmp_path_factory.mktemp("board"), CONFIG) as port:
        yield port


@pytest.fixture
def data():
    some = random_prototypes(train=31, test=9, inputs=36, classes=4, seed=2)
    return replace(some, image=CONFIG.image)


def test_equal_to_the_golden_model(port, data):
    network = Network(CONFIG)
    training.begin(network, data.train.x, HYPER, 5)
    assert np.any(network.thresholds[0])
    hyper = replace(HYPER, shift=1)
    training.fit(network, data, epochs=3, hyper=hyper, seed=5)
    with Board(port, CONFIG) as board:
        training.begin(board.connect(), data.train.x, HYPER, 5)
        training.fit(board, data, epochs=3, hyper=hyper, seed=5,
                     teacher=training.Teacher(board, data))
        found = board.read()
        assert all(map(np.array_equal, found.counters, network.counters))
        assert all(map(np.array_equal, found.thresholds, network.thresholds))
        assert np.array_equal(found.bank, network.bank)
        assert np.array_equal(board.predict(data.test.x), network.predict(data.test.x))


def test_a_state_moves_to_the_board_and_back(port, data):
    network = Network(CONFIG)
    training.begin(network, data.train.x, HYPER, 6)
    with Board(port, CONFIG) as board:
        board.connect().write(network)
    with Board(port, CONFIG) as board:  # which has to ask
        found = board.connect().read()
        assert all(map(np.array_equal, found.thresholds, network.thresholds))
        assert np.array_equal(board.predict(data.test.x), network.predict(data.test.x))
        board.reset(1)
        assert not np.any(board.thresholds[0])
        with pytest.raises(ValueError, match="thresholds of layer 1 must be"):
            board.thresholds = [np.full(6, 99)]


def test_a_classifier_trains_on_the_board(port):
    rng = np.random.default_rng(3)
    some = Samples(rng.integers(0, 2, (40, 36), np.uint8), rng.integers(0, 4, 40))
    options = {"hidden_layer_sizes": (8,), "filters": (6,), "filter_size": 3, "pool": 2,
               "encoder": None, "weight_lanes": 18, "counter_lanes": 6, "epochs": 2, "group": 4,
               "filter_group": 3, "random_state": 4}
    want = BEPClassifier(**options).fit(some.x, some.labels)
    got = BEPClassifier(**options, device=port).fit(some.x, some.labels)
    assert all(map(np.array_equal, got.network_.counters, want.network_.counters))
    assert all(map(np.array_equal, got.network_.thresholds, want.network_.thresholds))
    assert np.array_equal(got.predict(some.x), want.predict(some.x))
