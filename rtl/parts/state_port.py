"""State port: how words of counters pass in and out, a few bytes at a time."""

from amaranth.hdl import Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from bep_model.protocol import state_bytes


def state_signature(config, port_bytes=1):
    """The state port, seen from who asks.

    A ``request`` names a counter word and is held until all its bytes have passed, lowest first:
    those of a word that is read at ``reply``, those of a word that is written at ``data``.
    """
    beat = 8 * min(port_bytes, state_bytes(config))
    return wiring.Signature({
        "request": Out(stream.Signature(data.StructLayout({
            "address": range(max(2, config.counter_depth)), "write": 1}))),
        "data": Out(stream.Signature(beat)),
        "reply": In(stream.Signature(beat)),
    })


def control(m, update, start, moving, store, working, beats):
    """Control the state port of an update engine, whose results are its shift register.

    Parameters
    ----------
    m : Module
        Of the engine.
    update : rtl.engines.update.Update
    start, moving, store : Signal(1)
        Driven here: read a word; the results shift by a beat, in the clock after one passed; write
        the results.
    working : Signal
        Which stages of the engine have a word.
    beats : int
        Beats per word.

    Returns
    -------
    (Signal(1), Signal)
        The results belong to the port; the beat that enters while they shift.
    """
    request, enters, leaves = update.state.request, update.state.data, update.state.reply
    opened, shifting, free, passed = (
        Signal(name=n) for n in ("opened", "shifting", "free", "passed"))
    left = Signal(range(beats))
    entering = Signal.like(enters.payload)
    write = request.payload.write
    final = passed & (left == 0)
    m.d.comb += [
        start.eq(update.access_enable & request.valid & ~opened & update.idle),
        free.eq(request.valid & shifting & ~moving),
        enters.ready.eq(free & write),
        leaves.valid.eq(free & ~write),
        passed.eq(free & Mux(write, enters.valid, leaves.ready)),
        request.ready.eq(final),
    ]
    m.d.sync += [
        opened.eq(request.valid & ~final & (opened | start)),
        shifting.eq(request.valid & ~final & (shifting | opened & working[-2])),
        moving.eq(passed),
        store.eq(final & write),
        entering.eq(enters.payload),
    ]
    with m.If(start):
        m.d.sync += left.eq(beats - 1)
    with m.Elif(passed):
        m.d.sync += left.eq(left - 1)
    return shifting, entering
