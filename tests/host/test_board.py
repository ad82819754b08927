"""`bep board` and `bep_model.device.Board` at a simulated board and at ports that misbehave."""

import errno
import json
import os
import re
import select
import struct
import termios
import threading
import tty
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import serial
from sklearn.base import clone
from typer.testing import CliRunner

from bep import cli, ports
from bep_model import configuration, device, state
from bep_model.config import NUMERICS_VERSION, Config
from bep_model.data.datasets import random_prototypes
from bep_model.device import Board
from bep_model.fit import training
from bep_model.fit.checkpoint import Checkpoint
from bep_model.fit.estimator import BEPClassifier
from bep_model.fit.hyper import Hyper
from bep_model.network import Network
from bep_model.packets import HEAD, frame
from bep_model.protocol import ANSWER, MAGIC, SYNC, Opcode
from bep_model.registers import link_registers, link_value
from tests.host.programs import bep, simulated_board

CONFIG = Config(24, (10, 6), 4, 7, 8, 4, 3)
HYPER = Hyper(batch=3, sweep=9, anneal=0.25, group=3)
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", params=[0, 16])
def port(request, tmp_path_factory):
    """The port of a simulated board, with and without the latency of an FTDI chip."""
    with simulated_board(tmp_path_factory.mktemp("board"), CONFIG,
                         "--latency", request.param) as port:
        yield port


@pytest.fixture
def data():
    return random_prototypes(train=31, test=9, inputs=24, classes=4, seed=2)


def same(board, network):
    found = board.read()
    assert all(map(np.array_equal, found.counters, network.counters))
    assert np.array_equal(found.bank, network.bank)
    assert (found.sweep_count, found.open_batch) == (network.sweep_count, 0)


def test_equal_to_the_golden_model(port, data):
    network = Network(CONFIG)
    network.reset(5)
    want = training.fit(network, data, epochs=3, hyper=HYPER, seed=5)
    with Board(port, CONFIG) as board:
        board.connect().reset(5)
        got = training.fit(board, data, epochs=3, hyper=HYPER, seed=5)
        same(board, network)
        assert [replace(entry, seconds=0) for entry in got] == [
            replace(entry, seconds=0) for entry in want]
        assert np.array_equal(board.predict(data.test.x), network.predict(data.test.x))


def test_a_classifier_trains_on_the_board(port, data):
    """Counters, predictions and what comes later are those of the model."""
    options = {"hidden_layer_sizes": (10, 6), "encoder": None, "weight_lanes": 8, "epochs": 2,
               "counter_lanes": 4, "batch": 3, "sweep": 9, "group": 3, "random_state": 4,
               "validation_fraction": 0.2}
    x, y = data.train.x, np.array(list("wxyz"))[data.train.labels]
    want = BEPClassifier(**options).fit(x, y)
    got = clone(BEPClassifier(**options, device=port)).fit(x, y)
    for _ in range(2):
        assert all(map(np.array_equal, got.network_.counters, want.network_.counters))
        assert np.array_equal(got.network_.bank, want.network_.bank)
        assert np.array_equal(got.predict_proba(x), want.predict_proba(x))
        got.partial_fit(x[:17], y[:17])
        want.partial_fit(x[:17], y[:17])
    before = got.network_.counters
    got.set_params(device="/dev/no")
    with pytest.raises(OSError, match="/dev/no: there is no such port"):
        got.partial_fit(x, y)
    got.set_params(device=port, hidden_layer_sizes=(8, 6))
    with pytest.raises(OSError, match="another configuration"):
        got.fit(x, y)
    assert all(map(np.array_equal, got.network_.counters, before))
    with pytest.raises(TypeError, match="device must be the name of a serial port or None, not 5"):
        got.set_params(device=5).fit(x, y)


