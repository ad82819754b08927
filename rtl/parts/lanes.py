"""Counters on their way through the update engine: what is known of each, and its step.

Bit i of a counter toggles where all lower bits equal the direction. They are compared three at a
time: before the registers, where a LUT4 per three suffices, and where it tells the limits too.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from rtl.parts.state_port import shift_signature


def lane_layout(bits):
    """A counter that is about to step.

    ``low``, its lower bits; ``positive``, h >= 0; ``step``, else it stays; ``up``, else down;
    ``outward``, away from 0 (or -1); ``alike``, which threes of the lower bits all equal ``up``.
    """
    return data.StructLayout({"low": bits - 1, "positive": 1, "step": 1, "up": 1, "outward": 1,
                              "alike": len(_threes(range(bits - 1)))})


def look(lane, low, positive, up):
    """Assignments to all of a lane but ``step``."""
    return [
        lane.low.eq(low), lane.positive.eq(positive), lane.up.eq(up),
        lane.outward.eq(up == positive),
        lane.alike.eq(Cat(part == up.replicate(len(part)) for part in _threes(low))),
    ]


def minus_one(bits):
    """Fields of a lane that holds -1 and goes up.

    Initialisation begins with it. As it is the power-on value too, that is a synchronous set of
    the ECP5's registers.
    """
    return {"low": (1 << bits - 1) - 1, "positive": 0, "up": 1, "outward": 0,
            "alike": (1 << len(_threes(range(bits - 1)))) - 1}


def stepped(lane):
    """A lane's counter, one step on unless that would leave the range: low bits, then h >= 0."""
    carry, toggles = lane.step & ~(lane.outward & lane.alike.all()), []
    for part, alike in zip(_threes(lane.low), lane.alike, strict=True):
        toggles += [carry & (part[:i] == lane.up.replicate(i)) for i in range(len(part))]
        carry = carry & alike
    return Cat(lane.low, lane.positive) ^ Cat(toggles, carry)


def _threes(low):
    """Bits cut into parts of three."""
    return [low[i:i + 3] for i in range(0, len(low), 3)]


class Lanes(wiring.Component):
    """A word of counters, each of which steps up or down, or stays; the limits are kept.

    The results are also the state port's shift register, which costs no LUT more.

    Timing
    ------
    ``result_low`` and ``result_positive`` are those of what came two clocks ago, but ``stepping``,
    ``initialising`` and ``running`` are those of that clock and the one after; while
    ``shift.open`` is high they change only with ``shift.move``.

    Parameters
    ----------
    lanes, bits : int
        Counters, and bits of each.
    beat : int
        Bits that pass the state port at a time.

    Members
    -------
    low : In(lanes * (bits - 1))
    positive : In(lanes)
        Of each counter its lower bits, and h >= 0.
    stepping : In(1)
        Step towards ``target`` where that is what ``inputs`` say, else away from it; otherwise away
        from the sign change.
    target : In(1)
    inputs : In(lanes)
    steps : In(lanes)
        Which lanes step.
    initialising : In(1)
        Step up from -1 instead.
    running : In(1)
        No lane steps while it is low.
    result_low : Out(lanes * (bits - 1))
    result_positive : Out(lanes)
    shift : In(shift_signature(beat))
    """

    def __init__(self, lanes, bits, beat):
        self.lanes = lanes
        self.bits = bits
        self.beat = beat
        low = lanes * (bits - 1)
        super().__init__({
            "low": In(low),
            "positive": In(lanes),
            "stepping": In(1),
            "target": In(1),
            "inputs": In(lanes),
            "steps": In(lanes),
            "initialising": In(1),
            "running": In(1),
            "result_low": Out(low),
            "result_positive": Out(lanes),
            "shift": In(shift_signature(beat)),
        })

    def elaborate(self, platform):
        m = Module()
        bits = self.bits

        # Look at what was read.
        here = [Signal(lane_layout(bits), name=f"lane{i}", init=minus_one(bits), reset_less=True)
                for i in range(self.lanes)]
        for i, lane in enumerate(here):
            up = Signal(name=f"up{i}")
            m.d.comb += up.eq(
                Mux(self.stepping, self.inputs[i] == self.target, self.positive[i]))
            m.d.sync += [
                *look(lane, self.low.word_select(i, bits - 1), self.positive[i], up),
                lane.step.eq(self.steps[i]),
            ]
            with m.If(self.initialising):
                m.d.sync += [getattr(lane, name).eq(value)
                             for name, value in minus_one(bits).items()]
            with m.If(~self.running):
                m.d.sync += lane.step.eq(0)

        # Step, or shift: ``passing`` is the word as it passes the port. (Signals, not expressions:
        # every lane takes its part of them.)
        shift, width = self.shift, self.lanes * bits
        results = [Signal(bits, name=f"result{i}") for i in range(self.lanes)]
        padded = -(-width // self.beat) * self.beat
        filling = Signal(padded - width)
        passing = Signal(padded)
        shifted = Signal(padded)
        m.d.comb += [
            passing.eq(Cat(*(Cat(result[:-1], ~result[-1]) for result in results), filling)),
            shifted.eq(Cat(passing[self.beat:], shift.enters)),
            shift.leaves.eq(passing),
            self.result_low.eq(Cat(result[:-1] for result in results)),
            self.result_positive.eq(Cat(result[-1] for result in results)),
        ]
        with m.If(shift.move | ~shift.open):
            for i, (result, lane) in enumerate(zip(results, here, strict=True)):
                following = shifted[i * bits:(i + 1) * bits]
                m.d.sync += result.eq(Mux(
                    shift.move, Cat(following[:-1], ~following[-1]), stepped(lane)))
            m.d.sync += filling.eq(Mux(shift.move, shifted[width:], 0))
        return m
