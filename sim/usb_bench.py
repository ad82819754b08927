"""cocotb bench of ``rtl.board.Board`` at its USB plug: carries out a job as a host on the bus.

The host drives and reads the levels of D+ and D-, 12 Mbit/s: NRZI, bit stuffing, tokens, checks.
The environment is that of ``sim.trainer_bench``.
"""

import os
from itertools import groupby
from types import SimpleNamespace

import cocotb
from amaranth.hdl import Cat, ClockDomain, ClockSignal, Fragment, Module, Signal
from amaranth.lib import io, wiring
from amaranth.lib.wiring import In, Out
from cocotb.clock import Clock
from cocotb.triggers import First, RisingEdge, Timer, ValueChange
from cocotb.utils import get_sim_time

from bep_model.packets import PacketPort
from bep_model.protocol import payload_bytes
from rtl.board import Board
from rtl.link.usb import PACKET, Usb
from rtl.verilog import convert
from sim.bench import PERIOD, Bench, Line
from sim.job import Job
from sim.streams import reset

VENDOR, PRODUCT = 0x1209, 0x0001
BIT = 83_333
"""Picoseconds of a bit."""
CLOCK = 20_800
"""Picoseconds of the device's 48 MHz: 0.16 % too fast, as from the PLL of the ULX3S."""
J, K, SE0 = 0b01, 0b10, 0b00
"""Levels: bit 0 is D+, bit 1 D-."""
OUT, IN, SOF, SETUP, DATA0, DATA1, ACK, NAK, STALL = (
    0b0001, 0b1001, 0b0101, 0b1101, 0b0011, 0b1011, 0b0010, 0b1010, 0b1110)
"""Kinds of packets."""
ADDRESS, ENDPOINT = 5, 4
PAUSE = 20
"""Microseconds until the host asks again, if it has nothing to send."""
URB = 128
"""Bytes that a host's driver asks for at once; it gets fewer after a packet of fewer than 64."""


class Quarter(wiring.Component):
    """The clocks of the device: 48 MHz from a pin, and a quarter of it."""

    def __init__(self, pin):
        self.pin = pin
        super().__init__({"clk": Out(1), "quarter": Out(1), "rst": Out(1)})

    def elaborate(self, platform):
        m = Module()
        count = Signal(2)
        m.domains.pin = ClockDomain(reset_less=True, local=True)
        m.d.pin += count.eq(count + 1)
        m.d.comb += [ClockSignal("pin").eq(self.pin), self.clk.eq(self.pin),
                     self.quarter.eq(count[1])]
        return m


class Pins(wiring.Component):
    """A board without button and LEDs: clocks, reset and its USB plug.

    Parameters
    ----------
    config, prototypes
        As for :class:`rtl.board.Board`.

    Members
    -------
    clk48 : In(1)
    host : In(2)
        Levels that the host drives.
    line : Out(2)
        Levels on the bus.
    driven : Out(1)
        The device drives the bus.
    pullup : Out(1)
    """

    default_clk_frequency, device = 1_000_000, "none"

    def __init__(self, config, prototypes):
        self.config, self.prototypes = config, prototypes
        super().__init__({"clk48": In(1), "host": In(2, init=J), "line": Out(2), "driven": Out(1),
                          "pullup": Out(1)})

    def request(self, name, number, *, dir):
        """Replaces the platform's method."""
        assert (name, number, dir) == ("usb", 0, "-")
        return self.plug

    def elaborate(self, platform):
        self.plug = plug = SimpleNamespace(
            d_p=io.SimulationPort("io", 1), d_n=io.SimulationPort("io", 1),
            pullup=io.SimulationPort("o", 1))
        m = Module()
        transport = Usb(Quarter(self.clk48), VENDOR, PRODUCT)
        board = Board(self.config, self.prototypes, transport)
        m.submodules.board = Fragment.get(board, self)
        m.d.comb += [self.driven.eq(plug.d_p.oe), self.pullup.eq(plug.pullup.o),
                     self.line.eq(self.host), Cat(plug.d_p.i, plug.d_n.i).eq(self.line)]
        with m.If(self.driven):
            m.d.comb += self.line.eq(Cat(plug.d_p.o, plug.d_n.o))
        return m


def verilog(config, prototypes):
    """The text of a simulation."""
    return convert(Pins(config, prototypes))


def bits(data):
    """The bits of bytes, lowest first."""
    return [byte >> i & 1 for byte in data for i in range(8)]


