"""Memories: the two planes of the counters (signs and other bits), and the activations."""

import math
import random
from itertools import accumulate

from amaranth.hdl import ClockSignal, Const, Instance, Module, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory, ReadPort, WritePort
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import ceil_log2

from bep_model.config import check_gateware


def ports(width, depth, granularity=None):
    """Signatures of the read and the write port of a memory of ``depth`` words, at least 2."""
    address = ceil_log2(max(2, depth))
    return (ReadPort.Signature(addr_width=address, shape=unsigned(width)),
            WritePort.Signature(addr_width=address, shape=unsigned(width),
                                granularity=granularity))


def sign_ports(config):
    """Ports of :class:`SignPlane`."""
    return ports(config.weight_lanes, config.sign_depth, config.counter_lanes)


def counter_ports(config):
    """Ports of :class:`CounterPlane`."""
    return ports(config.counter_lanes * (config.counter_bits - 1), config.counter_depth)


def activation_ports(config):
    """Ports of :class:`ActivationMemory`: the read port, and the write ports for inputs and for
    neurons. An address is ``Cat(offset, slot)``. Of patches in one word each is written separately.
    """
    depth, layer = activation_depth(config), config.network[0]
    read, inputs = ports(config.weight_lanes, depth)
    if layer.window:
        address = ceil_log2(max(2, depth))
        inputs = wiring.Signature({
            "addr": In(address), "en": In(layer.patches),
            "data": In(min(config.weight_lanes, layer.fan_in))})
    return read, inputs, ports(neuron_lanes(config), depth)[1]


def checked(config, prototypes):
    """The class prototypes as a tuple; ValueError unless they are C numbers of K_L bits, and
    gateware can have this configuration."""
    check_gateware(config)
    prototypes = tuple(prototypes)
    if len(prototypes) != config.classes:
        raise ValueError(f"prototypes must have {config.classes} entries (one per class), "
                         f"not {len(prototypes)}")
    for c, prototype in enumerate(prototypes):
        if not 0 <= prototype < 1 << config.layers[-1]:
            raise ValueError(f"prototypes[{c}] must have {config.layers[-1]} bits, "
                             f"not {prototype:#x}")
    return prototypes


class SignPlane(wiring.Component):
    """One bit per weight (1 for +1) in words of P bits, then the class prototypes.

    The padding, lanes of a row's last word beyond its fan-in, holds 1 from configuration on. With
    the 0 that pads activations it adds nothing to a popcount.

    Timing
    ------
    ``read.data`` follows a clock with ``read.en`` by ``latency`` clocks and is held until the next
    read. A word must not be read and written in one clock (the data read would be undefined).

    Parameters
    ----------
    config : Config
    prototypes : sequence of int
        K_L bits per class; bit i is element i.
    weights : sequence of int, or None
        The words of all rows, padding included, which then cannot be written: a ROM.

    Members
    -------
    read, write : Out(...)
        See :func:`sign_ports`. ``write.en`` has one bit per group of Q lanes. A ROM has no
        ``write``.
    """

    latency = 1

    def __init__(self, config, prototypes, weights=None):
        self.config = config
        self.prototypes = tuple(prototypes)
        self.weights = weights
        read, write = sign_ports(config)
        super().__init__({"read": Out(read),
                          **({"write": Out(write)} if weights is None else {})})

    def elaborate(self, platform):
        m = Module()
        config = self.config
        lanes, words = config.weight_lanes, config.network[-1].words
        ones = (1 << lanes) - 1
        padded = [p | (~0 << config.layers[-1]) & ((1 << lanes * words) - 1)
                  for p in self.prototypes]
        rows = [ones] * config.bases[-1] if self.weights is None else list(self.weights)
        init = rows + [p >> (lanes * w) & ones for p in padded for w in range(words)]
        m.submodules.memory = memory = Memory(
            shape=unsigned(lanes), depth=max(2, len(init)), init=init)
        connect(m, flipped(self.read), memory.read_port())
        if self.weights is None:
            connect(m, flipped(self.write), memory.write_port(granularity=config.counter_lanes))
        return m


