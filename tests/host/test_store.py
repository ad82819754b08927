"""`bep board` with a sample store: filling, checking, training, at a simulated board."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bep_model import configuration, stored
from bep_model.config import Config
from bep_model.data.datasets import random_prototypes
from bep_model.device import Board, done
from bep_model.fit import training
from bep_model.fit.hyper import Hyper
from bep_model.fit.lessons import StoredTeacher
from bep_model.memories import StoreError
from bep_model.network import Network
from bep_model.program import BYTES
from bep_model.protocol import Mode, slot_bits
from tests.host.programs import bep, simulated_board

CONFIG = Config(24, (10, 6), 4, 7, 8, 4, 3)
HYPER = Hyper(batch=3, sweep=9, anneal=0.25, group=3)
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """The port of a simulated board with a store of 1 KiB: 128 slots of 4 bytes."""
    with simulated_board(tmp_path_factory.mktemp("board"), CONFIG, "--store", "block:1") as found:
        yield found


@pytest.fixture
def board(port):
    with Board(port, CONFIG, timeout=60) as found:
        yield found.connect()


def data(train=90, seed=2):
    made = random_prototypes(train=train, test=9, inputs=24, classes=4, seed=seed)
    assert len(made.validation)
    return made


def test_equal_to_the_golden_model(board):
    """Three epochs and their schedules: history, counters, bank, sweep count, accuracies."""
    samples = data()
    network = Network(CONFIG)
    network.reset(5)
    want = training.fit(network, samples, epochs=3, hyper=HYPER, seed=5, order="chip")
    described = board.fill(samples)
    board.reset(5)
    teacher = StoredTeacher(board, described)
    got = training.fit(board, samples, epochs=3, hyper=HYPER, seed=5, teacher=teacher)
    found = board.read()
    assert all(map(np.array_equal, found.counters, network.counters))
    assert np.array_equal(found.bank, network.bank)
    assert (found.sweep_count, found.open_batch) == (network.sweep_count, 0)
    assert [replace(entry, seconds=0) for entry in got] == [
        replace(entry, seconds=0) for entry in want]
    assert teacher.accuracy("test") == training.accuracy(network, samples.test)


def test_is_filled_only_if_another_set_is_there(board):
    begun = []

    def begin(text, total):
        begun.append((text, total))
        return lambda count: begun.append(count)

    first, second = data(seed=3), data(seed=4)
    board.fill(first)
    board.fill(first, begin)
    assert begun[0][0] == "samples checked" and begun[0][1] == sum(begun[1:])
    begun.clear()
    described = board.fill(second, begin)
    size = (stored.first(CONFIG) + described.count) << slot_bits(CONFIG)
    assert begun[0] == ("bytes into the store", size)
    assert done(board.store.described()) == described


def test_damage_is_found_before_training(board):
    samples = data(seed=5)
    described = board.fill(samples)
    image = stored.pack(CONFIG, samples)[1]
    at = (stored.first(CONFIG) + 7) << slot_bits(CONFIG)
    done(board.store.memory.write(at, bytes([image[at] ^ 0x10])))
    with pytest.raises(stored.WrongSet, match="the stored set is damaged"):
        board.fill(samples)
    done(board.store.memory.write(at, image[at:at + 1]))
    assert board.fill(samples) == described


def test_too_large(board):
    with pytest.raises(StoreError, match=r"the set has 1,\d+ bytes, the store only 1,024"):
        board.fill(data(train=250))


def test_half_a_set_is_none(board):
    """Filling that is interrupted leaves a store without a set."""
    described, image = stored.pack(CONFIG, data(seed=6))

    class Stop(Exception):
        pass

    def progress(count):
        raise Stop

    done(board.store.open())
    with pytest.raises(Stop):
        done(board.store.load(image, progress))
    with pytest.raises(stored.WrongSet, match="holds no set of samples"):
        done(board.store.described())
    assert board.fill(data(seed=6)) == described


def test_an_epoch_that_its_host_left(port):
    """Another host ends it, the batch that is left open too, and trains as if nothing had been."""
    samples, network = data(seed=7), Network(CONFIG)
    network.reset(8)
    training.fit(network, samples, epochs=1, hyper=HYPER, seed=8, order="chip")
    with Board(port, CONFIG, timeout=60) as first:
        described = first.connect().fill(samples)
        first.reset(3)
        done(first.host.begin(HYPER.parameters(CONFIG), Mode.TRAIN))
        part = described.parts(CONFIG)["train"]
        for name, value in (("STRIDE", 1), ("BASE", part.base), ("EPOCH", part.count)):
            done(first.host.port.write(name, value))
    with Board(port, CONFIG, timeout=60) as second:
        second.connect()
        assert done(second.host.port.read("EPOCH")) == 0
        second.reset(8)
        training.fit(second, samples, epochs=1, hyper=HYPER, seed=8,
                     teacher=StoredTeacher(second, second.fill(samples)))
        found = second.read()
    assert all(map(np.array_equal, found.counters, network.counters))
    assert np.array_equal(found.bank, network.bank)


def own_data(folder):
    """Options of a table of one's own in a folder, beside a configuration a.toml."""
    configuration.dump(folder / "a.toml", CONFIG)
    samples = data(train=60, seed=9)
    np.savez(folder / "own.npz", x=samples.train.x, y=samples.train.labels)
    return "--dataset", "own.npz", "--encoding", "none"


