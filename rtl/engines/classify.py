"""Classify: prediction, error and trigger from the logits as they arrive."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2


def result_layout(config):
    """What the trainer reports of a sample."""
    return data.StructLayout({
        "prediction": ceil_log2(config.classes),
        "error": 1,
        "triggered": 1,
    })


class Classify(wiring.Component):
    """Largest logit, error and trigger of one sample: ``bep_model.phases.classify``.

    A logit is y = 2n - K_L, n being the popcount of a prototype's row. The prediction is the
    largest logit, the lowest class on a tie; the sample is triggered iff
    y_label - max of the other logits < margin (Eq. 1).

    Timing
    ------
    Takes one logit per clock, from the clock after ``start`` on, class 0 first. ``done`` is high
    for one clock, ``latency`` clocks after the last logit; ``result`` is valid from then until the
    last logit of the next sample.

    Parameters
    ----------
    config : Config

    Members
    -------
    start : In(1)
    label : In(ceil_log2(C))
        Steady from ``start`` to ``done``.
    margin : In(signed(...))
        M; steady likewise.
    total : In(range(K_L + 1))
        Popcount of the row of the next class.
    total_valid : In(1)
    done : Out(1)
    result : Out(result_layout(config))
        ``triggered`` tells the margin alone; whether to train is for others to know.
    """

    latency = 2

    def __init__(self, config):
        self.config = config
        result = result_layout(config)
        super().__init__({
            "start": In(1),
            "label": In(result.members["prediction"]),
            "margin": In(margin_shape(config)),
            "total": In(range(config.layers[-1] + 1)),
            "total_valid": In(1),
            "done": Out(1),
            "result": Out(result),
        })

    def elaborate(self, platform):
        m = Module()
        index = Signal.like(self.label)
        best, own, other = (Signal.like(self.total, name=name) for name in ("best", "own", "other"))
        winner = Signal.like(self.label)
        finished = Signal()
        with m.If(self.total_valid):
            m.d.sync += index.eq(index + 1)
            with m.If((index == 0) | (self.total > best)):
                m.d.sync += [best.eq(self.total), winner.eq(index)]
            with m.If(index == self.label):
                m.d.sync += own.eq(self.total)
            with m.Elif(self.total > other):
                m.d.sync += other.eq(self.total)
        with m.If(self.start):
            m.d.sync += [index.eq(0), other.eq(0)]

        last = self.total_valid & (index == self.config.classes - 1)
        m.d.sync += [finished.eq(last), self.done.eq(finished)]
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
