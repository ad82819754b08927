"""Commands to an SDRAM chip that read and write bytes."""

from math import ceil, floor

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, enum, memory, stream, wiring
from amaranth.lib.wiring import In, Out

ROW, BANK, COLUMN = 13, 2, 9
"""Bits of the parts of an address in a chip of 32 MB; a column has 16 bits."""
CAS = 3
"""Clocks from a read to its data, at the pins of the chip."""
STARTUP, REFRESHES = 201_000, 8
"""Nanoseconds from power-up to the first command, of which the chip requires 200 us, and its clock
begins some clocks later; refreshes before the first access."""
REFRESH = 64e6 / (1 << ROW)
"""Longest time between refreshes, ns."""
RCD, RP, RAS, RC, WR = 21, 21, 45, 68, 15
"""Shortest times, ns: from activate to read or write, from precharge to activate, from activate to
precharge, from activate or refresh to the next one, and from write to precharge. Each is that of
the slowest of the chips listed in :mod:`rtl.store.sdram`."""
SLACK = 24
"""Clocks by which a refresh may come later than it is due, because an access goes on."""


class Command(enum.Enum, shape=3):
    """Levels of RAS, CAS and WE, highest first; 1 is active (low at the pin)."""

    NOP = 0b000
    WRITE = 0b011
    READ = 0b010
    ACTIVATE = 0b100
    PRECHARGE = 0b101
    REFRESH = 0b110
    MODE = 0b111


PINS = data.StructLayout({"command": Command, "bank": BANK, "a": ROW, "mask": 2})
"""What the chip takes at a clock edge, without the data."""


