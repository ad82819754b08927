"""Backward: column sums of the rows that pass their targets on, and the targets they give."""

from amaranth.hdl import Cat, Const, Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from rtl.parts.delay import delay
from rtl.parts.memory import slot_words


def target_layout():
    """Target of one neuron: its sign (1 for +1), and whether there is one at all."""
    return data.StructLayout({"sign": 1, "valid": 1})


def open_row_layout(config):
    """A row that passes its target on: its address in the sign plane and the target's sign.

    Of a recurrent network also a step of the past, by its address in the activation memory.
    """
    depth = max(2, config.sign_depth, slot_words(config) if config.recurrent else 0)
    return data.StructLayout({"address": range(depth), "sign": 1})


def backward_job_layout(config):
    """The layer that gets targets: its columns, and the words of P columns (both from 1).

    ``first`` is the place in a row of the first of these words (recurrent networks).
    """
    return data.StructLayout({
        "columns": range(max(config.layers) + 1),
        "words": range(max(*config.row_words,
                           0 if config.recurrent else config.network[-1].words) + 1),
        "first": range(config.input_words + 1 if config.recurrent else 1),
    })


class OpenRows(wiring.Component):
    """The open rows of two layers: one list is read while the other one is written.

    Rows whose gate is closed or which have no target never get into a list, so that the backward
    engine spends no clock on them.

    Timing
    ------
    ``read_data`` follows ``read_index`` by one clock. ``count`` includes a row from the clock after
    its ``push``. ``start`` empties the list written last but one and writes to it from now on; what
    was written so far becomes the list that is read.

    Parameters
    ----------
    config : Config

    Members
    -------
    start : In(1)
    push : In(1)
    row : In(open_row_layout(config))
    count : Out(range(K + 1))
        Rows in the list that is read.
    read_index : In(range(K))
    read_data : Out(open_row_layout(config))
    """

    def __init__(self, config):
        self.config = config
        rows = max(config.layers)
        super().__init__({
            "start": In(1),
            "push": In(1),
            "row": In(open_row_layout(config)),
            "count": Out(range(rows + 1)),
            "read_index": In(range(max(2, rows))),
            "read_data": Out(open_row_layout(config)),
        })

    def elaborate(self, platform):
        m = Module()
        layout = open_row_layout(self.config)
        m.submodules.memory = memory = Memory(
            shape=layout, depth=2 << len(self.read_index), init=[])
        read, write = memory.read_port(), memory.write_port()
        half = Signal()
        written = Signal.like(self.count)
        with m.If(self.push):
            m.d.sync += written.eq(written + 1)
        with m.If(self.start):
            m.d.sync += [half.eq(~half), written.eq(0), self.count.eq(written)]
        m.d.comb += [
            write.en.eq(self.push),
            write.addr.eq(Cat(written[:len(self.read_index)], half)),
            write.data.eq(self.row),
            read.addr.eq(Cat(self.read_index, ~half)),
            self.read_data.eq(read.data),
        ]
        return m


