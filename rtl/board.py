"""The design of a board: a trainer, or inference only, and its link to the host, button, LEDs."""

from amaranth.hdl import ClockDomain, ClockSignal, Module, ResetInserter, ResetSignal, Signal
from amaranth.lib import io, wiring
from amaranth.lib.cdc import FFSynchronizer

from rtl.inference import Inference
from rtl.link.link import Link
from rtl.trainer import Trainer


class Board(wiring.Component):
    """A trainer that a host reaches through a transport, on an amaranth-boards platform.

    It has no ports: it requests resources of the platform. Optional ones are a button that resets
    everything, and LEDs that show ``Link.busy`` and ``Link.refused``.

    Timing: the board runs at the platform's default clock, or at that of ``clock``. A packet is
    abandoned after one second of silence. Reset follows the button by two cycles.

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
        ``In(store_signature(address_bits))``. It requests its own resources of the platform. If
        it has an attribute ``program`` that is not None, the program at this address of the store
        is carried out after reset (docs/store.md).
    single_port, registered : bool
        As for :class:`rtl.trainer.Trainer`.
    reset, busy, refused : tuple of (str, int), or None
        Names and numbers of the platform's resources for the button and the LEDs.
    clock : rtl.clock.Clock, or None
        Drives domain ``sync``; None for the platform.
    window : int
        As for :class:`rtl.link.link.Link`.
    weights : sequence of int, or None
        As for :class:`rtl.inference.Inference`, which then takes the trainer's place.
    """

    def __init__(self, config, prototypes, transport, *, store=None, single_port=False,
                 registered=False, reset=None, busy=None, refused=None, clock=None, window=0,
                 weights=None):
        self.config = config
        self.prototypes = prototypes
        self.transport = transport
        self.store = store
        self.single_port = single_port
        self.registered = registered
        self.reset = reset
        self.busy = busy
        self.refused = refused
        self.clock = clock
        self.window = window
        self.weights = weights
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        training, core = self.weights is None, self._core()
        transport, store = self.transport, self.store
        hz = self.clock.hz if self.clock else round(platform.default_clk_frequency)
        link = Link(self.config, hz, counters=training, store_bits=store and store.address_bits,
                    program=getattr(store, "program", None), window=self.window)

        if self.clock:
            m.submodules.clock = self.clock
            m.domains.sync = ClockDomain()
            m.d.comb += [ClockSignal().eq(self.clock.clk), ResetSignal().eq(self.clock.rst)]
        blocks = {"trainer" if training else "inference": core, "link": link,
                  "transport": transport}
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
        for port in core.signature.members:
            wiring.connect(m, getattr(link, port), getattr(core, port))
        for name, resource in (("busy", self.busy), ("refused", self.refused)):
            if resource:
                m.submodules[f"led_{name}"] = led = io.Buffer(
                    "o", platform.request(*resource, dir="-"))
                m.d.comb += led.o.eq(getattr(link, name))
        return m

    def _core(self):
        """What works behind the link."""
        if self.weights is None:
            return Trainer(self.config, self.prototypes, self.single_port, self.registered)
        return Inference(self.config, self.prototypes, self.weights, self.registered)
