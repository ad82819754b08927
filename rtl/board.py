"""The design of a board: a trainer and its link to the host, with a reset button and LEDs."""

from amaranth.hdl import ClockDomain, Module, ResetInserter, Signal
from amaranth.lib import io, wiring
from amaranth.lib.cdc import FFSynchronizer, ResetSynchronizer

from rtl.link.link import Link
from rtl.trainer import Trainer


class Board(wiring.Component):
    """A trainer that a host reaches through a transport, on an amaranth-boards platform.

    It has no ports: it requests resources of the platform. Optional ones are a button that resets
    everything, and LEDs that show ``Link.busy`` and ``Link.refused``.

    Timing: the board runs at ``clock_hz``. A packet is abandoned after one second of silence. Reset
    follows the button by two cycles, and ends two cycles after the PLL has locked.

    Parameters
    ----------
    config : Config
    prototypes : sequence of int
        As for :class:`rtl.trainer.Trainer`.
    transport : wiring.Component
        Carries bytes in domain ``sync``: member ``rx``, ``Out(stream.Signature(8))``, brings those
        from the host, and member ``tx``, ``In(stream.Signature(8))``, takes those to the host. It
        requests its own resources of the platform. One is :class:`rtl.link.serial.Serial`.
    store : wiring.Component, optional
        A sample store, with ``address_bits`` and member ``port``,
        ``In(store_signature(address_bits))``. It requests its own resources of the platform.
    clock_hz : number, optional
        Frequency of the clock, by default that of the platform's default clock.
    pll : rtl.pll.PLL, optional
        Makes the clock; without one it is the platform's default clock.
    single_port, registered : bool
        As for :class:`rtl.trainer.Trainer`.
    reset, busy, refused : tuple of (str, int), or None
        Names and numbers of the platform's resources for the button and the LEDs.
    """

    def __init__(self, config, prototypes, transport, *, store=None, clock_hz=None,
                 pll=None, single_port=False, registered=False, reset=None, busy=None,
                 refused=None):
        self.config = config
        self.prototypes = prototypes
        self.transport = transport
        self.store = store
        self.clock_hz = clock_hz
        self.pll = pll
        self.single_port = single_port
        self.registered = registered
        self.reset = reset
        self.busy = busy
        self.refused = refused
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        trainer = Trainer(self.config, self.prototypes, self.single_port, self.registered)
        transport, store = self.transport, self.store
        clock_hz = self.clock_hz or platform.default_clk_frequency
        link = Link(self.config, timeout=round(clock_hz),
                    store_bits=store and store.address_bits)

        if self.pll is not None:
            m.submodules.pll = self.pll
            m.domains.sync = sync = ClockDomain()
            m.d.comb += sync.clk.eq(self.pll.clk)
            m.submodules.locked = ResetSynchronizer(~self.pll.locked)
            platform.add_clock_constraint(self.pll.clk, float(clock_hz))
        blocks = {"trainer": trainer, "link": link, "transport": transport}
        if store is not None:
            blocks["store"] = store
        if self.reset:
            reset = Signal()
            m.submodules.button = button = io.Buffer("i", platform.request(*self.reset, dir="-"))
            m.submodules.reset_synchronizer = FFSynchronizer(button.i, reset)
            blocks = {name: ResetInserter(reset)(block) for name, block in blocks.items()}
        for name, block in blocks.items():
            m.submodules[name] = block

        wiring.connect(m, transport.rx, link.i)
        wiring.connect(m, link.o, transport.tx)
        if store is not None:
            wiring.connect(m, link.store, store.port)
        for port in ("bus", "samples", "results", "state"):
            wiring.connect(m, getattr(link, port), getattr(trainer, port))
        for name, resource in (("busy", self.busy), ("refused", self.refused)):
            if resource:
                m.submodules[f"led_{name}"] = led = io.Buffer(
                    "o", platform.request(*resource, dir="-"))
                m.d.comb += led.o.eq(getattr(link, name))
        return m
