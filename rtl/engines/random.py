"""Random bits: a bank of xorshift generators and the bit-serial Bernoulli words made from it."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.parts.delay import delay


def xorshift(x):
    """The next state of a 32-bit xorshift generator (Marsaglia 2003, shifts 13, 17, 5)."""
    x = x ^ (x << 13)[:32]
    x = x ^ (x >> 17)
    return (x ^ (x << 5))[:32]


def draw_signature(lanes):
    """Random bits, seen from the bank: bit i of ``word`` for lane i, steady until ``advance``."""
    return wiring.Signature({"word": Out(lanes), "advance": In(1)})


seed_signature = wiring.Signature({"shift": Out(1), "value": Out(32), "last": In(32)})
"""Seeding, seen from the side that seeds. With ``shift``, generator 0 takes ``value``, and every
other generator k takes the state of generator k - 1. ``last`` is the last generator's state."""


class Bank(wiring.Component):
    """``ceil(lanes / 32)`` generators that advance together; generator k feeds lanes 32k..32k+31.

    Timing
    ------
    ``draw.word`` is the present state; it changes in the clock after ``draw.advance`` or
    ``seed.shift``; ``seed.shift`` wins. Reset sets generator k to k + 1; seed the bank before use.

    Parameters
    ----------
    lanes : int
        Random bits per draw, at least 1.
    events : bool
        Single events are drawn, too.

    Members
    -------
    seed : In(seed_signature)
    draw : Out(draw_signature(lanes))
        ``advance`` steps all generators.
    low : Out(16)
        Low bits of generator 0; only with ``events``.
    """

    def __init__(self, lanes, events=False):
        if lanes < 1:
            raise ValueError(f"lanes must be at least 1, not {lanes}")
        self.lanes = lanes
        self.events = events
        super().__init__({"seed": In(seed_signature), "draw": Out(draw_signature(lanes)),
                          **({"low": Out(16)} if events else {})})

    def elaborate(self, platform):
        m = Module()
        states = [Signal(32, name=f"state{k}", init=k + 1) for k in range(-(-self.lanes // 32))]
        with m.If(self.seed.shift):
            m.d.sync += [s.eq(before) for s, before in
                         zip(states, [self.seed.value, *states], strict=False)]
        with m.Elif(self.draw.advance):
            m.d.sync += [s.eq(xorshift(s)) for s in states]
        m.d.comb += [self.draw.word.eq(Cat(*states)), self.seed.last.eq(states[-1])]
        if self.events:
            m.d.comb += self.low.eq(states[0])
        return m


class Bernoulli(wiring.Component):
    """A word of independent bits that are 1 with probability p / 2**16, computed bit by bit of p.

    Equals ``bep_model.phases.random.bernoulli``. The word m starts from 0. For each bit of p, from
    the lowest 1 up to bit 15, there is a fresh draw r, and m becomes ``m | r`` for a 1 and
    ``m & r`` for a 0. For p = 0 and p = 2**16 nothing is drawn.

    Timing
    ------
    While ``request`` is high one draw is made per clock. ``done`` is high in the clock of the last
    draw (for p = 0 or 2**16: at once). ``latency`` clocks later ``word`` holds the result, until
    ``latency`` clocks after the next request. While ``hold`` is high the last draw is postponed,
    and ``done`` stays low. A word takes ``draws(p)`` clocks, at least 1. ``p`` must be steady from
    the clock before ``request`` until ``done``, and ``request`` must not change between the first
    draw and ``done``.

    Parameters
    ----------
    lanes : int
        Bits per word.
    latency : int
        1, plus 1 for each register between the control and the lanes.

    Members
    -------
    p : In(range(2**16 + 1))
        Probability in units of 2**-16.
    request, hold : In(1)
    done : Out(1)
    word : Out(lanes)
    draw : In(draw_signature(lanes))
    """

    def __init__(self, lanes, latency=1):
        self.lanes = lanes
        self.latency = latency
        super().__init__({
            "p": In(range(2**16 + 1)),
            "request": In(1),
            "hold": In(1),
            "done": Out(1),
            "word": Out(lanes),
            "draw": In(draw_signature(lanes)),
        })

    @staticmethod
    def draws(p):
        """Draws for one word: 16 minus the trailing zeros of p, or 0 for p = 0 and p = 2**16."""
        return 0 if p in (0, 1 << 16) else 16 - ((p & -p).bit_length() - 1)

    @staticmethod
    def clocks(p):
        """Clocks for one word: one per draw, at least one."""
        return max(1, Bernoulli.draws(p))

    def elaborate(self, platform):
        m = Module()
        lowest = Signal(4, init=15)  # also for p = 0 and p = 2**16: one clock
        for i in reversed(range(15)):
            with m.If(self.p[i]):
                m.d.comb += lowest.eq(i)

        # The next draw: its bit of p, and whether it is a word's first one. The first bit is always
        # 1, so a first draw gives r itself, and `bit` is free to say that p is 2**16 instead.
        index = Signal(4)
        bit = Signal()
        first = Signal()
        never = Signal()
        last = index == 15
        go = Signal()
        m.d.comb += [
            go.eq(self.request & ~(last & self.hold)),
            self.done.eq(go & last),
        ]
        with m.If(go & ~last):
            m.d.sync += [index.eq(index + 1), bit.eq(self.p.bit_select(index + 1, 1)), first.eq(0)]
        with m.Elif(go | ~self.request):
            m.d.sync += [index.eq(lowest), bit.eq(self.p[16]), first.eq(1), never.eq(self.p == 0)]

        go, first, bit, never = delay(m, Cat(go, first, bit, never), self.latency - 1, "control")
        m.d.comb += self.draw.advance.eq(go & ~never & ~(first & bit))
        # Four operations on two bits fit a LUT4 per lane; the fifth is the registers' reset.
        bits, drawn = bit.replicate(self.lanes), self.draw.word
        with m.If(go & never):
            m.d.sync += self.word.eq(0)
        with m.Elif(go):
            m.d.sync += self.word.eq(Mux(first, bits | drawn, Mux(
                bit, self.word | drawn, self.word & drawn)))
        return m
