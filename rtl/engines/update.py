"""Update: rows of counters, Q at a time, each one step up or down and saturating."""

import enum
from itertools import pairwise

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.engines.random import Bernoulli
from rtl.engines.winners import winner_layout
from rtl.parts.delay import delay
from rtl.parts.lanes import lane_layout, look, minus_one, stepped
from rtl.parts.memory import slot_offsets, slot_words
from rtl.parts.state_port import control, state_signature
from rtl.parts.tables import lookup


class Operation(enum.Enum):
    """What is done to the counters of a row."""

    STEP = 0
    """Towards the target: +1 where target and input agree, else -1 (Eq. 8, 9)."""
    REINFORCE = 1
    """Away from the sign change: h >= 0: +1, else -1 (sec. 3.3)."""
    INITIALISE = 2
    """To 0 or -1 at random."""


class Update(wiring.Component):
    """Steps the counters of whole rows: ``update`` and ``reinforce`` of ``bep_model.phases``.

    A row is read, stepped and written back word by word: h += +-1 in every lane whose random bit
    is 1, saturating at both ends of B_h bits. Lanes beyond the fan-in stay as they are. The sign
    of h lives in the sign plane (1 for h >= 0), the other bits in the counter plane.

    Timing
    ------
    A word takes max(1, d) clocks, d being the draws of its probability (``Bernoulli.draws``);
    with ``single_port`` the next even number. No clock is lost between rows, but one before the
    first row of each layer in a sweep. A word is written ``latency`` clocks after it was read. A
    row that is still under way, for another slot, waits until it has been written; rows of a sweep,
    and all of a run if max_batch is 1, must differ.

    State port: a request begins when nothing else is under way, and its first bytes can pass
    ``latency`` clocks later, then more in every second clock. ``request.ready`` is high with
    the last ones; the word is written two clocks later. A request that is taken back before is
    forgotten. Accesses and runs do not meet.

    Parameters
    ----------
    config : Config
    single_port : bool
        The counter plane cannot be read and written in one clock.
    read_latency : int
        Clocks from an address to the data, of all three memories.
    port_bytes : int
        Bytes that pass the state port at a time; a port is never wider than a counter word.

    Members
    -------
    run : In(1)
        Take rows. Falls only when ``busy`` is low and no row is offered; rises only when no access
        is under way.
    operation : In(Operation)
        Steady while ``run`` is high, but that REINFORCE may follow STEP when ``busy`` is low and
        no row is offered. STEP has been there for a clock when ``run`` rises.
    thinning : In(range(2**16 + 1))
        q, for STEP; steady as ``operation``.
    reinforce : In(16)
        p of the layer ``rows.payload.layer``, for REINFORCE.
    rows : In(stream.Signature(winner_layout(config)))
        Rows to work on; ``sign`` and ``slot`` matter for STEP only.
    busy : Out(1)
        Words are under way that the next clock would not yet see.
    idle : Out(1)
        Nothing at all is under way, requests aside.
    state : In(state_signature(config, port_bytes))
        State port; unused lanes read and must be written as 0.
    access_enable : In(1)
        A request may begin. Low while ``run`` is high; falls only when ``idle`` is high and no
        request is there.
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

    Raises
    ------
    ValueError
        For a ``single_port`` with another ``read_latency`` than 1: words would be read and written
        in the same clocks.
    """

    def __init__(self, config, single_port=False, read_latency=1, port_bytes=1):
        if single_port and read_latency != 1:
            raise ValueError(f"read_latency must be 1 with single_port, not {read_latency}")
        self.config = config
        self.single_port = single_port
        self.read_latency = read_latency
        self.port_bytes = port_bytes
        lanes, bits = config.counter_lanes, config.counter_bits
        row, state = winner_layout(config), state_signature(config, port_bytes)
        address = range(max(2, config.counter_depth))
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
            "state": In(state),
            "access_enable": In(1),
            "sign_read_address": Out(row.members["address"]),
            "sign_read_enable": Out(1),
            "sign_read_data": In(config.weight_lanes),
            "sign_write_address": Out(row.members["address"]),
            "sign_write_enable": Out(config.subwords),
            "sign_write_data": Out(config.weight_lanes),
            "counter_read_address": Out(address),
            "counter_read_enable": Out(1),
            "counter_read_data": In(lanes * (bits - 1)),
            "counter_write_address": Out(address),
            "counter_write_enable": Out(1),
            "counter_write_data": Out(lanes * (bits - 1)),
            "activation_offset": Out(range(max(2, slot_words(config)))),
            "activation_slot": Out(row.members["slot"]),
            "activation_enable": Out(1),
            "activation_data": In(config.weight_lanes),
            "random": In(lanes),
            "advance": Out(1),
        })

    @property
    def latency(self):
        """Clocks from reading a word to writing it."""
        return 2 + self.read_latency

    def dwell(self, p):
        """Clocks per word at probability ``p`` / 2**16."""
        clocks = Bernoulli.clocks(p)
        return clocks + clocks % 2 if self.single_port else clocks

    def cycles(self, rows, first=1):
        """When rows are worked on.

        Parameters
        ----------
        rows : sequence of (int, hashable, int, int)
            Of each row: the clock from which it is offered (the one after for the first row of a
            layer in a sweep), which row it is, words, and p in 2**-16.
        first : int
            The first clock of ``run``.

        Returns
        -------
        list of (int, int)
            The clocks in which each row was first worked on, and its last word read.
        """
        result, clock, ends = [], first - 1, {}
        for offered, row, words, p in rows:
            begin = max(clock + 1, offered)
            at = begin + Bernoulli.clocks(p) - 1
            if row in ends:
                at = max(at, ends[row] + self.latency + 1)
            if self.single_port:
                at += (at - first) % 2
            ends[row] = clock = at + (words - 1) * self.dwell(p)
            result.append((begin, clock))
        return result

    def elaborate(self, platform):
        m = Module()
        config, late = self.config, self.read_latency
        lanes, bits, subwords = config.counter_lanes, config.counter_bits, config.subwords
        m.submodules.bernoulli = bernoulli = Bernoulli(lanes, late)
        operation, row = self.operation, self.rows.payload
        working = Signal(self.latency)
        start, moving, store = (Signal(name=n) for n in ("start", "moving", "store"))  # state port

        # Stage 0: one word per completed draw.
        number = Signal(range(max(config.counter_words)))
        word = Signal(range(max(config.row_words)))
        subword = Signal(config.subword_bits)
        last = number == lookup(row.layer, [words - 1 for words in config.counter_words])
        offsets = slot_offsets(config)
        recurrent, voted = config.recurrent, Const(0)  # a row whose steps are the steps' votes
        section = Const(0)  # the last word of W_x
        if recurrent:
            voted, section = Signal(), Signal()
            m.d.comb += [
                voted.eq((row.layer == 0) & (operation == Operation.STEP)),
                section.eq((row.layer == 0) & (number == _words(config.inputs, lanes) - 1)),
                self.vote_taken.eq(bernoulli.done & voted & (subword == 0)),
            ]
        turned = Signal()  # from updates to a sweep, in one run
        m.d.comb += turned.eq(operation != delay(m, operation, 1, "before"))
        # Rows are told apart by their first address; a row's own words cannot meet.
        begins = Signal(init=1)
        clash, under_way = Signal(), row.address
        for k, busy in enumerate(working if config.max_batch > 1 else ()):  # else all rows differ
            under_way = delay(m, under_way, 1, f"row{k}")
            with m.If(begins & busy & (row.address == under_way)):
                m.d.comb += clash.eq(1)
        with m.Switch(operation):
            with m.Case(Operation.STEP):
                m.d.comb += bernoulli.p.eq(self.thinning)
            with m.Case(Operation.REINFORCE):
                m.d.comb += bernoulli.p.eq(self.reinforce)
            with m.Case(Operation.INITIALISE):
                m.d.comb += bernoulli.p.eq(1 << 15)
        phase = Const(0)
        if self.single_port:
            phase = Signal()
            m.d.sync += phase.eq(self.run & (~phase | turned))
        settled = Signal()  # p is the same as a clock ago
        m.d.comb += [
            settled.eq((operation == Operation.STEP) | delay(m, self.run, 1, "ran") & ~turned
                       & (row.layer == delay(m, row.layer, 1, "layer"))),
            bernoulli.request.eq(self.run & self.rows.valid & settled),
            bernoulli.hold.eq(clash | phase | (voted & (subword == 0) & ~self.vote_valid
                                               if recurrent else 0)),
            bernoulli.random.eq(self.random),
            self.advance.eq(bernoulli.advance),
            self.rows.ready.eq(bernoulli.done & last),
        ]
        with m.If(bernoulli.done):
            m.d.sync += [number.eq(number + 1), subword.eq(subword + 1), begins.eq(last)]
            with m.If((subword == subwords - 1) | section):
                m.d.sync += [subword.eq(0), word.eq(word + 1)]
            with m.If(last):
                m.d.sync += [number.eq(0), subword.eq(0), word.eq(0)]

        sign_address = Signal.like(self.sign_read_address)
        with m.If(self.run):
            m.d.comb += [
                sign_address.eq(row.address + word),
                self.counter_read_address.eq(Cat(subword, sign_address)),
            ]
        with m.Else():
            m.d.comb += [
                sign_address.eq(self.state.request.payload.address >> config.subword_bits),
                self.counter_read_address.eq(self.state.request.payload.address),
            ]
        m.d.comb += [
            self.sign_read_address.eq(sign_address),
            self.sign_read_enable.eq(start | bernoulli.done & (subword == 0)),
            self.counter_read_enable.eq(start | bernoulli.done),
            self.activation_offset.eq(
                (self.source if recurrent else lookup(row.layer, offsets[:config.depth])) + word),
            self.activation_slot.eq(row.slot),
            self.activation_enable.eq(bernoulli.done & (subword == 0)),
            self.busy.eq(working[:-1].any()),
            self.idle.eq(~(working.any() | store)),
        ]
        m.d.sync += working.eq(Cat(bernoulli.done | start, working[:-2],
                                   Mux(self.run, working[-2], store)))

        # Stage 1, when the memories have answered: the lanes of this word, and what to do to them.
        # What goes to all lanes comes from registers.
        address = delay(m, self.counter_read_address, late, "address1")
        part = address[:config.subword_bits]
        target = delay(m, row.sign, late, "target")
        stepping, initialising, running = (delay(m, is_so, 1, name) for is_so, name in (
            (operation == Operation.STEP, "stepping"),
            (self.run & (operation == Operation.INITIALISE), "initialising"),
            (self.run, "running")))
        signs, inputs = Signal(lanes), Signal(lanes)
        m.d.comb += [
            signs.eq(self.sign_read_data.word_select(part, lanes)),
            inputs.eq(self.activation_data.word_select(part, lanes)),
        ]
        steps = [*bernoulli.word]
        if recurrent:
            up = Signal.like(self.up, name="taken_up")
            changed = Signal.like(self.changed, name="taken_changed")
            with m.If(self.vote_taken):
                m.d.sync += [up.eq(self.up), changed.eq(self.changed)]
            up, changed = (delay(m, votes, late - 1, "votes").word_select(part, lanes)
                           for votes in (up, changed))
            voted = delay(m, voted, late, "voted1")
            with m.If(voted):
                m.d.comb += inputs.eq(up)
            steps = [step & (change | ~voted) for step, change in zip(steps, changed, strict=True)]
        # Initialisation steps up from -1: a lane where a bit was drawn, and one beyond the fan-in.
        for first, others, beyond in self._limits(last, row.layer, section):
            beyond = delay(m, beyond, late, f"beyond{first}")
            for i in range(first, others):
                steps[i] = Mux(beyond, initialising, steps[i])

        lane = [Signal(lane_layout(bits), name=f"lane{i}", init=minus_one(bits), reset_less=True)
                for i in range(lanes)]
        for i, here in enumerate(lane):
            up, positive = Signal(name=f"up{i}"), signs[i]
            m.d.comb += up.eq(Mux(stepping, inputs[i] == target, positive))
            m.d.sync += [
                *look(here, self.counter_read_data.word_select(i, bits - 1), positive, up),
                here.step.eq(steps[i]),
            ]
            with m.If(initialising):
                m.d.sync += [getattr(here, name).eq(value)
                             for name, value in minus_one(bits).items()]
            with m.If(~running):
                m.d.sync += here.step.eq(0)

        # Stage 2: one step, unless that would leave the range. The results are also the state
        # port's shift register, which costs no LUT more: `word` as it passes the port.
        values = [stepped(here) for here in lane]
        results = [Signal(bits, name=f"result{i}") for i in range(lanes)]
        beat = len(self.state.data.payload)
        beats = _words(lanes * bits, beat)
        filling = Signal(beats * beat - lanes * bits)
        # (Signals, not expressions: every lane takes its part of them.)
        passing, shifted = Signal(beats * beat), Signal(beats * beat)
        shifting, entering = control(m, self, start, moving, store, working, beats)
        m.d.comb += [
            passing.eq(Cat(*(Cat(result[:-1], ~result[-1]) for result in results), filling)),
            shifted.eq(Cat(passing[beat:], entering)),
        ]
        with m.If(moving | ~shifting):
            for i, (result, value) in enumerate(zip(results, values, strict=True)):
                following = shifted[i * bits:(i + 1) * bits]
                m.d.sync += result.eq(
                    Mux(moving, Cat(following[:-1], ~following[-1]), value))
            m.d.sync += filling.eq(Mux(moving, shifted[lanes * bits:], 0))
        m.d.comb += self.state.reply.payload.eq(passing[:beat])

        # Stage 3: back into both planes.
        address = delay(m, address, 2, "address3")
        written = working[-1]
        m.d.comb += [
            self.counter_write_address.eq(address),
            self.counter_write_enable.eq(written),
            self.counter_write_data.eq(Cat(result[:-1] for result in results)),
            self.sign_write_address.eq(address >> config.subword_bits),
            self.sign_write_enable.eq(written << address[:config.subword_bits]),
            self.sign_write_data.eq(Cat(result[-1] for result in results).replicate(subwords)),
        ]
        return m

    def _limits(self, last, layer, section):
        """Where in a word lanes are beyond the fan-in.

        Yield first and last but one of some lanes, and whether they are so in the present word.
        """
        config, lanes = self.config, self.config.counter_lanes
        rests = [_rest(layer.sections[-1], lanes) for layer in config.network]
        between = _rest(config.inputs, lanes) if config.recurrent else lanes
        limits = sorted({*rests, between, lanes})
        for first, others in pairwise(limits):
            yield first, others, (last & lookup(layer, [int(rest <= first) for rest in rests])
                                  | section & int(between <= first))


def _words(count, lanes):
    """Words of ``lanes`` that hold ``count`` counters."""
    return -(-count // lanes)


def _rest(count, lanes):
    """Lanes of the last of them that hold a counter."""
    return count - (_words(count, lanes) - 1) * lanes
