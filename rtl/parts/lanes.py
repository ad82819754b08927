"""Counters on their way through the update engine, and their steps.

Bit i of a counter toggles if all lower bits equal the direction. The bits are compared in groups of
three before the registers: a LUT4 per group suffices there, and the results also show the limits.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from rtl.parts.state_port import shift_signature


def lane_layout(bits):
    """A counter that is about to step.

    ``low`` holds its lower bits; ``positive`` says that h >= 0; ``step`` that it steps, ``up`` that
    it steps up, and ``outward`` that it steps away from 0 (or -1). ``alike`` says for each group of
    three lower bits that all of them equal ``up``.
    """
    return data.StructLayout({"low": bits - 1, "positive": 1, "step": 1, "up": 1, "outward": 1,
                              "alike": len(_threes(range(bits - 1)))})


def look(lane, low, positive, up):
    """Assignments to all fields of a lane except ``step``."""
    return [
        lane.low.eq(low), lane.positive.eq(positive), lane.up.eq(up),
        lane.outward.eq(up == positive),
        lane.alike.eq(Cat(part == up.replicate(len(part)) for part in _threes(low))),
    ]


def minus_one(bits):
    """Fields of a lane that holds -1 and goes up.

    Initialisation begins with this value. Because it is also the power-on value, the ECP5 can use
    the synchronous set of its registers.
    """
    return {"low": (1 << bits - 1) - 1, "positive": 0, "up": 1, "outward": 0,
            "alike": (1 << len(_threes(range(bits - 1)))) - 1}


def stepped(lane):
    """A lane's counter after its step, with saturation: the low bits, then h >= 0."""
    carry, toggles = lane.step & ~(lane.outward & lane.alike.all()), []
    for part, alike in zip(_threes(lane.low), lane.alike, strict=True):
        toggles += [carry & (part[:i] == lane.up.replicate(i)) for i in range(len(part))]
        carry = carry & alike
    return Cat(lane.low, lane.positive) ^ Cat(toggles, carry)


def _threes(low):
    """Bits in groups of three."""
    return [low[i:i + 3] for i in range(0, len(low), 3)]


class Lanes(wiring.Component):
    """A word of counters, each of which steps up or down, or stays, with saturation.

    The results are also the shift register of the state port, which takes no additional LUTs.

    Timing
    ------
    ``result_low`` and ``result_positive`` belong to the inputs of two clocks ago. While
    ``shift.open`` is high the results change only with ``shift.move``.

    Parameters
    ----------
    lanes, bits : int
        Counters, and bits of each.
    beat : int
        Bits per transfer of the state port.

    Members
    -------
    low : In(lanes * (bits - 1))
    positive : In(lanes)
        Lower bits of each counter, and whether it is >= 0.
    stepping : In(1)
        Step up in lanes where ``inputs`` equals ``target``, else down. While it is low, step away
        from the sign change instead.
    target : In(1)
    inputs : In(lanes)
    steps : In(lanes)
        Which lanes step.
    initialising : In(1)
        Step up from -1 instead.
    running : In(1)
        While it is low, no lane steps.
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

        # First stage: store the counters that were read, and the comparisons.
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

        # Second stage: step, or shift. ``passing`` is the word in the format of the port. These are
        # signals, not expressions, because every lane takes its part of them.
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
