"""State port: reads and writes counter words from outside, a few bytes at a time."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from bep_model.protocol import state_bytes


def beat_bits(config, port_bytes):
    """Bits per transfer. The port is never wider than a counter word."""
    return 8 * min(port_bytes, state_bytes(config))


def state_signature(config, port_bytes=1):
    """The state port, seen from the requester.

    A ``request`` names a counter word and is held until all bytes of the word have passed, lowest
    first: at ``reply`` if the word is read, at ``data`` if it is written.
    """
    beat = beat_bits(config, port_bytes)
    return wiring.Signature({
        "request": Out(stream.Signature(data.StructLayout({
            "address": range(max(2, config.counter_depth)), "write": 1}))),
        "data": Out(stream.Signature(beat)),
        "reply": In(stream.Signature(beat)),
    })


def shift_signature(beat):
    """Control of the shift register, seen from the port.

    While ``open`` is high, the register holds the word of a request. With ``move`` its lowest
    ``beat`` bits leave, and ``enters`` comes in at the high end. ``leaves`` are the lowest bits.
    """
    return wiring.Signature({
        "open": Out(1), "move": Out(1), "enters": Out(beat), "leaves": In(beat)})


class StatePort(wiring.Component):
    """Controls the state port of an update engine, whose result registers are the shift register.

    Timing: see :class:`rtl.engines.update.Update`.

    Parameters
    ----------
    config : Config
    port_bytes : int
        Bytes per transfer.

    Members
    -------
    state : In(state_signature(config, port_bytes))
    enable : In(1)
        A request may begin.
    idle : In(1)
        The engine's pipeline is empty.
    answered : In(1)
        In the next clock, the register holds the word that was read.
    start, store : Out(1)
        Read a word; write the word in the register.
    shift : Out(shift_signature(8 * port_bytes))
    """

    def __init__(self, config, port_bytes=1):
        self.config = config
        self.port_bytes = port_bytes
        super().__init__({
            "state": In(state_signature(config, port_bytes)),
            "enable": In(1),
            "idle": In(1),
            "answered": In(1),
            "start": Out(1),
            "store": Out(1),
            "shift": Out(shift_signature(beat_bits(config, port_bytes))),
        })

    def elaborate(self, platform):
        m = Module()
        request, enters, leaves = self.state.request, self.state.data, self.state.reply
        opened, free, passed = (Signal(name=n) for n in ("opened", "free", "passed"))
        shifting, moving = self.shift.open, self.shift.move
        beats = -(-self.config.counter_lanes * self.config.counter_bits // len(enters.payload))
        left = Signal(range(beats))
        write = request.payload.write
        final = passed & (left == 0)
        m.d.comb += [
            self.start.eq(self.enable & request.valid & ~opened & self.idle),
            free.eq(request.valid & shifting & ~moving),
            enters.ready.eq(free & write),
            leaves.valid.eq(free & ~write),
            leaves.payload.eq(self.shift.leaves),
            passed.eq(free & Mux(write, enters.valid, leaves.ready)),
            request.ready.eq(final),
        ]
        m.d.sync += [
            opened.eq(request.valid & ~final & (opened | self.start)),
            shifting.eq(request.valid & ~final & (shifting | opened & self.answered)),
            moving.eq(passed),
            self.store.eq(final & write),
            self.shift.enters.eq(enters.payload),
        ]
        with m.If(self.start):
            m.d.sync += left.eq(beats - 1)
        with m.Elif(passed):
            m.d.sync += left.eq(left - 1)
        return m
