"""XNOR and popcount: one word of a binary dot product per clock."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from rtl.parts.delay import delay

LEVELS = 4
"""Most adder levels between registers, by default."""


def stages(count, levels_per_stage=LEVELS):
    """Clocks in which :func:`total` adds ``count`` terms up."""
    return max(1, -(-(count - 1).bit_length() // levels_per_stage))


def total(m, terms, levels_per_stage=LEVELS, name="stage"):
    """The sum of ``terms``, in a balanced tree of adders with as few stages as allowed.

    There is a register without reset after each stage. If the levels do not divide evenly, the
    earlier stages get one more.
    """
    left, count = (len(terms) - 1).bit_length(), stages(len(terms), levels_per_stage)
    for stage in range(count):
        levels = -(-left // (count - stage))
        left -= levels
        for _ in range(levels):
            pairs = [x + y for x, y in zip(terms[::2], terms[1::2], strict=False)]
            terms = pairs + terms[len(pairs) * 2:]
        registers = [Signal(len(term), name=f"{name}{stage}_{i}", reset_less=True)
                     for i, term in enumerate(terms)]
        m.d.sync += [r.eq(term) for r, term in zip(registers, terms, strict=True)]
        terms = registers
    return terms[0]


class Popcount(wiring.Component):
    """Number of equal bits of two words: ``popcount(~(a ^ b))``, see ``bep_model.phases.bits``.

    The first stage of the adders, see :func:`total`, includes the XNOR.

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

    def __init__(self, lanes, levels_per_stage=LEVELS):
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
        return stages(self.lanes, self.levels_per_stage)

    def elaborate(self, platform):
        m = Module()
        equal = [~(a ^ b) for a, b in zip(self.a, self.b, strict=True)]
        m.d.comb += self.o.eq(total(m, equal, self.levels_per_stage))
        return m


class Popcounts(wiring.Component):
    """The popcounts of the parts of a word, and their sum.

    Timing: as for :class:`Popcount`, with two latencies.

    Parameters
    ----------
    lanes : int
        Bits per word.
    part : int
        Bits per part, at least 1.
    count : int
        As many parts begin at the lowest bit, at least 2; the sum counts what follows them, too.

    Members
    -------
    a, b : In(lanes)
    o : Out(range(lanes + 1))
        Belongs to the inputs of ``latency`` clocks ago.
    parts : Out(data.ArrayLayout(range(part + 1), count))
        Belong to the inputs of ``parts_latency`` clocks ago.
    """

    def __init__(self, lanes, part, count):
        self.lanes = lanes
        self.part = part
        self.count = count
        self.ends = [*range(0, part * count + 1, part), *[lanes] * (lanes > part * count)]
        super().__init__({"a": In(lanes), "b": In(lanes), "o": Out(range(lanes + 1)),
                          "parts": Out(data.ArrayLayout(range(part + 1), count))})

    @property
    def parts_latency(self):
        """Clocks from the inputs to ``parts``."""
        return max(stages(end - begin)
                   for begin, end in zip(self.ends, self.ends[1:], strict=False))

    @property
    def latency(self):
        """Clocks from the inputs to ``o``."""
        return self.parts_latency + stages(len(self.ends) - 1)

    def elaborate(self, platform):
        m = Module()
        equal, counts = ~(self.a ^ self.b), []
        for i, (begin, end) in enumerate(zip(self.ends, self.ends[1:], strict=False)):
            count = total(m, list(equal[begin:end]), name=f"part{i}_stage")
            counts.append(delay(m, count, self.parts_latency - stages(end - begin), f"part{i}"))
        m.d.comb += [part.eq(count) for part, count in zip(self.parts, counts, strict=False)]
        m.d.comb += self.o.eq(total(m, counts))
        return m
