"""Read ports of a memory that several readers share."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.parts.delay import delay


class ReadArbiter(wiring.Component):
    """Gives one read port to several readers that take turns.

    The internal signal ``conflict`` is high in a clock in which two of them read, which is an
    error. Proofs and simulations of the trainer assert that it stays low.

    Timing: combinational. At most one reader may read in a clock; all readers see the data.

    Parameters
    ----------
    like : ReadPort.Signature
    count : int
        Readers, at least 1. While none of them reads, the address is the last reader's.

    Members
    -------
    readers : Out(like).array(count)
    port : In(like)
    """

    def __init__(self, like, count):
        self.like = like
        self.count = count
        super().__init__({"readers": Out(like).array(count), "port": In(like)})

    def elaborate(self, platform):
        m = Module()
        *others, last = self.readers
        address = last.addr
        for reader in reversed(others):
            address = Mux(reader.en, reader.addr, address)
        enables = Cat(reader.en for reader in self.readers)
        conflict = Signal()
        m.d.comb += [
            self.port.addr.eq(address),
            self.port.en.eq(enables.any()),
            conflict.eq((enables & (enables - 1)).any()),
            *(reader.data.eq(self.port.data) for reader in self.readers),
        ]
        return m


class ReadRegisters(wiring.Component):
    """Registers between a reader and a read port.

    Timing: address and enable are delayed by ``before`` clocks, the data by ``after`` clocks.

    Parameters
    ----------
    like : ReadPort.Signature
    before, after : int

    Members
    -------
    reader : Out(like)
    port : In(like)
    """

    def __init__(self, like, before, after):
        self.like = like
        self.before = before
        self.after = after
        super().__init__({"reader": Out(like), "port": In(like)})

    def elaborate(self, platform):
        m = Module()
        reader, port = self.reader, self.port
        m.d.comb += [
            Cat(port.addr, port.en).eq(delay(m, Cat(reader.addr, reader.en), self.before, "ask")),
            reader.data.eq(delay(m, port.data, self.after, "data")),
        ]
        return m
