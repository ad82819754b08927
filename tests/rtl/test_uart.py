"""UART receiver and transmitter against a line simulated bit by bit."""

import random

import pytest
from amaranth.sim import Simulator

from rtl.link.uart import Receiver, Transmitter, divisor, tolerance

# A component whose constructor raises is never elaborated.
pytestmark = pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")

DIVISORS = (4, 5, 12, 25)


def frame(byte, stop=1):
    return [0, *((byte >> i) & 1 for i in range(8)), stop]


def receive(dut, bits, cycles_per_bit, stall=None, phase=0.3):
    """Drive `bits` (a list of the bits of frames), and return the bytes that came out.

    `stall(n)` gives the cycles to wait before byte n is taken. The first change of the line is
    `phase` of a cycle after a clock edge.
    """
    taken = []

    async def line(ctx):
        # The first clock edge is after half a cycle. A bit need not last a whole number of cycles.
        await ctx.delay((3.5 + phase) * 1e-6)
        for bit in bits:
            ctx.set(dut.i, bit)
            await ctx.delay(cycles_per_bit * 1e-6)
        ctx.set(dut.i, 1)
        await ctx.delay(12 * dut.divisor * 1e-6)

    async def sink(ctx):
        while True:
            for _ in range(stall(len(taken)) if stall else 0):
                await ctx.tick()
            ctx.set(dut.o.ready, 1)
            valid = False
            while not valid:
                _, _, valid, payload = await ctx.tick().sample(dut.o.valid, dut.o.payload)
            taken.append(payload)
            ctx.set(dut.o.ready, 0)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(line)
    simulator.add_testbench(sink, background=True)
    simulator.run()
    return taken


PHASES = (0.01, 0.25, 0.5, 0.75, 0.99)
RATES = (4, 5, 6, 7, 8, 9, 10, 12, 16, 25, 52)


@pytest.mark.parametrize("cycles", RATES)
def test_receiver(cycles):
    rng = random.Random(cycles)
    sent = [0x00, 0xFF, 0xA5, *(rng.randrange(256) for _ in range(12))]
    bits = [bit for byte in sent for bit in frame(byte)]
    assert receive(Receiver(cycles), bits, cycles) == sent


@pytest.mark.parametrize("cycles", RATES)
@pytest.mark.parametrize("way", ("shorter", "longer"))
def test_tolerance(cycles, way):
    """No byte is lost within the tolerance, for any phase of the clock; beyond it some are."""
    sent = [0x00, 0xFF, 0x2A, 0x00]
    bits = [bit for byte in sent for bit in frame(byte)]
    shorter, longer = tolerance(cycles)
    # 0.03 and 0.5 cycles over a frame of 10 bits
    within, beyond = (factor * 0.1 / cycles for factor in (0.03, 0.5))
    length, far = (1 - shorter + within, 1 - shorter - beyond) if way == "shorter" else (
        1 + longer - within, 1 + longer + beyond)
    received = [receive(Receiver(cycles), bits, cycles * length, phase=phase) for phase in PHASES]
    assert received == [sent] * len(PHASES)
    assert any(receive(Receiver(cycles), bits, cycles * far, phase=phase) != sent
               for phase in PHASES)


@pytest.mark.parametrize("cycles", DIVISORS)
@pytest.mark.parametrize("phase", PHASES)
def test_receiver_timing(cycles, phase):
    dut = Receiver(cycles)
    seen = []

    async def line(ctx):
        await ctx.tick().repeat(3)
        await ctx.delay(phase * 1e-6)
        ctx.set(dut.i, 0)
        await ctx.delay(cycles * 1e-6)
        ctx.set(dut.i, 1)

    async def offered(ctx):
        clocks = 0
        while not ctx.get(dut.o.valid):
            await ctx.tick()
            clocks += 1
        seen.append(clocks - 3 - phase)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(line)
    simulator.add_testbench(offered)
    simulator.run()
    earliest = 9 * cycles + (cycles - 1) // 2 + 2
    assert earliest <= seen[0] <= earliest + 1


def test_tolerance_figures():
    """The figures of the documentation are right."""
    assert tolerance(4) == (2 / 40, 1 / 36)
    assert all(min(tolerance(cycles)) > 0.037 for cycles in range(5, 1000))
    assert all(min(tolerance(cycles)) > 0.04 for cycles in range(7, 1000))


