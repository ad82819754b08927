"""Carries out the exchange of a store that has no commands of its own."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class Commands(wiring.Component):
    """Turn the bytes of an exchange, see :func:`rtl.store.ports.store_signature`, into reading and
    writing of bytes.

    Reading uses ``open``, ``address`` and ``data`` as the user of the store does. A byte is written
    when ``write`` passes it, and then the next one goes to the next address. The reply to a command
    and to its address, to a byte that was written, to the status, and to unknown commands is 0:
    nothing is ever in progress, because a byte is replied when it is written.

    Timing: a byte is replied at the earliest two clocks after it was taken, and the next one is
    taken at the earliest in the clock after its reply. ``open`` and ``write.valid`` fall with
    ``select``, ``reply.valid`` a clock later.

    Parameters
    ----------
    address_bits : int
        The store has ``1 << address_bits`` bytes. Higher bits of an address are ignored.
    address_bytes : int
        Bytes of an address, highest first.
    read_opcode, write_opcode : int
        The commands.

    Members
    -------
    select : In(1)
        An exchange is going on; low for at least one clock between two of them.
    command : In(stream.Signature(8))
        Bytes of the exchange, taken only while ``select`` is high.
    reply : Out(stream.Signature(8))
        One for each byte of the exchange.
    address : Out(address_bits)
        Steady while ``open`` or ``write.valid`` is high.
    open : Out(1)
        Read bytes from ``address`` on.
    data : In(stream.Signature(8))
        Bytes that were read.
    write : Out(stream.Signature(8))
        Byte to write at ``address``.

    Raises
    ------
    ValueError
        If an address has more bits than there are in ``address_bytes``.
    """

    def __init__(self, address_bits, address_bytes=4, read_opcode=0x13, write_opcode=0x12):
        if address_bits > 8 * address_bytes:
            raise ValueError(f"address_bits must be at most {8 * address_bytes}, "
                             f"not {address_bits}")
        self.address_bits = address_bits
        self.address_bytes = address_bytes
        self.read_opcode = read_opcode
        self.write_opcode = write_opcode
        super().__init__({
            "select": In(1),
            "command": In(stream.Signature(8)),
            "reply": Out(stream.Signature(8)),
            "address": Out(address_bits),
            "open": Out(1),
            "data": In(stream.Signature(8)),
            "write": Out(stream.Signature(8)),
        })

    def elaborate(self, platform):
        m = Module()
        command, reply, data, write = self.command, self.reply, self.data, self.write
        position = Signal(range(self.address_bytes + 2))  # in the exchange; stays at the data
        reading, writing = Signal(), Signal()
        at_data = position == self.address_bytes + 1
        # A byte that was taken waits for the store in a register, and blocks the next one: paths
        # from the store do not go on to the host's bytes, nor from there to the store.
        taken, waits, done = Signal(), Signal(), Signal(init=1)
        offered = Signal()  # to be written
        byte = Signal(8)
        m.d.comb += [
            command.ready.eq(self.select & ~waits & ~reply.valid),
            taken.eq(command.valid & command.ready),
            write.payload.eq(byte),
            write.valid.eq(self.select & offered),
        ]
        with m.If(reply.ready):
            m.d.sync += reply.valid.eq(0)
        with m.If(taken):
            m.d.sync += [waits.eq(1), byte.eq(command.payload), offered.eq(at_data & writing)]
        with m.If(waits & done):
            m.d.sync += [waits.eq(0), reply.valid.eq(1), reply.payload.eq(0)]
        with m.If(~at_data):
            with m.If(waits):
                # The command passes through the address, too, and leaves it at the high end.
                m.d.sync += [position.eq(position + 1), self.address.eq(
                    Cat(byte, self.address)[:self.address_bits])]
                with m.If(position == 0):
                    m.d.sync += [reading.eq(byte == self.read_opcode),
                                 writing.eq(byte == self.write_opcode)]
        with m.Elif(reading):
            m.d.comb += [self.open.eq(self.select), data.ready.eq(waits), done.eq(data.valid)]
            with m.If(waits):
                m.d.sync += reply.payload.eq(data.payload)
        with m.Elif(writing):
            m.d.comb += done.eq(write.ready)
            with m.If(write.valid & write.ready):
                m.d.sync += [offered.eq(0), self.address.eq(self.address + 1)]
        with m.If(~self.select):
            m.d.sync += [position.eq(0), waits.eq(0), offered.eq(0), reply.valid.eq(0)]
        return m
