"""The trainer: all engines, their memories, and the sequencer that drives them."""

from amaranth.hdl import Array, Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.batches import Batches
from rtl.engines.backward import Backward
from rtl.engines.classify import Classify
from rtl.engines.forward import Forward
from rtl.engines.loader import Loader
from rtl.engines.open_rows import OpenRows
from rtl.engines.patches import Patches
from rtl.engines.prototype import Prototype
from rtl.engines.random import Bank
from rtl.engines.rates import Rates
from rtl.engines.reinforce import Reinforce
from rtl.engines.result import Result
from rtl.engines.select import Neurons, Select
from rtl.engines.thresholds import Thresholds
from rtl.engines.update import Update
from rtl.engines.votes import Votes
from rtl.engines.winners import Winners
from rtl.memories import Memories
from rtl.parts.choice import Choice
from rtl.parts.layouts import result_layout, sample_layout, winner_layout
from rtl.parts.memory import checked
from rtl.parts.state_port import state_signature
from rtl.registers import Bus, Registers
from rtl.sequencer import Sequencer


class Trainer(wiring.Component):
    """Trains and infers a binary network by BEP: ``bep_model.network.Network``, bit for bit.

    Timing
    ------
    Samples are taken while MODE is not idle; the next one may be loaded while one is processed.
    Each sample gives one result, in order; a result that is not taken holds up the next sample.
    Commands and the state port are served between samples. A value written to RANDOM takes effect
    one clock later than one written to another register; do not read RANDOM in the clock after,
    nor THRESHOLD in the clock after FILTER was written.
    After configuration the mode is idle, and the generators of the random bank hold 1, 2, 3, ...
    Counters are 0, except in SPRAM (``single_port``), whose contents are arbitrary. There, if a
    sample arrives before all counters were drawn or any was written, they are drawn first, as the
    command INITIALISE does. For a repeatable training, seed the bank, then draw the counters or
    write every counter word through the state port. Reset leaves the counters as they are.

    Parameters
    ----------
    config : Config
    prototypes : sequence of int
        One per class: K_L bits, bit i being element i.
    single_port : bool
        The counters are in single-port memory (SPRAM of the iCE40 UltraPlus), and updates and
        sweeps take at least two clocks per word.
    registered : bool
        Data that are read, 2 P + Q (B_h - 1) bits, and the addresses of the update engine pass
        through registers. This allows a higher clock rate, and costs one clock more per phase and
        two per update. Not with ``single_port``.
    port_bytes : int
        Bytes per transfer of the state port.

    Members
    -------
    bus : In(Bus)
        Registers, see ``bep_model.registers``.
    samples : In(stream.Signature(sample_layout(config)))
        ``input_words`` beats per sample, lowest inputs first; unused lanes must be 0. A sequence
        has that many beats per step; register STEPS holds the number of steps, and may change with
        the first beat.
    results : Out(stream.Signature(result_layout(config)))
        ``triggered`` is 0 for a sample that is only inferred.
    state : In(state_signature(config, port_bytes))
        Reads and writes counter words at ``Layer.counter_address``; unused lanes read as 0 and
        must be written as 0.

    Raises
    ------
    ValueError
        If ``prototypes`` are not C numbers of K_L bits.
    """

    def __init__(self, config, prototypes, single_port=False, registered=False, port_bytes=1):
        self.config = config
        self.prototypes = prototypes = checked(config, prototypes)
        self.single_port = single_port
        self.registered = registered
        self.port_bytes = port_bytes
        self.memories = Memories(config, prototypes, single_port, registered)
        self.forward = Forward(config, self.memories.latency)
        self.backward = Backward(config, self.memories.latency) if config.depth > 1 else None
        self.update = Update(config, single_port, self.memories.update_latency, port_bytes)
        super().__init__({
            "bus": In(Bus),
            "samples": In(stream.Signature(sample_layout(config))),
            "results": Out(stream.Signature(result_layout(config))),
            "state": In(state_signature(config, port_bytes)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.registers = registers = Registers(config)
        m.submodules.batches = batches = Batches(config, undefined=self.single_port)
        m.submodules.sequencer = sequencer = Sequencer(config)
        m.submodules.memories = self.memories
        m.submodules.loader = loader = Loader(config)
        m.submodules.forward = forward = self.forward
        m.submodules.classify = classify = Classify(config)
        m.submodules.result = result = Result(config)
        m.submodules.prototype = prototype = Prototype(config, self.prototypes)
        m.submodules.select = select = Select(config)
        m.submodules.winners = winners = Winners(config)
        m.submodules.reinforce = reinforce = Reinforce(config)
        m.submodules.choice = choice = Choice(winner_layout(config))
        m.submodules.update = update = self.update
        m.submodules.bank = bank = Bank(config.counter_lanes, config.convolutional)
        parameters = registers.parameters

        # Control.
        connect(m, flipped(self.bus), registers.bus)
        connect(m, registers.host, batches.host)
        connect(m, registers.seed, bank.seed)
        connect(m, batches.samples, sequencer.control)
        connect(m, batches.update, update.control)
        connect(m, batches.sweep, reinforce.control)
        for name, engine in (("loader", loader), ("forward", forward), ("classify", classify),
                             ("result", result), ("select", select), ("winners", winners)):
            connect(m, getattr(sequencer, name), engine.control)
        probabilities = Array(getattr(parameters, f"reinforce_{l}")
                              for l in range(1, config.depth + 1))
        for block in (batches, sequencer):
            connect(m, parameters, block.parameters)
        m.d.comb += [
            batches.scanning.eq(select.control.busy),
            batches.empty.eq(winners.empty),
            classify.margin.eq(parameters.margin),
            update.thinning.eq(parameters.thinning),
            update.reinforce.eq(probabilities[reinforce.rows.payload.layer]),
            registers.samples.eq(result.samples),
            registers.errors.eq(result.errors),
            registers.triggered.eq(result.triggered),
            registers.updates.eq(winners.o.valid & winners.o.ready),
        ]

        # A sample, from the loader to its result and its winners.
        if config.convolutional:
            self._filters(m, registers, sequencer, bank, loader)
        else:
            connect(m, flipped(self.samples), loader.samples)
        connect(m, forward.logits, classify.logits)
        connect(m, result.o, flipped(self.results))
        connect(m, forward.last, select.rows)
        connect(m, select.winners, winners.i)
        m.d.comb += [
            # Early, and high whenever neurons are written; but filters give totals all the time.
            loader.block.eq(forward.neurons.en if config.convolutional else forward.total.valid),
            forward.slot.eq(loader.slot),
            classify.label.eq(loader.label),
            result.i.eq(classify.result),
            prototype.start.eq(sequencer.forward.start),
            prototype.step.eq(forward.total.valid),
            prototype.label.eq(loader.label),
            select.bit.eq(prototype.bit),
            select.slot.eq(loader.slot),
        ]

        # Rows of winners or of a sweep, and their counters.
        rows = winners.o
        if config.depth > 1:
            self._hidden_layers(m, sequencer, select)
        if config.voters:
            rows = self._votes(m, registers, sequencer, loader, select, winners, batches)
        connect(m, rows, choice.i0)
        connect(m, reinforce.rows, choice.i1)
        connect(m, choice.o, update.rows)
        if not config.convolutional:
            connect(m, bank.draw, update.draw)
        connect(m, flipped(self.state), update.state)
        m.d.comb += choice.second.eq(batches.sweeping)
        self._memories(m, loader)
        return m

    def _hidden_layers(self, m, sequencer, select):
        """Connect the engines that pass targets from layer to layer."""
        m.submodules.backward = backward = self.backward
        m.submodules.open_rows = open_rows = OpenRows(self.config)
        m.submodules.neurons = neurons = Neurons(self.config)
        connect(m, sequencer.backward, backward.control)
        connect(m, self.forward.hidden, neurons.rows)
        connect(m, neurons.read, select.neurons)
        connect(m, select.opened, open_rows.i)
        connect(m, open_rows.rows, backward.rows)
        connect(m, backward.targets, select.targets)
        m.d.comb += [
            neurons.clear.eq(sequencer.loader.take),
            open_rows.start.eq(select.control.start),
        ]

    def _votes(self, m, registers, sequencer, loader, select, winners, batches):
        """Connect the votes on rows of layer 1. Return the rows that votes passes on."""
        m.submodules.votes = votes = Votes(self.config)
        update, backward = self.update, self.backward
        connect(m, select.scanned, votes.scanned)
        connect(m, winners.o, votes.i)
        connect(m, votes.voting, backward.voting)
        connect(m, backward.ballot, update.ballot)
        m.d.comb += [
            votes.slot.eq(loader.slot),
            votes.run.eq(update.control.run),
            votes.sweep.eq(batches.sweeping),
            votes.free.eq(~select.control.busy),
            batches.empty.eq(winners.empty & ~votes.o.valid),
        ]
        if self.config.recurrent:
            m.d.comb += [
                loader.steps.eq(registers.parameters.steps),
                select.span.eq(sequencer.span),
                votes.step.eq(sequencer.step),
                update.source.eq(votes.source),
            ]
        return votes.o

    def _filters(self, m, registers, sequencer, bank, loader):
        """Connect what only a convolutional network has: patches, thresholds, rates of layers."""
        parameters = registers.parameters
        m.submodules.patches = patches = Patches(self.config)
        m.submodules.thresholds = thresholds = Thresholds(self.config)
        m.submodules.rates = rates = Rates(self.config)
        connect(m, flipped(self.samples), patches.samples)
        connect(m, patches.o, loader.samples)
        connect(m, thresholds.bounds, self.forward.bounds)
        connect(m, sequencer.rates, rates.control)
        m.d.comb += [
            thresholds.filter.eq(parameters.filter),
            thresholds.theta.eq(parameters.threshold),
            thresholds.set.eq(registers.set_threshold),
            registers.threshold.eq(thresholds.value),
            rates.low.eq(bank.low),
            self.update.draw.word.eq(bank.draw.word),
            bank.draw.advance.eq(self.update.draw.advance | rates.advance),
            *(rate.eq(getattr(parameters, f"rate_{l}")) for l, rate in enumerate(rates.rates, 1)),
        ]

    def _memories(self, m, loader):
        """Connect the memories to the engines that use them."""
        memories, forward, backward, update = (
            self.memories, self.forward, self.backward, self.update)
        connect(m, forward.signs, memories.forward_signs)
        connect(m, forward.activations, memories.forward_activations)
        connect(m, forward.neurons, memories.write_neurons)
        connect(m, loader.write, memories.write_inputs)
        connect(m, update.signs, memories.update_signs)
        connect(m, update.counters, memories.update_counters)
        connect(m, update.activations, memories.update_activations)
        connect(m, update.write_signs, memories.write_signs)
        connect(m, update.write_counters, memories.write_counters)
        if backward is not None:
            connect(m, backward.signs, memories.backward_signs)
        if self.config.voters:
            connect(m, backward.activations, memories.backward_activations)
