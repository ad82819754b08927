"""The order of samples in an epoch: a permutation of their numbers, as a stream."""

from amaranth.hdl import Module, Signal
from amaranth.lib import enum, stream, wiring
from amaranth.lib.wiring import In, Out

from bep_model.phases.order import DOWN, ROUNDS, UP


class Step(enum.Enum, shape=3):
    """What is done next."""

    IDLE = 0
    MASK = 1
    """Grow the mask to the smallest 2**k - 1 that is not below the count."""
    NEXT = 2
    """Begin with the next index."""
    ADD = 3
    """The first half of a round."""
    SHIFT = 4
    """The second half of a round."""
    OFFER = 5
    """Offer a number that is below the count."""


class Order(wiring.Component):
    """Give the numbers 0..count - 1 once each, in the order of a seed.

    Equals ``bep_model.phases.order.order``: each index below the next power of two goes through the
    rounds of the permutation, and results from ``count`` on are left out.

    Timing: a number takes ``2 * ROUNDS + 2`` clocks, and as many for each one that is left out
    before it, of which there is at most one on average. With seed 0 it takes 2 clocks. The next
    number is made while this one is offered; the payload is steady until the next one is offered.

    Parameters
    ----------
    bits : int
        ``count`` is below ``1 << bits``.

    Members
    -------
    start : In(1)
        Begin an epoch of ``count`` samples; a present one is abandoned.
    count : In(bits)
        Number of samples, at ``start``.
    seed : In(32)
        Seed of the epoch, at ``start``; 0 is the order of the numbers.
    o : Out(stream.Signature(bits))
        The numbers.
    left : Out(bits)
        How many numbers have not been taken.
    """

    def __init__(self, bits):
        self.bits = bits
        super().__init__({
            "start": In(1),
            "count": In(bits),
            "seed": In(32),
            "o": Out(stream.Signature(bits)),
            "left": Out(bits),
        })

    def elaborate(self, platform):
        m = Module()
        bits, o = self.bits, self.o
        index, x, mask, count = (Signal(bits, name=n) for n in ("index", "x", "mask", "count"))
        seed = Signal(32)  # turned once round by the rounds of a number
        stored = Signal()  # the seed is 0
        rounds = Signal(range(ROUNDS))
        step = Signal(Step)
        shifted = x ^ (x << UP)[:bits] & mask
        with m.If(o.valid & o.ready):
            m.d.sync += [o.valid.eq(0), self.left.eq(self.left - 1)]
        with m.Switch(step):
            with m.Case(Step.MASK):
                with m.If(mask < count):
                    m.d.sync += mask.eq(mask << 1 | 1)
                with m.Else():
                    m.d.sync += step.eq(Step.NEXT)
            with m.Case(Step.NEXT):
                m.d.sync += [x.eq(index), index.eq(index + 1)]
                m.d.sync += step.eq(Step.ADD)
                with m.If(stored):
                    m.d.sync += step.eq(Step.OFFER)
            with m.Case(Step.ADD):
                m.d.sync += [x.eq((x + seed)[:bits] & mask),
                             seed.eq(seed.rotate_left(32 // ROUNDS))]
                m.d.sync += step.eq(Step.SHIFT)
            with m.Case(Step.SHIFT):
                m.d.sync += [x.eq(shifted ^ shifted >> DOWN), rounds.eq(rounds + 1)]
                m.d.sync += step.eq(Step.ADD)
                with m.If(rounds == ROUNDS - 1):
                    m.d.sync += step.eq(Step.OFFER)
            with m.Case(Step.OFFER):
                with m.If(self.left == 0):
                    m.d.sync += step.eq(Step.IDLE)
                with m.Elif(x >= count):
                    m.d.sync += step.eq(Step.NEXT)
                with m.Elif(~o.valid):
                    m.d.sync += [o.valid.eq(1), o.payload.eq(x)]
                    m.d.sync += step.eq(Step.NEXT)
        with m.If(self.start):
            m.d.sync += [o.valid.eq(0), self.left.eq(self.count), count.eq(self.count),
                         seed.eq(self.seed), stored.eq(self.seed == 0),
                         mask.eq(0), index.eq(0), rounds.eq(0),
                         step.eq(Step.MASK)]
        return m
