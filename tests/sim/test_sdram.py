"""The sample store in an SDRAM chip against the model of the chip, and the model itself."""

import pytest

from rtl.store.sdram import Sdram
from rtl.verilog import convert
from sim.sdram import VERILOG
from sim.verilator import build, run
from tests.sim.chip_bench import PERIOD
from tests.sim.sdram_bench import Store


@pytest.mark.parametrize("megahertz", [50, 90])
def test_store(megahertz, tmp_path):
    simulator = build(convert(Store(megahertz * 1e6)) + VERILOG)
    run(simulator, "tests.sim.sdram_bench", tmp_path, variables={"BENCH_SEED": str(megahertz)})


def test_model(tmp_path):
    text = VERILOG
    for old, new in (("module sdram", "module top"), ("PERIOD = 11765", f"PERIOD = {PERIOD}"),
                     ("ROW_BITS = 13", "ROW_BITS = 4")):
        assert text.count(old) == 1
        text = text.replace(old, new)
    run(build(text), "tests.sim.chip_bench", tmp_path)


@pytest.mark.parametrize(("clock_hz", "address_bits", "text"), [
    (90.1e6, 25, "clock_hz must be at most 90 MHz, not 90.1 MHz"),
    (9e6, 25, "clock_hz must be at least 10 MHz, not 9 MHz"),
    (85e6, 12, "address_bits must be 13 to 25, not 12"),
    (85e6, 26, "address_bits must be 13 to 25, not 26"),
])
def test_refuses(clock_hz, address_bits, text):
    with pytest.raises(ValueError, match=f"^{text}$"):
        Sdram(clock_hz, address_bits)