class Controller(wiring.Component):
    """Read and write bytes of an SDRAM chip; initialise and refresh it.

    Bits 1 to 9 of a byte's address are the column, 10 and 11 the bank, and those above the row.
    Bit 0 selects the half of a word. At most one row is open. Each word is read by a command of its
    own, and up to 15 words are read ahead.

    Timing: from 50 to 90 MHz, the first byte is valid in clock 11 after that in which ``open``
    rises, unless a write or a refresh goes on, then one per clock without end: a refresh, and a row
    that ends, interrupt the reading for less time than the words ahead last. Bytes are written
    every 8 clocks or slower. The chip is refreshed every 64 ms / 8192 or earlier, also while it is
    read. After reset, everything waits for 201 us.

    Parameters
    ----------
    clock_hz : int
        Frequency of the clock.
    address_bits : int
        The first ``1 << address_bits`` bytes of the chip are used.

    Members
    -------
    open : In(1)
        Read bytes from ``address`` on. May fall at any time, for at least one clock.
    address : In(address_bits)
        Steady while ``open`` or ``write.valid`` is high.
    data : Out(stream.Signature(8))
        Bytes that were read; not valid while ``open`` is low.
    write : In(stream.Signature(8))
        Byte to write at ``address``; valid only while ``open`` is low and has been for 4 clocks.
    pins : Out(PINS)
        A register at each pin takes these in each clock.
    dq_o : Out(8)
        Data for both halves of a word. It comes 3 clocks before the command to write and stays
        until then, so the registers at these pins may take up to 3 clocks longer than those of
        ``pins``.
    dq_oe : Out(1)
        Drive the data pins, at the same times.
    dq_i : In(16)
        The word, ``CAS`` + 2 clocks after ``pins`` commanded to read it.

    Raises
    ------
    ValueError
        If the clock is below 10 MHz or there are not 13 to 25 bits of address.
    """

    def __init__(self, clock_hz, address_bits=1 + COLUMN + BANK + ROW):
        if clock_hz < 10e6:
            raise ValueError(f"clock_hz must be at least 10 MHz, not {clock_hz / 1e6:g} MHz")
        if not COLUMN + BANK + 2 <= address_bits <= COLUMN + BANK + ROW + 1:
            raise ValueError(f"address_bits must be {COLUMN + BANK + 2} to "
                             f"{COLUMN + BANK + ROW + 1}, not {address_bits}")
        self.clock_hz = clock_hz
        self.address_bits = address_bits
        super().__init__({
            "open": In(1),
            "address": In(address_bits),
            "data": Out(stream.Signature(8)),
            "write": In(stream.Signature(8)),
            "pins": Out(PINS),
            "dq_o": Out(8),
            "dq_oe": Out(1),
            "dq_i": In(16),
        })

    def cycles(self, time):
        """The least number of clock cycles that last ``time`` ns."""
        return ceil(time * self.clock_hz / 1e9)

    def elaborate(self, platform):
        m = Module()
        cycles = self.cycles
        pins, drive = Signal(PINS), Signal()
        # One more register leaves a whole clock for the way to the pins, which are far apart.
        m.d.sync += [self.pins.eq(pins), self.dq_o.eq(self.write.payload), self.dq_oe.eq(drive)]
        timer = Signal(range(max(cycles(RC), 8)))  # until the next command
        row_timer = Signal(range(cycles(RC)))  # until the open row may be closed
        interval = floor(REFRESH * self.clock_hz / 1e9) - SLACK
        # Counts down to -1, until a refresh is due, and first until the chip has started.
        countdown = Signal(range(-1, cycles(STARTUP) + 1), init=cycles(STARTUP))
        due = countdown[-1]
        with m.If(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.If(row_timer != 0):
            m.d.sync += row_timer.eq(row_timer - 1)
        with m.If(~due):
            m.d.sync += countdown.eq(countdown - 1)

        reading, writing = Signal(), Signal()  # one clock after `open` and `write.valid`
        position = Signal(COLUMN + BANK + ROW)  # of the next word
        column, bank, row = position[:COLUMN], position[COLUMN:][:BANK], position[COLUMN + BANK:]
        m.d.sync += [reading.eq(self.open), writing.eq(self.write.valid)]

        read, room = Signal(), Signal()
        self._queue(m, reading, read, room)
        with m.If(~reading):
            m.d.sync += position.eq(self.address[1:])
        with m.Elif(read):
            m.d.sync += position.eq(position + 1)

        def command(which, delay):
            """Give a command; the next one is ``delay`` clocks later."""
            m.d.comb += pins.command.eq(which)
            m.d.sync += timer.eq(delay - 1)

        m.d.comb += [pins.bank.eq(bank), pins.a.eq(column)]
        step = Signal(range(REFRESHES + 2))
        with m.FSM():
            with m.State("START"):
                m.d.comb += pins.mask.eq(-1)
                with m.If(due & (timer == 0)):
                    m.d.sync += step.eq(step + 1)
                    with m.If(step == 0):
                        command(Command.PRECHARGE, cycles(RP))
                        m.d.comb += pins.a.eq(1 << 10)  # all banks
                    with m.Elif(step <= REFRESHES):
                        command(Command.REFRESH, cycles(RC))
                    with m.Else():
                        command(Command.MODE, 4)  # datasheets require 2
                        m.d.comb += [pins.a.eq(CAS << 4), pins.bank.eq(0)]  # single words
                        m.next = "CLOSED"
            with m.State("CLOSED"):
                with m.If(timer != 0):
                    pass
                with m.Elif(due):
                    command(Command.REFRESH, cycles(RC))
                    m.d.sync += countdown.eq(interval)
                with m.Elif(reading | writing):
                    command(Command.ACTIVATE, Mux(reading, cycles(RCD), max(cycles(RCD), 4)))
                    m.d.comb += pins.a.eq(row)
                    m.d.sync += row_timer.eq(max(cycles(RAS), cycles(RC) - cycles(RP)) - 1)
                    with m.If(reading):
                        m.next = "READ"
                    with m.Else():
                        m.next = "WRITE"
            with m.State("READ"):
                with m.If(~reading | due):
                    m.next = "CLOSE"
                with m.Elif(room & (timer == 0)):
                    command(Command.READ, 1)
                    m.d.comb += read.eq(1)
                    with m.If(column.all()):
                        m.next = "CLOSE"
            with m.State("WRITE"):
                m.d.comb += drive.eq(1)
                with m.If(~self.write.valid):
                    m.next = "CLOSE"
                with m.Elif(timer == 0):
                    command(Command.WRITE, max(cycles(WR), 2))
                    m.d.comb += [self.write.ready.eq(1),
                                 pins.mask.eq(Mux(self.address[0], 0b01, 0b10))]
                    m.next = "CLOSE"
            with m.State("CLOSE"):
                with m.If((timer == 0) & (row_timer == 0)):
                    command(Command.PRECHARGE, cycles(RP))
                    m.d.comb += pins.a.eq(1 << 10)
                    m.next = "CLOSED"
        return m

    def _queue(self, m, reading, read, room):
        """The words ahead, and the bytes from them. ``read`` asks for a word if there is room."""
        m.submodules.words = words = memory.Memory(shape=16, depth=16, init=[])
        write, first = words.write_port(), words.read_port(domain="comb")
        asked, arrived, taken = Signal(4), Signal(4), Signal(4)  # words, modulo 16
        flight = Signal(CAS + 3)
        half = Signal()
        m.d.comb += [
            room.eq((asked + 1)[:4] != taken),
            write.addr.eq(arrived),
            write.data.eq(self.dq_i),
            write.en.eq(flight[-1]),
            first.addr.eq(taken),
            self.data.payload.eq(first.data.word_select(half, 8)),
            self.data.valid.eq(self.open & reading & (arrived != taken)),
        ]
        m.d.sync += [flight.eq(Cat(read, flight)), asked.eq(asked + read),
                     arrived.eq(arrived + write.en)]
        with m.If(self.data.valid & self.data.ready):
            m.d.sync += [half.eq(~half), taken.eq(taken + half)]
        with m.If(~reading):
            m.d.sync += [flight.eq(0), asked.eq(0), arrived.eq(0), taken.eq(0),
                         half.eq(self.address[0])]
