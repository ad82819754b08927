"""Multiplication by constants: its values, and that a board has no multiplier."""

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from bep_model.config import Config
from bep_model.phases.frame import prototypes
from bep_model.words import integers
from rtl import verilog
from rtl.parts.times import times
from sim.board_bench import Pins

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


def multipliers(design, monkeypatch):
    """Number of multiplication cells. Yosys turns multiplications by powers of two and those that
    choose a part of a word into shifts.
    """
    monkeypatch.setattr(verilog, "PASSES", ("proc", "opt", "peepopt", "opt", "write_rtlil"))
    text = verilog.convert(design)
    assert "cell $add " in text
    return text.count("cell $mul ") + text.count("cell $macc")


@pytest.mark.parametrize("name", CONFIGS)
def test_a_board_has_no_multiplier(name, monkeypatch):
    """The board has a trainer, a link and a transport."""
    board = Pins(CONFIGS[name], integers(prototypes(CONFIGS[name])))
    assert multipliers(board, monkeypatch) == 0


class Product(wiring.Component):
    """A multiplier, which a board must not have."""

    i: In(8)
    o: Out(16)

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(self.i * 7 + 1)
        return m


def test_a_multiplier_is_found(monkeypatch):
    assert multipliers(Product(), monkeypatch) == 1
