"""UART receiver and transmitter, 8 data bits, no parity, 1 stop bit, as streams of bytes."""

from amaranth.hdl import C, Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out


def tolerance(cycles):
    """How much shorter and longer than ``cycles`` a sender's bit may be for :class:`Receiver`.

    A bit is sampled ``_middle(cycles)`` to ``_middle(cycles) + 1`` cycles after its nominal begin,
    depending on the phase of the start bit relative to the clock. Before the stop bit, the
    deviations of 9 bits add up. When it is sampled, the stop bit must have begun and must not have
    ended, because the next start bit may follow at once.

    Parameters
    ----------
    cycles : int
        Clock cycles per bit, at least 4.

    Returns
    -------
    (float, float)
        Fractions of ``cycles``, for any bytes back to back: 5.0 % and 2.8 % for 4 cycles; both at
        least 3.7 % from 5 cycles on, and 4 % from 7 on; 5.0 % and 5.6 % in the limit.

    Raises
    ------
    TypeError, ValueError
        If ``cycles`` is not an integer or is below 4.
    """
    middle = _middle(_check(cycles))
    return (cycles - middle - 1) / (10 * cycles), middle / (9 * cycles)


def divisor(clock_hz, baud):
    """Clock cycles per bit for a baud rate.

    Parameters
    ----------
    clock_hz, baud : int
        Clock frequency in Hz; bits per second.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If no integer divisor from 4 on is within 2 % of the rate, which the other side's receiver
        needs, and also leaves a tolerance of 2 % to the other side's sender.
    """
    cycles = round(clock_hz / baud)
    if cycles >= 4:
        bit = clock_hz / baud / cycles  # the other side's bit as a fraction of ours
        shorter, longer = tolerance(cycles)
        if abs(1 / bit - 1) <= 0.02 and 1 - shorter <= bit * 0.98 and bit * 1.02 <= 1 + longer:
            return cycles
    raise ValueError(f"baud must divide the clock of {clock_hz} Hz by 4 or more within 2 %, and "
                     f"leave a sender 2 % (rtl.link.uart.tolerance), not {baud}")


def _middle(cycles):
    """Whole cycles from a bit's first sample to the sample that is used.

    A bit with an even number of cycles has two samples beside its middle. The earlier one is nearer
    to it, because a bit's first sample is up to one cycle late.
    """
    return (cycles - 1) // 2


def _check(cycles):
    if isinstance(cycles, bool) or not isinstance(cycles, int):
        raise TypeError(f"divisor must be an integer, not {cycles!r}")
    if cycles < 4:
        raise ValueError(f"divisor must be at least 4, not {cycles}")
    return cycles


class Receiver(wiring.Component):
    """Turn the line level into bytes.

    A frame starts at a falling edge; every bit is sampled once, in its middle. A frame is dropped
    if its start bit is not low there, or its stop bit is not high.

    Timing: a byte is offered 9 ``divisor`` + (``divisor`` - 1) // 2 + 2 cycles, or up to one more,
    after its start bit appears at the pin, and stays until it is taken. Bytes that complete before
    that are dropped.

    Constraints: the length of a sender's bit may deviate by :func:`tolerance`.

    Parameters
    ----------
    divisor : int
        Clock cycles per bit, at least 4.

    Members
    -------
    i : In(1)
        The line, asynchronous, idle high.
    o : Out(stream.Signature(8))
        Received bytes.

    Raises
    ------
    TypeError, ValueError
        If ``divisor`` is not an integer or is below 4.
    """

    i: In(1, init=1)
    o: Out(stream.Signature(8))

    def __init__(self, divisor):
        self.divisor = _check(divisor)
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        line = Signal(init=1)
        before = Signal(init=1)
        m.submodules.synchronizer = FFSynchronizer(self.i, line, init=1)
        m.d.sync += before.eq(line)

        timer = Signal(range(self.divisor))
        left = Signal(range(11))  # bits still to come, the start and stop bits included
        data = Signal(8)
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(left == 0):
            # An edge, not a level: a line held low (break, no cable) must not give zero bytes.
            with m.If(before & ~line):
                m.d.sync += [left.eq(10), timer.eq(_middle(self.divisor) - 1)]
        with m.Elif(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Else():
            m.d.sync += [timer.eq(self.divisor - 1), left.eq(left - 1)]
            with m.If(left == 1):
                with m.If(line & (self.o.ready | ~self.o.valid)):
                    m.d.sync += [self.o.payload.eq(data), self.o.valid.eq(1)]
            with m.Else():
                m.d.sync += data.eq(Cat(data[1:], line))  # the start bit leaves at the low end
            with m.If((left == 10) & line):
                m.d.sync += left.eq(0)
        return m


class Transmitter(wiring.Component):
    """Turn bytes into the line level.

    Timing: the start bit appears on the line one cycle after a byte is taken. A byte takes
    10 ``divisor`` + 1 cycles; the extra cycle lengthens its stop bit. Reset ends a frame at once.

    Parameters
    ----------
    divisor : int
        Clock cycles per bit, at least 4.

    Members
    -------
    i : In(stream.Signature(8))
        Bytes to send.
    o : Out(1)
        The line, idle high, driven by a register.

    Raises
    ------
    TypeError, ValueError
        If ``divisor`` is not an integer or is below 4.
    """

    i: In(stream.Signature(8))
    o: Out(1, init=1)

    def __init__(self, divisor):
        self.divisor = _check(divisor)
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        timer = Signal(range(self.divisor))
        left = Signal(range(11))
        frame = Signal(10, init=-1)  # stop bit, data, start bit; the lowest bit is on the line
        m.d.comb += [self.o.eq(frame[0]), self.i.ready.eq(left == 0)]
        with m.If(left == 0):
            with m.If(self.i.valid):
                m.d.sync += [frame.eq(Cat(C(0, 1), self.i.payload, C(1, 1))),
                             left.eq(10), timer.eq(self.divisor - 1)]
        with m.Elif(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Else():
            m.d.sync += [timer.eq(self.divisor - 1), left.eq(left - 1)]
            m.d.sync += frame.eq(Cat(frame[1:], C(1, 1)))
        return m
