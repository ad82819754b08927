"""Epochs from a sample store, through the pins of a board, against the golden model."""

from dataclasses import replace

import numpy as np
import pytest

from bep_model import stored
from bep_model.fit.training import chip_order
from bep_model.phases import frame
from bep_model.protocol import Mode, slot_bits
from bep_model.words import integers
from rtl.store.block import BlockStore
from rtl.store.flash import Flash
from rtl.store.sdram import Sdram
from sim import chips
from sim.board_bench import Pins
from sim.stored import check_stored
from sim.verilator import build, run
from tests.sim import convolution, recurrent
from tests.sim.configurations import CASES
from tests.sim.jobs import job

SAMPLES = 26


def stored_job(case, samples=SAMPLES):
    """A job whose runs are stored epochs: training, other parameters, inference, training."""
    made = job(case, samples=samples)
    if made.lengths is not None:
        made = replace(made, x=made.x[:, :made.lengths[0]],
                       lengths=np.full(samples, made.lengths[0]))
    runs = [replace(run, every=False, order=chip_order(made.seed, epoch, samples))
            for epoch, run in enumerate(made.runs)]
    return replace(made, runs=runs)


def prove(the_job, store, name, fill=False):
    """Simulate with a store; counters, bank and performance counters must be equal."""
    found = check_stored(the_job, store, fill=fill,
                         command=f"pytest tests/sim/test_store.py -k {name}")
    assert found["mismatches"] == 0, found["report"]
    assert found["compared_counters"] > 0
    assert found["samples"] == sum(len(run.order) for run in the_job.runs)


def block(config):
    bits = (stored.first(config) + SAMPLES - 1).bit_length() + slot_bits(config)
    return BlockStore(bits)


@pytest.mark.parametrize("name", ["batch-reinforced", "three-subwords", "two-bits"])
def test_equal_to_the_golden_model(name):
    the_job = stored_job(CASES[name])
    assert {run.mode for run in the_job.runs} == {Mode.TRAIN, Mode.INFER}
    prove(the_job, block(the_job.config), name)


@pytest.mark.parametrize("name", ["unequal-lengths", "batch"])
def test_recurrent(name):
    """Of one length, which may be below T_max."""
    the_job = stored_job(recurrent.CASES[name])
    prove(the_job, block(the_job.config), name)


@pytest.mark.parametrize("name", ["batch-reinforced", "one-lane"])
def test_sdram(name):
    """Through the pins of the chip, whose model refuses whatever its datasheet forbids."""
    prove(stored_job(CASES[name]), Sdram(85_000_000), name)


def test_sdram_recurrent():
    prove(stored_job(recurrent.CASES["batch"]), Sdram(50_000_000), "sdram")


def test_filters():
    """Their thresholds come over the link, their images from the store."""
    prove(stored_job(convolution.CASES["pooled-side-by-side"]), Sdram(50_000_000), "filters")


@pytest.mark.parametrize("name", ["online-reinforced", "three-subwords"])
def test_flash(name):
    """Erased, programmed, checked and read through the pins, to a model with rules."""
    prove(stored_job(CASES[name]), Flash(28_000_000), name)


@pytest.mark.parametrize("store", [Sdram(85_000_000), Flash(28_000_000)], ids=["sdram", "flash"])
def test_damage_is_found(store, tmp_path):
    """One word of the set is another one: a message before any training, 20 times over."""
    the_job = stored_job(CASES["online-reinforced"])
    pins = Pins(the_job.config, integers(frame.prototypes(the_job.config)), store)
    the_job.save(tmp_path / "job.npz")
    (tmp_path / chips.CONTENT).write_bytes(pins.chip.content(the_job.packed()[1]))
    run(build(pins.verilog()), "tests.sim.damage_bench", tmp_path,
        variables={"BENCH_JOB": str(tmp_path / "job.npz")})


def test_filled_over_the_link():
    """The set comes over the serial line; other tests have it in the chip from the start."""
    prove(stored_job(CASES["online-reinforced"]), Flash(28_000_000), "link", fill=True)
