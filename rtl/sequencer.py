"""The sequencer: the one block that knows the order of the phases."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from bep_model.protocol import Cause, Command, Mode
from rtl.engines.backward import backward_job_layout
from rtl.engines.forward import job_layout
from rtl.engines.select import select_job_layout
from rtl.engines.update import Operation
from rtl.engines.winners import Winners
from rtl.parts.delay import delay
from rtl.parts.memory import slot_offsets
from rtl.parts.tables import lookup
from rtl.registers import parameters_signature


class Sequencer(wiring.Component):
    """Takes each sample through forward, classify, backward and select, and each batch through
    update and reinforce (docs/algorithm.md, "Order").

    Timing
    ------
    A phase is started in the last clock of the one before, so that its first clock follows at
    once. Between two samples lies one clock in which commands and the state port are looked at.
    Within a batch the next sample does not wait for the last scan of select, that of layer 1: its
    own layer 1 takes longer than that, and no other scan starts before. (Of a recurrent network
    it does wait.)

    Parameters
    ----------
    config : Config
    undefined : bool
        The memory of the counters holds anything after configuration: if a sample comes before they
        were drawn, or any was written, they are drawn first, as for INITIALISE.

    Members
    -------
    parameters : In(parameters_signature(config))
    command, command_done, status, cause, clear
        See ``rtl.registers.Registers``.
    access_pending : In(1)
        The state port has something to do; it goes before everything else between two samples.
    access_write : In(1)
        The state port has a word to write; only where the memory is ``undefined``.
    access_enable : Out(1)
    loaded : In(1)
        A sample can be taken, and there will be room for its result.
    take : Out(1)
    training : Out(1)
        The present sample is for training.
    layer : Out(range(L + 1))
        Layer of the forward phase, 0 for layer 1; L during classify.
    length : In(range(T_max + 1))
        T of the sequence taken last; only of a recurrent network, as ``step`` and ``oldest``.
    step : Out(range(T_max))
        Step that forward works on, or whose targets are sought, 0 for t = 1.
    oldest : Out(range(T_max))
        First step that gets targets.
    forward_start, classify_start, backward_start, select_start, open_start, sweep_start : Out(1)
    forward_job, backward_job, select_job
        Taken with the start of the engine, or steady from the clock after it.
    select_hidden : Out(1)
    select_layer : Out(range(L))
        The layer that is or was last scanned, 0 for layer 1.
    gather : Out(1)
        Activations are to be stored.
    forward_done, classify_done, backward_done, triggered, select_busy : In(1)
    judge : Out(1)
        The clock in which the present sample's result is given.
    commit, drop : Out(1)
        See ``rtl.engines.winners.Winners``. Winners of hidden layers are those of a triggered
        sample.
    winners_empty, update_busy, update_idle, sweep_busy : In(1)
    update_run : Out(1)
    sweep : Out(1)
        Rows come from the sweep, not from the winners.
    operation : Out(Operation)
    sweep_enable : Out(L)
        Layers that the sweep visits.
    """

    def __init__(self, config, undefined):
        self.config = config
        self.undefined = undefined
        step = range(max(2, config.max_steps))
        super().__init__({
            **({"length": In(range(config.max_steps + 1)), "step": Out(step), "oldest": Out(step)}
               if config.recurrent else {}),
            "parameters": In(parameters_signature(config)),
            "command": In(3),
            "command_done": Out(3),
            "status": Out(2),
            "cause": Out(3),
            "clear": Out(1),
            **({"access_write": In(1)} if undefined else {}),
            "access_pending": In(1),
            "access_enable": Out(1),
            "loaded": In(1),
            "take": Out(1),
            "training": Out(1),
            "layer": Out(range(config.depth + 1)),
            "forward_start": Out(1),
            "forward_job": Out(job_layout(config)),
            "forward_done": In(1),
            "gather": Out(1),
            "classify_start": Out(1),
            "classify_done": In(1),
            "triggered": In(1),
            "judge": Out(1),
            "backward_start": Out(1),
            "backward_job": Out(backward_job_layout(config)),
            "backward_done": In(1),
            "open_start": Out(1),
            "select_start": Out(1),
            "select_hidden": Out(1),
            "select_layer": Out(range(config.depth)),
            "select_job": Out(select_job_layout(config)),
            "select_busy": In(1),
            "commit": Out(1),
            "drop": Out(1),
            "winners_empty": In(1),
            "update_run": Out(1),
            "update_busy": In(1),
            "update_idle": In(1),
            "operation": Out(Operation),
            "sweep": Out(1),
            "sweep_start": Out(1),
            "sweep_busy": In(1),
            "sweep_enable": Out(config.depth),
        })

    def elaborate(self, platform):
        m = Module()
        config, parameters = self.config, self.parameters
        depth, last = config.depth, config.depth - 1
        gates, groups, probabilities = (
            [getattr(parameters, f"{name}_{l}") for l in range(1, depth + 1)]
            for name in ("gate", "group", "reinforce"))

        # Jobs. The forward job is that of the layer about to start; the others are those of the
        # layer whose targets are sought, from the clock of their start on.
        upcoming, target, held = Signal.like(self.layer), Signal(range(depth)), Signal(range(depth))
        offsets = slot_offsets(config)
        fan_ins = [f for _, f in config.shapes]
        words = [layer.words for layer in config.network]
        m.d.comb += [
            self.forward_job.rows.eq(lookup(upcoming, [*config.layers, config.classes])),
            self.forward_job.words.eq(lookup(upcoming, [*config.row_words, words[-1]])),
            self.forward_job.address.eq(lookup(upcoming, config.bases)),
            self.forward_job.source.eq(lookup(upcoming, offsets[:-1])),
            self.forward_job.target.eq(lookup(upcoming, offsets[1:-1])),
            self.forward_job.fan_in.eq(lookup(upcoming, [*fan_ins, config.layers[-1]])),
            self.forward_job.gate.eq(Array(gates)[upcoming]),
            self.backward_job.columns.eq(lookup(target, config.layers)),
            self.backward_job.words.eq(lookup(target, words)),
            self.select_job.rows.eq(lookup(target, config.layers)),
            self.select_job.group.eq(Array(groups)[target]),
            self.select_job.address.eq(lookup(target, config.bases[:-1])),
            self.select_job.words.eq(lookup(target, config.row_words)),
            self.select_job.neuron.eq(
                lookup(target, [sum(config.layers[:l]) for l in range(max(1, last))])),
        ]
        if config.stable:
            stabilities = [getattr(parameters, f"stability_{l}") for l in range(1, depth + 1)]
            m.d.comb += self.forward_job.stability.eq(Array(stabilities)[upcoming])
        newest = oldest = Const(1)
        earlier = Signal()  # the targets of the step before are sought from now on
        if config.recurrent:
            newest, oldest = self._through_time(m, upcoming, earlier)

        # Progress of the batch and of the sweep.
        in_batch = Signal.like(parameters.batch)
        since_sweep = Signal(range((1 << 16) + config.max_batch))
        swept = Signal.like(since_sweep)
        m.d.comb += swept.eq(since_sweep + in_batch)

        def start_forward(training):
            m.d.comb += self.forward_start.eq(1)
            m.d.sync += self.layer.eq(upcoming)
            with m.If((upcoming == last) & training):
                start_select(last, hidden=0)

        def start_select(layer, hidden):
            m.d.comb += [self.select_start.eq(1), self.open_start.eq(1), target.eq(layer)]
            m.d.sync += [held.eq(layer), self.select_hidden.eq(hidden)]

        def start_backward(layer):
            m.d.comb += self.backward_start.eq(1)
            start_select(layer, hidden=1)

        def enter(state):
            """Go to UPDATE or SWEEP; what they tell the update engine comes from registers."""
            m.next = state
            m.d.sync += [self.update_run.eq(1), self.sweep.eq(state == "SWEEP")]

        def end_sample():
            with m.If(~self.training):
                m.next = "WAIT"
            with m.Elif(in_batch + 1 >= parameters.batch):
                enter("UPDATE")
            with m.Else():
                m.next = "SETTLE" if config.recurrent else "WAIT"
            m.d.sync += in_batch.eq(in_batch + self.training)

        sample = self.loaded & (parameters.mode != Mode.IDLE)
        initialise = self.command & Command.INITIALISE
        if self.undefined:
            defined = Signal(reset_less=True)
            initialise = initialise.any() | sample & ~defined
            with m.If(self.access_write):
                m.d.sync += defined.eq(1)
        flush = (self.command & Command.FLUSH).any()
        infer = self.loaded & (parameters.mode == Mode.INFER) & (in_batch != 0)
        # The last winner is on its way to the update engine until then.
        scanned = delay(m, self.select_busy, Winners.latency - 2, "scanned")
        m.d.comb += [self.cause.eq(Cause.WAIT), target.eq(held), self.select_layer.eq(held),
                     self.commit.eq(self.select_hidden)]
        with m.FSM() as fsm:
            with m.State("WAIT"):
                m.d.comb += self.access_enable.eq(1)
                with m.If(self.command & Command.CLEAR):
                    m.d.comb += [self.clear.eq(1), self.command_done.eq(Command.CLEAR)]
                with m.Elif(self.access_pending):
                    pass
                with m.Elif((flush | infer) & (self.select_busy | scanned)):
                    pass
                with m.Elif(flush):
                    m.d.comb += self.command_done.eq(Command.FLUSH)
                    with m.If(in_batch != 0):
                        enter("UPDATE")
                with m.Elif(initialise):
                    m.d.comb += [self.command_done.eq(Command.INITIALISE),
                                 self.sweep_start.eq(1)]
                    m.d.sync += [self.operation.eq(Operation.INITIALISE),
                                 self.sweep_enable.eq(~0), since_sweep.eq(0)]
                    enter("SWEEP")
                with m.Elif(infer):
                    enter("UPDATE")
                with m.Elif(sample):
                    m.d.comb += self.take.eq(1)
                    m.d.sync += self.training.eq(parameters.mode == Mode.TRAIN)
                    start_forward(parameters.mode == Mode.TRAIN)
                    m.next = "FORWARD"

            with m.State("FORWARD"):
                m.d.comb += [self.cause.eq(Cause.FORWARD), self.gather.eq(1)]
                with m.If(newest | (self.layer != 0)):
                    m.d.comb += upcoming.eq(self.layer + 1)
                with m.If(self.forward_done):
                    start_forward(self.training)
                    with m.If(self.layer == last):
                        m.d.comb += self.classify_start.eq(1)
                        m.next = "CLASSIFY"

            with m.State("CLASSIFY"):
                m.d.comb += self.cause.eq(Cause.CLASSIFY)
                with m.If(self.classify_done):
                    m.d.comb += self.judge.eq(1)
                    with m.If(self.training & self.triggered):
                        m.d.comb += self.commit.eq(1)
                        if depth > 1:
                            start_backward(last - 1)
                            m.next = "BACKWARD"
                        else:
                            end_sample()
                    with m.Else():
                        m.d.comb += self.drop.eq(self.training)
                        end_sample()

            if depth > 1:
                with m.State("BACKWARD"):
                    m.d.comb += self.cause.eq(Cause.BACKWARD)
                    if depth > 2 or config.recurrent:
                        with m.If(self.backward_done & ((held != 0) | ~oldest)):
                            m.next = "COLLECT"
                    with m.If(self.backward_done & (held == 0) & oldest):
                        end_sample()

            if depth > 2 or config.recurrent:
                # The open rows of this layer, or step, must be known before they are read.
                with m.State("COLLECT"):
                    m.d.comb += self.cause.eq(Cause.SELECT)
                    with m.If(~self.select_busy):
                        start_backward(0 if config.recurrent else held - 1)
                        m.d.comb += earlier.eq(1)
                        m.next = "BACKWARD"

            if config.recurrent:
                with m.State("SETTLE"):
                    m.d.comb += self.cause.eq(Cause.SELECT)
                    with m.If(~self.select_busy):
                        m.next = "WAIT"

            with m.State("UPDATE"):
                with m.If(self.update_idle):
                    m.d.comb += self.cause.eq(Cause.SELECT)
                with m.Else():
                    m.d.comb += self.cause.eq(Cause.UPDATE)
                with m.If(~self.select_busy & self.winners_empty & ~self.update_busy):
                    m.d.sync += [in_batch.eq(0), since_sweep.eq(swept), self.update_run.eq(0)]
                    m.next = "WAIT"
                    with m.If(swept >= parameters.sweep):
                        m.d.comb += self.sweep_start.eq(1)
                        m.d.sync += [
                            since_sweep.eq(0),
                            self.operation.eq(Operation.REINFORCE),
                        ]
                        m.d.sync += self.sweep_enable.eq(Cat(p != 0 for p in probabilities))
                        enter("SWEEP")

            with m.State("SWEEP"):
                m.d.comb += self.cause.eq(Cause.REINFORCE)
                with m.If(~self.sweep_busy & ~self.update_busy):
                    m.d.sync += [self.operation.eq(Operation.STEP), self.update_run.eq(0),
                                 self.sweep.eq(0)]
                    if self.undefined:
                        m.d.sync += defined.eq(1)
                    m.next = "WAIT"

            m.d.comb += self.status.eq(
                ~fsm.ongoing("WAIT") | self.command.any() | ((in_batch != 0) << 1))
        return m

    def _through_time(self, m, upcoming, earlier):
        """Count the steps of a sequence and complete the jobs of the state layer with them.

        Return whether the present step is the last one, and the first one that gets targets.
        """
        config, job = self.config, self.forward_job
        words, stride = config.input_words, config.row_words[0]
        output = (config.max_steps + 1) * stride  # where its activations are, after all blocks
        block, following = Signal.like(job.source), Signal.like(job.source)
        neuron = Signal.like(self.select_job.neuron)
        newest, oldest, begins = Signal(), Signal(), Signal()
        m.d.comb += [
            newest.eq(self.step == self.length - 1),
            self.oldest.eq(Mux(self.length > self.parameters.horizon,
                               self.length - self.parameters.horizon, 0)),
            oldest.eq(self.step == self.oldest),
            begins.eq(self.forward_start & (upcoming == 0)),
            following.eq(Mux(self.take, 0, block + stride)),
            self.select_job.neuron.eq(neuron),
            self.select_job.newest.eq(newest),
            self.select_job.oldest.eq(oldest),
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
        with m.If(begins):
            m.d.sync += [
                block.eq(following), self.step.eq(Mux(self.take, 0, self.step + 1)),
                neuron.eq(Mux(self.take, 0, neuron + config.layers[0])),
            ]
        with m.If(earlier):
            m.d.comb += [self.backward_job.first.eq(words),
                         self.select_job.neuron.eq(neuron - config.layers[0])]
            m.d.sync += [self.step.eq(self.step - 1), neuron.eq(neuron - config.layers[0])]
        return newest, oldest