def test_receiver_drops_framing_errors():
    bits = frame(0x12) + frame(0x34, stop=0) + [1] + frame(0x56)
    assert receive(Receiver(12), bits, 12) == [0x12, 0x56]


def test_receiver_ignores_break_and_glitch():
    dut = Receiver(12)
    assert receive(dut, [0] * 300 + [1] * 144 + [1] * 12 + frame_cycles(0x5A, 12), 1) == [0x5A]
    assert receive(Receiver(12), [0] * 3 + [1] * 20 + frame_cycles(0xC3, 12), 1) == [0xC3]


def frame_cycles(byte, cycles):
    return [bit for bit in frame(byte) for _ in range(cycles)]


def test_receiver_keeps_the_byte_that_waits():
    """A byte stays until it is taken; bytes that come meanwhile are lost."""
    bits = [bit for byte in (1, 2, 3) for bit in frame(byte)]
    taken = receive(Receiver(4), bits + [1] * 4 + frame(4), 4,
                    stall=lambda n: 128 if n == 0 else 0)
    assert taken == [1, 4]


@pytest.mark.parametrize("cycles", DIVISORS)
@pytest.mark.parametrize("idle", (False, True))
def test_transmitter(cycles, idle):
    rng = random.Random(cycles)
    sent = [0x00, 0xFF, 0xA5, *(rng.randrange(256) for _ in range(8))]
    dut = Transmitter(cycles)
    levels = []

    async def source(ctx):
        for byte in sent:
            if idle:
                await ctx.tick().repeat(rng.randrange(1, 40))
            ctx.set(dut.i.payload, byte)
            ctx.set(dut.i.valid, 1)
            await ctx.tick().until(dut.i.ready)
            ctx.set(dut.i.valid, 0)
        await ctx.tick().repeat(11 * cycles)

    async def line(ctx):
        while True:
            levels.append((await ctx.tick().sample(dut.o))[2])

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(source)
    simulator.add_testbench(line, background=True)
    simulator.run()
    received, t = [], 0
    while 0 in levels[t:]:
        start = levels.index(0, t)
        bits = [levels[start + i * cycles:start + (i + 1) * cycles] for i in range(10)]
        assert all(len(set(bit)) == 1 for bit in bits), "a level changed within a bit"
        assert bits[0][0] == 0 and bits[9][0] == 1
        received.append(sum(bits[1 + i][0] << i for i in range(8)))
        if not idle and t:
            assert start - t == 1, "a byte takes 10 divisor + 1 cycles"
        t = start + 10 * cycles
    assert received == sent


def test_divisor():
    assert divisor(12_000_000, 1_000_000) == 12
    assert divisor(25_000_000, 115_200) == 217
    with pytest.raises(ValueError, match="not 5000000"):
        divisor(12_000_000, 5_000_000)
    with pytest.raises(ValueError, match="not 2800000"):
        divisor(12_000_000, 2_800_000)


@pytest.mark.parametrize(("cycles", "allowed"), [
    (4, True), (4.03, True), (4.04, False), (3.93, True), (3.92, False), (5.09, True), (5.2, False),
    (25.4, True), (3.4, False)])
def test_divisor_leaves_the_sender_two_percent(cycles, allowed):
    """A rate may only deviate so far from a whole number of cycles per bit."""
    clock_hz, baud = round(cycles * 1_000_000), 1_000_000
    if not allowed:
        with pytest.raises(ValueError, match="leave a sender 2 %"):
            divisor(clock_hz, baud)
        return
    whole = divisor(clock_hz, baud)
    sent = [0x00, 0xFF, 0x2A, 0x00]
    bits = [bit for byte in sent for bit in frame(byte)]
    for off in (0.98, 1.02):
        for phase in PHASES:
            assert receive(Receiver(whole), bits, cycles * off, phase=phase) == sent


@pytest.mark.parametrize("component", (Receiver, Transmitter))
def test_bad_divisor(component):
    with pytest.raises(ValueError, match="divisor must be at least 4, not 3"):
        component(3)
    with pytest.raises(TypeError, match=r"divisor must be an integer, not 4\.0"):
        component(4.0)