def test_a_programmed_flash_chip(tmp_path):
    """What `bep board image` writes is what `bep board load` would write; the board trains from it
    to the model's counters."""
    options = own_data(tmp_path)
    told = bep("board", "image", "a.toml", "set.bin", *options, cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert told.stderr.endswith("program it with: iceprog -o 0x100000 set.bin\n")
    with simulated_board(tmp_path, CONFIG, "--store", "flash", "--content", "set.bin") as port:
        loaded = bep("board", "load", "a.toml", *options, "--port", port, cwd=tmp_path)
        assert loaded.returncode == 0, loaded.stderr
        assert "samples checked" in loaded.stderr and "bytes into the store" not in loaded.stderr
        training = (*options, "--epochs", 2, "--seed", 3, "--save")
        told = bep("board", "train", "a.toml", "--from-store", *training, "board.npz", "--port",
                   port, cwd=tmp_path)
        assert told.returncode == 0, told.stderr
    told = bep("train", "--config", "a.toml", "--order", "chip", *training, "model.npz",
               cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert (tmp_path / "board.npz").read_bytes() == (tmp_path / "model.npz").read_bytes()


def test_a_program_for_the_flash_chip(tmp_path):
    """`bep board autostart`: a file, the accuracy of `bep train`, and what is refused."""
    options = (*own_data(tmp_path), "--epochs", 2, "--seed", 3)
    told = bep("board", "autostart", "a.toml", "start.bin", *options, "--validation", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert told.stderr.endswith("program it with: iceprog -o 0xfc000 start.bin\n")
    trained = bep("train", "--config", "a.toml", "--order", "chip", *options, "--validation",
                  "--json", "t.json", cwd=tmp_path)
    assert trained.returncode == 0, trained.stderr
    accuracy = json.loads((tmp_path / "t.json").read_text())["test_accuracy"]
    assert f"the board will have a test accuracy of {accuracy:.2%}\n" in told.stderr
    image = bep("board", "image", "a.toml", "set.bin", *options[:4], "--validation", cwd=tmp_path)
    assert image.returncode == 0, image.stderr
    octets = (tmp_path / "start.bin").read_bytes()
    assert octets[BYTES:] == (tmp_path / "set.bin").read_bytes()
    assert stored.checksum(octets[:BYTES]) == 0
    for given, text in (
            (("--epochs", 0), "--epochs must be between 1 and 1000000, not 0"),
            (("--epochs", 900), "--epochs must be fewer: their program has "),
            (("--board", "ulx3s-85f"), "ULX3S 85F has no flash chip for a sample store")):
        told = bep("board", "autostart", "a.toml", "other.bin", *own_data(tmp_path), *given,
                   cwd=tmp_path)
        assert told.returncode == 2 and told.stderr.splitlines()[-1].startswith(f"bep: {text}")
        assert not (tmp_path / "other.bin").exists()
