"""The transport over a USB plug of the FPGA's own: a serial port of class CDC-ACM."""

from types import SimpleNamespace

from amaranth.hdl import ClockDomain, ClockSignal, Module, ResetInserter, ResetSignal, Signal
from amaranth.lib import io, stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.fifo import AsyncFIFO
from amaranth.lib.wiring import In, Out
from luna.gateware.usb.devices.acm import ACMRequestHandlers, USBSerialDevice
from luna.gateware.usb.usb2.device import USBDevice
from luna.gateware.usb.usb2.endpoints.stream import USBStreamInEndpoint, USBStreamOutEndpoint
from luna.gateware.usb.usb2.request import StallOnlyRequestHandler
from usb_protocol.types import USBRequestType

PACKET = 64
"""Most bytes of a bulk packet at full speed."""
STATUS, DATA = 3, 4
"""Numbers of the endpoints, as the descriptors of ``USBSerialDevice`` have them."""
PATIENCE = 512
"""Clock cycles of 12 MHz, 43 us, for which the last byte waits for another one. Results of samples
that are sent back to back then share packets."""
RESTART = 128
"""Clock cycles of ``sync`` for which reset is lengthened: several of 12 MHz."""


class StatusEndpoint(USBStreamInEndpoint):
    """The endpoint for events of the port, of which there are none.

    LUNA names endpoints by their class, and two of one class by their place in memory, so that the
    design would never be the same twice.
    """


class Device(USBSerialDevice):
    """LUNA's serial port, which begins anew with every reset of the bus.

    LUNA's own only forgets its address then, and would take the first packet for one that it has
    already.
    """

    def elaborate(self, platform):
        m = Module()
        device = USBDevice(bus=self._bus)
        control = device.add_standard_control_endpoint(self.create_descriptors())
        control.add_request_handler(ACMRequestHandlers())
        control.add_request_handler(StallOnlyRequestHandler(
            lambda setup: (setup.type == USBRequestType.VENDOR)
            | (setup.type == USBRequestType.RESERVED)))
        incoming = USBStreamOutEndpoint(endpoint_number=DATA, max_packet_size=PACKET)
        outgoing = USBStreamInEndpoint(endpoint_number=DATA, max_packet_size=PACKET)
        for endpoint in (StatusEndpoint(endpoint_number=STATUS, max_packet_size=PACKET),
                         incoming, outgoing):
            device.add_endpoint(endpoint)
        m.submodules.device = ResetInserter({"usb": device.reset_detected})(device)
        m.d.comb += [
            device.connect.eq(self.connect),
            self.rx.stream_eq(incoming.stream),
            outgoing.stream.stream_eq(self.tx),
        ]
        return m


class Usb(wiring.Component):
    """Transfers bytes over a plug of an amaranth-boards platform (``DirectUSBResource``).

    It is a full-speed device (12 Mbit/s) made of LUNA, which a host sees as a serial port. The rate
    and format that the host sets mean nothing.

    Timing: bytes arrive in packets of at most 64 and leave likewise: when 64 have come together, or
    :data:`PATIENCE` after the last one. Reset takes the device from the bus, so that the host loses
    the port. A reset by the host drops bytes in packets under way.

    Constraints: domain ``sync`` takes and brings a byte every 8 cycles of 12 MHz or less often.

    Parameters
    ----------
    clock : wiring.Component
        Members ``clk``, ``quarter`` and ``rst``: 48 MHz within 0.25 %, a quarter of that in phase
        with it, and a reset, see :class:`rtl.clock.Clock`.
    vendor, product : int
        What the host knows the device by.
    plug : tuple of (str, int)
        Name and number of the platform's resource.

    Members
    -------
    rx : Out(stream.Signature(8))
        Bytes from the host, which waits until they are taken.
    tx : In(stream.Signature(8))
        Bytes to the host.
    """

    rx: Out(stream.Signature(8))
    tx: In(stream.Signature(8))

    def __init__(self, clock, vendor, product, plug=("usb", 0)):
        self.clock = clock
        self.vendor = vendor
        self.product = product
        self.plug = plug
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.submodules.clock = self.clock
        m.domains.usb_io = ClockDomain()
        m.domains.usb = ClockDomain()

        # The reset of ``sync`` by a button reaches the other domains as a low level of ``alive``.
        timer, alive, attached = Signal(range(RESTART)), Signal(), Signal()
        with m.If(timer != RESTART - 1):
            m.d.sync += timer.eq(timer + 1)
        with m.Else():
            m.d.sync += alive.eq(1)
        m.domains.bare = ClockDomain(reset_less=True, local=True)
        m.submodules.alive_synchronizer = FFSynchronizer(alive, attached, o_domain="bare")
        m.d.comb += [
            ClockSignal("usb_io").eq(self.clock.clk),
            ClockSignal("usb").eq(self.clock.quarter),
            ClockSignal("bare").eq(self.clock.quarter),
            ResetSignal("usb_io").eq(self.clock.rst),
            ResetSignal("usb").eq(self.clock.rst | ~attached),
        ]

        pins = platform.request(*self.plug, dir="-")
        m.submodules.d_p = d_p = io.Buffer("io", pins.d_p)
        m.submodules.d_n = d_n = io.Buffer("io", pins.d_n)
        m.submodules.pullup = pullup = io.Buffer("o", pins.pullup)
        m.submodules.device = device = Device(
            bus=SimpleNamespace(d_p=d_p, d_n=d_n, pullup=pullup),
            idVendor=self.vendor, idProduct=self.product, manufacturer_string="BEP",
            product_string="BEP trainer", max_packet_size=PACKET)
        incoming, outgoing = device.rx, device.tx
        m.d.comb += device.connect.eq(attached)

        m.submodules.received = received = AsyncFIFO(
            width=8, depth=16, w_domain="usb", r_domain="sync")
        m.submodules.sent = sent = AsyncFIFO(
            width=8, depth=16, w_domain="sync", r_domain="usb")
        m.d.comb += [
            received.w_data.eq(incoming.payload),
            received.w_en.eq(incoming.valid),
            incoming.ready.eq(received.w_rdy),
            self.rx.payload.eq(received.r_data),
            self.rx.valid.eq(received.r_rdy & alive),
            received.r_en.eq(self.rx.ready & alive),
            sent.w_data.eq(self.tx.payload),
            sent.w_en.eq(self.tx.valid & alive),
            self.tx.ready.eq(sent.w_rdy & alive),
        ]
        # A byte goes on when the next one has come, or as the last one when none comes: the host
        # waits for more after a full packet, unless it was the last, which an empty one then tells.
        byte, held, wait = Signal(8), Signal(), Signal(range(PATIENCE))
        late = wait == PATIENCE - 1
        m.d.comb += [
            outgoing.payload.eq(byte),
            outgoing.last.eq(~sent.r_rdy),
            outgoing.valid.eq(held & (sent.r_rdy | late)),
            sent.r_en.eq(~held | outgoing.valid & outgoing.ready),
        ]
        with m.If(sent.r_en):
            m.d.usb += [byte.eq(sent.r_data), held.eq(sent.r_rdy), wait.eq(0)]
        with m.Elif(~late):
            m.d.usb += wait.eq(wait + 1)
        return m