def test_goes_on_from_the_model_and_back(port, data, tmp_path):
    """One epoch in the model, one on the board, one in the model: as three in the model."""
    whole, half = Network(CONFIG), Network(CONFIG)
    parameters = HYPER.parameters(CONFIG)
    for network, epochs in ((whole, 3), (half, 1)):
        for _ in range(epochs):
            network.train(data.train.x, data.train.labels, parameters)
            network.flush(parameters)
    assert half.sweep_count  # which the board must be brought to
    state.save(tmp_path / "half.npz", half)
    with Board(port, CONFIG) as board:
        board.connect().write(state.load(tmp_path / "half.npz", device.State(CONFIG)))
        same(board, half)
        board.train(data.train.x, data.train.labels, parameters)
        board.flush(parameters)
        state.save(tmp_path / "more.npz", board.read())
    more = state.load(tmp_path / "more.npz")
    more.train(data.train.x, data.train.labels, parameters)
    more.flush(parameters)
    assert all(map(np.array_equal, more.counters, whole.counters))
    assert np.array_equal(more.bank, whole.bank) and more.sweep_count == whole.sweep_count


def test_a_run_moves_between_model_and_board(port, data, tmp_path):
    """It is stopped in the model and goes on on the board, which dies, and ends in the model."""
    class Stop(Exception):
        pass

    options = {"epochs": 5, "hyper": HYPER, "seed": 5, "keep_best": True}
    whole = Network(CONFIG)
    whole.reset(5)
    want = training.fit(whole, data, **options)
    checkpoint = Checkpoint(tmp_path / "run.unfinished")

    def until(last):
        def progress(epoch):
            if epoch.epoch == last:
                raise Stop
        return progress

    network = Network(CONFIG)
    network.reset(5)
    with pytest.raises(Stop):
        training.fit(network, data, **options, checkpoint=checkpoint, progress=until(1))
    with Board(port, CONFIG) as board:
        board.connect().reset(5)
        with pytest.raises(Stop):
            training.fit(board, data, **options, checkpoint=checkpoint, progress=until(2))
        board.reset(9)  # it has forgotten all
        board.reset(5)
        with pytest.raises(Stop):
            training.fit(board, data, **options, checkpoint=checkpoint, progress=until(3))
    assert checkpoint.epochs() == (4, 5)
    network = Network(CONFIG)
    network.reset(5)
    got = training.fit(network, data, **options, checkpoint=checkpoint)
    assert [replace(entry, seconds=0) for entry in got] == [
        replace(entry, seconds=0) for entry in want]
    assert all(map(np.array_equal, network.counters, whole.counters))
    assert np.array_equal(network.bank, whole.bank) and network.sweep_count == whole.sweep_count


