"""A board behind a line that damages bytes, is cut, or whose board is reset: no wrong counters."""

import os
import select
import signal
import subprocess
import threading
import tty
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bep_model import configuration
from bep_model.config import Config
from bep_model.data.datasets import random_prototypes
from bep_model.device import Board, done
from bep_model.fit import training
from bep_model.fit.hyper import Hyper
from bep_model.network import Network
from bep_model.packets import PacketPort
from tests.host.programs import command, environment

CONFIG = Config(24, (10, 6), 4, 7, 8, 4, 3)
HYPER = Hyper(batch=3, sweep=9, anneal=0.25, group=3)
ROOT = Path(__file__).parents[2]
SEEDS = range(2 * int(os.environ.get("FUZZ", "10")))


class Line(threading.Thread):
    """Two pseudo-terminals, one of them a board's, and bytes that are damaged in between.

    ``rate`` is the probability per byte that it is flipped, dropped, doubled, or followed by
    another one. After ``cut`` bytes nothing passes.
    """

    def __init__(self, board, seed, rate, cut=None):
        super().__init__()
        self.rng, self.rate, self.left, self.faults = np.random.default_rng(seed), rate, cut, 0
        self.ours, self.theirs = os.openpty()
        tty.setraw(self.theirs)
        self.board = os.open(board, os.O_RDWR | os.O_NOCTTY)
        self.port, self.ended = os.ttyname(self.theirs), False

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended = True
        self.join()
        for end in (self.ours, self.theirs, self.board):
            os.close(end)

    def run(self):
        while not self.ended:
            for end in select.select([self.ours, self.board], [], [], 0.02)[0]:
                data = self.damaged(os.read(end, 4096))
                os.write(self.board if end == self.ours else self.ours, data)

    def damaged(self, data):
        out = b""
        for byte in data:
            if self.left is not None:
                self.left -= 1
                if self.left < 0:
                    continue
            kind = self.rng.integers(4) if self.rng.random() < self.rate else 4
            self.faults += kind < 4
            flipped = byte ^ 1 << int(self.rng.integers(8))
            out += [bytes([flipped]), b"", bytes([byte, byte]), bytes([byte]) + self.rng.bytes(1),
                    bytes([byte])][kind]
        return out


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """The port of a simulated board."""
    folder = tmp_path_factory.mktemp("board")
    configuration.dump(folder / "a.toml", CONFIG)
    with subprocess.Popen(
            command("board", "simulate", "a.toml", "--build-dir", ROOT / "build"), cwd=folder,
            env=environment(), text=True, stdout=subprocess.PIPE) as process:
        yield process.stdout.readline().strip()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


@pytest.fixture(scope="module")
def data():
    return random_prototypes(train=80, test=40, inputs=24, classes=4, seed=2)


def fit(network, data, seed):
    network.reset(seed)
    history = training.fit(network, data, epochs=1, hyper=HYPER, seed=seed)
    return [replace(entry, seconds=0) for entry in history]


@pytest.mark.parametrize("seed", SEEDS)
def test_damaged_bytes(port, data, seed):
    """The counters, the bank, the numbers of errors and all predictions are the golden model's.

    Of some 2,000 bytes one in a thousand is damaged, which may be none, or five.
    """
    network, rate = Network(CONFIG), (1e-3, 5e-3)[seed % 2]
    want = fit(network, data, seed)
    with Line(port, seed, rate) as line, Board(line.port, CONFIG) as board:
        board.host.port.patience = 0.25  # so that a dropped byte does not take long
        board.connect()
        assert fit(board, data, seed) == want
        found = board.read()
        assert all(map(np.array_equal, found.counters, network.counters))
        assert np.array_equal(found.bank, network.bank)
        assert np.array_equal(board.predict(data.test.x), network.predict(data.test.x))
    assert line.faults or rate < 5e-3


@pytest.mark.parametrize("cut", [500, 1000, 1500])
def test_a_line_that_is_cut_and_connected_again(port, data, cut):
    """The run ends with one message; the next one is right."""
    network = Network(CONFIG)
    want = fit(network, data, 1)
    with Line(port, 1, 0, cut) as line, Board(line.port, CONFIG, timeout=1) as board, \
            pytest.raises(OSError, match=f"{line.port}: no answer within 1 s"):
        board.connect()
        fit(board, data, 1)
        fit(board, data, 1)
    with Line(port, 1, 0) as line, Board(line.port, CONFIG) as board:
        assert fit(board.connect(), data, 1) == want
        assert all(map(np.array_equal, board.counters, network.counters))


def test_another_host_takes_the_trainer(port, data):
    """Who goes on after that does not do so silently."""
    with Line(port, 1, 0) as line, Board(line.port, CONFIG) as board:
        board.connect().reset(1)
        done(PacketPort(CONFIG, board.line).hello())
        with pytest.raises(OSError, match="reset, or another program used it"):
            fit(board, data, 1)
