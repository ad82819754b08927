"""Simulates a component clock by clock in Amaranth's simulator, with memories and streams."""

from collections import namedtuple

import numpy as np
from amaranth.hdl import Const, Value
from amaranth.sim import Simulator

from bep_model.config import Config

PERIOD = 1e-6
"""Period of the simulated clock, in seconds."""

CONFIGURATIONS = {
    "one of everything": Config(1, (1,), 2, 2, 1, 1),
    "one lane": Config(5, (3,), 2, 3, 1, 1),
    "one word": Config(4, (4, 4), 2, 2, 4, 4, max_batch=2),
    "wider than a row": Config(9, (5, 4), 3, 4, 16, 8),
    "ragged": Config(11, (7, 6), 4, 7, 4, 2, max_batch=3),
    "three subwords": Config(13, (5, 8, 3), 5, 3, 6, 2, max_batch=2),
    "two generators": Config(75, (3, 2), 3, 5, 36, 36),
    "stable": Config(11, (7, 6), 4, 7, 4, 2, stable=True),
}
"""Small trainers that cover corner cases, by name."""


class Bench:
    """Simulates one component with a time limit.

    Clock n, from 0, ends with active edge n. A testbench that has waited for n edges sets the
    inputs of clock n. The values recorded for clock n are those at the end of that clock.

    Parameters
    ----------
    dut : Component or Module
    limit : int
        Clocks after which :meth:`run` fails.
    """

    def __init__(self, dut, limit=5000):
        self.limit = limit
        self.simulator = Simulator(dut)
        self.simulator.add_clock(PERIOD)

    def record(self, **signals):
        """Return a list that gets one named tuple of integers per clock, one field per signal."""
        clock = namedtuple("Clock", signals)
        trace = []

        async def process(ctx):
            async for _, _, *values in ctx.tick().sample(*map(Value.cast, signals.values())):
                trace.append(clock(*values))

        self.simulator.add_process(process)
        return trace

    def memory(self, contents, read, write=None, latency=1):
        """A memory with synchronous reads and at most one write port.

        Reading and writing a word in one clock is an error, because in hardware the data read are
        undefined.

        Parameters
        ----------
        contents : list of int
            Writes change it in place.
        read : ReadPort
            Its data changes ``latency`` clocks after the address and is held while ``en`` is low.
        write : WritePort, optional
        latency : int
        """
        enables, targets, sources = (
            (write.en, write.addr, write.data) if write else (Const(0), Const(0), Const(0)))
        part = len(sources) // len(enables)

        async def process(ctx):
            pipeline = [0] * latency
            signals = (read.en, read.addr, enables, targets, sources)
            async for _, _, reading, at, writing, to, value in ctx.tick().sample(
                    *map(Value.cast, signals)):
                assert not (reading and writing and at == to), f"word {at} read while written"
                pipeline = [*pipeline[1:], contents[at] if reading else pipeline[-1]]
                ctx.set(Value.cast(read.data), pipeline[0])
                mask = sum(((1 << part) - 1) << part * i
                           for i in range(len(enables)) if writing >> i & 1)
                if mask:
                    contents[to] = contents[to] & ~mask | value & mask

        self.simulator.add_process(process)

    def run(self, *testbenches):
        """Run until all testbenches, functions of the simulation context, are done."""
        async def watchdog(ctx):
            await ctx.delay(self.limit * PERIOD)
            raise AssertionError(f"not done after {self.limit} clocks")

        for testbench in testbenches:
            self.simulator.add_testbench(testbench)
        self.simulator.add_testbench(watchdog, background=True)
        self.simulator.run()


def generator(*seed):
    """A random generator. Its seed is printed, so that pytest shows it with a failure."""
    print("seed", *seed)
    return np.random.default_rng(seed)


async def wait(ctx, n):
    """Wait for n clocks."""
    # Neither `tick().repeat(n)` here nor `until` below is used: they raise when they are abandoned
    # because another testbench failed.
    for _ in range(n):
        await ctx.tick()


async def until(ctx, condition):
    """Wait for the end of the first clock in which ``condition`` is true."""
    met = False
    while not met:
        _, _, met = await ctx.tick().sample(condition)


async def pause(ctx, rng, chance):
    """Wait a random number of clocks: ``chance`` is the probability of each further clock."""
    while rng.random() < chance:
        await ctx.tick()


async def drive(ctx, stream, payloads, rng, idle):
    """Send payloads; before each, idle for a random time (see :func:`pause`)."""
    for payload in payloads:
        await pause(ctx, rng, idle)
        ctx.set(stream.payload, payload)
        ctx.set(stream.valid, 1)
        await until(ctx, stream.ready)
        ctx.set(stream.valid, 0)


async def collect(ctx, stream, n, rng, stall):
    """Take n payloads, as integers; ``stall`` is the probability of not being ready in a clock."""
    taken = []
    payload = Value.cast(stream.payload)
    while len(taken) < n:
        ctx.set(stream.ready, rng.random() >= stall)
        _, _, transfer, value = await ctx.tick().sample(stream.valid & stream.ready, payload)
        taken += [value] * transfer
    ctx.set(stream.ready, 0)
    return taken


def clocks(trace, name):
    """The clocks in which a recorded signal was not 0."""
    return [n for n, clock in enumerate(trace) if getattr(clock, name)]


def number(bits):
    """The integer of some bits; element 0 is the lowest bit."""
    return sum(int(bit) << i for i, bit in enumerate(bits))


def row_words(bits, lanes, padding=0):
    """Words of ``lanes`` bits that hold a row of bits; the last word is padded."""
    padded = [*bits, *[padding] * (-len(bits) % lanes)]
    return [number(padded[i:i + lanes]) for i in range(0, len(padded), lanes)]