def test_commands(port, tmp_path):
    """The state that `bep board train` saves is that of `bep train`."""
    rows = np.random.default_rng(1).integers(0, 9, (40, 3))
    (tmp_path / "t.csv").write_text("".join(
        f"{a},{b},{c},{'xyzw'[k % 4]}\n" for k, (a, b, c) in enumerate(rows)))
    other = replace(CONFIG, counter_bits=6)
    configuration.dump(tmp_path / "other.toml", other)
    common = ("--dataset", "t.csv", "--seed", 3, "--epochs", 2, "--anneal", 0.5, "--keep-best",
              "--save")
    refused = bep("board", "train", "other.toml", *common, "no.npz", "--port", port, cwd=tmp_path)
    assert refused.returncode == 2 and not (tmp_path / "no.npz").exists()
    assert re.search(rf"\nbep: {port}: the trainer has another configuration: register DIGEST is "
                     f"0x{CONFIG.identifier:08x}, not 0x{other.identifier:08x}\n$",
                     f"\n{refused.stderr}")
    told = bep("board", "info", "--port", port, cwd=tmp_path)
    assert told.returncode == 0 and f"{CONFIG.identifier:08x}" in told.stderr
    configuration.dump(tmp_path / "a.toml", CONFIG)
    for words in (("train", "--config", "a.toml", *common, "model.npz"),
                  ("board", "train", "a.toml", *common, "board.npz", "--port", port)):
        told = bep(*words, cwd=tmp_path)
        assert told.returncode == 0, told.stderr
    with np.load(tmp_path / "model.npz") as want, np.load(tmp_path / "board.npz") as got:
        assert set(want) == set(got)
        assert all(np.array_equal(want[name], got[name]) for name in want)
    assert (tmp_path / "model.npz").read_bytes() == (tmp_path / "board.npz").read_bytes()
    accuracy = re.search(r"test accuracy\D*([\d.]+%)", told.stderr)[1]
    told = bep("board", "eval", "a.toml", "--dataset", "t.csv", "--confusion", "--port", port,
               cwd=tmp_path)
    assert told.returncode == 0
    assert re.search(r"test accuracy\D*([\d.]+%)", told.stderr)[1] == accuracy
    lines = told.stderr.split("predicted as each class")[1].splitlines()
    numbers = [re.findall(r"│ +(\d+) (?=│)", line)[-CONFIG.classes:] for line in lines]
    counts = np.array([row for row in numbers if row][-CONFIG.classes:], int)
    assert f"{np.trace(counts) / counts.sum():.2%}" == accuracy
    for words in (("read", "a.toml", "s.npz"), ("write", "s.npz"), ("read", "a.toml", "t.npz")):
        told = bep("board", *words, "--port", port, cwd=tmp_path)
        assert told.returncode == 0, told.stderr
    one, two = (state.load(tmp_path / name) for name in ("s.npz", "t.npz"))
    assert all(map(np.array_equal, one.counters, two.counters))
    told = bep("board", "eval", "board.npz", "--port", port, cwd=tmp_path)  # which names its data
    assert told.returncode == 0 and "t.csv on the board" in told.stderr and accuracy in told.stderr
    told = bep("board", "read", "board.npz", "whole.npz", "--port", port, cwd=tmp_path)
    assert told.returncode == 0
    for read in (state.data, lambda path: state.describe(path)[1]):
        assert read(tmp_path / "whole.npz") == read(tmp_path / "board.npz") is not None


@pytest.fixture
def fake(monkeypatch):
    """Make a port behind which ``answer(register)`` gives a value, bytes or None."""
    ended, opened = threading.Event(), []

    def make(answer):
        ours, theirs = os.openpty()
        tty.setraw(theirs)
        opened.extend([ours, theirs])

        def serve():
            while not ended.is_set():
                if select.select([ours], [], [], 0.02)[0]:
                    request = os.read(ours, 4096)
                    if request[0] != SYNC:
                        continue
                    data = answer(request[HEAD])
                    if isinstance(data, int):
                        data = frame(Opcode.READ | ANSWER, data.to_bytes(4, "little"), request[1])
                    if data is not None:
                        os.write(ours, data)

        thread = threading.Thread(target=serve)
        thread.start()
        opened.append(thread)
        return os.ttyname(theirs)

    yield make
    ended.set()
    for each in opened:
        each.join() if isinstance(each, threading.Thread) else None
    for each in opened:
        os.close(each) if isinstance(each, int) else None


LINK = link_registers()["LINK"].address
RIGHT = {0: MAGIC, 1: NUMERICS_VERSION, 2: CONFIG.identifier, LINK: link_value(0)}


@pytest.mark.parametrize(("answer", "text"), [
    (lambda address: None, "no trainer answers"),
    (lambda address: b"login: ", "what answers is no trainer, or its rate is another: no answer"),
    (lambda address: frame(Opcode.READ | ANSWER, bytes(4))[:-1] + b"\x00", "a damaged packet"),
    (lambda address: 7, "its packets have version 0, not 2"),
    (lambda address: (RIGHT | {0: 7})[address], "this is no trainer: register IDENT"),
    (lambda address: (RIGHT | {1: 99})[address], "other numerics: register VERSION"),
    (lambda address: (RIGHT | {2: 5})[address],
     f"another configuration: register DIGEST is 0x00000005, not 0x{CONFIG.identifier:08x}"),
    (lambda address: link_value(0) if address == LINK else None, "no answer within 0.2 s"),
])
def test_what_answers_otherwise(fake, answer, text):
    with Board(fake(answer), CONFIG, timeout=0.2) as board, pytest.raises(OSError, match=text):
        board.connect()


