"""The sample store in an SPI flash chip, which keeps it without power."""

from math import ceil

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import io, wiring
from amaranth.lib.wiring import In

from rtl.store.ports import store_signature

READ_DUAL = 0x3B
"""Fast Read Dual Output: address on one pin, 8 clocks without data, then two bits per clock."""
RELEASE = 0xAB
"""Release Power-down: the iCE40 leaves the chip powered down after configuration."""
ADDRESS_BITS = 24

WAKING = 3e-6
"""Seconds (tRES1) from RELEASE to the next command."""
RESTING = 50e-9
"""Seconds (tSHSL2) without chip select between two commands."""
FASTEST = 50_000_000
"""Highest frequency of domain ``sync``, in Hz."""


class Flash(wiring.Component):
    """A sample store in the flash chip of an amaranth-boards platform.

    It requests resource ``spi_flash_4x`` 0, whose pins 2 and 3 (write protect, hold) are held high,
    or else ``spi_flash_2x`` 0. The chip is one of 16 MB with 3 address bytes, such as the
    W25Q128JV of the iCEBreaker. The exchange goes to the chip as it is.

    Timing: a reading takes 90 clocks to its first byte and then 8 per byte; a byte of the exchange
    takes 17. The serial clock is half of domain ``sync``, and stops while a byte is not taken.

    Timing at the pins (Winbond W25Q128JV data sheet, revision F, "AC Electrical Characteristics"):
    outputs change as the serial clock falls, a whole clock of ``sync`` before it rises; the chip
    wants 2 ns. It answers 6 ns after the clock fell (tCLQV); the answer is taken by a flip-flop a
    clock of ``sync`` later, which leaves 14 ns at 50 MHz, and 29 ns at 28 MHz, for the ways through
    the pads. Reading at up to 50 MHz of the serial clock needs no other mode.

    Parameters
    ----------
    clock_hz : int
        Frequency of domain ``sync``.
    program : int, optional
        Address of a program, see :class:`rtl.board.Board`.

    Members
    -------
    port : In(store_signature(24))

    Raises
    ------
    ValueError
        If the clock is above 50 MHz.
    """

    address_bits = ADDRESS_BITS

    def __init__(self, clock_hz, program=None):
        if clock_hz > FASTEST:
            raise ValueError(f"clock_hz must be at most {FASTEST / 1e6:g} MHz, "
                             f"not {clock_hz / 1e6:g} MHz")
        self.clock_hz = clock_hz
        self.program = program
        super().__init__({"port": In(store_signature(ADDRESS_BITS))})

    def elaborate(self, platform):
        m = Module()
        port = self.port
        waking, resting = (ceil(seconds * self.clock_hz) for seconds in (WAKING, RESTING))
        timer = Signal(range(waking + 1), init=waking)  # counts while the chip is not selected
        chosen = Signal()  # the chip is selected
        awake = Signal()
        running = Signal()  # a byte is being transferred
        clock = Signal()  # the serial clock
        left = Signal(range(8))  # clocks of the byte, minus one
        shift = Signal(8)  # leaves at the high end
        index = Signal(range(6))  # of the byte in a reading: command, address, pause, data
        bits = Signal(2)  # at the pins
        header = Array([READ_DUAL, port.address[16:], port.address[8:16], port.address[:8], 0, 0])

        data = index == 5
        last = running & clock & (left == 0)  # the byte ends when it is taken
        single, double = Cat(bits[1], shift[:7]), Cat(bits, shift[:6])
        taken = last & (Mux(port.select, port.reply.ready, ~data | port.data.ready) | ~awake)
        begin = chosen & ~running
        m.d.comb += [
            port.data.valid.eq(last & data & port.open),
            port.data.payload.eq(double),
            port.command.ready.eq(begin & port.select & awake),
            port.reply.valid.eq(last & port.select & awake),
            port.reply.payload.eq(single),
        ]
        with m.If(begin & (~awake | port.open | port.command.valid)):
            m.d.sync += [running.eq(1), left.eq(7), shift.eq(Mux(
                awake, Mux(port.open, READ_DUAL, port.command.payload), RELEASE))]
        with m.If(running & (~last | taken)):
            m.d.sync += clock.eq(~clock)
            with m.If(clock):
                m.d.sync += [shift.eq(Mux(data, double, single)), left.eq(left - 1)]
        with m.If(taken):
            m.d.sync += running.eq(port.open)
            with m.If(~data & port.open):
                m.d.sync += [index.eq(index + 1), shift.eq(header[index + 1])]
            m.d.sync += left.eq(Mux(index >= 4, 3, 7))

        with m.If(~chosen):
            m.d.sync += [timer.eq(timer - 1), chosen.eq(0)]
            with m.If(timer == 0):
                m.d.sync += [timer.eq(resting), chosen.eq(~awake | port.open | port.select)]
        with m.Elif(Mux(awake, ~port.open & ~port.select, taken)):
            m.d.sync += [chosen.eq(0), running.eq(0), clock.eq(0), index.eq(0), awake.eq(1)]
            with m.If(~awake):
                m.d.sync += timer.eq(waking)

        four = ("spi_flash_4x", 0) in platform.resources
        pads = platform.request("spi_flash_4x" if four else "spi_flash_2x", 0, dir="-")
        m.submodules.cs = cs = io.Buffer("o", pads.cs)
        m.submodules.clk = clk = io.Buffer("o", pads.clk)
        m.submodules.dq0 = dq0 = io.Buffer("io", pads.dq[0])
        m.submodules.dq1 = dq1 = io.Buffer("i", pads.dq[1])
        m.d.comb += [cs.o.eq(chosen), clk.o.eq(clock), dq0.o.eq(shift[-1]), dq0.oe.eq(index < 4)]
        m.d.sync += bits.eq(Cat(dq0.i, dq1.i))
        if four:
            m.submodules.high = high = io.Buffer("o", pads.dq[2:])
            m.d.comb += high.o.eq(0b11)
        return m
