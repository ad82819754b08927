"""The trainer: all engines, their memories, and the sequencer that drives them."""

from amaranth.hdl import Array, Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.engines.backward import Backward, OpenRows
from rtl.engines.classify import Classify, result_layout
from rtl.engines.forward import Forward
from rtl.engines.loader import Loader, sample_layout
from rtl.engines.random import Bank
from rtl.engines.reinforce import Reinforce
from rtl.engines.select import Neurons, Select
from rtl.engines.update import Update
from rtl.engines.votes import Votes
from rtl.engines.winners import Winners
from rtl.parts.delay import delay
from rtl.parts.memory import ActivationMemory, CounterPlane, SignPlane
from rtl.parts.state_port import state_signature
from rtl.registers import Bus, Registers
from rtl.sequencer import Sequencer


class Trainer(wiring.Component):
    """Trains and infers a binary network by BEP: ``bep_model.network.Network``, bit for bit.

    Timing
    ------
    Samples are taken while MODE is not idle; the next one may be loaded while one is worked on.
    Each gives one result, in order; a result that is not taken holds up the next sample.
    Commands and the state port are served between samples. What is written to RANDOM reaches the
    bank one clock later than other registers; do not read it in the clock after.
    After configuration the mode is idle, and the generators of the random bank hold 1, 2, 3, ...
    Counters are 0. SPRAM (``single_port``) holds anything: there, if a sample comes before all
    counters were drawn or any was written, they are drawn first, as for the command INITIALISE.
    For a training that can be repeated seed the bank, then have the counters drawn or write every
    word of them through the state port. Reset leaves the counters as they are.

    Parameters
    ----------
    config : Config
    prototypes : sequence of int
        One per class: K_L bits, bit i being element i.
    single_port : bool
        Counters in single-port memory (SPRAM of the iCE40 UltraPlus): updates and sweeps take
        at least two clocks per word.
    registered : bool
        What is read goes through a register, 2 P + Q (B_h - 1) flip-flops, and so do the addresses
        of the update engine: a higher clock rate for one clock more per phase, two per update. Not
        with ``single_port``.
    port_bytes : int
        Bytes that pass the state port at a time.

    Members
    -------
    bus : In(Bus)
        Registers, see ``bep_model.registers``.
    samples : In(stream.Signature(sample_layout(config)))
        ``words[0]`` beats per sample, lowest inputs first; unused lanes must be 0. A sequence has
        that many per step; register STEPS says how many steps, and may change with the first beat.
    results : Out(stream.Signature(result_layout(config)))
        ``triggered`` is 0 for a sample that is only inferred.
    state : In(state_signature(config, port_bytes))
        Reads and writes words of counters at ``Layer.counter_address``; unused lanes read and
        must be written as 0.

    Raises
    ------
    ValueError
        For prototypes that are not C numbers of K_L bits.
    """

    def __init__(self, config, prototypes, single_port=False, registered=False, port_bytes=1):
        prototypes = tuple(prototypes)
        if len(prototypes) != config.classes:
            raise ValueError(f"prototypes must have {config.classes} entries (one per class), "
                             f"not {len(prototypes)}")
        for c, prototype in enumerate(prototypes):
            if not 0 <= prototype < 1 << config.layers[-1]:
                raise ValueError(f"prototypes[{c}] must have {config.layers[-1]} bits, "
                                 f"not {prototype:#x}")
        self.config = config
        self.prototypes = prototypes
        self.single_port = single_port
        self.registered = registered
        self.port_bytes = port_bytes
        latency = SignPlane.latency + registered
        self.forward = Forward(config, latency)
        self.backward = Backward(config, latency) if config.depth > 1 else None
        self.update = Update(config, single_port, latency + registered, port_bytes)
        super().__init__({
            "bus": In(Bus),
            "samples": In(stream.Signature(sample_layout(config))),
            "results": Out(stream.Signature(result_layout(config))),
            "state": In(state_signature(config, port_bytes)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        last = config.depth - 1
        m.submodules.registers = registers = Registers(config)
        m.submodules.sequencer = sequencer = Sequencer(config, undefined=self.single_port)
        m.submodules.loader = loader = Loader(config)
        m.submodules.signs = signs = SignPlane(config, self.prototypes)
        m.submodules.counters = counters = CounterPlane(
            config.counter_lanes * (config.counter_bits - 1), config.counter_depth,
            self.single_port)
        m.submodules.activations = activations = ActivationMemory(config)
        m.submodules.forward = forward = self.forward
        m.submodules.classify = classify = Classify(config)
        m.submodules.select = select = Select(config)
        m.submodules.winners = winners = Winners(config)
        m.submodules.update = update = self.update
        m.submodules.reinforce = reinforce = Reinforce(config)
        m.submodules.bank = bank = Bank(config.counter_lanes)

        connect(m, flipped(self.bus), registers.bus)
        connect(m, registers.parameters, sequencer.parameters)
        connect(m, flipped(self.samples), loader.samples)
        connect(m, flipped(self.state), update.state)

        # Registers: commands, events, random bank.
        m.d.comb += [
            registers.command_done.eq(sequencer.command_done),
            registers.status.eq(sequencer.status),
            registers.cause.eq(sequencer.cause),
            registers.clear.eq(sequencer.clear),
            registers.samples.eq(sequencer.judge),
            registers.errors.eq(sequencer.judge & classify.result.error),
            registers.triggered.eq(
                sequencer.judge & sequencer.training & classify.result.triggered),
            registers.updates.eq(winners.o.valid & winners.o.ready),
            sequencer.command.eq(registers.command),
            registers.random_last.eq(bank.last),
            bank.shift.eq(delay(m, registers.random_shift, 1, "shift")),  # to all its registers
            bank.shift_in.eq(delay(m, registers.random_value, 1, "shift_in")),
            bank.advance.eq(update.advance),
            update.random.eq(bank.word),
        ]

        # What the memories answer, and what the update engine wants to read: its addresses come
        # late, and go to many memories.
        weights, inputs, counts = (
            delay(m, plane.read_data, int(self.registered), name) for plane, name in (
                (signs, "weights"), (activations, "inputs"), (counters, "counts")))
        reads = {name: delay(m, getattr(update, name), int(self.registered), name) for name in (
            "sign_read_address", "sign_read_enable", "counter_read_address", "counter_read_enable",
            "activation_offset", "activation_slot", "activation_enable")}

        # Forward: the last layer's results go to select at once, the others' wait for targets.
        hidden, in_last = delay(m, Cat(sequencer.gather & (sequencer.layer != last),
                                       sequencer.gather & (sequencer.layer == last)), 1, "rows_of")
        m.d.comb += [
            forward.start.eq(sequencer.forward_start),
            forward.job.eq(sequencer.forward_job),
            forward.gather.eq(sequencer.gather),
            sequencer.forward_done.eq(forward.done),
            forward.weights.eq(weights),
            forward.activations.eq(inputs),
            select.row.eq(forward.row),
            select.row_valid.eq(forward.row_valid & in_last & sequencer.training),
        ]

        # Classify and result.
        result = self.results.payload
        m.d.comb += [
            classify.start.eq(sequencer.classify_start),
            classify.label.eq(loader.label),
            classify.margin.eq(registers.parameters.margin),
            classify.total.eq(forward.total),
            classify.total_valid.eq(forward.total_valid & ~sequencer.gather),
            sequencer.classify_done.eq(classify.done),
            sequencer.triggered.eq(classify.result.triggered),
            sequencer.loaded.eq(loader.full & (~self.results.valid | self.results.ready)),
            loader.take.eq(sequencer.take),
        ]
        with m.If(self.results.ready):
            m.d.sync += self.results.valid.eq(0)
        with m.If(sequencer.judge):
            m.d.sync += [
                self.results.valid.eq(1),
                result.prediction.eq(classify.result.prediction),
                result.error.eq(classify.result.error),
                result.triggered.eq(classify.result.triggered & sequencer.training),
            ]

        # Select: targets of the last layer are the bits of the label's prototype.
        neuron = Signal(range(max(2, config.layers[-1])))
        stride = len(neuron)
        m.submodules.prototypes = prototypes = Memory(
            shape=1, depth=config.classes << stride,
            init=[p >> i & 1 for p in self.prototypes for i in range(1 << stride)])
        prototype = prototypes.read_port()
        with m.If(forward.total_valid):
            m.d.sync += neuron.eq(neuron + 1)
        with m.If(sequencer.forward_start):
            m.d.sync += neuron.eq(0)
        slot = Signal.like(loader.slot)  # of the sample that is scanned; the next may be taken
        with m.If(delay(m, sequencer.select_start, 1)):
            m.d.sync += slot.eq(loader.slot)
        m.d.comb += [
            prototype.addr.eq(Cat(neuron, loader.label)),
            select.start.eq(sequencer.select_start),
            select.job.eq(sequencer.select_job),
            select.hidden.eq(sequencer.select_hidden),
            sequencer.select_busy.eq(select.busy),
            winners.push.eq(select.winner_valid),
            winners.row.layer.eq(sequencer.select_layer),
            winners.row.address.eq(select.winner.address),
            winners.row.sign.eq(select.winner.sign),
            winners.row.slot.eq(slot),
            winners.commit.eq(sequencer.commit),
            winners.drop.eq(sequencer.drop),
            sequencer.winners_empty.eq(winners.empty),
        ]
        o = winners.o  # the rows that the update engine gets
        if config.recurrent:
            m.submodules.votes = votes = Votes(config)
            connect(m, o, votes.i)
            o = votes.o
            m.d.comb += [
                loader.steps.eq(registers.parameters.steps),
                sequencer.length.eq(loader.length),
                sequencer.winners_empty.eq(winners.empty & ~o.valid),
                winners.row.neuron.eq(select.winner_neuron),
                winners.row.span.oldest.eq(sequencer.oldest),
                winners.row.span.length.eq(loader.length),
                votes.slot.eq(loader.slot),
                votes.step.eq(sequencer.step),
                votes.target.eq(select.scanned),
                votes.target_valid.eq(select.scanned_valid),
                votes.neuron.eq(select.scanned_neuron),
                votes.run.eq(sequencer.update_run & ~sequencer.sweep),
                votes.free.eq(~select.busy),
            ]

        if config.depth > 1:
            m.submodules.backward = backward = self.backward
            m.submodules.open_rows = open_rows = OpenRows(config)
            m.submodules.neurons = neurons = Neurons(config)
            m.d.comb += [
                neurons.clear.eq(sequencer.take),
                neurons.row.eq(forward.row),
                neurons.row_valid.eq(forward.row_valid & hidden),
                neurons.read_index.eq(select.neuron_index),
                select.neuron.eq(neurons.read_data),
                open_rows.start.eq(sequencer.open_start),
                open_rows.push.eq(select.open_valid),
                open_rows.row.eq(select.open_row),
                open_rows.read_index.eq(backward.read_index),
                backward.start.eq(sequencer.backward_start),
                backward.job.eq(sequencer.backward_job),
                backward.count.eq(open_rows.count),
                backward.read_data.eq(open_rows.read_data),
                backward.weights.eq(weights),
                sequencer.backward_done.eq(backward.done),
                select.target_valid.eq(backward.target_valid),
            ]
            if config.recurrent:
                self._vote(m, sequencer, backward, votes, inputs)
            with m.If(select.hidden):
                m.d.comb += select.target.eq(backward.target)
            with m.Else():
                m.d.comb += [select.target.sign.eq(prototype.data), select.target.valid.eq(1)]
        else:
            m.d.comb += [select.target.sign.eq(prototype.data), select.target.valid.eq(1)]

        # Update: rows of winners or of a sweep.
        with m.If(sequencer.sweep):
            m.d.comb += [
                update.rows.valid.eq(reinforce.rows.valid),
                update.rows.payload.eq(reinforce.rows.payload),
                reinforce.rows.ready.eq(update.rows.ready),
            ]
        with m.Else():
            m.d.comb += [
                update.rows.valid.eq(o.valid),
                update.rows.payload.eq(o.payload),
                o.ready.eq(update.rows.ready),
            ]
        probabilities = Array(getattr(registers.parameters, f"reinforce_{l}")
                              for l in range(1, config.depth + 1))
        m.d.comb += [
            update.run.eq(sequencer.update_run),
            update.operation.eq(sequencer.operation),
            update.thinning.eq(registers.parameters.thinning),
            update.reinforce.eq(probabilities[reinforce.rows.payload.layer]),
            reinforce.start.eq(sequencer.sweep_start),
            reinforce.enable.eq(sequencer.sweep_enable),
            sequencer.sweep_busy.eq(reinforce.busy),
            sequencer.update_busy.eq(update.busy),
            sequencer.update_idle.eq(update.idle & ~update.rows.valid),
            sequencer.access_pending.eq(self.state.request.valid | ~update.idle),
            update.access_enable.eq(sequencer.access_enable),
        ]
        if self.single_port:
            asked = self.state.request
            m.d.comb += sequencer.access_write.eq(asked.valid & asked.payload.write)

        # Memories: the phases that read a plane take turns.
        with m.If(forward.read_enable):
            m.d.comb += [
                signs.read_address.eq(forward.read_address),
                activations.read_offset.eq(forward.read_offset),
                activations.read_slot.eq(loader.slot),
            ]
        with m.Else():
            m.d.comb += [
                signs.read_address.eq(reads["sign_read_address"]),
                activations.read_offset.eq(reads["activation_offset"]),
                activations.read_slot.eq(reads["activation_slot"]),
            ]
        m.d.comb += [
            signs.read_enable.eq(forward.read_enable | reads["sign_read_enable"]),
            activations.read_enable.eq(forward.read_enable | reads["activation_enable"]),
        ]
        if config.depth > 1:
            with m.If(backward.read_enable):
                m.d.comb += [signs.read_address.eq(backward.read_address),
                             signs.read_enable.eq(1)]
        if config.recurrent:
            # While voting the backward engine reads activations, and the update engine signs.
            with m.If(backward.read_enable & backward.voting):
                m.d.comb += [
                    signs.read_address.eq(reads["sign_read_address"]),
                    signs.read_enable.eq(reads["sign_read_enable"]),
                    activations.read_offset.eq(backward.read_address),
                    activations.read_slot.eq(votes.read_slot),
                    activations.read_enable.eq(1),
                ]

        m.d.comb += activations.write_data.eq(loader.write_data)
        with m.If(forward.write_enable):
            m.d.comb += [
                activations.gathered.eq(1),
                activations.write_offset.eq(forward.write_offset),
                activations.write_slot.eq(loader.slot),
                activations.write_data[:len(forward.write_data)].eq(forward.write_data),
            ]
        with m.Else():
            m.d.comb += [
                activations.write_offset.eq(loader.write_offset),
                activations.write_slot.eq(loader.write_slot),
            ]
        m.d.comb += [
            activations.write_enable.eq(forward.write_enable | loader.write_enable),
            loader.block.eq(forward.total_valid),  # when write_enable may be, but early
            update.activation_data.eq(inputs),
            update.sign_read_data.eq(weights),
            signs.write_address.eq(update.sign_write_address),
            signs.write_enable.eq(update.sign_write_enable),
            signs.write_data.eq(update.sign_write_data),
            counters.read_address.eq(reads["counter_read_address"]),
            counters.read_enable.eq(reads["counter_read_enable"]),
            counters.write_address.eq(update.counter_write_address),
            counters.write_enable.eq(update.counter_write_enable),
            counters.write_data.eq(update.counter_write_data),
            update.counter_read_data.eq(counts),
        ]
        return m

    def _vote(self, m, sequencer, backward, votes, inputs):
        """Have the backward engine count the votes of the steps while rows are updated."""
        update, config = self.update, self.config
        m.d.comb += [
            backward.voting.eq(sequencer.update_run),
            backward.vote_taken.eq(update.vote_taken),
            votes.reading.eq(backward.reading),
            votes.index.eq(backward.read_index),
            votes.word.eq(backward.word),
            backward.counts.eq(votes.counts),
            update.source.eq(votes.source),
            update.vote_valid.eq(backward.vote_valid),
            update.up.eq(backward.up),
            update.changed.eq(backward.changed),
        ]
        with m.If(backward.voting):
            m.d.comb += [
                backward.start.eq(votes.start),
                backward.job.words.eq(config.row_words[0]),
                backward.count.eq(votes.count),
                backward.read_data.eq(votes.data),
                backward.weights.eq(inputs),
            ]
