"""The transport over a serial port."""

from amaranth.hdl import Module
from amaranth.lib import io, stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.link.uart import Receiver, Transmitter, divisor


class Serial(wiring.Component):
    """Transfers bytes over resource ``uart`` 0 of an amaranth-boards platform.

    The format is 8 data bits, no parity, 1 stop bit.

    Timing: see :class:`rtl.link.uart.Receiver` and :class:`rtl.link.uart.Transmitter`.

    Parameters
    ----------
    baud : int
        Bits per second. It must suit the clock, see :func:`rtl.link.uart.divisor`, which raises
        ValueError when the design is elaborated.
    clock_hz : int, or None
        Frequency of domain ``sync``; None for the platform's default clock.

    Members
    -------
    rx : Out(stream.Signature(8))
        Bytes from the host. A byte is dropped if the previous one was not taken in time.
    tx : In(stream.Signature(8))
        Bytes to the host.
    """

    rx: Out(stream.Signature(8))
    tx: In(stream.Signature(8))

    def __init__(self, baud, clock_hz=None):
        self.baud = baud
        self.clock_hz = clock_hz
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        cycles = divisor(self.clock_hz or round(platform.default_clk_frequency), self.baud)
        m.submodules.receiver = receiver = Receiver(cycles)
        m.submodules.transmitter = transmitter = Transmitter(cycles)
        pins = platform.request("uart", 0, dir="-")
        m.submodules.rx_pin = rx_pin = io.Buffer("i", pins.rx)
        m.submodules.tx_pin = tx_pin = io.Buffer("o", pins.tx)
        m.d.comb += [receiver.i.eq(rx_pin.i), tx_pin.o.eq(transmitter.o)]
        wiring.connect(m, receiver.o, wiring.flipped(self.rx))
        wiring.connect(m, wiring.flipped(self.tx), transmitter.i)
        return m
