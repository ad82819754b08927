"""The simulation set-up, on a small component."""

import pytest

from rtl.verilog import convert
from sim.verilator import SimulationError, build, run
from tests.sim.adder import Adder


@pytest.fixture(scope="module")
def simulator():
    return build(convert(Adder()))


@pytest.mark.parametrize("idle", [0, 0.4])
@pytest.mark.parametrize("backpressure", [0, 0.4])
def test_streams(simulator, tmp_path, idle, backpressure):
    run(simulator, "tests.sim.adder", tmp_path, variables={
        "BENCH_SEED": "1", "BENCH_IDLE": str(idle), "BENCH_BACKPRESSURE": str(backpressure)})
    assert not (tmp_path / "dump.vcd").exists()


def test_failure_is_reported(simulator, tmp_path):
    with pytest.raises(SimulationError, match="BENCH_SEED"):
        run(simulator, "tests.sim.adder", tmp_path)


def test_cached(simulator):
    time = (simulator / "top").stat().st_mtime_ns
    assert build(convert(Adder())) == simulator
    assert (simulator / "top").stat().st_mtime_ns == time


def test_build_failure_leaves_nothing(tmp_path):
    with pytest.raises(SimulationError, match="syntax error"):
        build("module top; nonsense endmodule", tmp_path)
    assert list(tmp_path.iterdir()) == []
