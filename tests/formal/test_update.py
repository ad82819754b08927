"""Update: no counter is lost, and no word is read in the clock in which it is written.

One arbitrary counter is followed: its row, word and lane are ``AnyConst``, so the proof holds for
all counters. Only its bits of the two planes are modelled. All other data that are read are
arbitrary, and so is its own word if it is read in the clock in which it is written.
"""

import pytest
from amaranth.asserts import AnyConst, AnySeq
from amaranth.hdl import Assert, Assume, Cat, Const, Cover, Module, Mux, Signal, Value, signed

from bep_model.config import Config
from rtl.engines.update import Operation, Update
from rtl.parts.delay import delay
from rtl.parts.tables import lookup

from .contract import state_contract, update_contract
from .prove import ProofError, open_up, prove

CONFIGURATIONS = {
    "ragged": Config(5, (3, 2), 2, 3, 4, 2, max_batch=2),
    "one subword": Config(5, (3, 2), 2, 3, 2, 2, max_batch=2),
    "three subwords": Config(7, (3, 2), 2, 2, 6, 2, max_batch=1),
    "one layer": Config(3, (2,), 2, 2, 2, 1, max_batch=2),
    "two beats": Config(5, (3, 2), 2, 3, 4, 4, max_batch=2),
    "recurrent": Config(5, (3, 2), 2, 3, 4, 2, max_batch=2, max_steps=2),
    "recurrent, one subword": Config(3, (3, 2), 2, 3, 2, 2, max_batch=2, max_steps=3),
}
DEPTH = {1: 5, 3: 9}
"""Clocks of the induction by the latency of reads. These are the fewest with which it succeeds. The
proof then holds for all times; more clocks would only cost time, mostly in the base case."""


class Followed:
    """The counter that is followed. Its constants can have any value."""

    def __init__(self, m, config):
        layers, addresses = all_rows(config)
        row = constant(m, range(len(layers)), "followed_row")
        self.number = constant(m, range(max(config.counter_words)), "followed_word")
        self.lane = constant(m, range(config.counter_lanes), "followed_lane")
        m.d.comb += Assume(self.lane < config.counter_lanes)
        self.layer, self.row_address = lookup(row, layers), lookup(row, addresses)
        m.d.comb += Assume(self.number < lookup(self.layer, config.counter_words))
        self.word, self.part, count = word_of(config, self.layer, self.number)
        self.sign_address = self.row_address + self.word
        self.address = (self.sign_address << config.subword_bits) | self.part
        self.sign_lane = self.part * config.counter_lanes + self.lane
        self.real = self.lane < count


def constant(m, shape, name):
    signal = Signal(shape, name=name)
    m.d.comb += signal.eq(AnyConst(signal.shape()))
    return signal


def all_rows(config):
    """Layers (0 for layer 1) and sign-plane addresses of all rows."""
    rows = [(l, config.bases[l] + j * config.row_words[l])
            for l, k in enumerate(config.layers) for j in range(k)]
    return tuple(zip(*rows, strict=True))


def word_of(config, layer, number):
    """For a counter word of a row: its sign word in the row, its place in that, its counters."""
    low, longest = (1 << config.subword_bits) - 1, max(config.counter_words)
    spans = [span for layer in config.network
             for span in (*layer.spans, *[(0, 0, 0)] * (longest - layer.counter_words))]
    index = layer * longest + number
    return (lookup(index, [offset >> config.subword_bits for offset, _, _ in spans]),
            lookup(index, [offset & low for offset, _, _ in spans]),
            lookup(index, [count for _, _, count in spans]))


