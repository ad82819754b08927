"""Result: keeps the result of a sample until it is taken."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.parts.layouts import result_layout

result_control = wiring.Signature({"give": Out(1), "training": Out(1), "free": In(1)})
"""How the sequencer drives :class:`Result`; ``give`` is high when classify is done."""


class Result(wiring.Component):
    """The register at the end of the result stream.

    Timing
    ------
    A result is at ``o`` from the clock after ``give`` until it is taken. ``give`` is allowed only
    if ``free`` was high in the clock in which the sample was taken; this guarantees room.

    Parameters
    ----------
    config : Config

    Members
    -------
    control : In(result_control)
        If ``training`` is low, ``triggered`` of the result is 0.
    i : In(result_layout(config))
    o : Out(stream.Signature(result_layout(config)))
    samples, errors, triggered : Out(1)
        Events: high in the clock of ``give``, if they apply to the sample.
    """

    def __init__(self, config):
        self.config = config
        layout = result_layout(config)
        super().__init__({
            "control": In(result_control),
            "i": In(layout),
            "o": Out(stream.Signature(layout)),
            "samples": Out(1),
            "errors": Out(1),
            "triggered": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        control, o = self.control, self.o
        triggered = self.i.triggered & control.training
        m.d.comb += [
            control.free.eq(~o.valid | o.ready),
            self.samples.eq(control.give),
            self.errors.eq(control.give & self.i.error),
            self.triggered.eq(control.give & triggered),
        ]
        with m.If(o.ready):
            m.d.sync += o.valid.eq(0)
        with m.If(control.give):
            m.d.sync += [o.valid.eq(1), o.payload.eq(self.i), o.payload.triggered.eq(triggered)]
        return m
