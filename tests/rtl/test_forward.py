"""Forward against bep_model.network.Network.phases: all layers and the classifier of a sample."""

import numpy as np
import pytest

from bep_model.network import Network
from bep_model.parameters import Parameters
from rtl.engines.forward import Forward, Receiver
from rtl.parts.memory import neuron_lanes, slot_words

from .bench import CONFIGURATIONS, Bench, clocks, generator, row_words, until, wait


def random_network(config, rng):
    network = Network(config)
    low, high = config.counter_range
    network.load([rng.integers(low, high, shape, endpoint=True) for shape in config.shapes])
    return network


def sign_plane(network):
    """Words of the sign plane: rows of all layers, then the prototypes, padded with 1."""
    rows = [row for layer in network.counters for row in layer >= 0]
    return [word for row in [*rows, *network.prototypes]
            for word in row_words(row, network.config.weight_lanes, padding=1)]


def jobs(config, gates, stabilities):
    """One job per layer, and last that of the classifier."""
    rows, fan_ins = (*config.layers, config.classes), config.widths
    words = (*config.row_words, config.network[-1].words)
    return [{
        "rows": rows[l], "words": words[l], "address": config.bases[l],
        "source": sum(words[:l]), "target": sum(words[:l + 1]) % sum(words),
        "fan_in": fan_ins[l], "gate": (*gates, 0)[l],
        **({"stability": (*stabilities, 0)[l]} if config.stable else {}),
    } for l in range(config.depth + 1)]


@pytest.mark.parametrize("latency", [1, 2])
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_sample(name, latency):
    """Two samples: the first one without a clock between layers, the second one with pauses."""
    config = CONFIGURATIONS[name]
    rng = generator(latency)
    network = random_network(config, rng)
    dut = Forward(config, latency)
    bench = Bench(dut)
    control, row = dut.control, dut.last.payload
    activations = [0] * slot_words(config)
    bench.memory(sign_plane(network), dut.signs, latency=latency)
    bench.memory(activations, dut.activations, dut.neurons, latency)
    trace = bench.record(
        start=control.start, done=control.done, read=dut.signs.en, total=dut.total.payload,
        total_valid=dut.total.valid, logits=dut.logits.valid, hidden=dut.hidden.valid,
        last=dut.last.valid, write=dut.neurons.en,
        activation=row.activation, magnitude=row.magnitude, open=row.open,
        **({"unstable": row.unstable} if config.stable else {}))
    gates = [int(rng.integers(0, f + 1)) for f in config.widths[:-1]]
    samples = rng.integers(0, 2, (2, config.inputs), dtype=np.uint8)
    stabilities = [int(rng.integers(0, f + 2)) for f in config.widths[:-1]]
    work = jobs(config, gates, stabilities)
    receivers = [*[Receiver.HIDDEN] * (config.depth - 1), Receiver.LAST, Receiver.LOGITS]
    memories = []

    async def sequence(ctx):
        for n, x in enumerate(samples):
            # Words that are not yet written hold 1s, except in lanes that are never written.
            activations[:] = [(1 << neuron_lanes(config)) - 1] * len(activations)
            activations[:config.input_words] = row_words(x, config.weight_lanes)
            for l, job in enumerate(work):
                ctx.set(control.start, 1)
                ctx.set(control.job, job)
                await ctx.tick()
                ctx.set(control.start, 0)
                ctx.set(control.receiver, receivers[l])
                ctx.set(control.job, dict.fromkeys(job, 1))
                while not ctx.get(control.done):
                    await ctx.tick()
                if n:
                    await wait(ctx, int(rng.integers(1, 4)))
            await ctx.tick()  # the last write, which a start would have overlapped
            memories.append(list(activations))

    bench.run(sequence)
    # Clocks: every job takes as long as it says, and reads a word in each of its first clocks.
    starts, dones = clocks(trace, "start"), clocks(trace, "done")
    expected = [dut.cycles(job["rows"], job["words"]) for job in work]
    assert [done - start for start, done in zip(starts, dones, strict=True)] == 2 * expected
    for start, job in zip(starts, 2 * work, strict=True):
        begin, end = start + 1, start + 1 + job["rows"] * job["words"]
        assert all(clock.read for clock in trace[begin:end])
        assert not trace[end].read
        totals = [n for n in clocks(trace, "total_valid") if begin <= n]
        assert totals[0] == start + job["words"] + dut.latency
    totals = clocks(trace, "total_valid")
    rows = [n + 1 for n in totals]
    who = [receiver for job, receiver in 2 * list(zip(work, receivers, strict=True))
           for _ in range(job["rows"])]
    assert [trace[n].logits for n in totals] == [r == Receiver.LOGITS for r in who]
    assert clocks(trace, "hidden") == [
        n for n, r in zip(rows, who, strict=True) if r == Receiver.HIDDEN]
    assert clocks(trace, "last") == [
        n for n, r in zip(rows, who, strict=True) if r == Receiver.LAST]

    # Values.
    parameters = Parameters(margin=0, gates=gates, groups=(1,) * config.depth,
                            reinforce=(0,) * config.depth)
    n = 0
    for x, memory in zip(samples, memories, strict=True):
        phases = network.phases(x, 0, parameters)
        words = row_words(x, config.weight_lanes)
        for l, z in enumerate((*(z[0] for z in phases.z), phases.logits)):
            at = slice(n, n + len(z))
            n += len(z)
            fan_in = config.widths[l]
            np.testing.assert_array_equal([2 * trace[t].total - fan_in for t in totals[at]], z)
            row = [trace[t] for t in rows[at]]
            np.testing.assert_array_equal([r.activation for r in row], z >= 0)
            np.testing.assert_array_equal([r.magnitude for r in row], abs(z))
            if l < config.depth:
                np.testing.assert_array_equal([r.open for r in row], abs(z) <= gates[l])
                if config.stable:
                    np.testing.assert_array_equal(
                        [r.unstable for r in row], abs(z) < stabilities[l])
                words += row_words(phases.activations[l][0], config.weight_lanes)
        assert memory == words, "activation memory"
    assert n == len(totals)


@pytest.mark.parametrize("receiver", Receiver)
def test_writes_only_activations(receiver):
    """They go into the slot of the sample."""
    config = CONFIGURATIONS["ragged"]
    dut = Forward(config)
    bench = Bench(dut)
    trace = bench.record(write=dut.neurons.en, read=dut.activations.addr, to=dut.neurons.addr,
                         last=dut.last.valid, hidden=dut.hidden.valid, logits=dut.logits.valid)

    async def sequence(ctx):
        ctx.set(dut.slot, 2)
        ctx.set(dut.control.job, jobs(config, [0, 0], [0, 0])[0])
        ctx.set(dut.control.receiver, receiver)
        ctx.set(dut.control.start, 1)
        await ctx.tick()
        ctx.set(dut.control.start, 0)
        await until(ctx, dut.control.done)
        await ctx.tick()

    bench.run(sequence)
    written = clocks(trace, "write")
    assert len(written) == (receiver != Receiver.LOGITS) * config.network[0].words
    slot = 2 << len(dut.control.job.source)
    assert all(trace[n].to & slot for n in written) and all(clock.read & slot for clock in trace)
    for name in ("last", "hidden", "logits"):
        assert bool(clocks(trace, name)) == (receiver.name.lower() == name)
