"""XNOR and popcount: one word of a binary dot product per clock."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Popcount(wiring.Component):
    """Number of equal bits of two words: ``popcount(~(a ^ b))``, see ``bep_model.phases.bits``.

    A balanced tree of adders has as few stages as ``levels_per_stage`` allows, with a register
    after each stage. The first stage includes the XNOR; if the levels do not divide evenly, the
    earlier stages get one more.

    Timing
    ------
    ``o`` belongs to the inputs of ``latency`` clocks ago. It takes one word per clock, and its
    registers have no reset.

    Parameters
    ----------
    lanes : int
        Bits per word, at least 1.
    levels_per_stage : int
        Largest number of adder levels between registers, at least 1.

    Members
    -------
    a, b : In(lanes)
        Words to compare.
    o : Out(range(lanes + 1))
        Equal bits.

    Raises
    ------
    ValueError
        If ``lanes`` or ``levels_per_stage`` is below 1.
    """

    def __init__(self, lanes, levels_per_stage=4):
        if lanes < 1:
            raise ValueError(f"lanes must be at least 1, not {lanes}")
        if levels_per_stage < 1:
            raise ValueError(f"levels_per_stage must be at least 1, not {levels_per_stage}")
        self.lanes = lanes
        self.levels_per_stage = levels_per_stage
        super().__init__({"a": In(lanes), "b": In(lanes), "o": Out(range(lanes + 1))})

    @property
    def latency(self):
        """Clocks from the inputs to ``o``."""
        return max(1, -(-self._levels // self.levels_per_stage))

    @property
    def _levels(self):
        return (self.lanes - 1).bit_length()

    def elaborate(self, platform):
        m = Module()
        terms = [~(a ^ b) for a, b in zip(self.a, self.b, strict=True)]
        left = self._levels
        for stage in range(self.latency):
            levels = -(-left // (self.latency - stage))
            left -= levels
            for _ in range(levels):
                pairs = [x + y for x, y in zip(terms[::2], terms[1::2], strict=False)]
                terms = pairs + terms[len(pairs) * 2:]
            registers = [Signal(len(term), name=f"stage{stage}_{i}", reset_less=True)
                         for i, term in enumerate(terms)]
            m.d.sync += [r.eq(term) for r, term in zip(registers, terms, strict=True)]
            terms = registers
        m.d.comb += self.o.eq(terms[0])
        return m
