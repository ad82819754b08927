"""The memories against arrays; the counter plane also with a model of iCE40 UltraPlus SPRAM."""

from types import SimpleNamespace

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Elaboratable, Fragment, Module, Value
from amaranth.lib.memory import Memory

from rtl.parts import memory
from rtl.parts.memory import (
    ActivationMemory,
    CounterPlane,
    SignPlane,
    activation_depth,
    neuron_lanes,
    slot_words,
)

from .bench import CONFIGURATIONS, Bench, generator, number, row_words


class Spram(Elaboratable):
    """Behaviour of an SB_SPRAM256KA: 16 bits x 16384, one address; it holds the data read."""

    def __init__(self, kind, **ports):
        assert kind == "SB_SPRAM256KA"
        self.ports = SimpleNamespace(**ports)

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = cells = Memory(shape=16, depth=16384, init=[])
        read, write = cells.read_port(), cells.write_port()
        p = self.ports
        m.d.comb += [
            read.addr.eq(p.i_ADDRESS), write.addr.eq(p.i_ADDRESS), write.data.eq(p.i_DATAIN),
            read.en.eq(p.i_CHIPSELECT & ~p.i_WREN & p.i_POWEROFF),
            write.en.eq(p.i_CHIPSELECT & p.i_WREN & p.i_POWEROFF & p.i_MASKWREN.all()),
            p.o_DATAOUT.eq(read.data),
        ]
        return m


class OnUltraPlus(Elaboratable):
    """Elaborates a component for a device of the iCE40 UltraPlus family."""

    def __init__(self, component):
        self.component = component

    def elaborate(self, platform):
        return Fragment.get(self.component, SimpleNamespace(device="iCE40UP5K"))


