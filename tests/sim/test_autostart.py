"""A board that trains without a host, at its pins: from reset to the model's counters."""

import random
from dataclasses import replace

import numpy as np
import pytest

from bep_model import configuration
from bep_model.config import Config
from bep_model.data.datasets import random_prototypes
from bep_model.fit.autostart import autostart
from bep_model.fit.hyper import Hyper
from bep_model.phases import frame
from bep_model.program import BYTES, START
from bep_model.words import integers
from rtl.store.flash import Flash
from sim import chips
from sim.board_bench import Pins
from sim.verilator import build, run

CONFIG = Config(24, (10, 6), 4, 7, 8, 4, 3)
HYPER = Hyper(batch=3, sweep=9, anneal=0.25, group=3)
EPOCHS, SEED, HZ = 3, 5, 28_000_000
RECURRENT = Config(6, (10, 6), 4, 7, 8, 4, 3, max_steps=6)
STEPS = 4


@pytest.fixture(scope="module")
def made():
    """A set, its bytes with the program, and the network that it makes."""
    data = random_prototypes(train=40, test=8, inputs=24, classes=4, seed=2)
    return autostart(CONFIG, data, epochs=EPOCHS, hyper=HYPER, seed=SEED)


def board(config, **options):
    """The simulator of a board that starts without a host."""
    pins = Pins(config, integers(frame.prototypes(config)), Flash(HZ, START), busy=("led", 0),
                refused=("led", 1), **options)
    return build(pins.verilog())


@pytest.fixture(scope="module")
def simulator():
    return board(CONFIG)


def carried_out(simulator, folder, octets, host="nothing", config=CONFIG):
    """What the bench observes of a board whose chip holds these bytes."""
    configuration.dump(folder / "a.toml", config)
    (folder / chips.CONTENT).write_bytes(octets)
    run(simulator, "tests.sim.autostart_bench", folder, variables={
        "BENCH_CONFIG": str(folder / "a.toml"), "BENCH_OUT": str(folder / "out.npz"),
        "BENCH_HOST": host})
    with np.load(folder / "out.npz") as file:
        return dict(file)


@pytest.mark.parametrize("host", ["nothing", "reads"])
def test_equal_to_the_golden_model(simulator, made, tmp_path, host):
    """Without a byte on the link; or with a host that only reads meanwhile."""
    compare(made, carried_out(simulator, tmp_path, made[1], host))


def test_recurrent(tmp_path):
    """Of fewer steps than T_max, in the memories of an iCE40."""
    data = random_prototypes(train=40, test=8, inputs=24, classes=4, seed=2)

    def sequences(part):
        return replace(part, x=part.x.reshape(len(part), STEPS, RECURRENT.inputs))

    data = replace(data, train=sequences(data.train), validation=sequences(data.validation),
                   test=sequences(data.test))
    made = autostart(RECURRENT, data, epochs=EPOCHS, hyper=HYPER, seed=SEED)
    assert made[0].steps == STEPS
    compare(made, carried_out(board(RECURRENT, single_port=True), tmp_path, made[1],
                              config=RECURRENT))


def compare(made, found):
    """What the board has done against the model."""
    described, _, network = made
    assert not found["refused"] and found["SAMPLES"] == EPOCHS * described.train
    assert 0 < found["ERRORS"] < found["SAMPLES"]
    for n, layer in enumerate(network.counters, 1):
        np.testing.assert_array_equal(found[f"counters_{n}"], layer)
    np.testing.assert_array_equal(found["bank"], network.bank)


def test_a_host_that_writes_stops_the_program(simulator, made, tmp_path):
    described, octets, _ = made
    found = carried_out(simulator, tmp_path, octets, "writes")
    assert not found["refused"] and 0 < found["SAMPLES"] < EPOCHS * described.train


@pytest.mark.parametrize("place", ["program", "samples", "nothing"])
def test_damage_is_found_before_training(simulator, made, tmp_path, place):
    """One bit of the program, or of a sample; or a chip that was not programmed at all."""
    octets, rng = bytearray(made[1]), random.Random(place)
    if place == "program":
        octets[rng.randrange(BYTES)] ^= 1 << rng.randrange(8)
    elif place == "samples":
        octets[BYTES + len(octets[BYTES:]) // 2 & ~3] ^= 1 << rng.randrange(8)
    else:
        octets[:] = b"\xff" * len(octets)
    found = carried_out(simulator, tmp_path, bytes(octets))
    assert found["refused"] and found["SAMPLES"] == 0
    assert not any(found[f"counters_{n}"].any() for n in (1, 2))
