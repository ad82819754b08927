"""Backward: sums over the columns of the open rows, and the targets that follow from them."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.engines.open_rows import list_signature, open_rows_signature
from rtl.parts.delay import delay
from rtl.parts.layouts import backward_job_layout, block_layout, target_layout
from rtl.parts.memory import activation_ports, sign_ports


def backward_control(config):
    """How the sequencer drives :class:`Backward`; ``job`` is steady from ``start`` to ``done``."""
    return wiring.Signature({
        "start": Out(1), "job": Out(backward_job_layout(config)), "done": In(1)})


def voting_signature(config):
    """How :class:`rtl.engines.votes.Votes` has :class:`Backward` count votes, seen from the former.

    While ``on`` is high, votes are counted instead of targets. ``start`` begins the voting on a
    row. ``steps`` is the list of the blocks that vote; ``counts`` says, in the clock of the data
    read from it, whether that block does. ``slot`` is that of the block that is read in this clock,
    two clocks after its place in the list; ``word`` is the word of a block that the present place
    is read for. ``reading`` is high while blocks are still to be fetched.
    """
    return wiring.Signature({
        "on": Out(1),
        "start": Out(1),
        "steps": Out(list_signature(config.voters, block_layout(config))),
        "counts": Out(1),
        "slot": Out(range(config.max_batch + 1)),
        "word": In(range(max(2, *config.row_words))),
        "reading": In(1),
    })


def ballot_signature(config):
    """The votes on a word of P columns, seen from :class:`Backward`. They are ``valid`` until they
    are ``taken``. ``up`` says that a column's sum is above 0, ``changed`` that it is not 0.
    """
    return wiring.Signature({
        "valid": Out(1), "taken": In(1),
        "up": Out(config.weight_lanes), "changed": Out(config.weight_lanes)})


class Backward(wiring.Component):
    """Targets of layer l from the open rows of layer l + 1 (Eq. 2, 7).

    The same as ``bep_model.phases.backward``.

    The order is word-major: for each word of P columns all open rows are read, and P up/down
    counters add up u_i = sum of t_j w_ji. The target is +1 if u > 0, and -1 if u < 0; u = 0 gives
    no target.

    Timing
    ------
    The first open row is fetched in the clock after ``start``; then one row is fetched per clock,
    and each word takes two clocks more to examine the sums. The targets of a word leave one per
    clock, in column order, while the next word is summed; a word may therefore take P + 1 clocks
    even if fewer rows are open. ``done`` is high in the clock before the targets of the last word
    begin to leave, ``cycles(...)`` clocks after ``start``. ``rows`` must be steady from the clock
    after ``start``. The next ``start`` must wait for the last target.

    In a recurrent or convolutional network the same sums give the votes of the steps or cells
    (``rtl.engines.votes``). While
    ``voting.on`` is high, each word of P columns stays at ``ballot`` until it is taken, and the
    last row of the next word waits for that. ``voting.start`` may then follow when
    ``voting.reading`` is low.

    Parameters
    ----------
    config : Config
    read_latency : int
        Clocks from an address to the data, of all memories.

    Members
    -------
    control : In(backward_control(config))
    rows : In(open_rows_signature(config))
        The open rows.
    signs : In(ReadPort.Signature)
    targets : Out(stream.Signature(target_layout(), always_ready=True))
    activations : In(ReadPort.Signature)
        This member and those below exist only in a recurrent or convolutional network.
    voting : In(voting_signature(config))
    ballot : Out(ballot_signature(config))
    """

    def __init__(self, config, read_latency=1):
        self.config = config
        self.read_latency = read_latency
        # Only hidden layers get targets, but votes are on the words of any row.
        self.columns = config.weight_lanes if config.voters else min(
            config.weight_lanes, max(config.layers[:-1]))
        voting = {
            "activations": In(activation_ports(config)[0]),
            "voting": In(voting_signature(config)),
            "ballot": Out(ballot_signature(config)),
        }
        super().__init__({
            "control": In(backward_control(config)),
            "rows": In(open_rows_signature(config)),
            "signs": In(sign_ports(config)[0]),
            "targets": Out(stream.Signature(target_layout(), always_ready=True)),
            **(voting if config.voters else {}),
        })

    @property
    def latency(self):
        """Clocks from the fetch of a word's last row to the clock before its targets leave."""
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
        control, config, voters = self.control, self.config, self.config.voters

        # The open rows of a layer are counted, or the votes of the steps.
        start = Signal()
        voting = Const(0)
        count = self.rows.count
        job = Signal.like(control.job)
        row = Signal.like(self.rows.read.data)
        weights = Signal.like(self.signs.data)
        m.d.comb += [start.eq(control.start), job.eq(control.job), row.eq(self.rows.read.data),
                     weights.eq(self.signs.data)]
        if voters:
            voting = self.voting.on
            steps = self.voting.steps
            count = Mux(voting, steps.count, count)
            with m.If(voting):
                m.d.comb += [
                    start.eq(self.voting.start), job.words.eq(config.row_words[0]),
                    row.eq(steps.read.data.as_value()[:len(row.as_value())]),
                    weights.eq(self.activations.data),
                ]
            if config.convolutional and config.network[0].patches > 1:
                part = delay(m, steps.read.data.part, 1 + self.read_latency, name="part")
                with m.If(voting):
                    m.d.comb += weights.eq(
                        self.activations.data.word_select(part, config.network[0].fan_in))

        fetch, last, word, wait = self._fetch(m, start, job, count, voting)

        # The row's address is known one clock later, its word after another clock and a read.
        address = Signal.like(row.address)
        sign = Signal()
        m.d.sync += [address.eq(row.address + delay(m, word, 1, name="word")), sign.eq(row.sign)]
        issued = delay(m, fetch, 2, name="issued")
        m.d.comb += [self.signs.addr.eq(address), self.signs.en.eq(issued & ~voting)]
        counted = delay(m, fetch & (count != 0), 1, name="fetched")
        if voters:
            counted = counted & (self.voting.counts | ~voting)
            m.d.comb += [
                self.activations.addr.eq(Cat(
                    address[:len(self.activations.addr) - len(self.voting.slot)],
                    self.voting.slot)),
                self.activations.en.eq(issued & voting),
            ]
        end = delay(m, last & fetch, 2 + self.read_latency, name="end")
        valid = delay(m, counted, 1 + self.read_latency, name="counted")
        sign = delay(m, sign, self.read_latency, name="sign")

        # Column counters add 1, or -1 as all ones. Finished sums are examined in two clocks: first
        # u >= 0, then, after all counters stepped down, u - 1 >= 0. u != 0 would take more logic.
        look = delay(m, end, 1, name="look")
        clear = delay(m, look, 1, name="clear")
        rows = (*config.layers[0 if config.recurrent else 1:], voters)
        sums = [Signal(signed(max(rows).bit_length() + 1), name=f"sum{i}")
                for i in range(self.columns)]
        for total, weight in zip(sums, weights[:self.columns], strict=True):
            down = Signal()
            m.d.comb += down.eq((weight ^ sign) | look)
            with m.If(clear):
                m.d.sync += total.eq(0)
            with m.Elif(valid | look):
                m.d.sync += total.eq(total + Cat(1, down.replicate(len(total) - 1)))
        not_negative, positive = self._leave(
            m, start, job, voting, look, clear, ~Cat(total[-1] for total in sums))

        if voters:
            ballot = self.ballot
            pending = Signal()  # a word's last row was fetched, but its votes were not taken
            with m.If(ballot.taken):
                m.d.sync += [pending.eq(0), ballot.valid.eq(0)]
            with m.If(voting & clear):
                m.d.sync += ballot.valid.eq(1)
            with m.If(voting):
                m.d.comb += wait.eq(pending & ~ballot.taken)
                with m.If(fetch & last):
                    m.d.sync += pending.eq(1)
            m.d.comb += [
                self.voting.word.eq(word), steps.read.en.eq(1),
                ballot.up.eq(positive), ballot.changed.eq(positive | ~not_negative),
            ]
        return m

    def _fetch(self, m, start, job, count, voting):
        """Go through the rows once for each word. A word's first row waits until the sums of the
        previous word are cleared, its last row until the targets of that word will have left.

        Return whether a row is fetched, whether it is the word's last one, the word, and the signal
        that makes the last row wait.
        """
        busy = Signal()
        fetch = Signal()
        wait = Signal()
        entry = Signal(max(len(self.rows.count), len(count)))
        word = Signal.like(job.words)
        left = Signal.like(job.words)
        pause = Signal(range(self.gap))
        last = (entry == count - 1) | (count == 0)
        m.d.comb += [
            wait.eq(pause != 0),
            fetch.eq(busy & (pause < self.gap - 2) & ~(last & wait)),
            self.rows.read.addr.eq(entry),
            self.rows.read.en.eq(1),
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
        with m.If(start):
            m.d.sync += [busy.eq(1), entry.eq(0), word.eq(job.first), left.eq(job.words)]
            with m.If(~voting):  # else the previous row's sums may still be examined
                m.d.sync += pause.eq(0)
        if self.config.voters:  # there can be more blocks than rows
            m.d.comb += [self.voting.reading.eq(busy), self.voting.steps.read.addr.eq(entry)]
        return fetch, last, word, wait

    def _leave(self, m, start, job, voting, look, clear, signs):
        """Shift the targets out of two registers, and return these: u >= 0, and u > 0."""
        not_negative = Signal.like(signs)
        positive = Signal.like(signs)
        running = Signal()
        column = Signal(range(self.columns))
        columns_left = Signal.like(job.columns)
        words_left = Signal.like(job.words)
        with m.If(running):
            m.d.sync += [
                not_negative.eq(not_negative >> 1), positive.eq(positive >> 1),
                column.eq(column + 1), columns_left.eq(columns_left - 1),
            ]
            with m.If((column == self.columns - 1) | (columns_left == 1)):
                m.d.sync += running.eq(0)
        with m.If(look):
            m.d.sync += not_negative.eq(signs)
        with m.If(clear):
            m.d.sync += [positive.eq(signs), running.eq(~voting), column.eq(0),
                         words_left.eq(words_left - 1)]
        with m.If(start):
            m.d.sync += [columns_left.eq(job.columns), words_left.eq(job.words)]
        m.d.comb += [
            self.targets.payload.sign.eq(positive[0]),
            self.targets.payload.valid.eq(positive[0] | ~not_negative[0]),
            self.targets.valid.eq(running),
            self.control.done.eq(clear & (words_left == 1)),
        ]
        return not_negative, positive
