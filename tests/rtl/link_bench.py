"""The link with a fake trainer and a byte transport, for the tests of the link."""

import random
from types import SimpleNamespace

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.sim import Simulator

from bep_model.packets import frame
from bep_model.protocol import (
    ANSWER,
    REFUSED,
    Opcode,
    sample_bytes,
    state_bytes,
    word_bytes,
)
from rtl.link.link import Link
from rtl.store.block import BlockStore

TIMEOUT = 512


def answer(opcode, payload=b""):
    return frame(opcode | ANSWER, payload)


def refused(reason, due=0):
    """``due`` is the number that the link expects: 0 before the first request."""
    return frame(REFUSED, [reason], due)


def sample_packet(config, samples):
    """`samples` has pairs (integer of words[0] * P bits, label)."""
    lanes = config.weight_lanes
    payload = b""
    for value, label in samples:
        for k in range(config.input_words):
            word = (value >> (k * lanes)) & ((1 << lanes) - 1)
            payload += word.to_bytes(word_bytes(lanes), "little")
        payload += bytes([label])
    return frame(Opcode.SAMPLES, payload)


class Bench:
    """Link, fake trainer and byte transport.

    Registers and counter words hold the values written to them. The result of sample n has
    prediction = (its label + n) mod C, error = n & 1 and triggered = n >> 1 & 1. With
    ``store_bits`` there is a sample store of as many address bits.
    """

    def __init__(self, config, seed, stalls, store_bits=None, window=0):
        self.config, self.rng, self.stalls = config, random.Random(seed), stalls
        # No byte moves on the line while samples and counter words are handed over.
        self.dut = Link(config, max(TIMEOUT, 4 * sample_bytes(config), 6 * state_bytes(config)),
                        store_bits=store_bits, window=window)
        self.seen = SimpleNamespace(registers={}, writes=[], words={}, samples=[])
        self.accept_samples = self.accept_words = True
        self.top = Module()
        self.top.submodules.link = self.dut
        if store_bits is not None:
            self.top.submodules.store = store = BlockStore(store_bits)
            wiring.connect(self.top, self.dut.store, store.port)
        # A request of the state port is answered in the clock of its last byte.
        state, self.last, self.moved = self.dut.state, Signal(), Signal()
        self.top.d.comb += [
            self.moved.eq(state.data.valid & state.data.ready
                          | state.reply.valid & state.reply.ready),
            state.request.ready.eq(self.last & self.moved),
        ]

    def waits(self):
        """Whether a side that could move data pauses in this cycle."""
        return self.stalls and self.rng.random() < 0.4

    async def registers(self, ctx):
        bus = self.dut.bus
        while True:
            _, _, address, write, data = await ctx.tick().sample(
                bus.address, bus.write, bus.write_data)
            if write:
                self.seen.writes.append((address, data))
                self.seen.registers[address] = data
            ctx.set(bus.read_data, self.seen.registers.get(address, 0xDEAD0000 | address))

    async def samples(self, ctx):
        port, results = self.dut.samples, self.dut.results
        beats, count = [], 0
        while True:
            ctx.set(port.ready, self.accept_samples and not self.waits())
            _, _, valid, ready, payload = await ctx.tick().sample(
                port.valid, port.ready, port.payload)
            if not (valid and ready):
                continue
            beats.append(payload.data)
            if len(beats) < self.config.input_words:
                continue
            lanes = self.config.weight_lanes
            value = sum(beat << (k * lanes) for k, beat in enumerate(beats))
            self.seen.samples.append((value, payload.label))
            ctx.set(port.ready, 0)
            while self.waits():
                await ctx.tick()
            ctx.set(results.payload, {
                "prediction": (payload.label + count) % self.config.classes,
                "error": count & 1, "triggered": count >> 1 & 1})
            ctx.set(results.valid, 1)
            taken = False
            while not taken:
                _, _, taken = await ctx.tick().sample(results.ready)
            ctx.set(results.valid, 0)
            beats, count = [], count + 1

    async def state(self, ctx):
        port = self.dut.state
        size, value, passed = state_bytes(self.config), 0, 0
        request = port.request.payload
        while True:
            # A byte passes in some clocks only, and only with the request.
            passing = passed < size and self.accept_words and not self.waits()
            free = passing & ctx.get(port.request.valid)
            write = ctx.get(request.write)
            stored = self.seen.words.get(ctx.get(request.address), 0)
            ctx.set(port.data.ready, free & write)
            ctx.set(port.reply.valid, free & ~write & 1)
            ctx.set(port.reply.payload, stored >> 8 * passed & 0xFF)
            ctx.set(self.last, passed == size - 1)
            _, _, valid, ready, address, moved, byte = await ctx.tick().sample(
                port.request.valid, port.request.ready, request.address, self.moved,
                port.data.payload)
            if moved:
                value |= byte << 8 * passed
                passed += 1
            if ready and write:
                self.seen.words[address] = value
            if ready or not valid:
                value = passed = 0

    def talk(self, sent, expected, cycles=60_000):
        """Send bytes and pauses; exactly the expected answer must follow, and then silence."""
        received = bytearray()

        async def source(ctx):
            for byte in sent:
                if isinstance(byte, Pause):
                    for _ in range(byte.cycles):
                        await ctx.tick()
                    continue
                while self.waits():
                    await ctx.tick()
                ctx.set(self.dut.i.payload, byte)
                ctx.set(self.dut.i.valid, 1)
                ready = False
                while not ready:
                    _, _, ready = await ctx.tick().sample(self.dut.i.ready)
                ctx.set(self.dut.i.valid, 0)

        async def sink(ctx):
            for _ in range(cycles):
                ctx.set(self.dut.o.ready, not self.waits())
                _, _, valid, ready, byte = await ctx.tick().sample(
                    self.dut.o.valid, self.dut.o.ready, self.dut.o.payload)
                if valid and ready:
                    received.append(byte)
                    if len(received) == len(expected):
                        break
            await ctx.tick().repeat(30)
            assert not ctx.get(self.dut.o.valid), f"more than {bytes(received).hex(' ')}"

        simulator = Simulator(self.top)
        simulator.add_clock(1e-6)
        for process in (self.registers, self.samples, self.state):
            simulator.add_testbench(process, background=True)
        simulator.add_testbench(source, background=True)  # the sink has the time limit
        simulator.add_testbench(sink)
        simulator.run()
        assert received.hex(" ") == bytes(expected).hex(" ")
        return self.seen


class Pause:
    """An entry among the bytes to send: stay silent for so many cycles."""

    def __init__(self, cycles):
        self.cycles = cycles
