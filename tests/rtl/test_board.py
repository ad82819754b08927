"""A whole board: loading, training and reading through its serial pins; other transports."""

from types import SimpleNamespace

import numpy as np
import pytest
from amaranth.hdl import Fragment, Module
from amaranth.lib import io, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from bep_model import protocol
from bep_model.config import Config
from bep_model.network import Network
from bep_model.packets import HEAD, TAIL, frame, parse
from bep_model.parameters import Parameters
from bep_model.phases.frame import prototypes
from bep_model.phases.random import seeds
from bep_model.protocol import Command, Mode, Opcode
from bep_model.registers import registers, settings
from bep_model.words import integers
from rtl.board import Board
from rtl.link.serial import Serial

CONFIG = Config(12, (8, 6), 3, counter_bits=4, weight_lanes=8, counter_lanes=4)
PARAMETERS = Parameters(margin=4, gates=(6, 5), groups=(4, 3), reinforce=(20000, 30000),
                        sweep=4).validate(CONFIG)
SAMPLES, SEED, DIVISOR = 10, 3, 4


class Platform:
    """Pins that a testbench drives."""

    default_clk_frequency = 4e6  # 4 cycles per bit at 1 Mbaud

    def __init__(self):
        self.rx, self.tx = io.SimulationPort("i", 1), io.SimulationPort("o", 1)
        self.button = io.SimulationPort("i", 1)
        self.led, self.led_2 = io.SimulationPort("o", 1), io.SimulationPort("o", 1)

    def request(self, name, number, dir):
        assert (number, dir) == (0, "-")
        return self if name == "uart" else getattr(self, name)


