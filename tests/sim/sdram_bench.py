"""cocotb bench of the sample store in an SDRAM chip, with the model of the chip at its pins.

BENCH_SEED varies the random choices.
"""

import os
import random
from types import SimpleNamespace

import cocotb
from amaranth.hdl import Fragment, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge

from rtl.store.ports import store_signature
from rtl.store.sdram import Sdram
from sim.bench import cycle
from sim.chips import broken
from sim.sdram import FAULTS, Chip, io_buffer
from sim.streams import receive, send

ADDRESS_BITS, ROW = 25, 1 << 10
"""Bits of a byte's address; bytes of a row."""
READ, WRITE = 0x13, 0x12
PERIOD, SAMPLE, STRIDE = 202, 99, 128
"""Clocks per sample that a trainer needs, its bytes, and the distance of samples."""


class Store(wiring.Component):
    """The store and its chip."""

    port: In(store_signature(ADDRESS_BITS))
    power: In(1)
    faults: Out(len(FAULTS))

    def __init__(self, clock_hz):
        self.clock_hz = clock_hz
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.submodules.chip = chip = Chip(self.clock_hz)
        pins = SimpleNamespace(request=lambda *resource, dir: chip.pads, get_io_buffer=io_buffer)
        store = Sdram(self.clock_hz, ADDRESS_BITS)
        m.submodules.store = Fragment.get(store, pins)
        wiring.connect(m, wiring.flipped(self.port), store.port)
        m.d.comb += [chip.power.eq(self.power), self.faults.eq(chip.faults)]
        return m


async def start(dut):
    """Start with power-up; return the random generator."""
    Clock(dut.clk, 10, "ns").start()
    for name in ("open", "address", "data__ready", "select", "command__valid",
                 "command__payload", "reply__ready"):
        getattr(dut, f"port__{name}").value = 0
    dut.power.value, dut.rst.value = 0, 1
    await ClockCycles(dut.clk, 8)
    dut.power.value, dut.rst.value = 1, 0
    await RisingEdge(dut.clk)
    return random.Random(os.environ["BENCH_SEED"])


async def exchange(dut, data):
    """The replies to the bytes of an exchange."""
    dut.port__select.value = 1
    replies = cocotb.start_soon(receive(dut, "port__reply", len(data)))
    await send(dut, "port__command", data)
    replies = await replies
    dut.port__select.value = 0
    await ClockCycles(dut.clk, 2)
    return replies


async def write(dut, address, data):
    replies = await exchange(dut, [WRITE, *address.to_bytes(4, "big"), *data])
    assert not any(replies)


async def read(dut, address, count, wait=lambda: False, rest=1):
    """The bytes of a reading, and the clock in which each was taken, see ``sim.bench.cycle``.

    ``wait`` tells whether no byte is taken in a clock. ``rest`` is how long the store stays closed.
    """
    dut.port__open.value, dut.port__address.value = 1, address
    data, times = [], []
    while len(data) < count:
        ready = not wait()
        dut.port__data__ready.value = ready
        await RisingEdge(dut.clk)
        if ready and int(dut.port__data__valid.value):
            data.append(int(dut.port__data__payload.value))
            times.append(cycle())
    dut.port__open.value, dut.port__data__ready.value = 0, 0
    await ClockCycles(dut.clk, rest)
    return data, times


def blameless(dut):
    assert broken(FAULTS, int(dut.faults.value)) == []


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def single_bytes(dut):
    """Bytes in random places, next to others, are written alone, and read in both ways."""
    rng = await start(dut)
    contents = {}
    for _ in range(60):
        at = rng.randrange(1 << ADDRESS_BITS - 4) * 16
        contents |= {at + i: None for i in range(8)}
    places = list(contents)
    for _ in range(2):
        rng.shuffle(places)
        for at in places:
            contents[at] = rng.randrange(256)
            await write(dut, at, [contents[at]])
    for at in places[::7]:
        count = rng.randrange(1, 9 - at % 8)
        want = [contents[at + i] for i in range(count)]
        head = [READ, *at.to_bytes(4, "big")]
        assert await exchange(dut, [*head, *[0] * count]) == [0] * 5 + want
        assert (await read(dut, at, count))[0] == want
    blameless(dut)


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def ends_of_rows(dut):
    """Reading, of any length and with any waiting, goes on in the next row, bank and so on."""
    rng = await start(dut)
    contents = {}
    for end in (ROW, 2 * ROW, 4 * ROW, 0x100 * ROW, 0x5554 * ROW):
        data = rng.randbytes(160)
        await write(dut, end - 80, data)
        contents[end] = data
    for _ in range(300):
        end = rng.choice(list(contents))
        at = rng.randrange(160)
        count = rng.randrange(161 - at)
        stall = rng.choice([0, 0, 0.3, 0.9])
        data, _ = await read(dut, end - 80 + at, count, lambda: rng.random() < stall,  # noqa: B023
                             rng.choice([1, 1, 2, 3, 5, 20]))
        assert data == list(contents[end][at:at + count])
    blameless(dut)


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def opened_and_closed(dut):
    """Closing at any time, before and after the first byte, does not disturb what comes then."""
    rng = await start(dut)
    data = rng.randbytes(64)
    await write(dut, 0x1234560, data)
    for gap in range(1, 14):
        for clocks in range(1, 36):
            dut.port__open.value, dut.port__address.value = 1, rng.randrange(1 << ADDRESS_BITS)
            dut.port__data__ready.value = 1
            await ClockCycles(dut.clk, clocks)
            dut.port__open.value = 0
            await ClockCycles(dut.clk, gap)
            at = rng.randrange(32)
            assert (await read(dut, 0x1234560 + at, 6, rest=gap))[0] == list(data[at:at + 6])
    blameless(dut)


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def long_reading(dut):
    """A byte per clock, through rows and refreshes, but for the time these take."""
    rng = await start(dut)
    await read(dut, 0, 1)  # the chip has started
    begin = cycle()
    await write(dut, 0x10000, range(100))
    dut._log.info("100 bytes written in %d clocks", cycle() - begin)
    await ClockCycles(dut.clk, 8)  # the last write has ended
    begin = cycle()
    _, times = await read(dut, 0x10000, 40_000)
    dut._log.info("first of 40000 bytes after %d clocks, last after %d", times[0] - begin,
                  times[-1] - begin)
    assert times[0] - begin == 11
    assert times[-1] - times[0] == 39_999
    await read(dut, 0x10000, 5, lambda: rng.random() < 0.999)
    blameless(dut)


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def samples_in_time(dut):
    """Samples in random order arrive at the rate of a trainer, which takes a byte per clock."""
    rng = await start(dut)
    samples = {rng.randrange(1 << ADDRESS_BITS - 7) * STRIDE: rng.randbytes(SAMPLE)
               for _ in range(40)}
    for at, data in samples.items():
        await write(dut, at, data)
    due, begun, pauses, count = 0, [], 0, 500
    for _ in range(count):
        at = rng.choice(list(samples))
        data, times = await read(dut, at, SAMPLE, lambda: cycle() + 1 < due)  # noqa: B023
        assert data == list(samples[at])
        begun.append(times[0])
        pauses += times[-1] - times[0] - (SAMPLE - 1)
        due = max(due, times[0]) + PERIOD
    rate = (begun[-1] - begun[0]) / (count - 1)
    dut._log.info("%.2f clocks per sample, %d clocks without a byte", rate, pauses)
    assert rate < PERIOD * 1.001
    blameless(dut)
