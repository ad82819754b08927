"""The sequencer: the one block that knows the order of the phases of a sample."""

from amaranth.hdl import Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from bep_model.protocol import Cause
from rtl.engines.backward import backward_control
from rtl.engines.classify import classify_control
from rtl.engines.forward import Receiver, forward_control
from rtl.engines.loader import loader_control
from rtl.engines.rates import rates_control
from rtl.engines.result import result_control
from rtl.engines.select import select_control
from rtl.engines.winners import winners_control
from rtl.jobs import Jobs
from rtl.parts.layouts import span_layout
from rtl.registers import parameters_signature

sample_control = wiring.Signature({
    "take": Out(1), "training": Out(1), "ready": In(1), "busy": In(1), "ended": In(1),
    "cause": In(Cause)})
"""How :class:`rtl.batches.Batches` drives :class:`Sequencer`.

``take`` starts the next sample, to train on it if ``training`` is high. It may be high only when
``ready`` is high and ``busy`` is low. ``ended`` is high in the last clock of a sample that was
trained; ``cause`` is the phase.
"""


class Sequencer(wiring.Component):
    """Takes each sample through forward, classify, backward and select: docs/algorithm.md, "Order".

    Timing
    ------
    A phase is started in the last clock of the previous phase, so that no clock is lost. The next
    sample does not wait for the last scan of select, that of layer 1: forward takes longer for the
    sample's own layer 1, and no other scan starts before that. In a recurrent or convolutional
    network the next sample does wait. In the latter the trigger is followed by a phase in which it
    is decided which layers are updated; backward ends at the lowest of them.

    Parameters
    ----------
    config : Config

    Members
    -------
    parameters : In(parameters_signature(config))
    control : In(sample_control)
    loader : Out(loader_control(config))
    forward : Out(forward_control(config))
    classify : Out(classify_control)
    result : Out(result_control)
    backward : Out(backward_control(config))
        Absent if there is only one layer.
    select : Out(select_control(config))
    winners : Out(winners_control)
        Winners of hidden layers are committed at once: only triggered samples have them.
    rates : Out(rates_control(config))
        Only in a convolutional network.
    step : Out(range(T_max))
    span : Out(span_layout(config))
        Both as in :class:`rtl.jobs.Jobs`, and only in a recurrent network.
    """

    def __init__(self, config):
        self.config = config
        super().__init__({
            "parameters": In(parameters_signature(config)),
            "control": In(sample_control),
            "loader": Out(loader_control(config)),
            "forward": Out(forward_control(config)),
            "classify": Out(classify_control),
            "result": Out(result_control),
            **({"backward": Out(backward_control(config))} if config.depth > 1 else {}),
            "select": Out(select_control(config)),
            "winners": Out(winners_control),
            **({"step": Out(range(max(2, config.max_steps))), "span": Out(span_layout(config))}
               if config.recurrent else {}),
            **({"rates": Out(rates_control(config))} if config.convolutional else {}),
        })

    def elaborate(self, platform):
        m = Module()
        config, control, forward, select = self.config, self.control, self.forward, self.select
        recurrent, convolutional, last = config.recurrent, config.convolutional, config.depth - 1
        layer = Signal(range(config.depth + 1))  # of the forward phase
        training = Signal()
        upcoming, target, earlier, newest, oldest = self._jobs(m)
        self._starts(m, layer, training, upcoming, target)
        m.d.comb += [
            control.ready.eq(self.loader.full & self.result.free),
            self.loader.take.eq(control.take),
            self.result.training.eq(training),
            self.winners.commit.eq(select.hidden),
            control.cause.eq(Cause.WAIT),
        ]
        with m.If(control.take):
            m.d.sync += training.eq(control.training)

        def begin_backward(layer):
            m.d.comb += [self.backward.start.eq(1), target.eq(layer)]
            m.next = "BACKWARD"

        def end_sample():
            m.d.comb += control.ended.eq(training)
            m.next = "IDLE"
            if config.voters:
                with m.If(training):
                    m.next = "SETTLE"

        with m.FSM() as fsm:
            with m.State("IDLE"):
                with m.If(control.take):
                    m.d.comb += forward.start.eq(1)
                    m.next = "FORWARD"

            with m.State("FORWARD"):
                m.d.comb += control.cause.eq(Cause.FORWARD)
                with m.If(~training):
                    m.d.comb += forward.receiver.eq(Receiver.NOBODY)
                with m.Elif(layer == last):
                    m.d.comb += forward.receiver.eq(Receiver.LAST)
                with m.Else():
                    m.d.comb += forward.receiver.eq(Receiver.HIDDEN)
                with m.If(newest | (layer != 0)):
                    m.d.comb += upcoming.eq(layer + 1)
                with m.If(forward.done):
                    m.d.comb += forward.start.eq(1)
                    with m.If(layer == last):
                        m.d.comb += self.classify.start.eq(1)
                        m.next = "CLASSIFY"

            with m.State("CLASSIFY"):
                m.d.comb += control.cause.eq(Cause.CLASSIFY)
                with m.If(self.classify.done):
                    m.d.comb += self.result.give.eq(1)
                    with m.If(training & self.classify.triggered):
                        m.d.comb += self.winners.commit.eq(not convolutional)
                        if convolutional:
                            m.d.comb += self.rates.start.eq(1)
                            m.next = "DECIDE"
                        elif last:
                            begin_backward(last - 1)
                        else:
                            end_sample()
                    with m.Else():
                        m.d.comb += self.winners.drop.eq(training)
                        end_sample()

            lowest = Const(0)
            if convolutional:
                lowest = self.rates.lowest
                m.d.comb += select.skip.eq(
                    select.hidden & ~self.rates.updated.bit_select(select.layer, 1))
                with m.State("DECIDE"):
                    m.d.comb += control.cause.eq(Cause.SELECT)
                    with m.If(self.rates.done):
                        m.d.comb += [self.winners.commit.eq(self.rates.updated[last]),
                                     self.winners.drop.eq(~self.rates.updated[last])]
                        with m.If(self.rates.updated[:last].any()):
                            begin_backward(last - 1)
                        with m.Else():
                            end_sample()

            if last:
                with m.State("BACKWARD"):
                    m.d.comb += control.cause.eq(Cause.BACKWARD)
                    with m.If(self.backward.done):
                        end_sample()
                        if recurrent or last > 1:
                            with m.If((select.layer != lowest) | ~oldest):
                                m.d.comb += control.ended.eq(0)
                                m.next = "COLLECT"

            if recurrent or last > 1:
                # The open rows of this layer, or step, must be known before they are read.
                with m.State("COLLECT"):
                    m.d.comb += control.cause.eq(Cause.SELECT)
                    with m.If(~select.busy):
                        begin_backward(0 if recurrent else select.layer - 1)
                        m.d.comb += earlier.eq(1)

            if config.voters:
                with m.State("SETTLE"):
                    m.d.comb += control.cause.eq(Cause.SELECT)
                    with m.If(~select.busy):
                        m.next = "IDLE"

            m.d.comb += control.busy.eq(~fsm.ongoing("IDLE"))
        return m

    def _jobs(self, m):
        """Look up the jobs. Return the signals that choose them, whether the present step is the
        last one, and whether it is the first one that gets targets.
        """
        config = self.config
        m.submodules.jobs = jobs = Jobs(config)
        connect(m, flipped(self.parameters), jobs.parameters)
        m.d.comb += [self.forward.job.eq(jobs.forward), self.select.job.eq(jobs.select)]
        if config.depth > 1:
            m.d.comb += self.backward.job.eq(jobs.backward)
        if not config.recurrent:
            return jobs.upcoming, jobs.target, Signal(), Const(1), Const(1)
        m.d.comb += [
            jobs.take.eq(self.control.take), jobs.begin.eq(self.forward.start),
            jobs.length.eq(self.loader.length), self.step.eq(jobs.step), self.span.eq(jobs.span),
        ]
        return (jobs.upcoming, jobs.target, jobs.earlier, jobs.select.newest, jobs.select.oldest)

    def _starts(self, m, layer, training, upcoming, target):
        """Start the last layer's scan with forward, and a hidden layer's scan with backward."""
        forward, select, last = self.forward, self.select, self.config.depth - 1
        hidden = self.backward.start if last else Const(0)
        if last:
            scanned = forward.done & (upcoming == last) & training
        else:
            scanned = self.control.take & self.control.training
        with m.If(forward.start):
            m.d.sync += layer.eq(upcoming)
        m.d.comb += target.eq(select.layer)
        with m.If(hidden):
            m.d.comb += select.start.eq(1)
        with m.Elif(scanned):
            m.d.comb += [select.start.eq(1), target.eq(last)]
        with m.If(select.start):
            m.d.sync += [select.layer.eq(target), select.hidden.eq(hidden)]