def test_a_trainer_that_stays_busy(fake):
    busy = {LINK: link_value(0)}
    with Board(fake(lambda address: busy.get(address, 1)), CONFIG, timeout=0.2) as board, \
            pytest.raises(OSError, match=r"still busy after 0\.2 s"):
        board.read()


def test_a_cut_line():
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    with Board(os.ttyname(theirs), CONFIG, timeout=5) as board:
        os.close(theirs)
        threading.Timer(0.2, os.close, [ours]).start()
        with pytest.raises(OSError, match=r"^/dev/.*: the link was cut"):
            board.connect()


@pytest.mark.parametrize(("number", "text"), [
    (errno.ENOENT, "there is no such port"), (errno.EACCES, "join the group"),
    (errno.EAGAIN, "another program uses it"), (errno.EIO, os.strerror(errno.EIO)),
])
def test_a_port_that_cannot_be_opened(number, text, monkeypatch):
    def refuse(*_, **__):
        raise serial.SerialException(number, "something")

    monkeypatch.setattr(serial, "serial_for_url", refuse)
    with pytest.raises(OSError, match=f"^/dev/x: .*{text}"):
        Board("/dev/x", CONFIG)


@pytest.mark.parametrize(("error", "text"), [
    (OverflowError("signed integer is greater than maximum"), "it takes no 123457 bits per second"),
    (ValueError("Failed to set custom baud rate"), "it takes no 123457 bits per second"),
    (struct.error("'i' format requires"), "'i' format requires"),
    (termios.error(errno.EINVAL, "Invalid argument"), "Invalid argument"),
    (NotImplementedError("not here"), "not here"),
])
def test_whatever_pyserial_raises_is_one_line(error, text, monkeypatch):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(serial, "serial_for_url", refuse)
    with pytest.raises(OSError, match=f"^/dev/x: {text}"):
        Board("/dev/x", CONFIG, baud=123457)


