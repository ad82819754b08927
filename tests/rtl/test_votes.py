"""Votes, counted by the backward engine, against sums over time."""

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib.wiring import connect
from amaranth.utils import ceil_log2

from bep_model.config import Config
from rtl.engines.backward import Backward
from rtl.engines.votes import Votes
from rtl.parts.memory import slot_words

from .bench import Bench, generator, number, pause, until

CONFIGURATIONS = {
    "one of everything": Config(1, (1, 1), 2, 2, 1, 1, max_steps=1),
    "one lane": Config(2, (3, 2), 2, 3, 1, 1, max_steps=3),
    "ragged": Config(7, (6, 3), 2, 4, 4, 2, max_batch=2, max_steps=5),
    "wide": Config(5, (9, 8), 3, 7, 16, 8, max_batch=3, max_steps=8),
}


def counted(config):
    """Votes and the backward engine, connected as in a trainer while it updates."""
    m = Module()
    m.submodules.votes = votes = Votes(config)
    m.submodules.backward = backward = Backward(config)
    connect(m, votes.voting, backward.voting)
    m.d.comb += votes.run.eq(1)
    return m, votes, backward


def blocks(config, x, states):
    """Words of a slot: the blocks [x_t | s_(t-1)] of all steps, and one block more."""
    lanes = config.weight_lanes

    def words(bits, count):
        padded = np.zeros(count * lanes, np.uint8)
        padded[:len(bits)] = bits
        return [number(word) for word in padded.reshape(-1, lanes)]

    slot = []
    for step in range(config.max_steps + 1):
        slot += words(x[step] if step < len(x) else [], config.input_words)
        slot += words(states[step - 1] if step else [], config.network[0].words)
    return slot + [0] * config.network[1].words


@pytest.mark.parametrize("stall", [0, 0.5])
@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_votes(name, learned, stall):
    """With ``learned`` there are few winners, so state rows of two samples follow one another."""
    config = CONFIGURATIONS[name]
    rng = generator(len(name), learned, int(10 * stall))
    dut, votes, backward = counted(config)
    bench = Bench(dut, limit=20000)
    state, lanes, slots = config.layers[0], config.weight_lanes, config.max_batch + 1
    lengths = rng.integers(1, config.max_steps, slots, endpoint=True)
    oldest = [int(rng.integers(0, length)) for length in lengths]
    x = rng.integers(0, 2, (slots, config.max_steps, config.inputs))
    states = rng.integers(0, 2, (slots, config.max_steps, state))
    target = rng.integers(0, 2, (slots, config.max_steps, state))
    valid = rng.random((slots, config.max_steps, state)) < 0.8

    bits = ceil_log2(slot_words(config))
    stride = 1 << bits
    memory = [0] * (stride * slots)
    for slot in range(slots):
        memory[slot * stride:slot * stride + slot_words(config)] = blocks(
            config, x[slot], states[slot])
    bench.memory(memory, backward.activations)

    rows = []
    for slot in range(slots):  # in the order of a trainer: rows of the output layer first
        span = {"oldest": oldest[slot], "length": int(lengths[slot])}
        output = 0 if learned and rng.random() < 0.8 else config.layers[1]
        for layer, neuron in [*((1, j) for j in range(output)), *((0, j) for j in range(state))]:
            if rng.random() < (0.3 if learned else 0.7):
                rows.append({"layer": layer, "address": 0, "sign": 1, "slot": slot,
                             "neuron": neuron, "span": span})
    seen = []

    async def send(ctx):
        for slot, step, neuron in np.ndindex(target.shape):
            ctx.set(votes.slot, slot)
            ctx.set(votes.step, step)
            ctx.set(votes.scanned.payload.neuron, neuron)
            ctx.set(votes.scanned.payload.target, {"sign": int(target[slot, step, neuron]),
                                   "valid": int(valid[slot, step, neuron])})
            ctx.set(votes.scanned.valid, 1)
            await ctx.tick()
        ctx.set(votes.scanned.valid, 0)
        ctx.set(votes.free, 1)
        for row in rows:
            await pause(ctx, rng, stall)
            ctx.set(votes.i.payload, row)
            ctx.set(votes.i.valid, 1)
            await until(ctx, votes.i.ready)
            ctx.set(votes.i.valid, 0)

    async def update(ctx):
        """Take the votes of a state row word by word, then the row."""
        for row in rows:
            while not ctx.get(votes.o.valid):
                await ctx.tick()
            word = []
            for _ in range(config.row_words[0] if row["layer"] == 0 else 0):
                await pause(ctx, rng, stall)
                while not ctx.get(backward.ballot.valid):
                    await ctx.tick()
                word.append((ctx.get(backward.ballot.up), ctx.get(backward.ballot.changed)))
                ctx.set(backward.ballot.taken, 1)
                if len(word) == config.row_words[0]:
                    ctx.set(votes.o.ready, 1)
                await ctx.tick()
                ctx.set(backward.ballot.taken, 0)
            payload, source = ctx.get(votes.o.payload), ctx.get(votes.source)
            if row["layer"]:
                ctx.set(votes.o.ready, 1)
                await ctx.tick()
            ctx.set(votes.o.ready, 0)
            seen.append((row, word, payload, source))

    bench.run(send, update)
    assert len(seen) == len(rows)
    for row, words, _, source in seen:
        slot, i = row["slot"], row["neuron"]
        if row["layer"]:
            assert source == lengths[slot] * config.row_words[0] + config.input_words
            continue
        steps = np.arange(oldest[slot], lengths[slot])
        d = ((2 * target[slot] - 1) * valid[slot])[steps, i]
        sums = d @ (2 * x[slot, steps] - 1)
        later = steps[steps > 0]
        back = d[steps > 0] @ (2 * states[slot, later - 1] - 1) if len(later) else np.zeros(state)
        for first, total in ((0, sums), (config.input_words, back)):
            for j, u in enumerate(total):
                up, changed = words[first + j // lanes]
                assert (changed >> j % lanes & 1) == (u != 0), (row, j)
                assert not u or (up >> j % lanes & 1) == (u > 0), (row, j)
