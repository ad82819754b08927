"""The model of a flash chip, and what the flash store refuses.

``test_store.py`` has the store itself, through the pins.
"""

import pytest

from rtl.store.flash import Flash
from sim.flash import VERILOG
from sim.verilator import build, run


def test_model(tmp_path):
    text = VERILOG
    for old, new in (("module flash", "module top"), ("PERIOD = 35714", "PERIOD = 40000")):
        assert text.count(old) == 1
        text = text.replace(old, new)
    run(build(text), "tests.sim.flash_bench", tmp_path)


def test_refuses():
    with pytest.raises(ValueError, match=r"^clock_hz must be at most 50 MHz, not 50\.5 MHz$"):
        Flash(50_500_000)
