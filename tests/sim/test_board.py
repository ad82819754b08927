"""A board's design through its pins: a job over the serial line against the golden model."""

import numpy as np
import pytest

from bep_model.config import Config
from bep_model.data.datasets import random_prototypes
from bep_model.fit.hyper import Hyper
from bep_model.phases import frame
from bep_model.protocol import sample_bytes
from bep_model.words import integers
from sim.board_bench import DIVISOR, Pins
from sim.check import training_job
from sim.compare import compare
from sim.expected import expected
from sim.simulate import simulate
from tests.sim import convolution, recurrent
from tests.sim.configurations import CASES
from tests.sim.jobs import job


@pytest.mark.parametrize("name", ["batch-reinforced", "three-subwords", "two-bits"])
def test_equal_to_the_golden_model(name):
    prove(job(CASES[name], samples=9), name)


@pytest.mark.parametrize("name", ["unequal-lengths", "batch"])
def test_recurrent(name):
    prove(job(recurrent.CASES[name], samples=7), name)


@pytest.mark.parametrize("name", ["three-layers", "batch-pooled"])
def test_convolution(name):
    prove(job(convolution.CASES[name], samples=7), name)


def prove(the_job, name):
    verilog = Pins(the_job.config, integers(frame.prototypes(the_job.config))).verilog()
    observed = simulate(the_job, verilog, bench="sim.board_bench")
    comparison = compare(the_job, expected(the_job), observed, timed=False,
                         command=f"pytest tests/sim/test_board.py -k {name}")
    assert comparison.mismatches == 0, comparison.report
    assert comparison.compared_counters > 0


@pytest.mark.parametrize("window", [512, 8192])
def test_samples_fill_the_line(window):
    """Images take 90 % of the line's bytes or more, with the answers and both ends' overhead."""
    config = Config(784, (4,), 10, weight_lanes=16, counter_lanes=16)
    samples = random_prototypes(train=60, test=1, inputs=784, classes=10, seed=3).train
    the_job = training_job(config, Hyper().parameters(config), samples, 1)
    verilog = Pins(config, integers(frame.prototypes(config)), window=window).verilog()
    observed = simulate(the_job, verilog, bench="tests.sim.rate_bench")
    results = np.transpose(observed["results"])
    wanted = expected(the_job)
    for found, name in zip(results, ("prediction", "error", "triggered"), strict=True):
        assert np.array_equal(found, wanted[name])
    assert observed["window"] == window
    byte = 10 * DIVISOR  # clock cycles
    assert len(results[0]) * sample_bytes(config) * byte >= 0.9 * observed["clocks"]
