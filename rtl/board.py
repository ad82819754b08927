"""The design of a board: clock, reset button, serial port, link and trainer."""

from amaranth.hdl import Elaboratable, Module, ResetInserter, Signal
from amaranth.lib import io, wiring
from amaranth.lib.cdc import FFSynchronizer

from rtl.link.link import Link
from rtl.link.uart import Receiver, Transmitter, divisor
from rtl.trainer import Trainer


class Board(Elaboratable):
    """A trainer at the serial port of an amaranth-boards platform.

    It runs at the platform's default clock and takes the resources ``uart`` 0 and, if they are
    named, a button that resets everything and LEDs that show ``Link.busy`` and ``Link.refused``.
    A packet is abandoned after one second of silence.

    Parameters
    ----------
    config : Config
    prototypes : sequence of int
        As for :class:`rtl.trainer.Trainer`.
    baud : int
        Bits per second of the serial port.
    single_port, registered : bool
        As for :class:`rtl.trainer.Trainer`.
    reset, busy, refused : tuple of (str, int), or None
        Name and number of the platform's resources: button and LEDs.
    """

    def __init__(self, config, prototypes, baud, *, single_port=False,
                 registered=False, reset=None, busy=None, refused=None):
        self.config = config
        self.prototypes = prototypes
        self.baud = baud
        self.single_port = single_port
        self.registered = registered
        self.reset = reset
        self.busy = busy
        self.refused = refused

    def elaborate(self, platform):
        m = Module()
        clock_hz = round(platform.default_clk_frequency)
        trainer = Trainer(self.config, self.prototypes, self.single_port, self.registered)
        link = Link(self.config, timeout=clock_hz)
        cycles = divisor(clock_hz, self.baud)
        receiver, transmitter = Receiver(cycles), Transmitter(cycles)

        reset = Signal()
        if self.reset:
            m.submodules.button = button = io.Buffer("i", platform.request(*self.reset, dir="-"))
            m.submodules.reset_synchronizer = FFSynchronizer(button.i, reset)
        for name, block in {"trainer": trainer, "link": link,
                            "receiver": receiver, "transmitter": transmitter}.items():
            m.submodules[name] = ResetInserter(reset)(block) if self.reset else block

        uart = platform.request("uart", 0, dir="-")
        m.submodules.rx = rx = io.Buffer("i", uart.rx)
        m.submodules.tx = tx = io.Buffer("o", uart.tx)
        m.d.comb += [receiver.i.eq(rx.i), tx.o.eq(transmitter.o)]
        wiring.connect(m, receiver.o, link.i)
        wiring.connect(m, link.o, transmitter.i)
        for port in ("bus", "samples", "results", "state"):
            wiring.connect(m, getattr(link, port), getattr(trainer, port))
        for name, resource in (("busy", self.busy), ("refused", self.refused)):
            if resource:
                m.submodules[f"led_{name}"] = led = io.Buffer(
                    "o", platform.request(*resource, dir="-"))
                m.d.comb += led.o.eq(getattr(link, name))
        return m