class CounterPlane(wiring.Component):
    """The low B_h - 1 bits of Q counters per word.

    They are 0 after configuration, but not with ``single_port``: SPRAM cannot be initialised, and
    has arbitrary contents until it is written.

    Timing
    ------
    ``read.data`` follows a clock with ``read.en`` by one clock; it is not held. A word must not
    be read and written in one clock. With ``single_port``, no word may be read in a clock in which
    any word is written.

    Parameters
    ----------
    width : int
        Q * (B_h - 1), at least 1.
    depth : int
        Words, at least 1.
    single_port : bool
        Use one address for reading and writing. The memory consists of SB_SPRAM256KA blocks (16
        bits x 16384 each) on an iCE40 UltraPlus; elsewhere it starts with a random pattern.

    Members
    -------
    read, write : Out(...)
        See :func:`ports`.
    """

    latency = 1

    def __init__(self, width, depth, single_port=False):
        self.width = width
        self.depth = max(2, depth)
        self.single_port = single_port
        read, write = ports(width, depth)
        super().__init__({"read": Out(read), "write": Out(write)})

    def elaborate(self, platform):
        m = Module()
        device = getattr(platform, "device", None) or ""
        if self.single_port and device.startswith("iCE40UP"):
            self._spram(m)
            return m
        # A random pattern reveals a simulated host that relies on zeros, which SPRAM does not hold.
        rng = random.Random(self.width)
        init = [rng.getrandbits(self.width) for _ in range(self.depth)] if self.single_port else []
        m.submodules.memory = memory = Memory(
            shape=unsigned(self.width), depth=self.depth, init=init)
        connect(m, flipped(self.read), memory.read_port())
        connect(m, flipped(self.write), memory.write_port())
        return m

    def _spram(self, m):
        """Columns of 16 bits, banks of 16384 words."""
        columns, banks = -(-self.width // 16), -(-self.depth // 16384)
        address = Signal(14 + max(1, (banks - 1).bit_length()))
        bank = Signal(max(1, (banks - 1).bit_length()))
        with m.If(self.write.en):
            m.d.comb += address.eq(self.write.addr)
        with m.Else():
            m.d.comb += address.eq(self.read.addr)
        with m.If(self.read.en):
            m.d.sync += bank.eq(address[14:])
        data = Signal(columns * 16)
        m.d.comb += data.eq(self.write.data)
        words = []
        for b in range(banks):
            here = Const(1) if banks == 1 else address[14:] == b
            out = Signal(columns * 16, name=f"bank{b}")
            for c in range(columns):
                m.submodules[f"spram{b}_{c}"] = Instance(
                    "SB_SPRAM256KA",
                    i_CLOCK=ClockSignal(),
                    i_ADDRESS=address[:14],
                    i_DATAIN=data[16 * c:16 * (c + 1)],
                    i_MASKWREN=Const(0b1111, 4),
                    i_WREN=self.write.en & here,
                    i_CHIPSELECT=(self.read.en | self.write.en) & here,
                    i_STANDBY=Const(0), i_SLEEP=Const(0), i_POWEROFF=Const(1),
                    o_DATAOUT=out[16 * c:16 * (c + 1)],
                )
            words.append(out)
        with m.Switch(bank):
            for b, out in enumerate(words):
                with m.Case(b):
                    m.d.comb += self.read.data.eq(out)


def slot_offsets(config):
    """Offsets of the inputs and of each layer's activations in a slot of the activation memory, and
    last the end of the slot. Only for networks without recurrence.
    """
    first = config.network[0]
    inputs = math.prod(first.cells) * first.cell_words if first.window else config.input_words
    return [0, *accumulate((layer.words for layer in config.network), initial=inputs)]


def slot_words(config):
    """Words of a sample in the activation memory."""
    if config.recurrent:
        return (config.max_steps + 1) * config.row_words[0] + config.network[-1].words
    return slot_offsets(config)[-1]


def activation_depth(config):
    """Words of the activation memory. The length of a slot is a power of two."""
    return (config.max_batch + 1) << ceil_log2(max(2, slot_words(config)))


def neuron_lanes(config):
    """Lanes that activations can occupy, in multiples of 16, which is the width of a small RAM."""
    widest = max(layer.outputs for layer in config.network)
    return min(config.weight_lanes, -(-widest // 16) * 16)


class ActivationMemory(wiring.Component):
    """Inputs and activations of a few samples, in words of P bits, padded with 0.

    A slot holds one sample: the words of x, then those of a_1, ..., a_L. The length of a slot is a
    power of two, so that an address is ``Cat(offset, slot)``. In a recurrent network a slot holds
    T_max + 1 blocks [x_t | s_(t-1)], each of which is the input of step t in the order of a row,
    then the output layer's activations. The last block has no x, the first block no s. In a
    convolutional network the words of x are the patches of all positions: cell by cell, within a
    cell position by position, as many in a word as fit (``Layer.patches``).

    Timing
    ------
    As for :class:`SignPlane`, with a latency of one clock. Inputs and neurons must not be written
    in the same clock.

    Parameters
    ----------
    config : Config

    Members
    -------
    read, inputs, neurons : Out(...)
        See :func:`activation_ports`. Neurons fill at most ``neuron_lanes(config)`` lanes; in their
        words the other lanes keep the 0 from configuration, because no input is written there.
    """

    latency = 1

    def __init__(self, config):
        self.config = config
        read, inputs, neurons = activation_ports(config)
        super().__init__({"read": Out(read), "inputs": Out(inputs), "neurons": Out(neurons)})

    def elaborate(self, platform):
        m = Module()
        read, inputs, neurons = self.read, self.inputs, self.neurons
        lanes, low = len(read.data), len(neurons.data)
        address = Signal.like(inputs.addr)
        data = Signal.like(read.data)
        conflict = Signal()
        layer = self.config.network[0]
        written = inputs.en.any() if layer.window else inputs.en
        m.d.comb += [address.eq(inputs.addr), conflict.eq(written & neurons.en)]
        if layer.window:
            parts = self._patches(m, data)
        else:
            parts = [("low", slice(0, low), inputs.en | neurons.en),
                     ("high", slice(low, lanes), inputs.en)]
            m.d.comb += data.eq(inputs.data)
        with m.If(neurons.en):
            m.d.comb += [address.eq(neurons.addr), data[:low].eq(neurons.data)]
            if layer.window:  # a patch can reach into the other lanes
                m.d.comb += data[low:].eq(0)
        for name, part, enable in parts:
            if part.start == part.stop:
                continue
            m.submodules[name] = memory = Memory(
                shape=unsigned(part.stop - part.start), depth=activation_depth(self.config),
                init=[])
            here, write = memory.read_port(), memory.write_port()
            m.d.comb += [
                here.addr.eq(read.addr), here.en.eq(read.en), read.data[part].eq(here.data),
                write.addr.eq(address), write.en.eq(enable), write.data.eq(data[part]),
            ]
        return m

    def _patches(self, m, data):
        """Put the patch that is written into all its places. Return these: name, lanes, enable."""
        inputs, neurons, layer = self.inputs, self.neurons, self.config.network[0]
        width, lanes, low = len(inputs.data), len(data), len(neurons.data)
        parts = [slice(i * width, (i + 1) * width) for i in range(layer.patches)]
        m.d.comb += [data[part].eq(inputs.data) for part in parts]
        enables = [*inputs.en]
        if parts[-1].stop < low:  # else nothing is written behind the patches: 0
            parts.append(slice(parts[-1].stop, lanes))
            enables.append(0)
        return [(f"part{i}", part, enable | (neurons.en if part.start < low else 0))
                for i, (part, enable) in enumerate(zip(parts, enables, strict=True))]
