"""Jobs: turns the numbers of a layer and a step into jobs for the engines."""

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.parts.layouts import (
    backward_job_layout,
    forward_job_layout,
    select_job_layout,
    span_layout,
)
from rtl.parts.memory import slot_offsets
from rtl.parts.tables import lookup
from rtl.registers import parameters_signature


class Jobs(wiring.Component):
    """Looks up the job of each engine, and counts the steps of a sequence.

    Timing: combinational, except for the step counter.

    Parameters
    ----------
    config : Config

    Members
    -------
    parameters : In(parameters_signature(config))
    upcoming : In(range(L + 1))
        Layer that forward works on next: 0 for layer 1, L for the logits.
    target : In(range(L))
        Layer whose targets are computed.
    forward : Out(forward_job_layout(config))
    backward : Out(backward_job_layout(config))
    select : Out(select_job_layout(config))
    take : In(1)
        A sequence begins. This member and those below exist only in a recurrent network.
    begin : In(1)
        Forward begins with layer ``upcoming``.
    earlier : In(1)
        From now on the targets of the previous step are computed.
    length : In(range(T_max + 1))
        T of the sequence that was taken last.
    step : Out(range(T_max))
        Step that forward works on, or whose targets are computed; 0 for t = 1.
    span : Out(span_layout(config))
        The steps that get targets.
    """

    def __init__(self, config):
        self.config = config
        through_time = {
            "take": In(1), "begin": In(1), "earlier": In(1),
            "length": In(range(config.max_steps + 1)), "step": Out(range(max(2, config.max_steps))),
            "span": Out(span_layout(config)),
        }
        super().__init__({
            "parameters": In(parameters_signature(config)),
            "upcoming": In(range(config.depth + 1)),
            "target": In(range(config.depth)),
            "forward": Out(forward_job_layout(config)),
            "backward": Out(backward_job_layout(config)),
            "select": Out(select_job_layout(config)),
            **(through_time if config.recurrent else {}),
        })

    def elaborate(self, platform):
        m = Module()
        config, upcoming, target = self.config, self.upcoming, self.target
        layers, offsets = config.network, slot_offsets(config)
        words, outputs = ([getattr(layer, name) for layer in layers]
                          for name in ("words", "outputs"))

        def of_layer(name):
            return Array(getattr(self.parameters, f"{name}_{l}")
                         for l in range(1, config.depth + 1))

        m.d.comb += [
            self.forward.rows.eq(lookup(upcoming, [*config.layers, config.classes])),
            self.forward.words.eq(lookup(upcoming, [*config.row_words, words[-1]])),
            self.forward.address.eq(lookup(upcoming, config.bases)),
            self.forward.source.eq(lookup(upcoming, offsets[:-1])),
            self.forward.target.eq(lookup(upcoming, offsets[1:-1])),
            self.forward.fan_in.eq(lookup(
                upcoming, [*(layer.fan_in for layer in layers), config.layers[-1]])),
            self.forward.gate.eq(of_layer("gate")[upcoming]),
            self.backward.columns.eq(lookup(target, outputs)),
            self.backward.words.eq(lookup(target, words)),
            self.select.rows.eq(lookup(target, outputs)),
            self.select.group.eq(of_layer("group")[target]),
            self.select.address.eq(lookup(target, config.bases[:-1])),
            self.select.words.eq(lookup(target, config.row_words)),
            self.select.neuron.eq(lookup(
                target, [sum(outputs[:l]) for l in range(max(1, config.depth - 1))])),
        ]
        if config.convolutional:
            m.d.comb += [
                self.forward.windows.eq(upcoming == 0),
                self.forward.words.eq(lookup(
                    upcoming, [layers[0].cell_words, *config.row_words[1:], words[-1]])),
                self.forward.outputs.eq(lookup(upcoming, [*outputs, config.classes])),
            ]
        if config.stable:
            m.d.comb += self.forward.stability.eq(of_layer("stability")[upcoming])
        if config.recurrent:
            self._through_time(m)
        return m

    def _through_time(self, m):
        """Count the steps of a sequence and complete the jobs of the state layer with them."""
        config, job, upcoming, span = self.config, self.forward, self.upcoming, self.span
        words, stride = config.input_words, config.row_words[0]
        output = (config.max_steps + 1) * stride  # offset of its activations, after all blocks
        block = Signal.like(job.source)
        following = Signal.like(job.source)
        neuron = Signal.like(self.select.neuron)
        m.d.comb += [
            span.length.eq(self.length),
            span.oldest.eq(Mux(self.length > self.parameters.horizon,
                               self.length - self.parameters.horizon, 0)),
            following.eq(Mux(self.take, 0, block + stride)),
            self.select.neuron.eq(neuron),
            self.select.newest.eq(self.step == self.length - 1),
            self.select.oldest.eq(self.step == span.oldest),
        ]
        with m.Switch(upcoming):
            with m.Case(0):
                m.d.comb += [job.source.eq(following), job.target.eq(following + stride + words)]
                with m.If(self.take):  # there is no state yet
                    m.d.comb += [job.words.eq(words), job.skip.eq(stride - words),
                                 job.fan_in.eq(config.inputs)]
            with m.Case(1):
                m.d.comb += [job.source.eq(following + words), job.target.eq(output)]
            with m.Default():
                m.d.comb += job.source.eq(output)
        with m.If(self.begin & (upcoming == 0)):
            m.d.sync += [
                block.eq(following), self.step.eq(Mux(self.take, 0, self.step + 1)),
                neuron.eq(Mux(self.take, 0, neuron + config.layers[0])),
            ]
        with m.If(self.earlier):
            m.d.comb += [self.backward.first.eq(words),
                         self.select.neuron.eq(neuron - config.layers[0])]
            m.d.sync += [self.step.eq(self.step - 1), neuron.eq(neuron - config.layers[0])]