def harness(config, *, steady=True, **options):
    """The update engine, used in any way that its contract allows, and the claims about it."""
    m = Module()
    dut = Update(config, **options)
    control = dut.control
    m.submodules.update, inside, _ = open_up(dut)
    bits = config.counter_bits
    low, high = config.counter_range
    followed = Followed(m, config)
    m.d.comb += [s.eq(AnySeq(s.shape())) for s in map(Value.cast, (
        control.run, control.operation, dut.thinning, dut.reinforce, dut.draw.word, dut.rows.valid,
        dut.rows.payload, dut.state.request.valid, dut.state.request.payload, dut.state.data.valid,
        dut.state.data.payload, dut.state.reply.ready, control.access_enable,
        *([dut.source, dut.ballot.valid, dut.ballot.up, dut.ballot.changed]
          if config.recurrent else [])))]
    update_contract(m, config, dut, Assume, steady=steady)
    state_contract(m, dut.state, Assume)

    stepping = dut.counters.en & dut.control.run
    is_step, is_initialise = (
        control.operation == o for o in (Operation.STEP, Operation.INITIALISE))

    # Rows: all words are read, each once, in order.
    layer, row = dut.rows.payload.layer, dut.rows.payload
    position = Signal(range(max(config.counter_words)))
    final = position == lookup(layer, config.counter_words) - 1
    word, part, _ = word_of(config, layer, position)
    with m.If(stepping):
        m.d.sync += position.eq(Mux(final, 0, position + 1))
        m.d.comb += [
            Assert(dut.control.run & dut.rows.valid, "work without a row"),
            Assert(dut.counters.addr
                   == ((row.address + word) << config.subword_bits) | part, "wrong word"),
        ]
    m.d.comb += Assert(dut.rows.ready == (stepping & final), "row not worked on to its end")

    this_row = row.address == followed.row_address
    seen = Signal()  # the followed row came since run was last low
    with m.If(dut.rows.ready & this_row):
        m.d.sync += seen.eq(1)
    with m.If(~dut.control.run):
        m.d.sync += seen.eq(0)

    # Memories: only the followed counter's bits are modelled. All other data are arbitrary, and so
    # are its bits in a collision.
    stored = Signal(bits - 1), Signal(init=1)
    write = dut.write_counters.en & (dut.write_counters.addr == followed.address)
    sign_write = dut.write_signs.addr == followed.sign_address
    with m.If(write):
        m.d.sync += stored[0].eq(dut.write_counters.data.word_select(followed.lane, bits - 1))
    with m.If(sign_write & dut.write_signs.en.bit_select(followed.part, 1)):
        m.d.sync += stored[1].eq(dut.write_signs.data.bit_select(followed.sign_lane, 1))

    read = dut.counters.en & (dut.counters.addr == followed.address)
    late = dut.read_latency - 1
    data = Signal.like(dut.counters.data)
    m.d.sync += data.eq(AnySeq(data.shape()))
    with m.If(read & ~write):
        m.d.sync += data.word_select(followed.lane, bits - 1).eq(stored[0])
    sign_write &= dut.write_signs.en.any()
    sign_read = dut.signs.en & (dut.signs.addr == followed.sign_address)
    sign_data = Signal.like(dut.signs.data)
    with m.If(dut.signs.en):
        m.d.sync += sign_data.eq(AnySeq(sign_data.shape()))
    with m.If(sign_read & ~sign_write):
        m.d.sync += sign_data.bit_select(followed.sign_lane, 1).eq(stored[1])
    activations = Signal.like(dut.activations.data)
    asked_slot = Signal.like(row.slot)
    offset = Signal(len(dut.activations.addr) - len(asked_slot))
    with m.If(dut.activations.en):
        m.d.sync += [activations.eq(AnySeq(activations.shape())),
                     Cat(offset, asked_slot).eq(dut.activations.addr)]
    m.d.comb += [dut.counters.data.eq(delay(m, data, late, "counter_output")),
                 dut.signs.data.eq(delay(m, sign_data, late, "sign_output")),
                 dut.activations.data.eq(delay(m, activations, late, "activation_output"))]

    m.d.comb += [
        Assert(~(read & write), "counter word read while written"),
        Assert(~(sign_read & sign_write), "sign word read while written"),
    ]
    if dut.single_port:
        m.d.comb += Assert(~(dut.counters.en & dut.write_counters.en),
                           "single port read and written")

    # The value that the counter should have (Eq. 8, 9, and reinforcement) after its word was read.
    value = Signal(signed(bits))
    target = delay(m, row.sign, dut.read_latency, "target")
    agrees, changed = dut.activations.data.bit_select(followed.sign_lane, 1) == target, Const(1)
    if config.recurrent:
        voted = delay(m, is_step & (layer == 0), dut.read_latency, "voted")
        votes = voting(m, dut, followed, inside, this_row & (word == followed.word), stepping, part)
        agrees, changed = Mux(voted, votes[0], agrees), ~voted | votes[1]
    up = Mux(is_step, agrees, value >= 0)
    drawn = inside["rows.bernoulli.word"].bit_select(followed.lane, 1)
    after_row = delay(m, stepping & read, dut.read_latency, "after_row")
    with m.If(after_row & is_initialise):
        m.d.sync += value.eq(Mux(drawn | ~followed.real, 0, -1))
    with m.If(after_row & ~is_initialise & drawn & followed.real & (changed | ~is_step)):
        with m.If(up & (value != high)):
            m.d.sync += value.eq(value + 1)
        with m.If(~up & (value != low)):
            m.d.sync += value.eq(value - 1)
    asked = stepping & read & (layer != 0) if config.recurrent else stepping & read
    source = dut.source if config.recurrent else lookup(
        layer, [sum(config.row_words[:l]) for l in range(config.depth)])
    begins, from_slot = delay(m, source, 1, "begins"), delay(m, row.slot, 1, "from_slot")
    with m.If(delay(m, asked, 1, "asked_row") & is_step):
        m.d.comb += [
            Assert(offset == (begins + followed.word)[:len(offset)], "wrong activations"),
            Assert(asked_slot == from_slot, "wrong slot"),
        ]

    storing = port(m, dut, followed, inside, value)
    under_way = Signal(dut.latency)
    m.d.sync += under_way.eq(Cat(stepping & read, under_way))
    m.d.comb += Assert(~(read & (under_way.any() | storing)), "counter read while under way")
    with m.If(~under_way.any() & ~storing):
        m.d.comb += Assert(Cat(stored[0], ~stored[1]).as_signed() == value, "counter lost")

    # Corner cases, to check that the contract allows them.
    limited = after_row & is_step & drawn & followed.real & up & (value == high)
    m.d.comb += [
        Cover(limited),
        Cover(dut.state.reply.valid & (dut.state.request.payload.address == followed.address)
              & (value == low)),
        Cover(storing & (value == high)),
        Cover(read & stepping & is_step & seen),
        Cover(after_row & ~is_step & ~is_initialise & (value == low)),
    ]

    # Internal registers: invariants that the induction needs.
    m.d.comb += [
        Assert(inside["rows.number"] == position, "number"),
        Assert(inside["rows.word"] == word, "word"),
        Assert(inside["rows.subword"] == part, "subword"),
        Assert(position < lookup(layer, config.counter_words), "position"),
        Assert((position == 0) | (dut.control.run & dut.rows.valid), "row left"),
        Assert(inside["rows.begins"] == (position == 0), "begins"),
    ]
    with m.If(part != 0):  # data read with the first subword are held
        here = (layer != 0) | ~is_step if config.recurrent else Const(1)
        m.d.comb += [
            Assert(~here | (offset == (source + word)[:len(offset)]), "activations not held"),
            Assert(~here | (asked_slot == row.slot), "slot not held"),
        ]
        with m.If(this_row & (word == followed.word) & (part <= followed.part)):
            m.d.comb += Assert(sign_data.bit_select(followed.sign_lane, 1) == stored[1],
                               "sign not held")
    return m