class Backward(wiring.Component):
    """Targets of layer l from the open rows of layer l + 1 (Eq. 2, 7).

    The same as ``bep_model.phases.backward``.

    Word-major: for each word of P columns all open rows are read, and P up/down counters add up
    u_i = sum of t_j w_ji. The target is +1 if u > 0, -1 if u < 0; u = 0 is no target.

    Timing
    ------
    The first open row is fetched in the clock after ``start``; then one row per clock, and two
    clocks more per word to look at the sums. The targets of a word leave one per clock, in column
    order, while the next word is summed; a word may therefore take P + 1 clocks though fewer rows
    are open. ``done`` is high in the clock before the targets of the last word begin to leave,
    ``cycles(...)`` clocks after ``start``. ``job`` must be steady from ``start`` to ``done``,
    ``count`` from the clock after ``start``. The next ``start`` must wait for the last target.

    In a recurrent network the same sums make the votes of the steps (``rtl.engines.votes``): with
    ``voting`` the words of P columns stay, one after another, at ``up`` and ``changed`` while
    ``vote_valid`` is high, until ``vote_taken``; the last row of the next word waits for that.
    ``start`` may then follow when ``reading`` is low.

    Parameters
    ----------
    config : Config
    read_latency : int
        Clocks from a sign-plane address to the data.

    Members
    -------
    start : In(1)
    job : In(backward_job_layout(config))
    count, read_index, read_data
        As in :class:`OpenRows`, seen from the other side.
    read_enable : Out(1)
    read_address : Out(range(sign_depth))
    weights : In(P)
    done : Out(1)
    target : Out(target_layout())
    target_valid : Out(1)
        No backpressure.
    voting : In(1)
        Only of a recurrent network, as all that follows.
    reading : Out(1)
        Rows are still to be fetched.
    word : Out(range(words of a row))
        The word that ``read_index`` belongs to.
    counts : In(1)
        With ``read_data``: the row is to be added; looked at with ``voting`` only.
    vote_valid : Out(1)
    vote_taken : In(1)
    up, changed : Out(P)
        Of each column: the sum is above 0; it is not 0.
    """

    def __init__(self, config, read_latency=1):
        self.config = config
        self.read_latency = read_latency
        job, row = backward_job_layout(config), open_row_layout(config)
        votes = {
            "voting": In(1), "reading": Out(1), "word": Out(range(max(2, *config.row_words))),
            "counts": In(1), "vote_valid": Out(1), "vote_taken": In(1),
            "up": Out(config.weight_lanes), "changed": Out(config.weight_lanes),
        }
        # Targets are sought for hidden layers only; votes are for the words of any row.
        self.columns = config.weight_lanes if config.recurrent else min(
            config.weight_lanes, max(config.layers[:-1]))
        super().__init__({
            **(votes if config.recurrent else {}),
            "start": In(1),
            "job": In(job),
            "count": In(range(max(*config.layers, config.max_steps) + 1)),
            "read_index": Out(range(max(2, *config.layers, config.max_steps))),
            "read_data": In(row),
            "read_enable": Out(1),
            "read_address": Out(row.members["address"]),
            "weights": In(config.weight_lanes),
            "done": Out(1),
            "target": Out(target_layout()),
            "target_valid": Out(1),
        })

    @property
    def latency(self):
        """Clocks from the fetch of a word's last row to the one before its targets leave."""
        return 4 + self.read_latency

    @property
    def gap(self):
        """Least number of clocks between the last rows of two words."""
        return max(3, self.columns + 1)

    def cycles(self, rows, words):
        """Clocks from the one after ``start`` to ``done``, both counted, for ``rows`` open rows."""
        return max(1, rows) + (words - 1) * max(rows + 2, self.gap) + self.latency

    def elaborate(self, platform):
        m = Module()
        lanes = self.columns
        voting = self.voting if self.config.recurrent else Const(0)

        # Issue. A word's first row waits until the sums of the word before are cleared, its last
        # row until the targets of the word before will have left.
        recurrent = self.config.recurrent
        busy, fetch, wait = Signal(), Signal(), Signal()
        entry, word, left = Signal.like(self.count), Signal.like(self.job.words), Signal.like(
            self.job.words)
        pause = Signal(range(self.gap))
        empty = self.count == 0
        last = (entry == self.count - 1) | empty
        m.d.comb += [
            wait.eq(pause != 0),
            fetch.eq(busy & (pause < self.gap - 2) & ~(last & wait)),
            self.read_index.eq(entry),
        ]
        with m.If(pause != 0):
            m.d.sync += pause.eq(pause - 1)
        with m.If(fetch):
            m.d.sync += entry.eq(entry + 1)
            with m.If(last):
                m.d.sync += [entry.eq(0), word.eq(word + 1), pause.eq(self.gap - 1)]
                m.d.sync += left.eq(left - 1)
                with m.If(left == 1):
                    m.d.sync += busy.eq(0)
        with m.If(self.start):
            m.d.sync += [busy.eq(1), entry.eq(0), word.eq(self.job.first), left.eq(self.job.words)]
            with m.If(~voting):  # else the sums of the row before may still be looked at
                m.d.sync += pause.eq(0)

        # The row's address is known a clock later, its word a clock and a read after that.
        address, sign = Signal.like(self.read_address), Signal()
        m.d.sync += [
            address.eq(self.read_data.address + delay(m, word, 1, name="word")),
            sign.eq(self.read_data.sign),
        ]
        m.d.comb += [self.read_address.eq(address),
                     self.read_enable.eq(delay(m, fetch, 2, name="issued"))]
        counted = delay(m, fetch & ~empty, 1, name="fetched")
        if recurrent:
            counted = counted & (self.counts | ~voting)
        end = delay(m, last & fetch, 2 + self.read_latency, name="end")
        valid = delay(m, counted, 1 + self.read_latency, name="counted")
        sign = delay(m, sign, self.read_latency, name="sign")

        # Column counters: +1, or -1 as all ones. Two clocks look at the finished sums: u >= 0,
        # then, all counters being stepped down once, u - 1 >= 0. That is less logic than u != 0.
        look = delay(m, end, 1, name="look")
        clear = delay(m, look, 1, name="clear")
        rows = (*self.config.layers[0 if recurrent else 1:], self.config.max_steps)
        sums = [Signal(signed(max(rows).bit_length() + 1), name=f"sum{i}")
                for i in range(lanes)]
        for total, weight in zip(sums, self.weights[:lanes], strict=True):
            down = Signal()
            m.d.comb += down.eq((weight ^ sign) | look)
            with m.If(clear):
                m.d.sync += total.eq(0)
            with m.Elif(valid | look):
                m.d.sync += total.eq(total + Cat(1, down.replicate(len(total) - 1)))

        # Targets leave through two shift registers.
        not_negative, positive = Signal(lanes), Signal(lanes)
        running = Signal()
        column, columns_left = Signal(range(lanes)), Signal.like(self.job.columns)
        words_left = Signal.like(self.job.words)
        signs = ~Cat(total[-1] for total in sums)
        with m.If(running):
            m.d.sync += [
                not_negative.eq(not_negative >> 1), positive.eq(positive >> 1),
                column.eq(column + 1), columns_left.eq(columns_left - 1),
            ]
            with m.If((column == lanes - 1) | (columns_left == 1)):
                m.d.sync += running.eq(0)
        with m.If(look):
            m.d.sync += not_negative.eq(signs)
        with m.If(clear):
            m.d.sync += [positive.eq(signs), running.eq(~voting), column.eq(0),
                         words_left.eq(words_left - 1)]
        with m.If(self.start):
            m.d.sync += [columns_left.eq(self.job.columns), words_left.eq(self.job.words)]
        m.d.comb += [
            self.target.sign.eq(positive[0]),
            self.target.valid.eq(positive[0] | ~not_negative[0]),
            self.target_valid.eq(running),
            self.done.eq(clear & (words_left == 1)),
        ]

        if recurrent:
            pending = Signal()  # a word's last row is fetched, its votes have not been taken
            with m.If(self.vote_taken):
                m.d.sync += [pending.eq(0), self.vote_valid.eq(0)]
            with m.If(voting & clear):
                m.d.sync += self.vote_valid.eq(1)
            with m.If(voting):
                m.d.comb += wait.eq(pending & ~self.vote_taken)
                with m.If(fetch & last):
                    m.d.sync += pending.eq(1)
            m.d.comb += [
                self.reading.eq(busy), self.word.eq(word),
                self.up.eq(positive), self.changed.eq(positive | ~not_negative),
            ]
        return m
