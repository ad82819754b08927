"""The sample store in an SDRAM chip against the model of the chip, and the model itself."""

import pytest

from rtl.verilog import convert
from sim.sdram import VERILOG
from sim.verilator import build, run
from tests.sim.sdram_bench import Store


@pytest.mark.parametrize("megahertz", [50, 85, 90])
def test_store(megahertz, tmp_path):
    simulator = build(convert(Store(megahertz * 1e6)) + VERILOG)
    run(simulator, "tests.sim.sdram_bench", tmp_path, variables={"BENCH_SEED": str(megahertz)})
