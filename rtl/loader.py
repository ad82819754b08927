"""Loader: the next sample, taken in while the present one is trained."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2


def sample_layout(config):
    """One beat of a sample: P input bits, lowest word first; the label counts on the last beat."""
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

    Parameters
    ----------
    config : Config

    Members
    -------
    samples : In(stream.Signature(sample_layout(config)))
    block : In(1)
        The memory is being written by someone else.
    full : Out(1)
    take : In(1)
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
        super().__init__({
            "samples": In(stream.Signature(sample)),
            "block": In(1),
            "full": Out(1),
            "take": In(1),
            "slot": Out(range(config.max_batch + 1)),
            "label": Out(sample.members["label"]),
            "write_enable": Out(1),
            "write_offset": Out(range(max(2, sum(config.words)))),
            "write_slot": Out(range(config.max_batch + 1)),
            "write_data": Out(config.weight_lanes),
        })

    def elaborate(self, platform):
        m = Module()
        next_label = Signal.like(self.label)
        m.d.comb += [
            self.samples.ready.eq(~self.full & ~self.block),
            self.write_enable.eq(self.samples.valid & self.samples.ready),
            self.write_data.eq(self.samples.payload.data),
        ]
        with m.If(self.write_enable):
            m.d.sync += self.write_offset.eq(self.write_offset + 1)
            with m.If(self.write_offset == self.config.words[0] - 1):
                m.d.sync += [self.write_offset.eq(0), self.full.eq(1),
                             next_label.eq(self.samples.payload.label)]
        with m.If(self.take):
            m.d.sync += [
                self.full.eq(0),
                self.slot.eq(self.write_slot),
                self.label.eq(next_label),
                self.write_slot.eq(self.write_slot + 1),
            ]
            with m.If(self.write_slot == self.config.max_batch):
                m.d.sync += self.write_slot.eq(0)
        return m
