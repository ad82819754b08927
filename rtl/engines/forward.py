"""Forward: the rows of one layer against its input, one word per clock."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from rtl.parts.delay import delay
from rtl.parts.memory import neuron_lanes, slot_words
from rtl.parts.popcount import Popcount


def job_layout(config):
    """What :class:`Forward` is to do: rows, where they lie, and what they are multiplied with.

    ``rows`` and ``words`` count from 1; ``skip`` words of each row are left out at its end;
    ``address`` is the first row's in the sign plane; ``source`` and ``target`` are offsets in the
    activation memory; ``fan_in`` is F_l, ``gate`` T_l and, if there is
    one, ``stability`` kappa_l.
    """
    offsets = range(max(2, slot_words(config)))
    fan_ins = [f for _, f in config.shapes]
    return data.StructLayout({
        "rows": range(max(config.classes, *config.layers) + 1),
        "words": range(max(*config.row_words, config.network[-1].words) + 1),
        "skip": range(config.network[0].words + 1 if config.recurrent else 1),
        "address": range(max(2, config.sign_depth)),
        "source": offsets,
        "target": offsets,
        "fan_in": range(max(*fan_ins, config.layers[-1]) + 1),
        "gate": range(max(fan_ins) + 1),
        **({"stability": range(max(fan_ins) + 2)} if config.stable else {}),
    })


def row_layout(config):
    """One row's result: the activation and abs(z).

    ``open`` is the gate, abs(z) <= T_l; ``unstable``, if there is a stability, abs(z) < kappa_l.
    """
    return data.StructLayout({
        "activation": 1,
        "magnitude": range(max(config.layers[-1], *(f for _, f in config.shapes)) + 1),
        "open": 1,
        **({"unstable": 1} if config.stable else {}),
    })


class Forward(wiring.Component):
    """Activations of one layer, or the logits of all classes: ``bep_model.phases.forward``.

    For every row the words of the sign plane meet the words of the layer's input; the popcounts n
    are added up and z = 2n - F_l gives the activation (z >= 0), abs(z) and the gate. The
    activations are gathered into words and written to the activation memory, as soon as n is known.

    Timing
    ------
    The first word is read in the clock after ``start``; then one word per clock without gaps
    between rows. ``done`` is high in the last clock of work: ``cycles(rows, words)`` clocks after
    ``start``; ``start`` may be given again in that clock. ``job`` is taken with ``start``.
    ``total_valid`` and ``row_valid`` are high for one clock per row, ``row_valid`` one clock after
    ``total_valid``; no backpressure.

    Parameters
    ----------
    config : Config
    read_latency : int
        Clocks from a read address to the data, of both memories.

    Members
    -------
    start : In(1)
    job : In(job_layout(config))
    done : Out(1)
    read_enable : Out(1)
        Read both memories.
    read_address : Out(range(sign_depth))
        Sign plane.
    read_offset : Out(range(words per slot))
        Activation memory.
    weights, activations : In(P)
        What was read.
    total : Out(range(F + 1))
        Popcount of the row.
    total_valid : Out(1)
    row : Out(row_layout(config))
    row_valid : Out(1)
    write_enable : Out(1)
        Write to the activation memory; only if ``gather``.
    write_offset : Out(range(words per slot))
    write_data : Out(neuron_lanes(config))
    gather : In(1)
        Write the activations of this job; steady from the clock after ``start`` to ``done``.
    """

    def __init__(self, config, read_latency=1):
        self.config = config
        self.read_latency = read_latency
        self.popcount = Popcount(config.weight_lanes)
        job, row = job_layout(config), row_layout(config)
        super().__init__({
            "start": In(1),
            "job": In(job),
            "done": Out(1),
            "read_enable": Out(1),
            "read_address": Out(job.members["address"]),
            "read_offset": Out(job.members["source"]),
            "weights": In(config.weight_lanes),
            "activations": In(config.weight_lanes),
            "total": Out(job.members["fan_in"]),
            "total_valid": Out(1),
            "row": Out(row),
            "row_valid": Out(1),
            "write_enable": Out(1),
            "write_offset": Out(job.members["target"]),
            "write_data": Out(neuron_lanes(config)),
            "gather": In(1),
        })

    @property
    def accumulates(self):
        """Whether some row has several words, whose popcounts are added up in a register."""
        return max(*self.config.row_words, self.config.network[-1].words) > 1

    @property
    def latency(self):
        """Clocks from the read of a row's last word to its ``total``."""
        return self.read_latency + self.popcount.latency + self.accumulates

    def cycles(self, rows, words):
        """Clocks from the one after ``start`` to ``done``, both counted."""
        return rows * words + self.latency

    def elaborate(self, platform):
        m = Module()
        m.submodules.popcount = popcount = self.popcount
        lanes = neuron_lanes(self.config)

        # Issue: addresses run on through the rows, the input's offset starts over in each.
        job = Signal(self.job.shape())
        busy = Signal()
        word, row = Signal.like(job.words), Signal.like(job.rows)
        first, last = word == 0, word == job.words - 1
        with m.If(busy):
            m.d.sync += [word.eq(Mux(last, 0, word + 1)), job.address.eq(job.address + 1)]
            with m.If(last):
                m.d.sync += [row.eq(row + 1), job.address.eq(job.address + 1 + job.skip)]
                with m.If(row == job.rows - 1):
                    m.d.sync += busy.eq(0)
        with m.If(self.start):
            m.d.sync += [job.eq(self.job), busy.eq(1), word.eq(0), row.eq(0)]
        m.d.comb += [
            self.read_enable.eq(busy),
            self.read_address.eq(job.address),
            self.read_offset.eq(job.source + word),
        ]

        # Popcount and accumulation over the words of a row.
        m.d.comb += [popcount.a.eq(self.weights), popcount.b.eq(self.activations)]
        depth = self.read_latency + popcount.latency
        begin, end = Signal(), Signal()
        m.d.comb += Cat(begin, end).eq(
            delay(m, Cat(busy & first, busy & last), depth, name="edge"))
        if self.accumulates:
            m.d.sync += [
                self.total.eq(Mux(begin, 0, self.total) + popcount.o),
                self.total_valid.eq(end),
            ]
        else:
            m.d.comb += [self.total.eq(popcount.o), self.total_valid.eq(end)]

        # z = 2n - F; its magnitude and sign. By then the next job may have begun.
        z = (self.total << 1) - job.fan_in
        activation = z >= 0
        m.d.sync += [
            self.row.activation.eq(activation),
            self.row.magnitude.eq(Mux(activation, z, -z)),
            self.row_valid.eq(self.total_valid),
        ]
        m.d.comb += self.row.open.eq(self.row.magnitude <= delay(m, job.gate, 1, "gate"))
        if self.config.stable:
            stability = delay(m, job.stability, 1, "stability")
            m.d.comb += self.row.unstable.eq(self.row.magnitude < stability)

        # Gather: a ring of one bit selects the lane of the next activation.
        lane = Signal(lanes, init=1)
        gathered = Signal(lanes)
        offset, left = Signal.like(self.write_offset), Signal.like(job.rows)
        final = Signal()  # left == 1, from a register: much depends on `done`
        m.d.comb += [
            self.write_data.eq(gathered | (lane & activation.replicate(lanes))),
            self.write_offset.eq(offset),
            self.write_enable.eq(self.total_valid & self.gather & (lane[-1] | final)),
            self.done.eq(self.total_valid & final),
        ]
        with m.If(self.total_valid):
            m.d.sync += [lane.eq(lane.rotate_left(1)), gathered.eq(self.write_data),
                         left.eq(left - 1), final.eq(left == 2)]
            with m.If(lane[-1]):
                m.d.sync += [gathered.eq(0), offset.eq(offset + 1)]
        with m.If(self.start):
            m.d.sync += [lane.eq(1), gathered.eq(0), offset.eq(self.job.target),
                         left.eq(self.job.rows), final.eq(self.job.rows == 1)]
        return m