def check(sent, width, polynomial):
    """The bits of a check, in the order on the line (USB 2.0, 8.3.5)."""
    state = (1 << width) - 1
    for bit in sent:
        high = state >> width - 1
        state = (state << 1) & ((1 << width) - 1) ^ polynomial * (bit ^ high)
    return [state >> i & 1 ^ 1 for i in reversed(range(width))]


def check16(data):
    """The check of a packet's data."""
    return check(bits(data), 16, 0x8005)


def encode(packet):
    """Levels of a packet's bits with synchronisation, stuffing and end."""
    levels, level, ones = [], J, 0
    for bit in [0, 0, 0, 0, 0, 0, 0, 1, *packet]:
        level ^= 0 if bit else J ^ K
        levels.append(level)
        ones = ones + 1 if bit else 0
        if ones == 6:
            level ^= J ^ K
            levels.append(level)
            ones = 0
    return [*levels, SE0, SE0, J]


def decode(levels):
    """The bytes of a packet from its levels, without synchronisation; checks all that is fixed."""
    assert levels[-2:] == [SE0, SE0], f"a packet ends with {levels[-4:]}"
    plain, before, ones = [], J, 0
    for level in levels[:-2]:
        assert level in (J, K), f"level {level} in a packet"
        bit = int(level == before)
        before = level
        if ones == 6:
            assert not bit, "a stuffed bit is 1"
            ones = 0
            continue
        ones = ones + 1 if bit else 0
        plain.append(bit)
    assert plain[:8] == [0, 0, 0, 0, 0, 0, 0, 1], f"a packet begins with {plain[:8]}"
    assert len(plain) % 8 == 0, f"a packet has {len(plain)} bits"
    return bytes(sum(bit << i for i, bit in enumerate(plain[at:at + 8]))
                 for at in range(8, len(plain), 8))


