"""cocotb bench of the model of a flash chip: every rule is broken alone, and a legal life."""

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge

from sim.chips import broken
from sim.flash import FAULTS

RELEASE, ENABLE, STATUS, READ, DUAL, PROGRAM, ERASE = 0xAB, 0x06, 0x05, 0x03, 0x3B, 0x02, 0x20


class Pins:
    """A chip at its pins, as a design drives them."""

    def __init__(self, dut):
        self.dut = dut

    async def start(self):
        """Switch the chip off and on."""
        self.dut.cs_n.value, self.dut.sck.value, self.dut.dq_driven.value = 1, 0, 1
        self.dut.power.value = 0
        await ClockCycles(self.dut.clk, 10)
        self.dut.power.value = 1
        await ClockCycles(self.dut.clk, 2)

    async def bit(self, value, width=1):
        """One clock: give a bit, return the ``width`` bits that the chip gave before."""
        self.dut.dq_i.value = value
        await RisingEdge(self.dut.clk)
        got = int(self.dut.dq_o.value)
        self.dut.sck.value = 1
        await RisingEdge(self.dut.clk)
        self.dut.sck.value = 0
        return got if width == 2 else got >> 1

    async def exchange(self, *octets, dual=0, high=4):
        """Send bytes and return the replies; then read ``dual`` bytes with two bits per clock."""
        self.dut.cs_n.value = 0
        await RisingEdge(self.dut.clk)
        replies = []
        for byte in octets:
            reply = 0
            for i in reversed(range(8)):
                reply = reply << 1 | await self.bit(byte >> i & 1)
            replies.append(reply)
        self.dut.dq_driven.value = int(not dual)
        for _ in range(dual):
            reply = 0
            for _ in range(4):
                await RisingEdge(self.dut.clk)
                reply = reply << 2 | int(self.dut.dq_o.value)
                self.dut.sck.value = 1
                await RisingEdge(self.dut.clk)
                self.dut.sck.value = 0
            replies.append(reply)
        await RisingEdge(self.dut.clk)
        self.dut.cs_n.value, self.dut.dq_driven.value = 1, 1
        await ClockCycles(self.dut.clk, high)
        return replies

    async def awake(self):
        await self.start()
        await self.exchange(RELEASE)
        await ClockCycles(self.dut.clk, 80)

    async def written(self):
        while (await self.exchange(STATUS, 0))[1] & 1:
            pass

    @property
    def faults(self):
        return broken(FAULTS, int(self.dut.faults.value))


async def legal_life(pins):
    await pins.awake()
    assert (await pins.exchange(0x9F, 0, 0, 0))[1:] == [0xEF, 0x40, 0x18]
    for address, octets in ((0x123400, bytes(range(256))), (0x1234F0, b"")):
        if octets:
            await pins.exchange(ENABLE)
            assert (await pins.exchange(STATUS, 0))[1] & 2
            await pins.exchange(PROGRAM, *address.to_bytes(3, "big"), *octets)
            await pins.written()
    assert (await pins.exchange(READ, 0x12, 0x34, 0xF8, *bytes(10)))[4:] == [
        *range(0xF8, 0x100), 0xFF, 0xFF]
    assert (await pins.exchange(DUAL, 0x12, 0x34, 0x10, 0, dual=5))[5:] == list(range(0x10, 0x15))
    await pins.exchange(ENABLE)
    await pins.exchange(ERASE, 0x12, 0x30, 0x00)
    await pins.written()
    assert (await pins.exchange(READ, 0x12, 0x34, 0xF8, 0))[4:] == [0xFF]
    assert pins.faults == []


async def asleep(pins):
    await pins.start()
    await pins.exchange(STATUS, 0)


async def too_early(pins):
    await pins.start()
    await pins.exchange(RELEASE)
    await pins.exchange(READ, 0, 0, 0, 0)


async def deselected(pins):
    await pins.awake()
    await pins.exchange(STATUS, 0, high=1)
    await pins.exchange(STATUS, 0)


async def clocked(pins):
    await pins.awake()
    await pins.bit(0)
    await pins.bit(0)


async def contention(pins):
    await pins.awake()
    await pins.exchange(DUAL, 0, 0, 0, 0, 0)


async def unknown(pins):
    await pins.awake()
    await pins.exchange(0x13, 0, 0, 0, 0)


async def busy(pins):
    await pins.awake()
    await pins.exchange(ENABLE)
    await pins.exchange(PROGRAM, 0, 0, 0, 1)
    await pins.exchange(READ, 0, 0, 0, 0)


async def not_enabled(pins):
    await pins.awake()
    await pins.exchange(ERASE, 0, 0, 0)


async def across(pins):
    await pins.awake()
    await pins.exchange(ENABLE)
    await pins.exchange(PROGRAM, 0, 1, 0xFE, 1, 2, 3)


async def not_erased(pins):
    await pins.awake()
    for value in (0x0F, 0x10):
        await pins.exchange(ENABLE)
        await pins.exchange(PROGRAM, 0, 0, 0, value)
        await pins.written()


BREAKERS = {each.__name__.upper(): each for each in (
    asleep, too_early, deselected, clocked, contention, unknown, busy, not_enabled, across,
    not_erased)}


@cocotb.test()
async def every_rule(dut):
    """A legal life breaks no rule, and each of the others breaks one alone."""
    Clock(dut.clk, 40, "ns").start()
    pins = Pins(dut)
    await legal_life(pins)
    for rule, breaks in BREAKERS.items():
        await breaks(pins)
        await ClockCycles(dut.clk, 4)
        assert pins.faults == [rule]
    assert list(BREAKERS) == FAULTS
