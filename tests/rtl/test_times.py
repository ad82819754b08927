"""Multiplication by constants: its value, and that a trainer has no other."""

import pytest
from amaranth.hdl import Module, Signal

from bep_model.config import Config
from bep_model.phases.frame import prototypes
from bep_model.words import integers
from rtl import verilog
from rtl.parts.times import times
from rtl.trainer import Trainer

from .bench import Bench

# Words, lanes and bytes whose number is no power of two.
CONFIGS = {
    "online": Config(75, (21, 9), 5, 5, 12, 4),
    "batch": Config(75, (21, 9, 7), 5, 5, 15, 5, max_batch=3, stable=True),
    "recurrent": Config(75, (21, 9), 5, 5, 15, 5, max_steps=7),
}


@pytest.mark.parametrize("factor", [1, 2, 3, 7, 10, 48, 255])
def test_value(factor):
    m = Module()
    value, product = Signal(5), Signal(16)
    m.d.comb += product.eq(times(value, factor))
    seen = []

    async def use(ctx):
        for n in range(32):
            ctx.set(value, n)
            seen.append(ctx.get(product))
            await ctx.tick()

    m.d.sync += Signal().eq(1)  # a clock for the bench
    Bench(m).run(use)
    assert seen == [n * factor for n in range(32)]


@pytest.mark.parametrize("name", CONFIGS)
def test_no_multiplier(name, monkeypatch):
    """Yosys makes shifts of powers of two, and of the choice of a part of a word."""
    design = Trainer(CONFIGS[name], integers(prototypes(CONFIGS[name])))
    monkeypatch.setattr(verilog, "PASSES", ("proc", "opt", "peepopt", "opt", "write_rtlil"))
    text = verilog.convert(design)
    assert "cell $shiftx " in text or "cell $add " in text
    assert "cell $mul " not in text and "cell $macc" not in text
