"""Loader: the next sample, taken in while the present one is trained."""

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from rtl.parts.memory import slot_words


def sample_layout(config):
    """One beat of a sample: P input bits, lowest word first; the label counts on the last beat.

    A sequence sends the words of one step after those of another.
    """
    return data.StructLayout({"data": config.weight_lanes, "label": ceil_log2(config.classes)})


class Loader(wiring.Component):
    """Writes the words of one sample into the next slot of the activation memory.

    The slots form a ring of max_batch + 1: the samples of a batch stay where they are until its
    updates are applied, and one slot more takes the next sample.

    Timing
    ------
    One beat per clock while no sample is ``full`` and ``block`` is low. ``full`` rises in the clock
    after the last beat. ``take`` hands the sample over: from the next clock on ``slot`` and
    ``label`` are its own, and the next one is loaded.
    ``steps`` is looked at with the last word of every step.

    Parameters
    ----------
    config : Config

    Members
    -------
    samples : In(stream.Signature(sample_layout(config)))
    block : In(1)
        The memory may be written by someone else in this clock.
    full : Out(1)
    take : In(1)
    steps : In(range(T_max + 1))
        T of the sequence that is loaded; only of a recurrent network.
    length : Out(range(T_max + 1))
        T of the sequence taken last; likewise.
    slot : Out(range(max_batch + 1))
    label : Out(ceil_log2(C))
        Of the sample taken last.
    write_enable : Out(1)
    write_offset : Out(range(words per slot))
    write_slot : Out(range(max_batch + 1))
    write_data : Out(P)
    """

    def __init__(self, config):
        self.config = config
        sample = sample_layout(config)
        steps = range(config.max_steps + 1)
        super().__init__({
            **({"steps": In(steps), "length": Out(steps)} if config.recurrent else {}),
            "samples": In(stream.Signature(sample)),
            "block": In(1),
            "full": Out(1),
            "take": In(1),
            "slot": Out(range(config.max_batch + 1)),
            "label": Out(sample.members["label"]),
            "write_enable": Out(1),
            "write_offset": Out(range(max(2, slot_words(config)))),
            "write_slot": Out(range(config.max_batch + 1)),
            "write_data": Out(config.weight_lanes),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        next_label = Signal.like(self.label)
        beat = Signal(range(config.input_words)) if config.recurrent else self.write_offset
        final = Const(1)
        if config.recurrent:
            step, next_length = Signal.like(self.steps), Signal.like(self.steps)
            final = step == self.steps - 1
        m.d.comb += [
            self.samples.ready.eq(~self.full & ~self.block),
            self.write_enable.eq(self.samples.valid & self.samples.ready),
            self.write_data.eq(self.samples.payload.data),
        ]
        with m.If(self.write_enable):
            m.d.sync += [beat.eq(beat + 1), self.write_offset.eq(self.write_offset + 1)]
            with m.If(beat == config.input_words - 1):
                m.d.sync += beat.eq(0)
                if config.recurrent:
                    m.d.sync += [
                        step.eq(Mux(final, 0, step + 1)), next_length.eq(self.steps),
                        self.write_offset.eq(self.write_offset + 1 + config.network[0].words),
                    ]
                with m.If(final):
                    m.d.sync += [self.write_offset.eq(0), self.full.eq(1),
                                 next_label.eq(self.samples.payload.label)]
        with m.If(self.take):
            m.d.sync += [
                self.full.eq(0),
                self.slot.eq(self.write_slot),
                self.label.eq(next_label),
                self.write_slot.eq(self.write_slot + 1),
            ]
            if config.recurrent:
                m.d.sync += self.length.eq(next_length)
            with m.If(self.write_slot == config.max_batch):
                m.d.sync += self.write_slot.eq(0)
        return m
