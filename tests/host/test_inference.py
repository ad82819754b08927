"""`--inference` of the commands, and a host at a simulated board that only infers."""

import re
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bep.cli import app
from bep.flow import memories, synthesis, toolchain
from bep.flow.boards import target
from bep.flow.inference import design, figures, weights
from bep.flow.synthesis import build
from bep_model import configuration, state
from bep_model.config import Config
from bep_model.device import Board
from bep_model.line import Silent
from bep_model.network import Network
from bep_model.packets import LinkError
from bep_model.parameters import default_parameters
from bep_model.phases import frame
from bep_model.words import integers
from rtl.cycles import BETWEEN, Cycles
from rtl.trainer import Trainer
from rtl.verilog import convert
from tests.host.programs import bep, command, environment

CONFIG = Config(24, (10, 6), 4, 7, 8, 4, 3)
SEQUENCES = Config(5, (4, 3), 3, 3, 4, 2, max_steps=6)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a state and a configuration."""
    monkeypatch.chdir(tmp_path)
    state.save("a.npz", Network(CONFIG))
    configuration.dump("a.toml", CONFIG)
    return tmp_path


def call(arguments):
    return CliRunner().invoke(app, arguments.split())


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """The port of a simulated board that infers, and its folder."""
    place = tmp_path_factory.mktemp("board")
    state.save(place / "a.npz", Network(CONFIG))
    with subprocess.Popen(
            command("board", "simulate", "a.npz", "--inference", "--board", "icebreaker",
                    "--build-dir", ROOT / "build"), cwd=place, env=environment(), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        name = process.stdout.readline().strip()
        for _ in range(10):  # the simulator may take long to start on a busy machine
            with suppress(Silent), Board(name, CONFIG) as found:
                found.connect(infer=True)
                break
        yield name, place
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def test_a_board_infers_as_the_model(port):
    network = Network(CONFIG)
    x = np.random.default_rng(1).integers(0, 2, (100, 24)).astype(np.uint8)
    with Board(port[0], CONFIG) as board:
        np.testing.assert_array_equal(board.connect(infer=True).predict(x), network.predict(x))


def test_a_board_has_no_counters(port):
    with Board(port[0], CONFIG) as board:
        board.connect(infer=True)
        with pytest.raises(LinkError, match="OPCODE"):
            _ = board.counters
        assert len(board.predict(np.zeros((3, 24), np.uint8))) == 3  # it goes on


def test_commands_at_a_board(port):
    name, place = port
    info = bep("board", "info", "--port", name, cwd=place)
    assert info.returncode == 0, info.stderr
    assert "inference only" in info.stderr and "triggered" not in info.stderr
    for words in (["read", "a.npz", "b.npz"], ["write", "a.npz"]):
        told = bep("board", *words, "--port", name, cwd=place)
        assert (told.returncode, told.stderr) == (2, (
            f"bep: {name}: this design only infers: it has no counters to train, read or write\n"))
    assert not (place / "b.npz").exists()


@pytest.mark.parametrize(("arguments", "message"), [
    ("build --board icebreaker --inference", "--inference is for the weights of a state file: "
     "give it as --config"),
    ("build --board icebreaker --inference --config a.toml", "--inference is for the weights of a "
     "state file (`bep train --save`), and a.toml is none"),
    ("build --board icebreaker --compare --config a.npz", "--compare is for --inference, which is "
     "not given"),
    ("export a.toml --inference --out a.v", "--inference is for the weights of a state file "
     "(`bep train --save`), and a.toml is none"),
    ("export a.npz --inference --single-port --out a.v", "--inference has no counters, and starts "
     "by itself: give no --single-port or --bring-up"),
    ("verify --config a.toml --inference", "--inference is for the weights of a state file "
     "(`bep train --save`), and a.toml is none"),
    ("verify --dataset digits --inference", "--inference is for the weights of a state file: "
     "give it as --config"),
])
def test_mistakes(folder, arguments, message):
    told = call(arguments)
    assert (told.exit_code, told.stderr.splitlines()[-1]) == (2, f"bep: {message}")
    assert not Path("a.v").exists()


def test_export(folder):
    told = call("export a.npz --inference --registered --out a.v")
    assert told.exit_code == 0, told.output
    text = Path("a.v").read_text()
    assert text == convert(design(Network(CONFIG), registered=True), "inference")
    assert re.findall(r"`(\w+)__valid`", told.stdout) == ["samples", "results"]


@pytest.mark.parametrize("config", [CONFIG, SEQUENCES])
@pytest.mark.parametrize("registered", [False, True])
def test_as_fast_as_the_trainer(config, registered):
    network = Network(config)
    steps = (config.max_steps,) * config.recurrent
    x = np.zeros((*steps, config.inputs), np.uint8)
    phases = network.phases(x, 0, default_parameters(config))
    trainer = Trainer(config, integers(frame.prototypes(config)), registered=registered)
    assert design(network, registered=registered).cycles() + BETWEEN == \
        Cycles(trainer).infer(phases).total() + BETWEEN


def test_real_build(folder, monkeypatch):
    network = Network(CONFIG)
    report = build(CONFIG, "icebreaker", weights=weights(network))
    assert report["spram"] == 0 and report["meets_clock"] and report["digest"] == CONFIG.digest
    assert report["luts"] < 1500
    assert Path(report["folder"]).name.startswith("icebreaker-inference-")
    found = figures(report, CONFIG)
    rate = found["at_clock"]["samples_per_second"]
    assert rate == pytest.approx(1e6 * report["clock_mhz"] / found["inference_cycles_per_sample"])
    assert found["at_clock"]["sample_uj"][0] == pytest.approx(
        1e3 * found["at_clock"]["power_mw"][0] / rate)
    # Other weights are another design.
    network.reset(2)
    monkeypatch.setattr(toolchain, "run", lambda *_: pytest.fail("a tool was run"))
    with pytest.raises(pytest.fail.Exception):
        build(CONFIG, "icebreaker", weights=weights(network))


def test_a_network_that_is_too_large(monkeypatch):
    """At once if no packing helps, and else after the synthesis; it says which network fits."""
    described = target("icebreaker")
    large = Config(784, (255, 255), 10, weight_lanes=64)
    with pytest.raises(ValueError) as caught:
        synthesis.check_state(large, described, inference=True)
    found = re.fullmatch(
        r"network larger than the part: needs 264945 of 207360 bits of initialised memory for "
        r"weights; weights are in block RAM, because SPRAM cannot be initialised; a network "
        r"784-(\d+)-(\d+) fits", str(caught.value))
    layers = int(found[1]), int(found[2])
    assert memories.needed(Config(784, layers, 10), described, inference=True)["brams"] <= 30
    wide = Config(784, (75, 75), 10, weight_lanes=784, counter_lanes=16)
    with pytest.raises(ValueError, match=r"^network larger than the part: needs 99 of 30 block "
                                         r"RAMs; weights are in block RAM, because SPRAM cannot "
                                         r"be initialised; the same network fits with "
                                         r"weight_lanes = \d+$"):
        synthesis.check(wide, described, {"luts": 1, "ffs": 1, "brams": 99, "spram": 0},
                        inference=True)
