"""The memories of a trainer, with separate ports for each user."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import Out, connect, flipped

from rtl.parts.arbiter import ReadArbiter, ReadRegisters
from rtl.parts.memory import (
    ActivationMemory,
    CounterPlane,
    SignPlane,
    activation_ports,
    counter_ports,
    sign_ports,
)


class Memories(wiring.Component):
    """Sign plane, counter plane and activations.

    Timing
    ------
    Data follow their address by ``latency`` clocks. For the update engine they follow by
    ``update_latency`` clocks, because its addresses come late and go to many memories. In one
    clock, two users must not read the same memory, a word must not be both read and written, and
    inputs must not be written together with neurons.

    Parameters
    ----------
    config, prototypes, single_port
        As for :class:`rtl.trainer.Trainer`.
    registered : bool
        Data that are read, and the addresses of the update engine, pass through registers.

    Members
    -------
    forward_signs, backward_signs, update_signs, update_counters : Out(ReadPort.Signature)
    forward_activations, backward_activations, update_activations : Out(ReadPort.Signature)
        The backward engine has no ports if there is only one layer, and reads activations only in a
        recurrent or convolutional network.
    write_signs, write_counters : Out(WritePort.Signature)
    write_inputs, write_neurons : Out(WritePort.Signature)
        The latter two write activations, see :class:`rtl.parts.memory.ActivationMemory`.
    """

    def __init__(self, config, prototypes, single_port=False, registered=False):
        self.config = config
        self.prototypes = prototypes
        self.single_port = single_port
        self.registered = registered
        self.latency = SignPlane.latency + registered
        self.update_latency = self.latency + registered
        self.readers = {
            "signs": ["backward"] * (config.depth > 1) + ["forward", "update"],
            "counters": ["update"],
            "activations": ["backward"] * bool(config.voters) + ["forward", "update"],
        }
        (signs, write_signs), (counters, write_counters) = sign_ports(config), counter_ports(config)
        activations, inputs, neurons = activation_ports(config)
        reads = {"signs": signs, "counters": counters, "activations": activations}
        super().__init__({
            **{f"{reader}_{name}": Out(reads[name])
               for name, readers in self.readers.items() for reader in readers},
            "write_signs": Out(write_signs),
            "write_counters": Out(write_counters),
            "write_inputs": Out(inputs),
            "write_neurons": Out(neurons),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.signs = signs = SignPlane(config, self.prototypes)
        m.submodules.counters = counters = CounterPlane(
            config.counter_lanes * (config.counter_bits - 1), config.counter_depth,
            self.single_port)
        m.submodules.activations = activations = ActivationMemory(config)
        connect(m, flipped(self.write_signs), signs.write)
        connect(m, flipped(self.write_counters), counters.write)
        connect(m, flipped(self.write_inputs), activations.inputs)
        connect(m, flipped(self.write_neurons), activations.neurons)

        for (name, readers), memory in zip(
                self.readers.items(), (signs, counters, activations), strict=True):
            like = memory.read.signature
            arbiter = ReadArbiter(like, len(readers))
            late = ReadRegisters(like, before=0, after=int(self.registered))
            early = ReadRegisters(like, before=int(self.registered), after=0)
            m.submodules[f"{name}_arbiter"] = arbiter
            m.submodules[f"{name}_data"], m.submodules[f"{name}_address"] = late, early
            connect(m, late.port, memory.read)
            connect(m, arbiter.port, late.reader)
            connect(m, early.port, arbiter.readers[-1])
            for reader, port in zip(readers, [*arbiter.readers[:-1], early.reader], strict=True):
                connect(m, flipped(getattr(self, f"{reader}_{name}")), port)
        return m
