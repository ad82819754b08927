"""Inference only: the engines that infer, with weights that never change."""

from dataclasses import replace

from amaranth.hdl import Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from bep_model.config import NUMERICS_VERSION
from bep_model.protocol import INFERENCE
from bep_model.registers import registers
from rtl.cycles import inference
from rtl.engines.classify import Classify
from rtl.engines.forward import Forward, Receiver
from rtl.engines.loader import Loader
from rtl.engines.patches import Patches
from rtl.engines.result import Result
from rtl.engines.thresholds import Thresholds
from rtl.jobs import Jobs
from rtl.parts.arbiter import ReadRegisters
from rtl.parts.layouts import result_layout, sample_layout
from rtl.parts.memory import ActivationMemory, SignPlane, checked
from rtl.registers import Bus


class Inference(wiring.Component):
    """Infers as a trainer of the same configuration does with the same weights, bit for bit:
    ``bep_model.network.Network.predict``.

    It has neither counters nor anything that changes weights, and of the registers only IDENT
    (``protocol.INFERENCE``), VERSION, DIGEST, STATUS and, if the network is recurrent, STEPS. Other
    registers read as 0, and a write to them has no effect.

    Timing
    ------
    Samples are taken at any time; the next one may be loaded while one is processed. Each sample
    gives one result, in order; a result that is not taken holds up the next sample. A sample takes
    ``cycles()`` clocks, and one more passes before the next. Reset forgets a sample and sets STEPS
    to 0.

    Parameters
    ----------
    config : Config
        Of the trainer, whose digest register DIGEST shows.
    prototypes : sequence of int
        As for :class:`rtl.trainer.Trainer`.
    weights : sequence of int
        The sign plane without the prototypes, ``bases[-1]`` words of P bits: a bit is 1 for a
        weight of +1, and in padding. Then the thresholds of filters, if there are any.
    registered : bool
        Data that are read pass through registers: a higher clock rate, one clock more per phase.

    Members
    -------
    bus : In(Bus)
    samples : In(stream.Signature(sample_layout(config)))
    results : Out(stream.Signature(result_layout(config)))
        All three as for a trainer; ``triggered`` is 0.

    Raises
    ------
    ValueError
        If prototypes or weights do not have the number or the bits that the configuration says.
    """

    def __init__(self, config, prototypes, weights, registered=False):
        self.config = config
        self.prototypes = checked(config, prototypes)
        words, filters = config.bases[-1], sum(config.filters)
        if len(weights) != words + filters:
            raise ValueError(f"weights must have {words + filters} words, not {len(weights)}")
        self.weights, self.thresholds = tuple(weights[:words]), tuple(weights[words:])
        for address, word in enumerate(self.weights):
            if not 0 <= word < 1 << config.weight_lanes:
                raise ValueError(f"weights[{address}] must have {config.weight_lanes} bits, "
                                 f"not {word:#x}")
        self.registered = registered
        # One slot for the sample that is processed, one for the next; no stability to compare with.
        self.lean = replace(config, max_batch=1, stable=False)
        self.forward = Forward(self.lean, SignPlane.latency + registered)
        super().__init__({
            "bus": In(Bus),
            "samples": In(stream.Signature(sample_layout(config))),
            "results": Out(stream.Signature(result_layout(config))),
        })

    def cycles(self, steps=None):
        """Clocks of one sample; of a sequence of ``steps`` steps, by default T_max."""
        first = steps or max(1, self.config.max_steps)
        return inference(self.lean, self.forward, [first] + [1] * (self.config.depth - 1)).total()

    def elaborate(self, platform):
        m = Module()
        config = self.lean
        m.submodules.loader = loader = Loader(config)
        m.submodules.forward = forward = self.forward
        m.submodules.classify = classify = Classify(config)
        m.submodules.result = result = Result(config)
        m.submodules.jobs = jobs = Jobs(config)
        if config.convolutional:
            m.submodules.patches = patches = Patches(config)
            m.submodules.thresholds = thresholds = Thresholds(config, self.thresholds)
            connect(m, flipped(self.samples), patches.samples)
            connect(m, patches.o, loader.samples)
            connect(m, thresholds.bounds, forward.bounds)
        else:
            connect(m, flipped(self.samples), loader.samples)
        connect(m, forward.logits, classify.logits)
        connect(m, result.o, flipped(self.results))
        m.d.comb += [
            # Early, and high whenever neurons are written; but filters give totals all the time.
            loader.block.eq(forward.neurons.en if config.convolutional else forward.total.valid),
            forward.slot.eq(loader.slot),
            forward.control.job.eq(jobs.forward),
            classify.label.eq(loader.label),
            result.i.eq(classify.result),
        ]
        busy = self._sequence(m, loader.control, jobs, forward.control, classify.control,
                              result.control)
        self._registers(m, busy, loader)
        self._memories(m, loader)
        return m

    def _sequence(self, m, loader, jobs, forward, classify, result):
        """Take each sample through forward and classify. Return whether one is processed."""
        config = self.config
        last = config.depth - 1
        layer = Signal(range(config.depth + 1))  # of the forward phase
        newest = Const(1)
        if config.recurrent:
            newest = jobs.select.newest
            m.d.comb += [jobs.take.eq(loader.take), jobs.begin.eq(forward.start),
                         jobs.length.eq(loader.length)]
        with m.If(forward.start):
            m.d.sync += layer.eq(jobs.upcoming)
        with m.FSM() as fsm:
            with m.State("IDLE"):
                with m.If(loader.full & result.free):
                    m.d.comb += [loader.take.eq(1), forward.start.eq(1)]
                    m.next = "FORWARD"
            with m.State("FORWARD"):
                m.d.comb += [forward.receiver.eq(Receiver.NOBODY), forward.start.eq(forward.done)]
                with m.If(newest | (layer != 0)):
                    m.d.comb += jobs.upcoming.eq(layer + 1)
                with m.If(forward.done & (layer == last)):
                    m.d.comb += classify.start.eq(1)
                    m.next = "CLASSIFY"
            with m.State("CLASSIFY"):
                with m.If(classify.done):
                    m.d.comb += result.give.eq(1)
                    m.next = "IDLE"
        return ~fsm.ongoing("IDLE")

    def _registers(self, m, busy, loader):
        """The registers: what this is, whether it is busy, and the steps of a sequence."""
        bus, table = self.bus, registers(self.config)
        values = {"IDENT": INFERENCE, "VERSION": NUMERICS_VERSION,
                  "DIGEST": self.config.identifier, "STATUS": busy}
        with m.Switch(bus.address):
            for name, value in values.items():
                with m.Case(table[name].address):
                    m.d.sync += bus.read_data.eq(value)
            with m.Default():
                m.d.sync += bus.read_data.eq(0)
        if self.config.recurrent:
            steps = Signal.like(loader.steps)
            m.d.comb += loader.steps.eq(steps)
            with m.If(bus.write & (bus.address == table["STEPS"].address)):
                m.d.sync += steps.eq(bus.write_data)

    def _memories(self, m, loader):
        """Weights and activations, registers behind them, and the engines at their ports."""
        forward = self.forward
        m.submodules.signs = signs = SignPlane(self.lean, self.prototypes, self.weights)
        m.submodules.activations = activations = ActivationMemory(self.lean)
        connect(m, loader.write, activations.inputs)
        connect(m, forward.neurons, activations.neurons)
        for name, memory, reader in (("signs_data", signs, forward.signs),
                                     ("activations_data", activations, forward.activations)):
            m.submodules[name] = registers_ = ReadRegisters(
                memory.read.signature, before=0, after=int(self.registered))
            connect(m, registers_.port, memory.read)
            connect(m, reader, registers_.reader)