class Port:
    """Host side of the serial port."""

    def __init__(self, ctx, platform):
        self.ctx, self.platform = ctx, platform

    async def send(self, data):
        for byte in data:
            for bit in (0, *((byte >> i) & 1 for i in range(8)), 1):
                self.ctx.set(self.platform.rx.i, bit)
                await self.ctx.tick().repeat(DIVISOR)

    async def receive(self):
        """Next byte, at most 2,000 cycles from now."""
        for _ in range(2000):
            if not self.ctx.get(self.platform.tx.o):
                break
            await self.ctx.tick()
        else:
            raise AssertionError("no answer")
        await self.ctx.tick().repeat(DIVISOR // 2)
        byte = 0
        for i in range(8):
            await self.ctx.tick().repeat(DIVISOR)
            byte |= self.ctx.get(self.platform.tx.o) << i
        await self.ctx.tick().repeat(DIVISOR)
        assert self.ctx.get(self.platform.tx.o), "no stop bit"
        return byte

    async def ask(self, opcode, payload):
        """Send a request, and return the payload of its answer."""
        await self.send(frame(opcode, bytes(payload)))
        head = bytes([await self.receive() for _ in range(HEAD)])
        rest = [await self.receive() for _ in range(int.from_bytes(head[3:], "little") + TAIL)]
        answer, content, _ = parse(head + bytes(rest))
        assert answer == opcode | protocol.ANSWER
        return content

    async def write(self, **values):
        table = registers(CONFIG)
        await self.ask(Opcode.WRITE, b"".join(
            bytes([table[name].address]) + (value & 0xFFFFFFFF).to_bytes(4, "little")
            for name, value in values.items()))

    async def read(self, name):
        return int.from_bytes(
            await self.ask(Opcode.READ, [registers(CONFIG)[name].address]), "little")


def test_training_at_the_pins():
    rng = np.random.default_rng(5)
    x = rng.integers(2, size=(SAMPLES, CONFIG.inputs), dtype=np.uint8)
    labels = rng.integers(CONFIG.classes, size=SAMPLES)
    seen = SimpleNamespace()
    platform = Platform()
    board = Board(CONFIG, integers(prototypes(CONFIG)), Serial(1_000_000),
                  reset=("button", 0), busy=("led", 0))

    async def host(ctx):
        ctx.set(platform.rx.i, 1)
        await ctx.tick().repeat(20)
        port = Port(ctx, platform)
        seen.ident = await port.read("IDENT")
        for value in reversed(seeds(SEED, CONFIG.generators)):
            await port.write(RANDOM=int(value))
        await port.write(**settings(CONFIG, PARAMETERS), COMMAND=Command.INITIALISE)
        while await port.read("STATUS") & 1:
            pass
        await port.write(MODE=Mode.TRAIN)
        payload = b"".join(
            int("".join(map(str, row[::-1])), 2).to_bytes(2, "little") + bytes([label])
            for row, label in zip(x, labels, strict=True))
        seen.results = await port.ask(Opcode.SAMPLES, payload)
        while await port.read("STATUS") & 1:
            pass
        seen.samples = await port.read("SAMPLES")
        raw = await port.ask(Opcode.STATE_READ,
                             bytes(4) + CONFIG.counter_depth.to_bytes(2, "little"))
        size = protocol.state_bytes(CONFIG)
        seen.words = [int.from_bytes(raw[i:i + size], "little") for i in range(0, len(raw), size)]

        # The button restores the power-on state, even in the middle of a packet and of a byte.
        await port.send(frame(Opcode.WRITE)[:3])
        ctx.set(platform.rx.i, 0)
        await ctx.tick().repeat(10)
        ctx.set(platform.button.i, 1)
        ctx.set(platform.rx.i, 1)
        await ctx.tick().repeat(10)
        ctx.set(platform.button.i, 0)
        await ctx.tick().repeat(10)
        seen.after_reset = await port.read("SAMPLES")

    simulator = Simulator(Fragment.get(board, platform))
    simulator.add_clock(1e-6)
    simulator.add_testbench(host)
    simulator.run()

    network = Network(CONFIG)
    network.reset(SEED)
    results = network.train(x, labels, PARAMETERS)
    assert seen.ident == protocol.MAGIC and seen.samples == SAMPLES
    expected = np.stack([results.prediction, results.error + 2 * results.triggered], axis=1)
    assert list(seen.results) == expected.ravel().tolist()
    assert results.triggered.any()
    for l, (layer, counters) in enumerate(zip(CONFIG.network, network.counters, strict=True), 1):
        for row, values in enumerate(counters):
            for i, value in enumerate(values):
                word = seen.words[layer.counter_address(row, i // CONFIG.counter_lanes)]
                bits = word >> (i % CONFIG.counter_lanes * CONFIG.counter_bits) & 15
                assert (bits ^ 8) - 8 == value, f"layer {l}, neuron {row}, input {i}"
    assert seen.after_reset == 0


class Wire(wiring.Component):
    """A transport that leaves its streams to the testbench."""

    rx: Out(stream.Signature(8))
    tx: In(stream.Signature(8))

    def elaborate(self, platform):
        return Module()


@pytest.mark.parametrize("reset", [None, ("button", 0)])
@pytest.mark.parametrize(("asked", "expected", "is_refused"), [
    (frame(Opcode.READ, [0]), frame(Opcode.READ | protocol.ANSWER, b"1PEB"), 0),
    (frame(0x42), frame(protocol.REFUSED, [protocol.Refusal.OPCODE]), 1),
])
def test_another_transport(reset, asked, expected, is_refused):
    """The board works with any transport, and the LEDs show its state."""
    platform, transport, received = Platform(), Wire(), bytearray()
    del platform.rx, platform.tx
    board = Board(CONFIG, integers(prototypes(CONFIG)), transport, reset=reset,
                  busy=("led", 0), refused=("led_2", 0))

    async def host(ctx):
        ctx.set(transport.rx.valid, 1)
        for byte in asked:
            ctx.set(transport.rx.payload, byte)
            await ctx.tick().until(transport.rx.ready)
        ctx.set(transport.rx.valid, 0)
        ctx.set(transport.tx.ready, 1)
        assert ctx.get(platform.led.o)
        for _ in range(100):
            _, _, valid, payload = await ctx.tick().sample(transport.tx.valid, transport.tx.payload)
            received.extend([payload] * valid)
        assert not ctx.get(platform.led.o) and ctx.get(platform.led_2.o) == is_refused

    simulator = Simulator(Fragment.get(board, platform))
    simulator.add_clock(1e-6)
    simulator.add_testbench(host)
    simulator.run()
    assert received == expected
