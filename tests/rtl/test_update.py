"""Update and sweeps against the model's phases update and reinforce; the state port."""

from itertools import islice, pairwise

import numpy as np
import pytest
from amaranth.hdl import Array, Module

from bep_model.phases.bits import join_counters, pack, slice_counters
from bep_model.phases.random import scratch, seeds, xorshift
from bep_model.phases.reinforce import initialise, reinforce
from bep_model.phases.update import update
from rtl.engines.update import Operation, Update

from .bench import (
    CONFIGURATIONS,
    Bench,
    clocks,
    collect,
    drive,
    generator,
    pause,
    row_words,
    until,
    wait,
)

THINNING = (1 << 16, 0x0A00, 0, 0xC000, 0x8000)  # these take 0, 7, 0, 2 and 1 draws


class Model:
    """Counters as arrays for the golden model's kernels, and as contents of the two planes."""

    def __init__(self, config, rng):
        self.config = config
        low, high = config.counter_range
        edges = [low, low + 1, -1, 0, high - 1, high]  # half of the counters are near an end
        self.layers = []
        for k, f in config.shapes:
            padded = np.full((k, 64 * -(-f // 64)), -1, np.int16)
            padded[:, :f] = np.where(rng.random((k, f)) < 0.5, rng.choice(edges, (k, f)),
                                     rng.integers(low, high, (k, f), endpoint=True))
            self.layers.append(padded)
        self.bank = seeds(1, config.generators)
        self.scratch = scratch(len(self.bank), config.counter_lanes, 4096)

    def planes_of(self, l):
        """Bit planes of a layer's counters; and what the kernels take after its parameters."""
        planes = slice_counters(self.layers[l][:, :self.config.widths[l]],
                                self.config.counter_bits)
        drawn = np.empty((len(planes), planes.shape[2]), np.uint64)
        return planes, (self.bank, self.config.counter_lanes, drawn, self.scratch)

    def store(self, l, planes):
        f = self.config.widths[l]
        self.layers[l][:, :f] = join_counters(planes, f)

    def update(self, l, inputs, targets, winners, thinning):
        planes, others = self.planes_of(l)
        signs = planes[:, -1].T.copy()
        columns = np.zeros((-(-len(planes) // 64), 0), np.uint64)
        sample = (pack(each)[np.newaxis] for each in (inputs, targets, winners))
        update(planes, signs, columns, np.array(self.config.network[l].sections), *sample,
               thinning, *others)
        self.store(l, planes)

    def reinforce(self, l, p):
        planes, others = self.planes_of(l)
        reinforce(planes, np.array(self.config.network[l].sections), p, *others)
        self.store(l, planes)

    def initialise(self, l):
        planes, others = self.planes_of(l)
        initialise(planes, np.array(self.config.network[l].sections), *others)
        self.store(l, planes)

    def word(self, l, row, word):
        """One counter word as the state port carries it; unused lanes are 0."""
        lanes, bits = self.config.counter_lanes, self.config.counter_bits
        values = self.layers[l][row, :self.config.widths[l]][word * lanes:(word + 1) * lanes]
        return sum((int(value) & (1 << bits) - 1) << bits * i for i, value in enumerate(values))

    def places(self):
        """Layer, row, counter word and address of every counter word."""
        return [(l, row, word, layer.counter_address(row, word))
                for l, layer in enumerate(self.config.network) for row in range(layer.neurons)
                for word in range(layer.counter_words)]

    def planes(self):
        """The sign plane without prototypes, with 1 in unused lanes, and the counter plane."""
        config = self.config
        low_bits = config.counter_bits - 1
        signs = [word for padded, f in zip(self.layers, config.widths, strict=False)
                 for row in padded[:, :f] >= 0
                 for word in row_words(row, config.weight_lanes, padding=1)]
        counters = [0] * config.counter_depth
        for l, row, word, address in self.places():
            value = self.word(l, row, word)
            counters[address] = sum(
                (value >> config.counter_bits * i & (1 << low_bits) - 1) << low_bits * i
                for i in range(config.counter_lanes))
        return signs, counters


class UpdateBench(Bench):
    """An update engine with memories and a random bank, which begin in the state of a model."""

    def __init__(self, config, model, probabilities=None, **options):
        m = Module()
        m.submodules.update = self.dut = dut = Update(config, **options)
        if probabilities:
            m.d.comb += dut.reinforce.eq(Array(probabilities)[dut.rows.payload.layer])
        super().__init__(m, limit=20_000)
        self.config = config
        self.signs, self.counters = model.planes()
        self.activations = [0] * (1 << len(dut.activations.addr))
        self.slot_bits = len(dut.activations.addr) - len(dut.rows.payload.slot)
        self.states = model.bank.copy()
        self.memory(self.signs, dut.signs, dut.write_signs, dut.read_latency)
        self.memory(self.counters, dut.counters, dut.write_counters, dut.read_latency)
        self.memory(self.activations, dut.activations, latency=dut.read_latency)
        self.simulator.add_process(self.bank)
        self.trace = self.record(
            run=dut.control.run, valid=dut.rows.valid, ready=dut.rows.ready,
            busy=dut.control.busy, idle=dut.idle,
            read=dut.counters.en, write=dut.write_counters.en,
            read_address=dut.counters.addr, write_address=dut.write_counters.addr,
            request=dut.state.request.valid, answered=dut.state.request.ready,
            change=dut.state.request.payload.write, enable=dut.control.access_enable,
            beat=(dut.state.data.valid & dut.state.data.ready
                  | dut.state.reply.valid & dut.state.reply.ready))

    async def bank(self, ctx):
        def word():
            value = sum(int(state) << 32 * k for k, state in enumerate(self.states))
            return value & (1 << self.config.counter_lanes) - 1

        ctx.set(self.dut.draw.word, word())
        async for _, _, advance in ctx.tick().sample(self.dut.draw.advance):
            if advance:
                self.states[:] = [xorshift(state) for state in self.states]
                ctx.set(self.dut.draw.word, word())

    def store(self, slot, layers):
        """Put the inputs of all layers into a slot of the activation memory."""
        words = [word for bits in layers for word in row_words(bits, self.config.weight_lanes)]
        first = slot << self.slot_bits
        self.activations[first:first + len(words)] = words

    def check_planes(self, model):
        signs, counters = model.planes()
        np.testing.assert_array_equal(self.signs, signs, "sign plane")
        np.testing.assert_array_equal(self.counters, counters, "counter plane")
        np.testing.assert_array_equal(self.states, model.bank, "random bank")

    def check_clocks(self, rows):
        """Compare the clocks of the rows of each run with ``dut.cycles``.

        A row is a tuple (which row, words, p, whether it is the first of its layer in a sweep).
        """
        trace, dut = self.trace, self.dut
        transfers = [n for n in clocks(trace, "ready") if trace[n].valid]
        offered = [n for n in clocks(trace, "valid") if n == 0 or not trace[n - 1].valid
                   or n - 1 in transfers]
        reads, waiting = iter(clocks(trace, "read")), iter(zip(offered, transfers, strict=True))
        runs = [n for n in clocks(trace, "run") if n == 0 or not trace[n - 1].run]
        for first, expected in zip(runs, rows, strict=True):
            here = islice(waiting, len(expected))
            times = [(max(first, offer) + begins, end)
                     for (offer, end), (*_, begins) in zip(here, expected, strict=True)]
            assert times == dut.cycles(
                [(offer, *row) for (offer, _), (*row, _) in zip(times, expected, strict=True)],
                first)
            for (_, end), (_, words, p, _) in zip(times, expected, strict=True):
                assert [next(reads) for _ in range(words)] == [
                    end - k * dut.dwell(p) for k in reversed(range(words))]
        assert not [*reads, *waiting]
        for n, clock in enumerate(trace):
            earlier = [n >= k and trace[n - k].read for k in range(1, dut.latency + 1)]
            assert clock.busy == any(earlier[:-1])
            assert clock.idle == (not any(earlier))
            assert clock.write == earlier[-1]
            if clock.write:
                assert clock.write_address == trace[n - dut.latency].read_address
                assert not (dut.single_port and clock.read)


OPTIONS = {"": {}, "single port": {"single_port": True}, "registered reads": {"read_latency": 3}}
"""Options of ``Update``, by name."""


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("idle", [0, 0.6])
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_step(name, idle, options):
    """A few samples for each thinning; with batches the same rows win again and again."""
    config = CONFIGURATIONS[name]
    rng = generator(int(10 * idle), *map(ord, options))
    model = Model(config, rng)
    bench = UpdateBench(config, model, **OPTIONS[options])
    dut = bench.dut
    rounds = []
    for q in THINNING:
        samples = []
        for _ in range(config.max_batch + 2 if config.max_batch > 1 else 1):
            vectors = [rng.integers(0, 2, k, dtype=np.uint8) for k in config.widths]
            winners = [(rng.random(k) < 0.4).astype(np.uint8) for k in config.layers]
            winners[-1][0] = 1
            samples.append((vectors[:-1], winners,
                            [rng.integers(0, 2, k, dtype=np.uint8) for k in config.layers]))
        rounds.append((q, samples))
    rows = [[] for _ in rounds]

    async def work(ctx):
        for (q, samples), scheduled in zip(rounds, rows, strict=True):
            ctx.set(dut.thinning, q)
            payloads = []
            for n, (inputs, winners, targets) in enumerate(samples):
                slot = n % (config.max_batch + 1)
                for l in reversed(range(config.depth)):
                    model.update(l, inputs[l], targets[l], winners[l], q)
                    for j in np.flatnonzero(winners[l]):
                        payloads.append((n, {
                            "layer": l, "address": config.bases[l] + int(j) * config.row_words[l],
                            "sign": int(targets[l][j]), "slot": slot}))
                        scheduled.append(((l, j), config.counter_words[l], q, False))
            if not idle and payloads:  # a row is already waiting when the run begins
                ctx.set(dut.rows.payload, payloads[0][1])
                ctx.set(dut.rows.valid, 1)
            await ctx.tick()  # the probability is set one clock before the run
            stored = None
            ctx.set(dut.control.run, 1)
            for n, payload in payloads:
                if n != stored:
                    bench.store(payload["slot"], samples[n][0])
                    stored = n
                await drive(ctx, dut.rows, [payload], rng, idle)
            while ctx.get(dut.control.busy):
                await ctx.tick()
            ctx.set(dut.control.run, 0)
            while not ctx.get(dut.idle):
                await ctx.tick()
            bench.check_planes(model)

    bench.run(work)
    bench.check_clocks(rows)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_sweeps(name, options):
    """Reinforcement to saturation at both ends, then initialisation and reinforcement."""
    config = CONFIGURATIONS[name]
    rng = generator(*map(ord, options))
    model = Model(config, rng)
    probabilities = (0xFE00, 0x8000, 0x3000)[:config.depth]
    bench = UpdateBench(config, model, probabilities, **OPTIONS[options])
    dut = bench.dut
    operations = [Operation.REINFORCE, Operation.REINFORCE, Operation.INITIALISE,
                  Operation.REINFORCE]
    rows = [[] for _ in operations]

    async def work(ctx):
        for operation, scheduled in zip(operations, rows, strict=True):
            ctx.set(dut.control.operation, operation)
            payloads = []
            for l, p in enumerate(probabilities):
                if operation == Operation.REINFORCE:
                    model.reinforce(l, p)
                else:
                    model.initialise(l)
                payloads += [{"layer": l, "address": config.bases[l] + j * config.row_words[l]}
                             for j in range(config.layers[l])]
                p = p if operation == Operation.REINFORCE else 1 << 15
                scheduled += [((l, j), config.counter_words[l], p, j == 0)
                              for j in range(config.layers[l])]
            ctx.set(dut.control.run, 1)
            await drive(ctx, dut.rows, payloads, rng, 0)
            while ctx.get(dut.control.busy):
                await ctx.tick()
            ctx.set(dut.control.run, 0)
            await until(ctx, dut.idle)
            bench.check_planes(model)

    bench.run(work)
    bench.check_clocks(rows)


@pytest.mark.parametrize("options, port_bytes", [("", 1), ("registered reads", 1), ("", 2),
                                                 ("single port", 100)])
@pytest.mark.parametrize("operation", Operation)
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_state_port(name, operation, options, port_bytes):
    """Random reads and writes with every operation set; some are withdrawn half-way."""
    config = CONFIGURATIONS[name]
    rng = generator(operation.value, port_bytes, *map(ord, options))
    model = Model(config, rng)
    bench = UpdateBench(config, model, port_bytes=port_bytes, **OPTIONS[options])
    dut, port = bench.dut, bench.dut.state
    # A row is stepped first, so that the random word is not 0.
    inputs, one = np.ones(config.inputs, np.uint8), np.eye(1, config.layers[0], dtype=np.uint8)[0]
    bench.store(0, [inputs])
    model.update(0, inputs, one, one, 1 << 16)
    words = {address: model.word(l, row, word) for l, row, word, address in model.places()}
    used = {address: min(config.counter_lanes, config.widths[l] - word * config.counter_lanes)
            for l, _, word, address in model.places()}  # other lanes are written as 0
    beat = len(port.data.payload)
    beats = -(-config.counter_lanes * config.counter_bits // beat)
    counts = []  # beats that pass, per request

    async def ask(ctx):
        ctx.set(dut.thinning, 1 << 16)
        await ctx.tick()
        ctx.set(dut.control.run, 1)
        await drive(ctx, dut.rows, [{"sign": 1}], rng, 0)
        while not ctx.get(dut.idle):
            await ctx.tick()
        ctx.set(dut.control.run, 0)
        ctx.set(dut.control.operation, operation)
        for n in range(40):
            await pause(ctx, rng, 0.3)
            address = int(rng.choice(list(words)))
            write, taken_back = n % 7 in (0, 1, 4), n % 5 == 3
            data = int.from_bytes(rng.bytes(64)) % (1 << config.counter_bits * used[address])
            parts = [data >> k * beat & (1 << beat) - 1 for k in range(beats)]
            counts.append(int(rng.integers(beats)) if taken_back else beats)
            ctx.set(port.request.payload, {"address": address, "write": write})
            ctx.set(port.request.valid, 1)
            if write:
                await drive(ctx, port.data, parts[:counts[-1]], rng, 0.3)
            else:
                values = await collect(ctx, port.reply, counts[-1], rng, 0.4)
                expected = [words[address] >> k * beat & (1 << beat) - 1 for k in range(beats)]
                assert values == expected[:counts[-1]]
            if taken_back:
                await wait(ctx, int(rng.integers(6)))
            elif write:
                words[address] = data
            ctx.set(port.request.valid, 0)
            if taken_back:
                await ctx.tick()
        await wait(ctx, dut.latency)

    async def enable(ctx):
        while not ctx.get(dut.idle) or ctx.get(dut.control.run):
            await ctx.tick()
        while True:
            ctx.set(dut.control.access_enable, 1)
            await pause(ctx, rng, 0.8)
            while ctx.get(port.request.valid) or not ctx.get(dut.idle):
                await ctx.tick()
            ctx.set(dut.control.access_enable, 0)
            await ctx.tick()

    bench.simulator.add_testbench(enable, background=True)
    bench.run(ask)
    for l, row, word, address in model.places():
        lanes, bits = config.counter_lanes, config.counter_bits
        for i in range(used[address]):
            value = words[address] >> bits * i & (1 << bits) - 1
            model.layers[l][row, word * lanes + i] = value - (value >> bits - 1 << bits)
    bench.check_planes(model)
    trace = bench.trace
    assert sum(clock.beat for clock in trace) == sum(counts)
    starts = [n for n in clocks(trace, "read") if not trace[n].run]
    assert starts
    for n in starts:
        assert trace[n].enable and trace[n].request and trace[n].idle
    for begin, end in pairwise([*starts, len(trace)]):
        passed = [n for n in range(begin, end) if trace[n].beat]
        assert not passed or passed[0] >= begin + dut.latency
        assert all(b >= a + 2 for a, b in pairwise(passed))
    assert [n for n in clocks(trace, "write") if not trace[n].run] == [
        n + 2 for n in clocks(trace, "answered") if trace[n].change]


def test_bad_parameters():
    with pytest.raises(ValueError, match=r"^read_latency must be 1 with single_port, not 2$"):
        Update(CONFIGURATIONS["one lane"], single_port=True, read_latency=2)
