"""Batches: what happens between the samples."""

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from bep_model.protocol import Cause, Command, Mode
from rtl.engines.reinforce import sweep_control
from rtl.engines.rows import Operation
from rtl.engines.update import update_control
from rtl.engines.winners import Winners
from rtl.parts.delay import delay
from rtl.registers import host_signature, parameters_signature
from rtl.sequencer import sample_control


class Batches(wiring.Component):
    """Starts samples in the sequencer, and applies updates and sweeps after each batch. It also
    carries out commands and grants accesses of the state port.

    Timing
    ------
    Between two samples there is one clock in which commands and the state port are checked. Updates
    begin in the clock after the last sample of a batch, and a sweep in the clock after the updates.

    Parameters
    ----------
    config : Config
    undefined : bool
        The counter memory has arbitrary contents after configuration. If a sample arrives before
        the counters were drawn or any was written, they are drawn first, as INITIALISE does.

    Members
    -------
    parameters : In(parameters_signature(config))
    host : In(host_signature)
    samples : Out(sample_control)
    scanning : In(1)
        Select is busy.
    empty : In(1)
        No winner waits to be updated.
    update : Out(update_control)
        Between two samples the state port has priority over everything but CLEAR.
    sweep : Out(sweep_control(config))
    sweeping : Out(1)
        Rows come from the sweep, not from the winners.
    """

    def __init__(self, config, undefined):
        self.config = config
        self.undefined = undefined
        super().__init__({
            "parameters": In(parameters_signature(config)),
            "host": In(host_signature),
            "samples": Out(sample_control),
            "scanning": In(1),
            "empty": In(1),
            "update": Out(update_control),
            "sweep": Out(sweep_control(config)),
            "sweeping": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        config, parameters, host = self.config, self.parameters, self.host
        samples, update, sweep = self.samples, self.update, self.sweep

        # Progress of the batch and of the sweep.
        in_batch = Signal.like(parameters.batch)
        filling = Signal()  # it is not 0; a register, because the start of a sample depends on it
        since_sweep = Signal(range((1 << 16) + config.max_batch))
        before_sweep = Signal(signed(len(since_sweep) + 1))  # much logic depends on it
        m.d.sync += before_sweep.eq(parameters.sweep - since_sweep)

        def enter(state):
            """Go to UPDATE or SWEEP. Their outputs to the update engine come from registers."""
            m.next = state
            m.d.sync += [update.run.eq(1), self.sweeping.eq(state == "SWEEP")]

        def begin_sweep(operation, layers):
            m.d.comb += sweep.start.eq(1)
            m.d.sync += [update.operation.eq(operation), sweep.enable.eq(layers),
                         since_sweep.eq(0)]
            enter("SWEEP")

        # Whether the counters are defined. These are registers, because much logic depends on the
        # decision that is made between two samples.
        defined = Signal(init=not self.undefined, reset_less=True)
        wanted = Signal()
        sample = samples.ready & (parameters.mode != Mode.IDLE)
        draw = wanted & ~defined
        m.d.sync += wanted.eq(sample)
        with m.If(update.access_write):
            m.d.sync += defined.eq(1)
        flush = (host.command & Command.FLUSH).any()
        infer = samples.ready & (parameters.mode == Mode.INFER) & filling
        # Until then the last winner is on its way to the update engine.
        scanned = delay(m, self.scanning, Winners.latency - 2, "scanned")
        m.d.comb += [host.cause.eq(samples.cause),
                     samples.training.eq(parameters.mode == Mode.TRAIN)]
        with m.FSM() as fsm:
            with m.State("READY"):
                with m.If(samples.busy):
                    with m.If(samples.ended):
                        m.d.sync += [in_batch.eq(in_batch + 1), filling.eq(1)]
                        with m.If(in_batch + 1 >= parameters.batch):
                            enter("UPDATE")
                with m.Else():
                    m.d.comb += update.access_enable.eq(1)
                    with m.If(host.command & Command.CLEAR):
                        m.d.comb += [host.clear.eq(1), host.done.eq(Command.CLEAR)]
                    with m.Elif(update.access_pending):
                        pass
                    with m.Elif((flush | infer) & (self.scanning | scanned)):
                        pass
                    with m.Elif(flush):
                        m.d.comb += host.done.eq(Command.FLUSH)
                        with m.If(filling):
                            enter("UPDATE")
                    with m.Elif((host.command & Command.INITIALISE).any() | draw):
                        m.d.comb += host.done.eq(Command.INITIALISE)
                        begin_sweep(Operation.INITIALISE, ~0)
                    with m.Elif(infer):
                        enter("UPDATE")
                    with m.Elif(sample & defined):
                        m.d.comb += samples.take.eq(1)

            with m.State("UPDATE"):
                m.d.comb += host.cause.eq(Cause.UPDATE)
                with m.If(update.waiting):
                    m.d.comb += host.cause.eq(Cause.SELECT)
                with m.If(~self.scanning & self.empty & ~update.busy):
                    m.d.sync += [in_batch.eq(0), filling.eq(0), update.run.eq(0),
                                 since_sweep.eq(since_sweep + in_batch)]
                    m.next = "READY"
                    with m.If(before_sweep <= in_batch):
                        begin_sweep(Operation.REINFORCE, Cat(
                            getattr(parameters, f"reinforce_{l}") != 0
                            for l in range(1, config.depth + 1)))

            with m.State("SWEEP"):
                m.d.comb += host.cause.eq(Cause.REINFORCE)
                with m.If(~sweep.busy & ~update.busy):
                    m.d.sync += [update.operation.eq(Operation.STEP), update.run.eq(0),
                                 self.sweeping.eq(0), defined.eq(1)]
                    m.next = "READY"

            m.d.comb += [
                host.status.busy.eq(~fsm.ongoing("READY") | samples.busy | host.command.any()),
                host.status.filling.eq(filling),
            ]
        return m