def voting(m, dut, followed, inside, this_word, stepping, part):
    """Claim that votes are taken once per sign word of a row of the state layer, when they are
    valid, and kept for all counter words of the sign word.

    Return the votes on the followed counter at the time when its lane is stepped: up, and changed.
    """
    due = (stepping & (dut.control.operation == Operation.STEP) & (dut.rows.payload.layer == 0)
           & (part == 0))
    m.d.comb += [
        Assert(dut.ballot.taken == due, "votes not taken once"),
        Assert(~dut.ballot.taken | dut.ballot.valid, "votes taken too early"),
    ]
    kept = []
    for name in ("up", "changed"):
        vote = Signal(name=f"vote_{name}")
        with m.If(dut.ballot.taken & this_word):
            m.d.sync += vote.eq(getattr(dut.ballot, name).bit_select(followed.sign_lane, 1))
        with m.If((part != 0) & this_word & (dut.control.operation == Operation.STEP)
                  & (dut.rows.payload.layer == 0)):
            m.d.comb += Assert(inside[f"taken_{name}"].bit_select(followed.sign_lane, 1) == vote,
                               "votes not held")
        kept.append(delay(m, vote, dut.read_latency - 1, f"vote_{name}"))
    return kept


def port(m, dut, followed, inside, value):
    """Claims about the state port, and invariants of it that the induction needs.

    Return whether the followed counter is about to be written; ``value`` is then right.
    """
    request, enters, leaves = dut.state.request, dut.state.data, dut.state.reply
    bits, beat = dut.config.counter_bits, len(enters.payload)
    width = dut.config.counter_lanes * bits
    beats = -(-width // beat)
    asked = request.payload.address == followed.address
    write = request.payload.write
    passed, moved = Signal(), Signal()
    count, shifts = Signal(range(beats + 1)), Signal(range(beats + 1))
    m.d.comb += [
        passed.eq((enters.valid & enters.ready) | (leaves.valid & leaves.ready)),
        shifts.eq(count - moved),
        Assert(~(request.valid & request.ready) | (passed & (count == beats - 1)), "wrong end"),
    ]
    m.d.sync += [moved.eq(passed), count.eq(count + passed)]
    with m.If(~request.valid | request.ready):
        m.d.sync += count.eq(0)

    # A word that is read leaves part by part. Everything but the followed counter is arbitrary.
    place = followed.lane * bits
    mask = Const((1 << bits) - 1) << place
    word = value.as_unsigned() << place

    def differs(part, n):
        return ((part ^ (word >> n * beat)) & (mask >> n * beat))[:len(part)].any()

    with m.If(leaves.valid & asked):
        m.d.comb += Assert(~differs(leaves.payload, count), "wrong reply")

    # A word that is written has entered by the clock after the end of the request.
    entered, entering = Signal(beats * beat), delay(m, enters.payload, 1, "part")
    full = Cat(entered[beat:], entering)
    with m.If(moved):
        m.d.sync += entered.eq(full)
    ended = delay(m, request.valid & request.ready & write & asked, 1, "ended")
    with m.If(ended):
        m.d.sync += value.eq(full.bit_select(place, bits).as_signed())
    storing = Signal(2)
    m.d.sync += storing.eq(Cat(request.valid & request.ready & write & asked, storing))

    # Internal registers.
    opened, shifting, moving, working = (
        inside[name] for name in ("port.opened", "port.shift__open", "port.shift__move", "working"))
    results = [inside[f"lanes.result{i}"] for i in range(dut.config.counter_lanes)]
    held = Cat(*(Cat(result[:-1], ~result[-1]) for result in results),
               inside.get("lanes.filling", Const(0, 0)))
    m.d.comb += [
        Assert(opened | ~shifting, "shifting when closed"),
        Assert(opened | (count == 0), "count"),
        Assert(~opened | shifting | (count == 0), "early"),
        Assert(moving == moved, "moving"),
        Assert(~moving | (inside["port.shift__enters"] == entering), "entering"),
        Assert(~(opened | inside["port.store"]) | dut.control.access_enable, "access during a run"),
    ]
    with m.If(shifting):
        m.d.comb += [Assert(inside["port.left"] + count == beats - 1, "left"),
                     Assert(~working.any() & ~inside["port.store"], "work beside the port"),
                     Assert(~asked | write | ~request.valid | ~differs(held, shifts), "not held")]
        for k in range(1, beats + 1):
            with m.If(shifts >= k):
                there = slice((beats - k) * beat, (beats - k + 1) * beat)
                m.d.comb += Assert(held[there] == entered[there], "not entered")
    return storing.any()


OPTIONS = {"two-ports": {}, "one-port": {"single_port": True}, "registered": {"read_latency": 3}}
"""Options of ``Update``, by name."""


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_no_counter_is_lost(name, options):
    depth = DEPTH[OPTIONS[options].get("read_latency", 1)]
    prove(f"update-{name.replace(' ', '-')}-{options}",
          harness(CONFIGURATIONS[name], **OPTIONS[options]), depth)


def test_corners_are_reached():
    """Saturation, reading and writing by the port, a row for two samples, and reinforcement."""
    prove("update-cover", harness(CONFIGURATIONS["one layer"]), 16, mode="cover")


def test_a_row_that_changes_is_noticed():
    with pytest.raises(ProofError, match="slot not held"):
        prove("update-row-changes", harness(CONFIGURATIONS["one layer"], steady=False), DEPTH[1])
