"""The register file: run-time parameters, commands, identification, performance counters."""

from amaranth.hdl import Array, Cat, Const, Module, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from bep_model.config import NUMERICS_VERSION
from bep_model.protocol import COUNTERS, MAGIC, Cause, Command
from bep_model.registers import registers, run_time
from rtl.engines.random import seed_signature
from rtl.parts.delay import delay

Bus = wiring.Signature({
    "address": Out(8),
    "write": Out(1),
    "write_data": Out(32),
    "read_data": In(32),
})
"""Register access, seen from the master. A write takes one clock; ``read_data`` is the value of the
register that was addressed in the previous clock. There are no wait states."""


def parameters_signature(config):
    """The parameters that the engines take from the registers, seen from the register file.

    Members are the run-time registers of ``bep_model.registers``, with their names in lower case.
    """
    return wiring.Signature({
        register.name.lower(): Out((signed if register.signed else unsigned)(register.width))
        for register in run_time(config)})


host_signature = wiring.Signature({
    "command": Out(Command), "done": In(Command),
    "status": In(data.StructLayout({"busy": 1, "filling": 1})), "cause": In(Cause), "clear": In(1)})
"""Commands of the host and what it can observe, seen from the register file.

``command`` holds the bits that are not carried out yet; ``done`` clears them. ``status`` is the
value of register STATUS: the trainer is busy, a batch is partly filled. ``cause`` selects the
performance counter that counts this clock; ``clear`` resets the performance counters to 0.
"""


class Registers(wiring.Component):
    """All registers that ``bep_model.registers.registers(config)`` lists.

    Timing
    ------
    See :data:`Bus`. The engines see a parameter in the clock after its write. Performance counters
    count the clocks in which their event is high, one clock later, and return to 0 in the clock
    after ``clear``. THRESHOLD reads as ``threshold``. Bits of COMMAND stay set until ``done``
    clears them. A value written to RANDOM appears at ``seed`` one clock later.

    Parameters
    ----------
    config : Config

    Members
    -------
    bus : In(Bus)
    parameters : Out(parameters_signature(config))
    host : Out(host_signature)
    samples, errors, triggered, updates : In(1)
        Events of the performance counters.
    seed : Out(seed_signature)
        Register RANDOM.
    set_threshold : Out(1)
        ``parameters.threshold`` has been written. This member and the next one exist only in a
        convolutional network.
    threshold : In(signed)
        What register THRESHOLD reads as.
    """

    def __init__(self, config):
        self.config = config
        self.table = registers(config)
        super().__init__({
            "bus": In(Bus),
            "parameters": Out(parameters_signature(config)),
            "host": Out(host_signature),
            "samples": In(1),
            "errors": In(1),
            "triggered": In(1),
            "updates": In(1),
            "seed": Out(seed_signature),
            **({"set_threshold": Out(1), "threshold": In(signed(self.table["THRESHOLD"].width))}
               if config.convolutional else {}),
        })

    def elaborate(self, platform):
        m = Module()
        table, bus, parameters, host = self.table, self.bus, self.parameters, self.host
        # Writes. Registers keep the fan-out to the many bits of the bank off the bus.
        waiting = host.command & ~host.done
        shift = Signal()
        written = Signal()
        if self.config.convolutional:
            m.d.sync += self.set_threshold.eq(written)
        m.d.sync += [host.command.eq(waiting), self.seed.shift.eq(shift),
                     self.seed.value.eq(bus.write_data)]
        with m.If(bus.write):
            with m.Switch(bus.address):
                for name in parameters.signature.members:
                    with m.Case(table[name.upper()].address):
                        m.d.sync += getattr(parameters, name).eq(bus.write_data)
                        if name == "threshold":
                            m.d.comb += written.eq(1)
                with m.Case(table["COMMAND"].address):
                    m.d.sync += host.command.eq(waiting | bus.write_data[:len(waiting)])
                with m.Case(table["RANDOM"].address):
                    m.d.comb += shift.eq(1)

        # Performance counters.
        events = Cat(self.samples, self.errors, self.triggered, self.updates,
                     *(host.cause == cause for cause in Cause))
        events = delay(m, events, 1, name="events")  # keeps adders off the engines' paths
        counters = [Signal(32, name=name.lower()) for name in COUNTERS]
        for counter, event in zip(counters, events, strict=True):
            m.d.sync += counter.eq(counter + event)
            with m.If(host.clear):
                m.d.sync += counter.eq(0)

        # Reads. Identification begins at address 0, RANDOM and THRESHOLD are above it, and the
        # counters begin at a power of two above them, so a few address bits distinguish what can
        # be read.
        identification = {
            "IDENT": Const(MAGIC, 32), "VERSION": Const(NUMERICS_VERSION, 32),
            "DIGEST": Const(self.config.identifier, 32), "STATUS": host.status,
        }
        random, first = table["RANDOM"].address, table[COUNTERS[0]].address

        def one_of(values):
            addresses = [table[name].address for name in values]
            assert addresses == list(range(addresses[0], addresses[0] + len(values)))
            return Array(values.values())[bus.address[:(len(values) - 1).bit_length()]]

        with m.If(bus.address[first.bit_length() - 1]):
            m.d.sync += bus.read_data.eq(one_of(dict(zip(COUNTERS, counters, strict=True))))
        with m.Elif(bus.address[:random.bit_length()] == random):
            m.d.sync += bus.read_data.eq(self.seed.last)
        with m.Else():
            m.d.sync += bus.read_data.eq(one_of(identification))
            if self.config.convolutional:
                threshold = table["THRESHOLD"].address
                with m.If(bus.address[:threshold.bit_length()] == threshold):
                    m.d.sync += bus.read_data.eq(self.threshold.as_unsigned())
        return m
