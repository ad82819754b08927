"""Select: the winner of each group of neurons, and the rows that pass their targets on."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from rtl.engines.backward import open_row_layout, target_layout
from rtl.engines.credit import Credit
from rtl.engines.forward import row_layout
from rtl.parts.delay import delay


def select_job_layout(config):
    """The layer to scan: its rows and group size (both from 1), and where its rows lie.

    ``address`` is the first row's in the sign plane, ``words`` the words per row; ``neuron`` is the
    first row's place in the neuron memory (hidden layers). Of a recurrent network ``newest`` and
    ``oldest`` mark the scan of the last step and of the first one that has targets.
    """
    steps = max(1, config.max_steps)
    return data.StructLayout({
        "rows": range(max(config.layers) + 1),
        "group": range(max(config.layers) + 1),
        "address": range(max(2, config.sign_depth)),
        "words": range(max(config.row_words) + 1),
        "neuron": range(max(2, steps * sum(config.layers[:-1]))),
        **({"newest": 1, "oldest": 1} if config.recurrent else {}),
    })


class Neurons(wiring.Component):
    """Results of the rows of all hidden layers, kept from forward until their targets are known.

    Of a recurrent network those of the state layer, step after step.

    Timing
    ------
    Rows are written in the order of the forward phase, from 0 on after ``clear``.
    ``read_data`` follows ``read_index`` by one clock.

    Parameters
    ----------
    config : Config

    Members
    -------
    clear : In(1)
    row : In(row_layout(config))
    row_valid : In(1)
    read_index : In(range(rows))
        The rows of layers 1..L - 1, or T_max K_s.
    read_data : Out(row_layout(config))
    """

    def __init__(self, config):
        self.config = config
        super().__init__({
            "clear": In(1),
            "row": In(row_layout(config)),
            "row_valid": In(1),
            "read_index": In(select_job_layout(config).members["neuron"]),
            "read_data": Out(row_layout(config)),
        })

    def elaborate(self, platform):
        m = Module()
        layout = row_layout(self.config)
        m.submodules.memory = memory = Memory(
            shape=layout, depth=1 << len(self.read_index), init=[])
        read, write = memory.read_port(), memory.write_port()
        index = Signal.like(self.read_index)
        with m.If(self.row_valid):
            m.d.sync += index.eq(index + 1)
        with m.If(self.clear):
            m.d.sync += index.eq(0)
        m.d.comb += [
            write.en.eq(self.row_valid), write.addr.eq(index), write.data.eq(self.row),
            read.addr.eq(self.read_index), self.read_data.eq(read.data),
        ]
        return m


class Select(wiring.Component):
    """Winners of one layer (sec. 3.3): ``bep_model.phases.select``.

    Of each group of ``group`` neurons the winner is, among those whose target differs from their
    activation or that are unstable, the one with the smallest abs(z), the first on a tie. Rows
    with an open gate and a target are listed too: the next backward phase reads them.

    The state layer of a recurrent network is scanned once per step, the last step first; its
    winners leave with the oldest one, by their sums over time (``rtl.engines.credit``).

    Timing
    ------
    Rows come in order, at most one per clock, from the clock after ``start`` on. With ``hidden`` a
    row comes with ``target_valid``, and its result is looked up in the neuron memory; else with
    ``row_valid``, ``row`` and ``target`` in the same clock. ``winner`` and ``open_row`` follow by
    ``latency`` clocks (``hidden_latency`` in a hidden layer). ``busy`` is high from the
    clock after ``start`` on while one of them may come or is there.

    Parameters
    ----------
    config : Config

    Members
    -------
    start : In(1)
    hidden : In(1)
        Steady from the clock after ``start`` until ``busy`` falls.
    job : In(select_job_layout(config))
        Steady from ``start`` until ``busy`` falls.
    busy : Out(1)
    target : In(target_layout())
    target_valid : In(1)
    row : In(row_layout(config))
    row_valid : In(1)
    neuron_index, neuron
        As ``read_index`` and ``read_data`` of :class:`Neurons`, seen from the other side.
    winner, open_row : Out(open_row_layout(config))
    winner_valid, open_valid : Out(1)
    scanned : Out(target_layout())
        Only of a recurrent network, as all that follows: the target of ``scanned_neuron``.
    scanned_valid : Out(1)
        High for one clock per neuron of the state layer.
    scanned_neuron, winner_neuron : Out(range(K))
    """

    latency = 2
    hidden_latency = 3

    def __init__(self, config):
        self.config = config
        neuron = range(max(2, *config.layers))
        scanned = {"scanned": Out(target_layout()), "scanned_valid": Out(1),
                   "scanned_neuron": Out(neuron), "winner_neuron": Out(neuron)}
        super().__init__({
            **(scanned if config.recurrent else {}),
            "start": In(1),
            "hidden": In(1),
            "job": In(select_job_layout(config)),
            "busy": Out(1),
            "target": In(target_layout()),
            "target_valid": In(1),
            "row": In(row_layout(config)),
            "row_valid": In(1),
            "neuron_index": Out(select_job_layout(config).members["neuron"]),
            "neuron": In(row_layout(config)),
            "winner": Out(open_row_layout(config)),
            "winner_valid": Out(1),
            "open_row": Out(open_row_layout(config)),
            "open_valid": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        recurrent, stable = self.config.recurrent, self.config.stable

        # The row and its target go into a register, those of a hidden layer once the row's result
        # has been looked up.
        row, target, valid = Signal.like(self.row), Signal.like(self.target), Signal()
        late_target = delay(m, self.target, 1, "late_target")
        late_valid = delay(m, self.target_valid, 1, "late_valid")
        with m.If(self.hidden):
            m.d.sync += [row.eq(self.neuron), target.eq(late_target), valid.eq(late_valid)]
        with m.Else():
            m.d.sync += [row.eq(self.row), target.eq(self.target), valid.eq(self.row_valid)]
        with m.If(self.target_valid):
            m.d.sync += self.neuron_index.eq(self.neuron_index + 1)
        if recurrent:
            m.submodules.credit = credit = Credit(self.config)
            m.d.comb += [
                credit.start.eq(self.start), credit.newest.eq(self.job.newest),
                credit.target_valid.eq(self.target_valid), credit.target.eq(late_target),
                credit.row.eq(self.neuron),
            ]

        scanning = Signal()
        left, member = Signal.like(self.job.rows), Signal.like(self.job.group)
        address = Signal.like(self.job.address)
        eligible, sign = Signal(), Signal()
        wrong = target.sign != row.activation
        cost = Signal(len(credit.sum) if recurrent else len(row.magnitude))
        m.d.comb += [
            eligible.eq(target.valid & (wrong | row.unstable if stable else wrong)),
            cost.eq(row.magnitude), sign.eq(target.sign),
        ]
        if recurrent:
            with m.If(self.hidden):
                m.d.comb += [eligible.eq(self.job.oldest & (credit.sum < 0)), cost.eq(-credit.sum),
                             sign.eq(1)]
        best, best_row, found = Signal.like(cost), Signal.like(self.winner), Signal()
        better = eligible & (~found | (cost < best))
        last = member == self.job.group - 1

        m.d.sync += [self.winner_valid.eq(valid & last & (found | better)),
                     self.open_valid.eq(valid & target.valid & row.open)]
        with m.If(valid):
            m.d.sync += [
                address.eq(address + self.job.words),
                left.eq(left - 1),
                member.eq(Mux(last, 0, member + 1)),
                found.eq(~last & (found | better)),
                self.winner.eq(best_row),
                self.open_row.address.eq(address),
                self.open_row.sign.eq(target.sign),
            ]
            with m.If(left == 1):
                m.d.sync += scanning.eq(0)
            with m.If(better):
                m.d.sync += [
                    best.eq(cost),
                    best_row.address.eq(address), best_row.sign.eq(sign),
                    self.winner.address.eq(address), self.winner.sign.eq(sign),
                ]
        with m.If(self.start):
            m.d.sync += [
                scanning.eq(1), self.neuron_index.eq(self.job.neuron),
                left.eq(self.job.rows), address.eq(self.job.address),
                member.eq(0), found.eq(0),
            ]
        m.d.comb += self.busy.eq(scanning | self.winner_valid | self.open_valid)

        if recurrent:
            best_neuron, number = Signal.like(self.winner_neuron), Signal.like(self.scanned_neuron)
            with m.If(valid):
                m.d.sync += [number.eq(number + 1), self.winner_neuron.eq(best_neuron)]
                with m.If(better):
                    m.d.sync += [best_neuron.eq(number), self.winner_neuron.eq(number)]
            with m.If(self.start):
                m.d.sync += number.eq(0)
            m.d.comb += [
                self.scanned.eq(target), self.scanned_valid.eq(valid & self.hidden),
                self.scanned_neuron.eq(number),
            ]
        return m
