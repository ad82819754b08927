"""Select: the winner of each group of neurons, and the rows that pass their targets on."""

from amaranth.hdl import Module, Mux, Shape, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory, ReadPort
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.engines.credit import Credit
from rtl.parts.delay import delay
from rtl.parts.layouts import (
    kept_layout,
    open_row_layout,
    row_layout,
    scanned_layout,
    select_job_layout,
    span_layout,
    target_layout,
    winner_layout,
)


def select_control(config):
    """How the sequencer drives :class:`Select`.

    ``job`` is steady from ``start`` until ``busy`` falls, ``hidden`` and ``layer`` from the clock
    after ``start``. ``hidden`` says that the rows are a hidden layer's; ``layer`` is 0 for layer 1.
    ``skip``, of a convolutional network, says that the layer has no winners.
    """
    skip = {"skip": Out(1)} if config.convolutional else {}
    return wiring.Signature({
        "start": Out(1), "hidden": Out(1), "layer": Out(range(config.depth)),
        "job": Out(select_job_layout(config)), "busy": In(1), **skip})


def neurons_port(config):
    """The read port of :class:`Neurons`."""
    neuron = Shape.cast(select_job_layout(config).members["neuron"])
    return ReadPort.Signature(addr_width=neuron.width, shape=row_layout(config))


