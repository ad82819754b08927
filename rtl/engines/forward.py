"""Forward: products of the rows of one layer with its input, one word per clock."""

import math

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import enum, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from rtl.engines.pool import Pool
from rtl.engines.thresholds import bounds_signature
from rtl.parts.delay import delay
from rtl.parts.layouts import forward_job_layout, row_layout
from rtl.parts.memory import activation_ports, neuron_lanes, sign_ports
from rtl.parts.popcount import Popcount, Popcounts
from rtl.parts.tables import lookup


class Receiver(enum.Enum, shape=2):
    """Where the results of a job's rows go."""

    LOGITS = 0
    """To classify. They are no activations."""
    HIDDEN = 1
    LAST = 2
    """Directly to the select engine."""
    NOBODY = 3
    """Only the activations are used."""


def forward_control(config):
    """How the sequencer drives :class:`Forward`.

    ``job`` is taken with ``start``; ``receiver`` is steady from the clock after ``start`` to
    ``done``.
    """
    return wiring.Signature({
        "start": Out(1), "job": Out(forward_job_layout(config)), "receiver": Out(Receiver),
        "done": In(1)})


class Forward(wiring.Component):
    """Activations of one layer, or the logits of all classes: ``bep_model.phases.forward``.

    For every row, the words of the sign plane are compared with the words of the layer's input. The
    popcounts are added up to n, and z = 2n - F_l gives the activation (z >= 0), abs(z) and the
    gate. Activations are gathered into words and written to the activation memory as soon as n is
    known.

    Of a convolutional layer every filter meets the patches of a cell, one word of them after the
    other; then come the other filters, then the other cells. n is the largest of the cell's
    positions, and z = 2n - F_1 - theta.

    Timing
    ------
    The first word is read in the clock after ``start``; then one word is read per clock, without
    gaps between rows. ``done`` is high in the last clock of work, ``cycles(rows, words)`` clocks
    after ``start``, or ``cells_cycles`` in a convolutional layer; ``start`` may be high again in
    that clock. ``total`` is valid for one clock per row, ``hidden`` and ``last`` one clock later;
    none of them waits.

    Parameters
    ----------
    config : Config
    read_latency : int
        Clocks from an address to the data, of both memories.

    Members
    -------
    control : In(forward_control(config))
    slot : In(range(max_batch + 1))
        Slot of the sample; steady from the clock after ``start`` to ``done``.
    signs : In(ReadPort.Signature)
    activations : In(ReadPort.Signature)
        Both are read in the same clocks.
    neurons : In(WritePort.Signature)
        To the activation memory, unless the job is for the logits.
    total : Out(stream.Signature(range(F + 1), always_ready=True))
        Popcount of a row, for every job; of a filter the largest in a cell.
    logits : Out(stream.Signature(range(F + 1), always_ready=True))
        Popcount of a row, for jobs with receiver LOGITS only.
    hidden, last : Out(stream.Signature(row_layout(config), always_ready=True))
        The row's result, for jobs with receiver HIDDEN and LAST.
    bounds : In(bounds_signature(config))
        Only in a convolutional network.
    """

    def __init__(self, config, read_latency=1):
        self.config = config
        self.read_latency = read_latency
        layer, lanes = config.network[0], config.weight_lanes
        self.pool = Pool(config) if layer.window else None
        self.parted = layer.window and layer.patches > 1
        self.popcount = Popcounts(lanes, layer.fan_in, layer.patches) if self.parted \
            else Popcount(lanes)
        signs, (activations, _, neurons) = sign_ports(config)[0], activation_ports(config)
        total = stream.Signature(
            forward_job_layout(config).members["fan_in"], always_ready=True)
        row = stream.Signature(row_layout(config), always_ready=True)
        super().__init__({
            "control": In(forward_control(config)),
            "slot": In(range(config.max_batch + 1)),
            "signs": In(signs),
            "activations": In(activations),
            "neurons": In(neurons),
            "total": Out(total),
            "logits": Out(total),
            "hidden": Out(row),
            "last": Out(row),
            **({"bounds": In(bounds_signature(config))} if layer.window else {}),
        })

    @property
    def accumulates(self):
        """Whether some rows have several words, whose popcounts a register adds up."""
        return max(*self.config.row_words, self.config.network[-1].words) > 1

    @property
    def latency(self):
        """Clocks from the read of a row's last word to its ``total``."""
        return self.read_latency + self.popcount.latency + self.accumulates

    def cycles(self, rows, words):
        """Clocks from the clock after ``start`` to ``done``, both included."""
        return rows * words + self.latency

    @property
    def cells_cycles(self):
        """The same of the convolutional layer."""
        layer = self.config.network[0]
        return (math.prod(layer.cells) * layer.neurons * layer.cell_words
                + self._counted + self.pool.latency)

    @property
    def _counted(self):
        """Clocks from the read of a patch's last word to its popcount."""
        return self.read_latency + (self.popcount.parts_latency if self.parted
                                    else self.popcount.latency + self.accumulates)

    def elaborate(self, platform):
        m = Module()
        m.submodules.popcount = popcount = self.popcount
        control, total = self.control, self.total

        # Issue: the address runs on through all rows; the offset in the input restarts in each row.
        job = Signal(control.job.shape())
        busy = Signal()
        word = Signal.like(job.words)
        row = Signal.like(job.rows)
        first, last = word == 0, word == job.words - 1
        with m.If(busy):
            m.d.sync += [word.eq(Mux(last, 0, word + 1)), job.address.eq(job.address + 1)]
            with m.If(last):
                m.d.sync += [row.eq(row + 1), job.address.eq(job.address + 1 + job.skip)]
                with m.If(row == job.rows - 1):
                    m.d.sync += busy.eq(0)
        begins, ends = busy & first, busy & last
        if self.pool:
            begins, ends = self._cells(m, job, busy, word, row, first, last)
        with m.If(control.start):
            m.d.sync += [job.eq(control.job), busy.eq(1), word.eq(0), row.eq(0)]
        m.d.comb += [
            self.signs.en.eq(busy), self.signs.addr.eq(job.address),
            self.activations.en.eq(busy),
            self.activations.addr.eq(Cat((job.source + word)[:len(job.source)], self.slot)),
        ]

        # Popcount and accumulation over the words of a row.
        m.d.comb += [popcount.a.eq(self.signs.data), popcount.b.eq(self.activations.data)]
        if self.parted:  # a filter meets several patches at once
            layer = self.config.network[0]
            with m.If(job.windows):
                m.d.comb += popcount.a[:layer.fan_in * layer.patches].eq(
                    self.signs.data[:layer.fan_in].replicate(layer.patches))
        depth = self.read_latency + popcount.latency
        begin = Signal()
        end = Signal()
        m.d.comb += Cat(begin, end).eq(
            delay(m, Cat(begins, ends), depth, name="edge"))
        count, counted = total.payload, total.valid
        if self.pool:
            count, counted = Signal.like(count), Signal()
            self._pooled(m, job, count, counted)
        if self.accumulates:
            m.d.sync += [
                count.eq(Mux(begin, 0, count) + popcount.o),
                counted.eq(end),
            ]
        else:
            m.d.comb += [count.eq(popcount.o), counted.eq(end)]

        # Magnitude and sign of z = 2n - F. The next job may have begun by then.
        z = (total.payload << 1) - (Mux(job.windows, self.bounds.bound, job.fan_in)
                                    if self.pool else job.fan_in)
        activation = z >= 0
        result = Signal(row_layout(self.config))
        m.d.sync += [
            result.activation.eq(activation),
            result.magnitude.eq(Mux(activation, z, -z)),
        ]
        if self.pool:
            m.d.sync += result.place.eq(self.pool.place)
        m.d.comb += result.open.eq(result.magnitude <= delay(m, job.gate, 1, "gate"))
        if self.config.stable:
            stability = delay(m, job.stability, 1, "stability")
            m.d.comb += result.unstable.eq(result.magnitude < stability)
        for rows, receiver in ((self.hidden, Receiver.HIDDEN), (self.last, Receiver.LAST)):
            m.d.sync += rows.valid.eq(total.valid & (control.receiver == receiver))
            m.d.comb += rows.payload.eq(result)
        m.d.comb += [
            self.logits.payload.eq(total.payload),
            self.logits.valid.eq(total.valid & (control.receiver == Receiver.LOGITS)),
        ]
        self._gather(m, job, activation)
        return m

    def _gather(self, m, job, activation):
        """Gather the activations into words. A one-hot ring selects the lane of the next one."""
        control, valid, write = self.control, self.total.valid, self.neurons
        lane = Signal(neuron_lanes(self.config), init=1)
        gathered = Signal.like(write.data)
        offset = Signal.like(job.target)
        results = control.job.outputs if self.pool else control.job.rows
        left = Signal.like(results)
        final = Signal()  # left == 1, in a register: much logic depends on `done`
        m.d.comb += [
            write.data.eq(gathered | (lane & activation.replicate(len(lane)))),
            write.addr.eq(Cat(offset, self.slot)),
            write.en.eq(valid & (control.receiver != Receiver.LOGITS) & (lane[-1] | final)),
            control.done.eq(valid & final),
        ]
        with m.If(valid):
            m.d.sync += [lane.eq(lane.rotate_left(1)), gathered.eq(write.data),
                         left.eq(left - 1), final.eq(left == 2)]
            with m.If(lane[-1]):
                m.d.sync += [gathered.eq(0), offset.eq(offset + 1)]
        with m.If(control.start):
            m.d.sync += [lane.eq(1), gathered.eq(0), offset.eq(control.job.target),
                         left.eq(results), final.eq(results == 1)]

    def _cells(self, m, job, busy, word, row, first, last):
        """Go through the cells of an image instead of the rows of a layer.

        Return whether a row, or patch, begins and ends with the present word.
        """
        layer, windows = self.config.network[0], job.windows
        (cell_rows, cell_columns), words = layer.cells, layer.row_words
        line, column = Signal(range(cell_rows)), Signal(range(cell_columns))
        part = Signal(range(words))  # word of a patch
        begins, ends = Mux(windows, part == 0, first), Mux(windows, part == words - 1, last)
        right, bottom = column == cell_columns - 1, line == cell_rows - 1
        with m.If(busy & windows):
            m.d.sync += part.eq(Mux(ends, 0, part + 1))
            with m.If(ends & ~last):  # the same row for the next patch
                m.d.sync += job.address.eq(job.address - (words - 1))
            with m.If(last & (row == layer.neurons - 1)):
                m.d.sync += [
                    row.eq(0), job.address.eq(0), job.source.eq(job.source + layer.cell_words),
                    column.eq(Mux(right, 0, column + 1)), busy.eq(~(right & bottom)),
                ]
                with m.If(right):
                    m.d.sync += line.eq(Mux(bottom, 0, line + 1))
        # To the pool, when the popcounts are there. The cells of the last row and column can lack
        # positions.
        bits, pool = ceil_log2(layer.cell_words), self.pool
        there = lookup(Cat(right, bottom, word[:bits]), [
            layer.there(place >> 1 & 1, place & 1, (place >> 2) // words)
            for place in range(4 << bits)])
        m.d.comb += Cat(pool.valid, pool.first, pool.last, pool.there).eq(delay(m, Cat(
            busy & windows & ends, word == words - 1, last, there[:layer.patches]),
            self._counted, name="cell"))
        return busy & begins, busy & ends

    def _pooled(self, m, job, count, counted):
        """Take a filter's popcounts from the pool, and those of other rows as they are."""
        m.submodules.pool = pool = self.pool
        if self.parted:
            m.d.comb += pool.counts.eq(self.popcount.parts)
        else:
            m.d.comb += pool.counts[0].eq(count)
        m.d.comb += [
            self.total.payload.eq(Mux(job.windows, pool.largest, count)),
            self.total.valid.eq(Mux(job.windows, pool.done, counted)),
            self.bounds.step.eq(pool.done), self.bounds.start.eq(self.control.start),
            self.bounds.busy.eq(job.windows),
        ]
