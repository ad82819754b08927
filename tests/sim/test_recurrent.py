"""Recurrent trainers in Verilator against the golden model, at the corners."""

import pytest

from bep.verify import check
from tests.sim.recurrent import CASES, job


@pytest.mark.parametrize("name", CASES)
def test_equal_to_the_golden_model(name):
    case, lengths = CASES[name]
    result = check(job(case, lengths), command=f"pytest tests/sim/test_recurrent.py -k {name}",
                   **case.options)
    assert result["mismatches"] == 0, result["report"]
    assert result["compared_counters"] > 0
