"""Programs that train without a host, as bytes."""

import pytest

from bep_model import stored
from bep_model.config import Config
from bep_model.data.datasets import random_prototypes
from bep_model.fit.autostart import autostart
from bep_model.fit.hyper import Hyper
from bep_model.fit.training import Teacher
from bep_model.memories import Flash
from bep_model.program import BYTES, MOST, START, STEP_BYTES, Kind, Step, assembled, divided
from bep_model.registers import link_registers, registers

CONFIG = Config(24, (10, 6), 4, 7, 8, 4, 3)
DATA = random_prototypes(train=40, test=8, inputs=24, classes=4, seed=2)


def test_bytes():
    octets = assembled([Step(Kind.WRITE, 0x61, 0x01020304), Step(Kind.END)])
    assert octets[:12] == bytes([2, 0x61, 4, 3, 2, 1, 4, 0, 0, 0, 0, 0])
    assert set(octets[12:-2]) == {0xFF} and len(octets) == BYTES
    assert stored.checksum(octets) == 0
    assert Flash.start == START + BYTES and START % BYTES == 0


def test_the_longest():
    longest = [Step(Kind.WRITE)] * (MOST - 1) + [Step(Kind.END)]
    assert BYTES - 2 - STEP_BYTES < len(assembled(longest).rstrip(b"\xff")) <= BYTES
    with pytest.raises(ValueError, match=r"^epochs must be fewer: their program has 2,731 steps "
                                         r"or more, and there is room for 2,730$"):
        assembled([Step(Kind.END), *longest])


@pytest.mark.parametrize("epochs", [550, 10**6])
def test_too_many_epochs_are_refused_before_training(epochs, monkeypatch):
    monkeypatch.setattr("bep_model.fit.training.fit", lambda *_, **__: 1 / 0)
    with pytest.raises(ValueError, match=r"^epochs must be fewer: their program has .* or more"):
        autostart(CONFIG, DATA, epochs=epochs, hyper=Hyper(batch=3, sweep=9), seed=3)


def test_a_program_that_grows_too_long_ends_the_training(monkeypatch):
    """Every epoch changes a register, which nobody knows before."""
    seen = []
    monkeypatch.setattr(Hyper, "reinforcement", lambda _, config, error:
                        (len(seen) % 7 + 1, 0) if config.depth else ())
    teach = Teacher.epoch

    def counted(self, *given):
        seen.append(given)
        return teach(self, *given)

    monkeypatch.setattr(Teacher, "epoch", counted)
    with pytest.raises(ValueError, match=r"^epochs must be fewer: their program has 2,731 steps"):
        autostart(CONFIG, DATA, epochs=500, hyper=Hyper(batch=3, sweep=9), seed=3)
    assert 150 < len(seen) < 300


def test_divided():
    described, octets, _ = autostart(CONFIG, DATA, epochs=1, hyper=Hyper(batch=3, sweep=9), seed=3)
    program, image = divided(octets)
    assert (described, image) == stored.pack(CONFIG, DATA)
    assert octets == program + image
    assert divided(image) == (b"\xff" * BYTES, image)


def test_nothing_is_written_to_the_trainer_before_the_check():
    """Its counters and its random bank outlive a damaged set."""
    octets = autostart(CONFIG, DATA, epochs=2, hyper=Hyper(batch=3, sweep=9), seed=3)[1]
    names = {register.address: name for name, register in
             (registers(CONFIG) | link_registers()).items()}
    steps = [octets[i:i + STEP_BYTES] for i in range(0, BYTES, STEP_BYTES)]
    steps = [(step[0], names.get(step[1])) for step in steps[:steps.index(bytes([4, *bytes(5)]))]]
    before = steps[:steps.index((Kind.EXPECT, "CHECK"))]
    assert before == [(Kind.WRITE, name) for name in ("BASE", "STRIDE", "CHECK")]
    assert steps.count((Kind.WRITE, "EPOCH")) == 2
    assert steps[-1] == (Kind.WRITE, "MODE")
