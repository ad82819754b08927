"""A board's design through its pins: a job over the serial line against the golden model."""

import pytest

from bep_model.phases import frame
from bep_model.words import integers
from sim.board_bench import Pins
from sim.compare import compare
from sim.expected import expected
from sim.simulate import simulate
from tests.sim import recurrent
from tests.sim.configurations import CASES
from tests.sim.jobs import job


@pytest.mark.parametrize("name", ["batch-reinforced", "three-subwords", "two-bits"])
def test_equal_to_the_golden_model(name):
    prove(job(CASES[name], samples=9), name)


@pytest.mark.parametrize("name", ["unequal-lengths", "batch"])
def test_recurrent(name):
    prove(job(recurrent.CASES[name], samples=7), name)


def prove(the_job, name):
    verilog = Pins(the_job.config, integers(frame.prototypes(the_job.config))).verilog()
    observed = simulate(the_job, verilog, bench="sim.board_bench")
    comparison = compare(the_job, expected(the_job), observed, timed=False,
                         command=f"pytest tests/sim/test_board.py -k {name}")
    assert comparison.mismatches == 0, comparison.report
    assert comparison.compared_counters > 0