def exercise(bench, read, write, writes, contents, rng, *, addresses, held=True,
             single_port=False, clocks=200):
    """Read and write at random, never both on one word; compare the data read with ``contents``.

    ``writes`` lists the values of the write enable, one bit per equal part of the word. ``held``
    says that the data read stay. With a single port every word is written first, because it is
    unknown what it holds before.
    """
    width, parts = len(write.data), len(write.en)
    part = width // parts
    failures = []

    async def use(ctx):
        for at in addresses if single_port else ():
            contents[at] = int.from_bytes(rng.bytes(256)) % (1 << width)
            ctx.set(write.en, 1)
            ctx.set(write.addr, at)
            ctx.set(write.data, contents[at])
            await ctx.tick()
        expected = None
        for _ in range(clocks):
            reads, enable = int(rng.integers(2)), int(rng.choice(writes))
            at, to = (int(address) for address in rng.choice(addresses, 2))
            if reads and enable and (single_port or at == to):
                reads = 0
            value = int.from_bytes(rng.bytes(256)) % (1 << width)
            ctx.set(read.en, reads)
            ctx.set(read.addr, at)
            ctx.set(write.en, enable)
            ctx.set(write.addr, to)
            ctx.set(write.data, value)
            await ctx.tick()
            if reads:
                expected = contents[at]
            mask = number([enable >> i // part & 1 for i in range(width)])
            contents[to] = contents[to] & ~mask | value & mask
            if expected is not None and (reads or held):
                failures.append(ctx.get(read.data) != expected)

    bench.run(use)
    assert len(failures) > clocks // 5
    assert not any(failures)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_sign_plane(name):
    """Weights and padding are +1, then come the prototypes; parts of a word can be written."""
    config = CONFIGURATIONS[name]
    rng = generator(1)
    prototypes = rng.integers(0, 2, (config.classes, config.layers[-1]))
    ones = (1 << config.weight_lanes) - 1
    contents = [ones] * config.bases[-1] + [
        word for row in prototypes for word in row_words(row, config.weight_lanes, padding=1)]
    assert len(contents) == config.sign_depth
    dut = SignPlane(config, map(number, prototypes))
    exercise(Bench(dut), dut.read, dut.write, range(1 << config.subwords), contents, rng,
             addresses=range(config.sign_depth))


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_activation_memory(name):
    """All words of all slots are distinct; the slot's address bits are above the offset's."""
    config = CONFIGURATIONS[name]
    rng = generator(2)
    dut = ActivationMemory(config)
    offset_bits = len(dut.read.addr) - config.max_batch.bit_length()
    addresses = [slot << offset_bits | offset for slot in range(config.max_batch + 1)
                 for offset in range(slot_words(config))]
    contents = [0] * activation_depth(config)
    exercise(Bench(dut), dut.read, dut.inputs, (0, 1), contents, rng, addresses=addresses)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_gathered_activations(name):
    """They do not change lanes that no neuron can occupy."""
    config = CONFIGURATIONS[name]
    dut = ActivationMemory(config)
    ones, low = (1 << config.weight_lanes) - 1, (1 << neuron_lanes(config)) - 1
    assert low >= min(ones, (1 << max(config.layers)) - 1)
    bench = Bench(dut)
    seen = []

    async def use(ctx):
        for port, value in ((dut.inputs, ones), (dut.neurons, 0), (dut.inputs, 0),
                            (dut.neurons, low)):
            ctx.set(port.data, value)
            ctx.set(port.en, 1)
            await ctx.tick()
            ctx.set(port.en, 0)
            ctx.set(dut.read.en, 1)
            await ctx.tick()
            ctx.set(dut.read.en, 0)
            seen.append(ctx.get(dut.read.data))

    bench.run(use)
    assert seen == [ones, ones & ~low, 0, low]


@pytest.mark.parametrize("single_port", [False, True])
@pytest.mark.parametrize(("width", "depth"), [(1, 1), (7, 2), (48, 37)])
def test_counter_plane(width, depth, single_port):
    rng = generator(width)
    dut = CounterPlane(width, depth, single_port)
    exercise(Bench(dut), dut.read, dut.write, (0, 1), [0] * depth, rng, addresses=range(depth),
             held=False, single_port=single_port)


@pytest.mark.parametrize("single_port", [False, True])
def test_counters_after_configuration(single_port):
    """All are 0, but not in single-port memory, so that nobody can rely on zeros there."""
    dut = CounterPlane(6, 37, single_port)
    bench = Bench(dut)
    seen = []

    async def use(ctx):
        ctx.set(dut.read.en, 1)
        for at in range(37):
            ctx.set(dut.read.addr, at)
            await ctx.tick()
            seen.append(ctx.get(dut.read.data))

    bench.run(use)
    assert len(seen) == 37 and any(seen) == single_port


@pytest.mark.parametrize(("width", "depth", "blocks"), [
    (1, 1, 1), (16, 16384, 1), (24, 16385, 4), (33, 32769, 9)])
def test_spram(width, depth, blocks, monkeypatch):
    """Columns of 16 bits, banks of 16384 words."""
    made = []

    def instance(kind, **ports):
        made.append(Spram(kind, **ports))
        return made[-1]

    monkeypatch.setattr(memory, "Instance", instance)
    rng = generator(width)
    dut = CounterPlane(width, depth, single_port=True)
    last = depth - 1
    addresses = sorted({0, 1 % depth, last // 2, last} | {
        address for bank in range(16384, depth, 16384) for address in (bank, bank - 1)})
    exercise(Bench(OnUltraPlus(dut)), dut.read, dut.write, (0, 1), [0] * depth, rng,
             addresses=addresses, held=False, single_port=True)
    assert len(made) == blocks


@pytest.mark.parametrize(("single_port", "device", "blocks"), [
    (True, "iCE40UP5K", 2), (False, "iCE40UP5K", 0), (True, "LFE5U-85F", 0), (True, None, 0)])
def test_only_ultraplus_has_spram(single_port, device, blocks):
    dut = CounterPlane(17, 5, single_port)
    text = rtlil.convert(dut, platform=SimpleNamespace(device=device),
                         ports=[Value.cast(v) for *_, v in dut.signature.flatten(dut)])
    assert text.count("cell \\SB_SPRAM256KA ") == blocks
