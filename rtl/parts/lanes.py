"""A counter on its way through the update engine: what is known of it, and its step.

Bit i of a counter toggles where all lower bits equal the direction. They are compared three at a
time: before the registers, where a LUT4 per three suffices, and where it tells the limits too.
"""

from amaranth.hdl import Cat
from amaranth.lib import data


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
