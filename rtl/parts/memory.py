"""The two planes of the network's state: visible weights, and the rest of the counters."""

import random
from itertools import accumulate

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out


class SignPlane(wiring.Component):
    """One bit per weight (1 for +1) in words of P bits, then the class prototypes.

    Padding, the lanes of a row's last word beyond its fan-in, holds 1 from configuration on.
    Together with the 0 that pads activations it adds nothing to a popcount.

    Timing
    ------
    ``read_data`` follows a clock with ``read_enable`` by ``latency`` clocks and is held until the
    next read. A word must not be read and written in one clock (what is read would be undefined).

    Parameters
    ----------
    config : Config
    prototypes : sequence of int
        K_L bits per class, bit i being element i.

    Members
    -------
    read_address, write_address : In(range(depth))
    read_enable : In(1)
    read_data : Out(P)
    write_enable : In(P / Q)
        One bit per group of Q lanes.
    write_data : In(P)
    """

    latency = 1

    def __init__(self, config, prototypes):
        self.config = config
        self.prototypes = tuple(prototypes)
        address = range(max(2, config.sign_depth))
        super().__init__({
            "read_address": In(address),
            "read_enable": In(1),
            "read_data": Out(config.weight_lanes),
            "write_address": In(address),
            "write_enable": In(config.subwords),
            "write_data": In(config.weight_lanes),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        lanes, words = config.weight_lanes, config.network[-1].words
        ones = (1 << lanes) - 1
        padded = [p | (~0 << config.layers[-1]) & ((1 << lanes * words) - 1)
                  for p in self.prototypes]
        init = [ones] * config.bases[-1] + [p >> (lanes * w) & ones
                                            for p in padded for w in range(words)]
        m.submodules.memory = memory = Memory(shape=lanes, depth=max(2, len(init)), init=init)
        read = memory.read_port()
        write = memory.write_port(granularity=config.counter_lanes)
        m.d.comb += [
            read.addr.eq(self.read_address),
            read.en.eq(self.read_enable),
            self.read_data.eq(read.data),
            write.addr.eq(self.write_address),
            write.en.eq(self.write_enable),
            write.data.eq(self.write_data),
        ]
        return m


class CounterPlane(wiring.Component):
    """The low B_h - 1 bits of Q counters per word.

    All are 0 from configuration on, but not with ``single_port``: SPRAM cannot be given contents,
    and holds anything until it is written.

    Timing
    ------
    ``read_data`` follows a clock with ``read_enable`` by one clock; it is not held. A word must not
    be read and written in one clock. With ``single_port`` nothing at all may be read in a clock in
    which something is written.

    Parameters
    ----------
    width : int
        Q * (B_h - 1), at least 1.
    depth : int
        Words, at least 1.
    single_port : bool
        One address for reading and writing: on an iCE40 UltraPlus SB_SPRAM256KA blocks (16 bits
        x 16384 each), elsewhere a memory that behaves likewise and starts with a random pattern.

    Members
    -------
    read_address, write_address : In(range(depth))
    read_enable, write_enable : In(1)
    read_data : Out(width)
    write_data : In(width)
    """

    latency = 1

    def __init__(self, width, depth, single_port=False):
        self.width = width
        self.depth = max(2, depth)
        self.single_port = single_port
        address = range(self.depth)
        super().__init__({
            "read_address": In(address),
            "read_enable": In(1),
            "read_data": Out(width),
            "write_address": In(address),
            "write_enable": In(1),
            "write_data": In(width),
        })

    def elaborate(self, platform):
        m = Module()
        device = getattr(platform, "device", None) or ""
        if self.single_port and device.startswith("iCE40UP"):
            self._spram(m)
            return m
        # A simulated host that trusts in zeros, as SPRAM does not hold, is found out.
        rng = random.Random(self.width)
        init = [rng.getrandbits(self.width) for _ in range(self.depth)] if self.single_port else []
        m.submodules.memory = memory = Memory(shape=self.width, depth=self.depth, init=init)
        read, write = memory.read_port(), memory.write_port()
        m.d.comb += [
            read.addr.eq(self.read_address),
            read.en.eq(self.read_enable),
            self.read_data.eq(read.data),
            write.addr.eq(self.write_address),
            write.en.eq(self.write_enable),
            write.data.eq(self.write_data),
        ]
        return m

    def _spram(self, m):
        """Columns of 16 bits, banks of 16384 words."""
        columns, banks = -(-self.width // 16), -(-self.depth // 16384)
        address = Signal(14 + max(1, (banks - 1).bit_length()))
        bank = Signal(max(1, (banks - 1).bit_length()))
        with m.If(self.write_enable):
            m.d.comb += address.eq(self.write_address)
        with m.Else():
            m.d.comb += address.eq(self.read_address)
        with m.If(self.read_enable):
            m.d.sync += bank.eq(address[14:])
        data = Signal(columns * 16)
        m.d.comb += data.eq(self.write_data)
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
                    i_WREN=self.write_enable & here,
                    i_CHIPSELECT=(self.read_enable | self.write_enable) & here,
                    i_STANDBY=Const(0), i_SLEEP=Const(0), i_POWEROFF=Const(1),
                    o_DATAOUT=out[16 * c:16 * (c + 1)],
                )
            words.append(out)
        with m.Switch(bank):
            for b, out in enumerate(words):
                with m.Case(b):
                    m.d.comb += self.read_data.eq(out)


def slot_offsets(config):
    """Where, in a sample's words of the activation memory, the inputs and the activations of each
    layer begin, and last where they end. For networks without recurrence.
    """
    return [0, *accumulate((layer.words for layer in config.network), initial=config.input_words)]


def slot_words(config):
    """Words of a sample in the activation memory."""
    if config.recurrent:
        return (config.max_steps + 1) * config.row_words[0] + config.network[-1].words
    return slot_offsets(config)[-1]


def neuron_lanes(config):
    """Lanes that activations of neurons can occupy, in blocks of 16: the width of a small RAM."""
    return min(config.weight_lanes, -(-max(config.layers) // 16) * 16)


class ActivationMemory(wiring.Component):
    """Inputs and activations of a few samples, in words of P bits, padded with 0.

    A slot holds one sample: words of x, then of a_1, ..., a_L. Slots start at powers of two, so
    that an address is ``Cat(offset, slot)``. Of a recurrent network it holds T_max + 1 blocks
    [x_t | s_(t-1)], the input of step t in the order of a row, then the output layer's
    activations; the last block has no x, the first no s.

    Timing
    ------
    As :class:`SignPlane`, with a latency of one clock.

    Parameters
    ----------
    config : Config

    Members
    -------
    read_offset, write_offset : In(range(words per slot))
    read_slot, write_slot : In(range(slots))
    read_enable : In(1)
    read_data : Out(P)
    write_enable : In(1)
    gathered : In(1)
        Write neurons' activations, not inputs. They fill ``neuron_lanes(config)`` lanes at most;
        the others keep the 0 that they hold from configuration on: no input is written there.
    write_data : In(P)
    """

    latency = 1

    def __init__(self, config):
        self.config = config
        self.slots = config.max_batch + 1
        offset, slot = range(max(2, slot_words(config))), range(self.slots)
        super().__init__({
            "gathered": In(1),
            "read_offset": In(offset),
            "read_slot": In(slot),
            "read_enable": In(1),
            "read_data": Out(config.weight_lanes),
            "write_offset": In(offset),
            "write_slot": In(slot),
            "write_enable": In(1),
            "write_data": In(config.weight_lanes),
        })

    def elaborate(self, platform):
        m = Module()
        lanes, low = self.config.weight_lanes, neuron_lanes(self.config)
        for name, part, enable in (
                ("low", slice(0, low), self.write_enable),
                ("high", slice(low, lanes), self.write_enable & ~self.gathered)):
            if part.start == part.stop:
                continue
            m.submodules[name] = memory = Memory(
                shape=part.stop - part.start, depth=self.slots << len(self.read_offset), init=[])
            read, write = memory.read_port(), memory.write_port()
            m.d.comb += [
                read.addr.eq(Cat(self.read_offset, self.read_slot)),
                read.en.eq(self.read_enable),
                self.read_data[part].eq(read.data),
                write.addr.eq(Cat(self.write_offset, self.write_slot)),
                write.en.eq(enable),
                write.data.eq(self.write_data[part]),
            ]
        return m