class Bus(Line):
    """The host."""

    def __init__(self, dut, config):
        super().__init__(dut)
        self.slowdown = 200 * payload_bytes(config)
        self.sending, self.arriving = b"", b""
        self.address, self.frame, self.next_frame = 0, 0, 0.0
        self.toggles = {"in": DATA0, "out": DATA0}

    async def start(self):
        dut = self.dut
        dut.host.value = J
        Clock(dut.clk, PERIOD, "ns").start()
        Clock(dut.clk48, CLOCK, "ps").start()
        await reset(dut)
        if not int(dut.pullup.value):
            await RisingEdge(dut.pullup)
        await self.enumerate()
        cocotb.start_soon(self.serve())

    # Packets

    async def transmit(self, packet):
        for level, run in groupby(encode(packet)):
            self.dut.host.value = level
            await Timer(len(list(run)) * BIT, "ps")

    async def answer(self):
        """The bytes of the device's packet; None if none begins within 18 bits."""
        if not int(self.dut.driven.value):
            late = Timer(18 * BIT, "ps")
            if await First(RisingEdge(self.dut.driven), late) is late:
                return None
        levels, since, level = [], get_sim_time("ps"), int(self.dut.line.value)
        while True:
            await First(ValueChange(self.dut.line), ValueChange(self.dut.driven))
            now = get_sim_time("ps")
            levels += [level] * round((now - since) / BIT)
            since, level = now, int(self.dut.line.value)
            if levels[-2:] == [SE0, SE0]:
                break
        while levels[0] == J:  # before the packet
            del levels[0]
        if int(self.dut.driven.value):
            await First(ValueChange(self.dut.driven), Timer(3 * BIT, "ps"))
        assert not int(self.dut.driven.value), "the device drives after its packet"
        await Timer(3 * BIT, "ps")
        packet = decode(levels)
        assert packet[0] >> 4 == packet[0] & 15 ^ 15, f"a packet of kind {packet[0]:#x}"
        return packet

    async def token(self, kind, endpoint):
        number = [*bits([self.address])[:7], *bits([endpoint])[:4]]
        await self.transmit([*bits([kind | (kind ^ 15) << 4]), *number, *check(number, 5, 0x05)])
        await Timer(3 * BIT, "ps")

    async def give(self, token, endpoint, kind, data):
        """An OUT or SETUP transaction; return the kind of the answer."""
        await self.token(token, endpoint)
        await self.transmit([*bits([kind | (kind ^ 15) << 4]), *bits(data), *check16(data)])
        answer = await self.answer()
        assert answer is not None, "no handshake"
        return answer[0] & 15

    async def take(self, endpoint, kind):
        """An IN transaction of the expected kind; return its data, None without any."""
        await self.token(IN, endpoint)
        answer = await self.answer()
        assert answer is not None, "no answer to IN"
        if answer[0] & 15 == NAK:
            return None
        assert answer[0] & 15 == kind, f"kind {answer[0]:#x}, not {kind:#x}"
        data = answer[1:-2]
        assert bits(answer[-2:]) == check16(data), "a wrong check"
        await self.transmit(bits([ACK | (ACK ^ 15) << 4]))
        await Timer(3 * BIT, "ps")
        return data

    # Control transfers

    async def control(self, request, data=b"", length=0):
        """A control transfer that brings ``data`` to the device or ``length`` bytes from it."""
        assert await self.give(SETUP, 0, DATA0, bytes(request)) == ACK
        got, kind = b"", DATA1
        while length:
            part = await self.take(0, kind)
            if part is not None:
                got, kind = got + part, kind ^ DATA0 ^ DATA1
                if len(part) < PACKET:
                    break
                length -= len(part)
        if data:
            while await self.give(OUT, 0, DATA1, data) == NAK:
                pass
        if got:
            while await self.give(OUT, 0, DATA1, b"") == NAK:
                pass
        else:
            while await self.take(0, DATA1) is None:
                pass
        return got

    async def enumerate(self):
        """Make the device usable, as a host does (USB 2.0, 9.1.2), and check what it says."""
        await Timer(100 * BIT, "ps")
        self.dut.host.value = SE0
        await Timer(600 * BIT, "ps")
        self.dut.host.value = J
        await Timer(100 * BIT, "ps")
        self.address, self.toggles = 0, {"in": DATA0, "out": DATA0}
        await self.control([0, 5, ADDRESS, 0, 0, 0, 0, 0])
        self.address = ADDRESS
        device = await self.control([0x80, 6, 0, 1, 0, 0, 18, 0], length=18)
        assert (device[0], device[1], device[7]) == (18, 1, PACKET), device.hex()
        assert device[8:12] == VENDOR.to_bytes(2, "little") + PRODUCT.to_bytes(2, "little")
        head = await self.control([0x80, 6, 0, 2, 0, 0, 9, 0], length=9)
        whole = await self.control([0x80, 6, 0, 2, 0, 0, *head[2:4]],
                                   length=int.from_bytes(head[2:4], "little"))
        endpoints, at = [], 0
        while at < len(whole):
            if whole[at + 1] == 5:
                endpoints.append((whole[at + 2], whole[at + 3]))
            at += whole[at]
        assert at == int.from_bytes(head[2:4], "little")
        assert endpoints == [(0x83, 3), (0x80 | ENDPOINT, 2), (ENDPOINT, 2)], endpoints
        await self.control([0, 9, 1, 0, 0, 0, 0, 0])
        coding = (1_000_000).to_bytes(4, "little") + bytes([0, 0, 8])
        await self.control([0x21, 0x20, 0, 0, 0, 0, 7, 0], data=coding)

    # Bytes

    async def serve(self):
        """Send what is to be sent, ask for bytes after each packet, and begin a frame every ms."""
        while True:
            if get_sim_time("us") >= self.next_frame:
                self.frame, self.next_frame = self.frame + 1 & 2047, get_sim_time("us") + 1000
                number = bits(self.frame.to_bytes(2, "little"))[:11]
                await self.transmit([*bits([SOF | (SOF ^ 15) << 4]), *number,
                                     *check(number, 5, 0x05)])
                await Timer(3 * BIT, "ps")
            if self.sending:
                part = self.sending[:PACKET]
                kind = await self.give(OUT, ENDPOINT, self.toggles["out"], part)
                assert kind in (ACK, NAK), f"handshake {kind:#x}"
                if kind == ACK:
                    self.sending = self.sending[len(part):]
                    self.toggles["out"] ^= DATA0 ^ DATA1
            data = await self.take(ENDPOINT, self.toggles["in"])
            if data is not None:
                self.toggles["in"] ^= DATA0 ^ DATA1
                self.arriving += data
                if len(data) < PACKET or len(self.arriving) == URB:
                    for byte in self.arriving:
                        self.received.put_nowait(byte)
                    self.arriving = b""
            elif not self.sending:
                await Timer(PAUSE, "us")

    async def send(self, data):
        self.sending += data


@cocotb.test()
async def carry_out(dut):
    """Carry out the job."""
    job = Job.load(os.environ["BENCH_JOB"])
    bus = Bus(dut, job.config)
    await Bench(job, PacketPort(job.config, bus), bus).carry_out(os.environ["BENCH_OUT"])
