"""Classify: prediction, error and trigger from the logits as they arrive."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.parts.layouts import forward_job_layout, result_layout

classify_control = wiring.Signature({"start": Out(1), "done": In(1), "triggered": In(1)})
"""How the sequencer drives :class:`Classify`; ``triggered`` is that of the result."""


class Classify(wiring.Component):
    """Largest logit, error and trigger of one sample: ``bep_model.phases.classify``.

    A logit is y = 2n - K_L, where n is the popcount of a prototype's row. The prediction is the
    class with the largest logit, the lowest class on a tie. The sample is triggered if and only if
    y_label - max of the other logits < margin (Eq. 1).

    Timing
    ------
    Classify takes one logit per clock, from the clock after ``start`` on, class 0 first. ``done``
    is high for one clock, ``latency`` clocks after the last logit; ``result`` is valid from then
    until the last logit of the next sample.

    Parameters
    ----------
    config : Config

    Members
    -------
    control : In(classify_control)
    label : In(ceil_log2(C))
        Steady from ``start`` to ``done``.
    margin : In(signed(...))
        M, steady from ``start`` to ``done``.
    logits : In(stream.Signature(range(F + 1), always_ready=True))
        Popcount of the row of the next class.
    result : Out(result_layout(config))
        ``triggered`` depends on the margin only, not on whether the sample is for training.
    """

    latency = 2

    def __init__(self, config):
        self.config = config
        result = result_layout(config)
        super().__init__({
            "control": In(classify_control),
            "label": In(result.members["prediction"]),
            "margin": In(margin_shape(config)),
            "logits": In(stream.Signature(
                forward_job_layout(config).members["fan_in"], always_ready=True)),
            "result": Out(result),
        })

    def elaborate(self, platform):
        m = Module()
        control, valid = self.control, self.logits.valid
        total = self.logits.payload[:self.config.layers[-1].bit_length()]
        index = Signal.like(self.label)
        best, own, other = (Signal(len(total), name=name) for name in ("best", "own", "other"))
        winner = Signal.like(self.label)
        finished = Signal()
        with m.If(valid):
            m.d.sync += index.eq(index + 1)
            with m.If((index == 0) | (total > best)):
                m.d.sync += [best.eq(total), winner.eq(index)]
            with m.If(index == self.label):
                m.d.sync += own.eq(total)
            with m.Elif(total > other):
                m.d.sync += other.eq(total)
        with m.If(control.start):
            m.d.sync += [index.eq(0), other.eq(0)]

        last = valid & (index == self.config.classes - 1)
        m.d.comb += control.triggered.eq(self.result.triggered)
        m.d.sync += [finished.eq(last), control.done.eq(finished)]
        with m.If(finished):
            m.d.sync += [
                self.result.prediction.eq(winner),
                self.result.error.eq(winner != self.label),
                self.result.triggered.eq(((own - other) << 1) < self.margin),
            ]
        return m


def margin_shape(config):
    """Shape of M: the range of a difference of two logits, -2 K_L..2 K_L."""
    return data.Shape.cast(range(-2 * config.layers[-1], 2 * config.layers[-1] + 1))
