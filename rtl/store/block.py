"""A sample store in block RAM, for small sets."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In

from rtl.store.commands import Commands
from rtl.store.ports import store_signature


class BlockStore(wiring.Component):
    """A store of bytes in the FPGA's own memory.

    Timing: the first byte is offered two clocks after ``open`` rose, and then one per clock.

    Parameters
    ----------
    address_bits : int
        It has ``1 << address_bits`` bytes.

    Members
    -------
    port : In(store_signature(address_bits))
    """

    def __init__(self, address_bits):
        self.address_bits = address_bits
        super().__init__({"port": In(store_signature(address_bits))})

    def elaborate(self, platform):
        m = Module()
        port = self.port
        m.submodules.commands = commands = Commands(self.address_bits)
        # A byte that is written is read many clocks later, so no transparency is needed.
        m.submodules.memory = storage = memory.Memory(
            shape=8, depth=1 << self.address_bits, init=[])
        write, read = storage.write_port(), storage.read_port()
        opened = port.open | commands.open
        address, following = (Signal(self.address_bits, name=n) for n in ("address", "following"))
        valid = Signal()
        taken = port.data.valid & port.data.ready | commands.data.valid & commands.data.ready
        m.d.comb += [
            following.eq(Mux(valid, address + taken, Mux(port.open, port.address,
                                                         commands.address))),
            read.addr.eq(following),
            port.data.payload.eq(read.data),
            port.data.valid.eq(valid & port.open),
            commands.data.payload.eq(read.data),
            commands.data.valid.eq(valid & commands.open),
            commands.select.eq(port.select),
            write.addr.eq(commands.address),
            write.data.eq(commands.write.payload),
            write.en.eq(commands.write.valid),
            commands.write.ready.eq(1),
        ]
        m.d.sync += [address.eq(following), valid.eq(opened)]
        wiring.connect(m, wiring.flipped(port.command), commands.command)
        wiring.connect(m, commands.reply, wiring.flipped(port.reply))
        return m
