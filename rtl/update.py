"""Update: rows of counters, Q at a time, each one step up or down and saturating."""

import enum

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .delay import delay
from .memory import slot_words
from .random import Bernoulli
from .tables import lookup
from .winners import winner_layout


class Operation(enum.Enum):
    """What is done to the counters of a row."""

    STEP = 0
    """Towards the target: +1 where target and input agree, else -1 (Eq. 8, 9)."""
    REINFORCE = 1
    """Away from the sign change: h >= 0: +1, else -1 (sec. 3.3)."""
    INITIALISE = 2
    """To 0 or -1 at random."""


def access_layout(config):
    """A request for one word of Q counters: lane i in bits i * B_h and up, two's complement."""
    return data.StructLayout({
        "address": range(max(2, config.counter_depth)),
        "write": 1,
        "data": config.counter_lanes * config.counter_bits,
    })


class Update(wiring.Component):
    """Steps the counters of whole rows: ``bep_model.update`` and ``bep_model.reinforce``.

    A row is read, stepped and written back word by word: h += +-1 in every lane whose random bit
    is 1, saturating at both ends of B_h bits. Lanes beyond the fan-in stay as they are. The sign
    of h lives in the sign plane (1 for h >= 0), the other bits in the counter plane.

    Timing
    ------
    A word takes max(1, d) clocks, d being the draws of its probability (``Bernoulli.draws``);
    with ``single_port`` the next even number. No clock is lost between rows. A word is written
    ``latency`` clocks after it was read. A row of another slot than the one before waits until the
    pipeline is empty, for it may be the same row; rows of one slot, and those of a sweep, must
    differ. An access is taken only when nothing else is under way; a read is answered
    ``latency`` - 1 clocks later.

    Parameters
    ----------
    config : Config
    single_port : bool
        The counter plane cannot be read and written in one clock.

    Members
    -------
    run : In(1)
        Take rows. Falls only when ``busy`` is low and no row is offered; rises only when no access
        is under way and no answer waits.
    operation : In(Operation)
        Steady while ``run`` is high.
    thinning : In(range(2**16 + 1))
        q, for STEP.
    reinforce : In(16)
        p of the layer ``rows.payload.layer``, for REINFORCE.
    rows : In(stream.Signature(winner_layout(config)))
        Rows to work on; ``sign`` and ``slot`` matter for STEP only.
    busy : Out(1)
        Words are under way that the next clock would not yet see.
    idle : Out(1)
        Nothing at all is under way.
    access, reply : In(stream.Signature(...)), Out(stream.Signature(Q * B_h))
        State port; taken only while ``access_enable`` is high.
    access_enable : In(1)
        Low while ``run`` is high.
    access_busy : Out(1)
        An access is under way or its answer has not been taken.
    sign_*, counter_*, activation_*
        Ports of the three memories, seen from the other side.
    random, advance
        ``Bank.word`` and ``Bank.advance``.
    source : In(range(words per slot))
        Only of a recurrent network, as all that follows: where the output layer's input begins.
    vote_valid : In(1)
        The votes for the next sign word of a row of the state layer are there; STEP waits for it.
    vote_taken : Out(1)
    up, changed : In(P)
        Of each lane: step up, else down; step at all.
    """

    latency = 3

    def __init__(self, config, single_port=False):
        self.config = config
        self.single_port = single_port
        lanes, bits = config.counter_lanes, config.counter_bits
        row, access = winner_layout(config), access_layout(config)
        votes = {
            "source": In(range(max(2, slot_words(config)))),
            "vote_valid": In(1), "vote_taken": Out(1),
            "up": In(config.weight_lanes), "changed": In(config.weight_lanes),
        }
        super().__init__({
            **(votes if config.recurrent else {}),
            "run": In(1),
            "operation": In(Operation),
            "thinning": In(range(2**16 + 1)),
            "reinforce": In(16),
            "rows": In(stream.Signature(row)),
            "busy": Out(1),
            "idle": Out(1),
            "access": In(stream.Signature(access)),
            "reply": Out(stream.Signature(lanes * bits)),
            "access_enable": In(1),
            "access_busy": Out(1),
            "sign_read_address": Out(row.members["address"]),
            "sign_read_enable": Out(1),
            "sign_read_data": In(config.weight_lanes),
            "sign_write_address": Out(row.members["address"]),
            "sign_write_enable": Out(config.subwords),
            "sign_write_data": Out(config.weight_lanes),
            "counter_read_address": Out(access.members["address"]),
            "counter_read_enable": Out(1),
            "counter_read_data": In(lanes * (bits - 1)),
            "counter_write_address": Out(access.members["address"]),
            "counter_write_enable": Out(1),
            "counter_write_data": Out(lanes * (bits - 1)),
            "activation_offset": Out(range(max(2, slot_words(config)))),
            "activation_slot": Out(row.members["slot"]),
            "activation_enable": Out(1),
            "activation_data": In(config.weight_lanes),
            "random": In(lanes),
            "advance": Out(1),
        })

    def dwell(self, p):
        """Clocks per word at probability ``p`` / 2**16."""
        clocks = max(1, Bernoulli.draws(p))
        return clocks + clocks % 2 if self.single_port else clocks

    def cycles(self, rows, first=1):
        """When rows are worked on.

        Parameters
        ----------
        rows : sequence of (int, int, int, int)
            Of each row: the clock from which it is offered, its slot, words, and p in 2**-16.
        first : int
            The first clock of ``run``.

        Returns
        -------
        list of (int, int)
            The clocks in which each row was first worked on, and its last word read.
        """
        result, clock, before = [], first - 1, None
        for offered, slot, words, p in rows:
            begin = max(clock + 1, offered)
            at = begin + max(1, Bernoulli.draws(p)) - 1
            if before not in (None, slot):
                at = max(at, clock + self.latency + 1)
            if self.single_port:
                at += (at - first) % 2
            clock, before = at + (words - 1) * self.dwell(p), slot
            result.append((begin, clock))
        return result

    def elaborate(self, platform):
        m = Module()
        config = self.config
        lanes, bits, subwords = config.counter_lanes, config.counter_bits, config.subwords
        m.submodules.bernoulli = bernoulli = Bernoulli(lanes)
        operation, row = self.operation, self.rows.payload

        # Stage 0: one word per completed draw.
        number = Signal(range(max(config.counter_words)))
        word = Signal(range(max(config.row_words)))
        subword = Signal(config.subword_bits)
        last = number == lookup(row.layer, [words - 1 for words in config.counter_words])
        recurrent, voted = config.recurrent, Const(0)  # a row whose steps are the steps' votes
        section = Const(0)  # the last word of W_x
        if recurrent:
            voted, section = Signal(), Signal()
            m.d.comb += [
                voted.eq((row.layer == 0) & (operation == Operation.STEP)),
                section.eq((row.layer == 0) & (number == _words(config.inputs, lanes) - 1)),
                self.vote_taken.eq(bernoulli.done & voted & (subword == 0)),
            ]
        working = Signal(self.latency)
        slot, phase = Signal.like(row.slot), Signal()
        other_slot = (operation == Operation.STEP) & (row.slot != slot) & working.any()
        with m.Switch(operation):
            with m.Case(Operation.STEP):
                m.d.comb += bernoulli.p.eq(self.thinning)
            with m.Case(Operation.REINFORCE):
                m.d.comb += bernoulli.p.eq(self.reinforce)
            with m.Case(Operation.INITIALISE):
                m.d.comb += bernoulli.p.eq(1 << 15)
        m.d.comb += [
            bernoulli.request.eq(self.run & self.rows.valid),
            bernoulli.hold.eq(other_slot | (phase if self.single_port else 0)
                              | (voted & (subword == 0) & ~self.vote_valid if recurrent else 0)),
            bernoulli.random.eq(self.random),
            self.advance.eq(bernoulli.advance),
            self.rows.ready.eq(bernoulli.done & last),
        ]
        if self.single_port:
            m.d.sync += phase.eq(self.run & ~phase)
        with m.If(bernoulli.done):
            m.d.sync += [number.eq(number + 1), subword.eq(subword + 1), slot.eq(row.slot)]
            with m.If((subword == subwords - 1) | section):
                m.d.sync += [subword.eq(0), word.eq(word + 1)]
            with m.If(last):
                m.d.sync += [number.eq(0), subword.eq(0), word.eq(0)]

        access, accessed = self.access.payload, Signal()
        m.d.comb += [
            self.access.ready.eq(self.access_enable & ~working.any() & ~self.reply.valid),
            accessed.eq(self.access.valid & self.access.ready),
        ]
        sign_address = Signal.like(self.sign_read_address)
        with m.If(accessed):
            m.d.comb += [
                sign_address.eq(access.address >> config.subword_bits),
                self.counter_read_address.eq(access.address),
            ]
        with m.Else():
            m.d.comb += [
                sign_address.eq(row.address + word),
                self.counter_read_address.eq(Cat(subword, sign_address)),
            ]
        m.d.comb += [
            self.sign_read_address.eq(sign_address),
            self.sign_read_enable.eq(accessed | bernoulli.done & (subword == 0)),
            self.counter_read_enable.eq(accessed | bernoulli.done),
            self.activation_offset.eq(
                (self.source if recurrent else lookup(row.layer, _offsets(config))) + word),
            self.activation_slot.eq(row.slot),
            self.activation_enable.eq(bernoulli.done & (subword == 0)),
        ]
        m.d.sync += working.eq(Cat(bernoulli.done | accessed, working))

        # Stage 1: what was read, cut to the lanes of this word.
        address = delay(m, self.counter_read_address, 1, "address1")
        loading = delay(m, accessed & access.write, 1, "loading")
        reading = delay(m, accessed & ~access.write, 1, "reading")
        loaded = delay(m, access.data, 1, "loaded")
        sign = delay(m, row.sign, 1, "sign1")
        part = address[:config.subword_bits]
        signs, inputs, mask = (Signal(lanes, name=name) for name in ("signs", "inputs", "mask"))
        rests = [_rest(parts[-1], lanes) for parts in config.sections]
        m.d.comb += [
            signs.eq(self.sign_read_data.word_select(part, lanes)),
            inputs.eq(self.activation_data.word_select(part, lanes)),
            mask.eq(Mux(delay(m, last, 1, "last"),
                        lookup(delay(m, row.layer, 1, "layer1"), rests), ~0)),
        ]
        allowed = mask
        if recurrent:
            up, changed = Signal.like(self.up), Signal.like(self.changed)
            allowed = Signal(lanes)
            with m.If(self.vote_taken):
                m.d.sync += [up.eq(self.up), changed.eq(self.changed)]
            with m.If(delay(m, section, 1, "section1")):
                m.d.comb += mask.eq(_rest(config.inputs, lanes))
            m.d.comb += allowed.eq(mask)
            with m.If(delay(m, voted, 1, "voted1")):
                m.d.comb += [inputs.eq(up.word_select(part, lanes)),
                             allowed.eq(mask & changed.word_select(part, lanes))]
        stepping, initialising = Signal(), Signal()
        m.d.comb += [
            stepping.eq(operation == Operation.STEP),
            initialising.eq((operation == Operation.INITIALISE) & ~loading & ~reading),
        ]
        values = [Signal(bits, name=f"value{i}") for i in range(lanes)]
        ups, steps = Signal(lanes), Signal(lanes)
        low = self.counter_read_data
        stored = Cat(Cat(low.word_select(i, bits - 1), ~signs[i]) for i in range(lanes))
        negative = Signal(lanes)
        m.d.comb += negative.eq(~bernoulli.word & mask)
        drawn = Cat(bit.replicate(bits) for bit in negative)
        with m.If(loading):
            m.d.sync += Cat(values).eq(loaded)
        with m.Elif(working[0]):  # else hold what a reply may still show
            m.d.sync += Cat(values).eq(Mux(initialising, drawn, stored))
        m.d.sync += [
            ups.eq(Mux(stepping, ~(inputs ^ sign.replicate(lanes)), signs)),
            steps.eq(Mux(initialising | loading, 0, bernoulli.word & allowed)),
        ]
        with m.If(reading):
            m.d.sync += self.reply.valid.eq(1)
        with m.Elif(self.reply.ready):
            m.d.sync += self.reply.valid.eq(0)
        m.d.comb += self.reply.payload.eq(Cat(values))

        # Stage 2: one step, unless that would leave the range.
        results = []
        for i, (value, up, step) in enumerate(zip(values, ups, steps, strict=True)):
            result = Signal(signed(bits), name=f"result{i}")
            limit = (value[-1] != up) & (value[:-1] == up.replicate(bits - 1))
            change, down = Signal(name=f"change{i}"), Signal(name=f"down{i}")
            m.d.comb += [change.eq(step & ~limit), down.eq(change & ~up)]
            # +1 is 0..01, -1 is 1..11.
            m.d.sync += result.eq(value.as_signed() + Cat(change, down.replicate(bits - 1)))
            results.append(result)

        # Stage 3: back into both planes.
        written = Signal(lanes)
        m.d.comb += written.eq(Cat(~result[-1] for result in results))
        address = delay(m, address, 2, "address3")
        writes = delay(m, ~delay(m, reading, 1, "reading2"), 1, "writes")
        m.d.comb += [
            self.counter_write_address.eq(address),
            self.counter_write_enable.eq(working[2] & writes),
            self.counter_write_data.eq(Cat(result[:-1] for result in results)),
            self.sign_write_address.eq(address >> config.subword_bits),
            self.sign_write_enable.eq(
                (working[2] & writes) << address[:config.subword_bits]),
            self.sign_write_data.eq(written.replicate(subwords)),
            self.busy.eq(working[:2].any()),
            self.idle.eq(~working.any()),
            self.access_busy.eq(working.any() | self.reply.valid),
        ]
        return m


def _words(count, lanes):
    """Words of ``lanes`` that hold ``count`` counters."""
    return -(-count // lanes)


def _rest(count, lanes):
    """Lanes of the last of them that hold a counter, as a mask."""
    return (1 << (count - (_words(count, lanes) - 1) * lanes)) - 1


def _offsets(config):
    """Offset of a layer's input in a slot of the activation memory."""
    return [sum(config.words[:l]) for l in range(config.depth)]
