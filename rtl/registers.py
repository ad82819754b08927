"""The register file: run-time parameters, commands, identification, performance counters."""

from amaranth.hdl import Array, Cat, Const, Module, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from bep_model.config import NUMERICS_VERSION
from bep_model.protocol import COUNTERS, MAGIC, Cause
from bep_model.registers import registers, run_time
from rtl.parts.delay import delay

Bus = wiring.Signature({
    "address": Out(8),
    "write": Out(1),
    "write_data": Out(32),
    "read_data": In(32),
})
"""Register access, seen from the master. A write takes one clock; ``read_data`` is the value of the
register that was addressed in the clock before. No wait states."""


def parameters_signature(config):
    """What the engines take from the registers, seen from the register file.

    Members are the run-time registers of ``bep_model.registers``, named in lower case.
    """
    return wiring.Signature({
        register.name.lower(): Out((signed if register.signed else unsigned)(register.width))
        for register in run_time(config)})


class Registers(wiring.Component):
    """Everything that ``bep_model.registers.registers(config)`` lists.

    Timing
    ------
    See :data:`Bus`. A parameter is seen by the engines in the clock after its write. Performance
    counters count the clocks in which their event is high, one clock later, and return to 0 in the
    clock after ``clear``. Bits of COMMAND stay set until the sequencer has carried them out
    (``command_done``).

    Parameters
    ----------
    config : Config

    Members
    -------
    bus : In(Bus)
    parameters : Out(parameters_signature(config))
    command : Out(3)
        Commands not carried out yet, see ``bep_model.protocol.Command``.
    command_done : In(3)
        Clears bits of ``command``.
    status : In(2)
    samples, errors, triggered, updates : In(1)
        Events of the performance counters.
    cause : In(3)
        Where this clock goes, see ``bep_model.protocol.Cause``.
    clear : In(1)
    random_last : In(32)
    random_shift : Out(1)
    random_value : Out(32)
        Register RANDOM, see ``rtl.engines.random.Bank``.
    """

    def __init__(self, config):
        self.config = config
        self.table = registers(config)
        super().__init__({
            "bus": In(Bus),
            "parameters": Out(parameters_signature(config)),
            "command": Out(3),
            "command_done": In(3),
            "status": In(2),
            "samples": In(1),
            "errors": In(1),
            "triggered": In(1),
            "updates": In(1),
            "cause": In(3),
            "clear": In(1),
            "random_last": In(32),
            "random_shift": Out(1),
            "random_value": Out(32),
        })

    def elaborate(self, platform):
        m = Module()
        table, bus, parameters = self.table, self.bus, self.parameters
        # Writes.
        m.d.sync += self.command.eq(self.command & ~self.command_done)
        m.d.comb += self.random_value.eq(bus.write_data)
        with m.If(bus.write):
            with m.Switch(bus.address):
                for name in parameters.signature.members:
                    with m.Case(table[name.upper()].address):
                        m.d.sync += getattr(parameters, name).eq(bus.write_data)
                with m.Case(table["COMMAND"].address):
                    m.d.sync += self.command.eq(
                        self.command & ~self.command_done | bus.write_data[:3])
                with m.Case(table["RANDOM"].address):
                    m.d.comb += self.random_shift.eq(1)

        # Performance counters.
        events = Cat(self.samples, self.errors, self.triggered, self.updates,
                     *(self.cause == cause.value for cause in Cause))
        events = delay(m, events, 1, name="events")  # keeps the adders off the engines' paths
        counters = [Signal(32, name=name.lower()) for name in COUNTERS]
        for counter, event in zip(counters, events, strict=True):
            m.d.sync += counter.eq(counter + event)
            with m.If(self.clear):
                m.d.sync += counter.eq(0)

        # Reads. Identification begins at address 0, RANDOM is above it, and the counters begin at
        # a power of two above all: few bits of an address tell those that can be read apart.
        identification = {
            "IDENT": Const(MAGIC, 32), "VERSION": Const(NUMERICS_VERSION, 32),
            "DIGEST": Const(self.config.identifier, 32), "STATUS": self.status,
        }
        random, first = table["RANDOM"].address, table[COUNTERS[0]].address

        def one_of(values):
            addresses = [table[name].address for name in values]
            assert addresses == list(range(addresses[0], addresses[0] + len(values)))
            return Array(values.values())[bus.address[:(len(values) - 1).bit_length()]]

        with m.If(bus.address[first.bit_length() - 1]):
            m.d.sync += bus.read_data.eq(one_of(dict(zip(COUNTERS, counters, strict=True))))
        with m.Elif(bus.address[:random.bit_length()] == random):
            m.d.sync += bus.read_data.eq(self.random_last)
        with m.Else():
            m.d.sync += bus.read_data.eq(one_of(identification))
        return m
