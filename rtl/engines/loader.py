"""Loader: stores the next sample while the present one is processed."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.parts.layouts import patch_layout, sample_layout
from rtl.parts.memory import activation_ports, slot_words


def loader_control(config):
    """How the sequencer drives :class:`Loader`. It may ``take`` a sample that is ``full``.

    ``length`` is T of the sequence that was taken last; it exists only in a recurrent network.
    """
    length = {"length": In(range(config.max_steps + 1))} if config.recurrent else {}
    return wiring.Signature({"full": In(1), "take": Out(1), **length})


class Loader(wiring.Component):
    """Writes the words of one sample into the next slot of the activation memory.

    The slots form a ring of max_batch + 1: the samples of a batch stay in their slots until the
    updates of the batch are applied, and one more slot takes the next sample.

    Timing
    ------
    One beat is taken per clock while ``full`` and ``block`` are low. ``full`` rises in the clock
    after the last beat. ``take`` hands the sample over: from the next clock on, ``slot`` and
    ``label`` are those of this sample, and the next sample is loaded.
    ``steps`` is used in the clock of the last word of every step.

    In a convolutional network it stores the patches that :class:`rtl.engines.patches.Patches` cuts
    out.

    Parameters
    ----------
    config : Config

    Members
    -------
    samples : In(stream.Signature(sample_layout(config)))
        In a convolutional network ``patch_layout(config)``.
    block : In(1)
        Another user may write the memory in this clock.
    control : In(loader_control(config))
    steps : In(range(T_max + 1))
        T of the sequence that is being loaded; only in a recurrent network.
    slot : Out(range(max_batch + 1))
    label : Out(ceil_log2(C))
        Label of the sample that was taken last.
    write : In(WritePort.Signature)
        Port of the activation memory for inputs.
    """

    def __init__(self, config):
        self.config = config
        sample = patch_layout(config) if config.convolutional else sample_layout(config)
        super().__init__({
            **({"steps": In(range(config.max_steps + 1))} if config.recurrent else {}),
            "samples": In(stream.Signature(sample)),
            "block": In(1),
            "control": In(loader_control(config)),
            "slot": Out(range(config.max_batch + 1)),
            "label": Out(sample.members["label"]),
            "write": In(activation_ports(config)[1]),
        })

    def elaborate(self, platform):
        m = Module()
        config, control, write = self.config, self.control, self.write
        offset = Signal(range(max(2, slot_words(config))))
        next_slot = Signal.like(self.slot)
        full = Signal()
        next_label = Signal.like(self.label)
        beat = Signal(range(config.input_words)) if config.recurrent else offset
        final = Const(1)
        if config.recurrent:
            step = Signal.like(self.steps)
            next_length = Signal.like(self.steps)
            final = step == self.steps - 1
        m.d.comb += [
            self.samples.ready.eq(~full & ~self.block),
            write.en.eq(self.samples.valid & self.samples.ready),
            write.addr.eq(Cat(offset, next_slot)),
            write.data.eq(self.samples.payload.data),
            control.full.eq(full),
        ]
        if config.convolutional:  # the patches say where they belong
            patch = self.samples.payload
            taken = self.samples.valid & self.samples.ready
            m.d.comb += [write.en.eq((taken & ~patch.last) << patch.part),
                         write.addr.eq(Cat(patch.offset, next_slot))]
            with m.If(taken & patch.last):
                m.d.sync += [full.eq(1), next_label.eq(patch.label)]
        else:
            with m.If(write.en):
                m.d.sync += [beat.eq(beat + 1), offset.eq(offset + 1)]
                with m.If(beat == config.input_words - 1):
                    m.d.sync += beat.eq(0)
                    if config.recurrent:
                        m.d.sync += [
                            step.eq(Mux(final, 0, step + 1)), next_length.eq(self.steps),
                            offset.eq(offset + 1 + config.network[0].words),
                        ]
                    with m.If(final):
                        m.d.sync += [offset.eq(0), full.eq(1),
                                     next_label.eq(self.samples.payload.label)]
        with m.If(control.take):
            m.d.sync += [
                full.eq(0),
                self.slot.eq(next_slot),
                self.label.eq(next_label),
                next_slot.eq(next_slot + 1),
            ]
            if config.recurrent:
                m.d.sync += control.length.eq(next_length)
            with m.If(next_slot == config.max_batch):
                m.d.sync += next_slot.eq(0)
        return m