@pytest.mark.parametrize(("arguments", "text"), [
    *((f"--port /dev/null --baud {baud}", f"--baud must be between 1 and 100000000, not {baud}")
      for baud in (0, -1, 100_000_001, 10**12)),
    ("--port .", r"\.: it is a folder"), ("--port a.csv", "a.csv: it is no serial port"),
    ("--port /dev/null", "/dev/null: it is no serial port"),
    ("--port no", "no: there is no such port"), ("--port x://y", "x://y: invalid URL"),
    ("--port=", "--port must not be empty"),
    ("--port --baud 3", "--port needs a value before --baud"),
    ("--port /dev/null --timeout nan", "--timeout must be above 0 and at most 3600, not nan"),
])
def test_a_port_or_rate_that_is_none(arguments, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text("1\n")
    told = CliRunner().invoke(cli.app, ["board", "info", *arguments.split()])
    assert told.exit_code == 2
    assert re.fullmatch(rf"bep: {text}.*\n", told.stderr), told.stderr


def listed(device, vid=None, pid=None, location=None):
    return SimpleNamespace(device=device, vid=vid, pid=pid, location=location, product=None)


FT2232 = ["ecpix5-85f", "ice40-hx8k-b-evn", "icebreaker"]
FT231 = ["icepi-zero", "ulx3s-12f", "ulx3s-25f", "ulx3s-45f", "ulx3s-85f"]


@pytest.mark.parametrize(("vid", "pid", "location", "names"), [
    (0x0403, 0x6010, "1-2:1.1", FT2232), (0x0403, 0x6010, "1-2:1.0", []),
    (0x0403, 0x6015, "1-2:1.0", FT231), (0x0403, 0x6010, None, FT2232),
    (0x1209, 0x0001, "1-2:1.0",
     ["orangecrab-25f", "ulx3s-12f", "ulx3s-25f", "ulx3s-45f", "ulx3s-85f"]),
    (0x1209, 0x0001, "1-2:1.1", []),
    (0x1234, 0x6010, "1-2:1.0", []), (None, None, None, []),
])
def test_boards_by_their_chips(vid, pid, location, names):
    assert ports.fits(listed("x", vid, pid, location)) == names


@pytest.mark.parametrize(("chips", "found"), [
    ([0x6015], ("port0", (3_000_000, 2_000_000, 1_000_000))),
    ([], "no port fits a known board.*there are: none"),
    ([0x6015, 0x6015], "2 ports fit.*port0, port1"), ([1], "no port fits.*port0"),
])
def test_the_port_that_fits(chips, found, monkeypatch):
    monkeypatch.setattr(ports, "comports", lambda: [
        listed(f"port{k}", 0x0403, chip, "1-2:1.0") for k, chip in enumerate(chips)])
    if isinstance(found, tuple):
        assert ports.find() == found
    else:
        with pytest.raises(ValueError, match=found):
            ports.find()


def test_the_list_as_json(monkeypatch, tmp_path):
    monkeypatch.setattr(ports, "comports", lambda: [
        listed("b", 0x0403, 0x6015, "1-2:1.0"), listed("a")])
    out = tmp_path / "ports.json"
    told = CliRunner().invoke(cli.app, ["board", "list", "--json", str(out)])
    assert (told.exit_code, told.stdout) == (0, "")
    assert json.loads(out.read_text()) == [
        {"port": "a", "usb": "", "product": "", "boards": []},
        {"port": "b", "usb": "0403:6015", "product": "", "boards": ports.fits(
            listed("b", 0x0403, 0x6015, "1-2:1.0"))}]


def test_what_a_trainer_is_as_json(fake, tmp_path):
    port = fake(lambda address: RIGHT.get(address, 0))
    out = tmp_path / "info.json"
    told = CliRunner().invoke(cli.app, ["board", "info", "--port", port, "--json", str(out)])
    assert told.exit_code == 0, told.stderr
    found = json.loads(out.read_text())
    assert (found["port"], found["inference"], found["numerics"], found["digest"]) == (
        port, False, NUMERICS_VERSION, f"{CONFIG.identifier:08x}")
    assert found["registers"]["ident"] == MAGIC and found["registers"]["samples"] == 0


@pytest.mark.parametrize(("script", "code", "text"), [
    ("echo \"$@\" > told", 0, "iceprog 'a b.bin'\n"),
    ("exit 3", 2, "iceprog 'a b.bin'\nbep: iceprog has failed with exit code 3: is the board "
                  "plugged in, and may you use it?\n"),
    (None, 2, "bep: iceprog, which programs the board icebreaker, is not "
              "installed, or not in PATH (docs/boards.md)\n")])
def test_programming(script, code, text, tmp_path):
    """The programmer is a script, or there is none."""
    (tmp_path / "a b.bin").touch()
    (tmp_path / "bin").mkdir()
    if script is not None:
        tool = tmp_path / "bin" / "iceprog"
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(0o755)
    told = bep("board", "program", "a b.bin", "--board", "icebreaker", cwd=tmp_path,
               PATH=str(tmp_path / "bin"))
    assert (told.returncode, told.stderr) == (code, text)
    assert code or (tmp_path / "told").read_text() == "a b.bin\n"


def test_programming_without_a_bitstream(tmp_path):
    told = CliRunner().invoke(cli.app, ["board", "program", str(tmp_path / "no.bin"), "--board",
                                        "icebreaker"])
    assert told.exit_code == 2 and "no.bin" in told.stderr
