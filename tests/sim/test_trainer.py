"""The trainer in Verilator against the golden model, at the corners of its configuration."""

import pytest

from sim.check import check
from tests.sim import configurations, convolution, recurrent
from tests.sim.jobs import job

CASES = {**configurations.CASES,
         **{f"recurrent-{name}": case for name, case in recurrent.CASES.items()},
         **{f"convolution-{name}": case for name, case in convolution.CASES.items()}}


@pytest.mark.parametrize("name", CASES)
def test_equal_to_the_golden_model(name):
    case = CASES[name]
    result = check(job(case), command=f"pytest tests/sim/test_trainer.py -k '[{name}]'",
                   **case.options)
    assert result["mismatches"] == 0, result["report"]
    assert result["compared_counters"] > 0
