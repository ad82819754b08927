"""The exported Verilog of one trainer of each kind in a second simulator, Icarus Verilog.

Unlike Verilator it has undefined values, and follows each version of the language exactly.
"""

import pytest

from sim import check as cosimulation
from tests.sim import configurations, icarus, jobs, recurrent

pytestmark = icarus.needed

CASES = {
    **{name: configurations.CASES[name] for name in (
        "online-reinforced", "batch-reinforced", "single-port", "registered-batch")},
    **{f"recurrent-{name}": recurrent.CASES[name] for name in (
        "batch", "single-port", "registered")},
}


def check(name, generation, folder, monkeypatch):
    case = CASES[name]
    monkeypatch.setattr(cosimulation, "simulate", lambda job, verilog, **_: icarus.simulate(
        job, verilog, folder, generation))
    result = cosimulation.check(jobs.job(case, samples=5), command=f"pytest -k {name}",
                          **case.options)
    assert result["mismatches"] == 0, result["report"]
    assert result["compared_counters"] > 0 and result["updates"] > 0


@pytest.mark.parametrize("name", CASES)
def test_equal_to_the_golden_model(name, tmp_path, monkeypatch):
    check(name, "2012", tmp_path, monkeypatch)


@pytest.mark.parametrize("generation", icarus.GENERATIONS)
def test_in_every_version_of_the_language(generation, tmp_path, monkeypatch):
    check("online-reinforced", generation, tmp_path, monkeypatch)