class Neurons(wiring.Component):
    """Results of the rows of all hidden layers, kept from forward until their targets are known.

    In a recurrent network these are the results of the state layer, step after step.

    Timing
    ------
    Rows are written in the order of the forward phase, from 0 on after ``clear``. Data follow their
    place by one clock.

    Parameters
    ----------
    config : Config

    Members
    -------
    clear : In(1)
    rows : In(stream.Signature(row_layout(config), always_ready=True))
    read : Out(neurons_port(config))
        The rows of layers 1..L - 1, or T_max K_s rows in a recurrent network.
    """

    def __init__(self, config):
        self.config = config
        super().__init__({
            "clear": In(1),
            "rows": In(stream.Signature(row_layout(config), always_ready=True)),
            "read": Out(neurons_port(config)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(
            shape=kept_layout(self.config), depth=1 << len(self.read.addr), init=[])
        write = memory.write_port()
        index = Signal.like(self.read.addr)
        with m.If(self.rows.valid):
            m.d.sync += index.eq(index + 1)
        with m.If(self.clear):
            m.d.sync += index.eq(0)
        kept = self.rows.payload
        if self.config.convolutional:
            kept = Signal(memory.data.shape)
            m.d.comb += [kept[name].eq(self.rows.payload[name])
                         for name in kept.shape().members]
        m.d.comb += [
            write.en.eq(self.rows.valid), write.addr.eq(index), write.data.eq(kept)]
        if self.config.convolutional:
            read = memory.read_port()
            m.d.comb += [read.addr.eq(self.read.addr), read.en.eq(self.read.en)]
            m.d.comb += [self.read.data[name].eq(read.data[name]) for name in kept.shape().members]
        else:
            connect(m, flipped(self.read), memory.read_port())
        return m


class Select(wiring.Component):
    """Winners of one layer (sec. 3.3): ``bep_model.phases.select``.

    Neurons whose target differs from their activation, or that are unstable, are candidates. In
    each group of ``group`` neurons the winner is the candidate with the smallest abs(z), the first
    one on a tie. Rows with an open gate and a target are listed for the next backward phase.

    The state layer of a recurrent network is scanned once per step, the last step first. Its
    winners follow from sums over time (``rtl.engines.credit``) and leave in the oldest step's scan.
    The filters of a convolutional network are scanned once, cell after cell. Their targets are kept
    only where the gate is open, and their winners leave in the last cell.

    Timing
    ------
    Rows come in order, at most one per clock, from the clock after ``start`` on. The rows of a
    hidden layer come as ``targets``, and their results are looked up; those of the last layer come
    as ``rows`` with the ``bit`` of the prototype. Winners and open rows follow ``latency`` clocks
    later (``hidden_latency`` in a hidden layer), scanned neurons one clock less; none waits.
    ``busy`` is high from the clock after ``start`` while a winner or open row can come or is there.

    Parameters
    ----------
    config : Config

    Members
    -------
    control : In(select_control(config))
    slot : In(range(max_batch + 1))
        Slot of the sample, in the clock after ``start``. It may change to the next sample later.
    targets : In(stream.Signature(target_layout(), always_ready=True))
    neurons : In(neurons_port(config))
    rows : In(stream.Signature(row_layout(config), always_ready=True))
    bit : In(1)
    winners : Out(stream.Signature(winner_layout(config), always_ready=True))
    opened : Out(stream.Signature(open_row_layout(config), always_ready=True))
    span : In(span_layout(config))
        Span of the winners, in a recurrent network.
    scanned : Out(stream.Signature(scanned_layout(config), always_ready=True))
        Every neuron of the state layer, or filter in a cell. Only where these are.
    """

    latency = 2
    hidden_latency = 3

    def __init__(self, config):
        self.config = config

        def out(layout):
            return stream.Signature(layout, always_ready=True)

        through_time = {"span": In(span_layout(config))} if config.recurrent else {}
        scanned = {"scanned": Out(out(scanned_layout(config)))} if config.voters else {}
        super().__init__({
            "control": In(select_control(config)),
            "slot": In(range(config.max_batch + 1)),
            "targets": In(out(target_layout())),
            "neurons": In(neurons_port(config)),
            "rows": In(out(row_layout(config))),
            "bit": In(1),
            "winners": Out(out(winner_layout(config))),
            "opened": Out(out(open_row_layout(config))),
            **through_time, **scanned,
        })

    def elaborate(self, platform):
        m = Module()
        control, job = self.control, self.control.job
        config, stable = self.config, self.config.stable
        row, target, valid, late_target = self._arrivals(m)
        winner = Signal.like(self.opened.payload)
        opened = self.opened.payload

        scanning = Signal()
        left = Signal.like(job.rows)
        member = Signal.like(job.group)
        address = Signal.like(job.address)
        slot = Signal.like(self.slot)
        eligible = Signal()
        sign = Signal()
        cost = Signal(len(row.magnitude))
        wrong = target.sign != row.activation
        m.d.comb += [
            eligible.eq(target.valid & (wrong | row.unstable if stable else wrong)),
            cost.eq(row.magnitude), sign.eq(target.sign),
        ]
        number, cell = self._numbers(m, valid) if config.voters else (None, None)
        if config.voters:
            eligible, sign, cost = self._summed(m, late_target, cell, eligible, sign, cost)
        if config.convolutional:
            eligible = eligible & ~control.skip
        best = Signal.like(cost)
        best_row = Signal.like(winner)
        found = Signal()
        better = eligible & (~found | (cost < best))
        last = member == job.group - 1

        passes = valid & target.valid & row.open
        if config.convolutional:
            passes = passes & (control.layer != 0)  # nothing is below the filters
        m.d.sync += [self.winners.valid.eq(valid & last & (found | better)),
                     self.opened.valid.eq(passes)]
        with m.If(valid):
            m.d.sync += [
                address.eq(address + job.words),
                left.eq(left - 1),
                member.eq(Mux(last, 0, member + 1)),
                found.eq(~last & (found | better)),
                winner.eq(best_row), opened.address.eq(address), opened.sign.eq(target.sign),
            ]
            if config.convolutional:  # the next cell has the same rows
                with m.If((control.layer == 0) & (number == config.layers[0] - 1)):
                    m.d.sync += address.eq(job.address)
            with m.If(left == 1):
                m.d.sync += scanning.eq(0)
            with m.If(better):
                m.d.sync += [
                    best.eq(cost), best_row.address.eq(address), best_row.sign.eq(sign),
                    winner.address.eq(address), winner.sign.eq(sign),
                ]
        with m.If(control.start):
            m.d.sync += [scanning.eq(1), left.eq(job.rows), address.eq(job.address), member.eq(0),
                         found.eq(0)]
        with m.If(delay(m, control.start, 1)):
            m.d.sync += slot.eq(self.slot)
        m.d.comb += [
            control.busy.eq(scanning | self.winners.valid | self.opened.valid),
            self.winners.payload.address.eq(winner.address),
            self.winners.payload.sign.eq(winner.sign),
            self.winners.payload.layer.eq(control.layer),
            self.winners.payload.slot.eq(slot),
        ]
        if config.voters:
            self._scanned(m, row, target, valid, better, number, cell)
        return m

    def _arrivals(self, m):
        """Store a row and its target in registers; in a hidden layer the row's result is looked up
        first.
        """
        place = self.neurons.addr
        row = Signal(row_layout(self.config))
        target = Signal(target_layout())
        valid = Signal()
        late_target = delay(m, self.targets.payload, 1, "late_target")
        late_valid = delay(m, self.targets.valid, 1, "late_valid")
        with m.If(self.control.hidden):
            m.d.sync += [row.eq(self.neurons.data), target.eq(late_target), valid.eq(late_valid)]
        with m.Else():
            m.d.sync += [row.eq(self.rows.payload), valid.eq(self.rows.valid),
                         target.sign.eq(self.bit), target.valid.eq(1)]
        with m.If(self.targets.valid):
            m.d.sync += place.eq(place + 1)
        with m.If(self.control.start):
            m.d.sync += place.eq(self.control.job.neuron)
        m.d.comb += self.neurons.en.eq(1)
        return row, target, valid, late_target

    def _summed(self, m, late_target, cell, eligible, sign, cost):
        """In the layer that is voted on, make neurons eligible if their sum is below 0."""
        control, config = self.control, self.config
        m.submodules.credit = credit = Credit(config)
        m.d.comb += [
            credit.start.eq(control.start),
            credit.target_valid.eq(self.targets.valid),
            credit.target.eq(late_target), credit.row.eq(self.neurons.data),
        ]
        if config.recurrent:
            m.d.comb += credit.newest.eq(control.job.newest)
            here, oldest = control.hidden, control.job.oldest
        else:
            m.d.comb += credit.target.valid.eq(late_target.valid & self.neurons.data.open)
            here, oldest = control.hidden & (control.layer == 0), cell == config.voters - 1
        eligible_here = Signal()
        sign_here = Signal()
        cost_here = Signal(len(credit.sum))
        with m.If(here):
            m.d.comb += [eligible_here.eq(oldest & (credit.sum < 0)),
                         cost_here.eq(-credit.sum), sign_here.eq(1)]
        with m.Else():
            m.d.comb += [eligible_here.eq(eligible), cost_here.eq(cost), sign_here.eq(sign)]
        return eligible_here, sign_here, cost_here

    def _numbers(self, m, valid):
        """Return the number of the neuron that is scanned, and its cell if it is a filter."""
        control, scanned, convolutional = (
            self.control, self.scanned.payload, self.config.convolutional)
        number = Signal.like(scanned.neuron, name="number")
        cell = Signal.like(scanned.cell, name="cell") if convolutional else None
        with m.If(valid):
            m.d.sync += number.eq(number + 1)
            if convolutional:
                with m.If(number == self.config.layers[0] - 1):
                    m.d.sync += [number.eq(0), cell.eq(cell + 1)]
        with m.If(control.start):
            m.d.sync += number.eq(0)
            if convolutional:
                m.d.sync += cell.eq(0)
        return number, cell

    def _scanned(self, m, row, target, valid, better, number, cell):
        """Tell what was scanned, and number the neuron that won."""
        control, scanned, winners = self.control, self.scanned.payload, self.winners.payload
        best, winner = (Signal.like(number, name=f"{name}_number") for name in ("best", "winner"))
        with m.If(valid):
            m.d.sync += winner.eq(best)
            with m.If(better):
                m.d.sync += [best.eq(number), winner.eq(number)]
        m.d.comb += [
            scanned.target.eq(target), scanned.neuron.eq(number),
            self.scanned.valid.eq(valid & control.hidden), winners.neuron.eq(winner),
        ]
        if self.config.recurrent:
            m.d.comb += winners.span.eq(self.span)
        else:
            m.d.comb += [
                scanned.target.valid.eq(target.valid & row.open),
                scanned.cell.eq(cell), scanned.place.eq(row.place),
                self.scanned.valid.eq(valid & control.hidden & (control.layer == 0)),
            ]
