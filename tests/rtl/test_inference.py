"""Inference only: the predictions of the golden model, in the clocks that the formula gives."""

import numpy as np
import pytest

from bep_model.config import NUMERICS_VERSION, Config
from bep_model.network import Network
from bep_model.phases import frame
from bep_model.protocol import INFERENCE
from bep_model.registers import registers
from bep_model.words import integers, sample_words, sign_words
from rtl.inference import Inference
from tests.rtl.bench import CONFIGURATIONS, Bench, clocks, collect, drive, generator

RECURRENT = {
    "recurrent": Config(5, (4, 3), 3, 3, 4, 2, max_steps=4),
    "recurrent, several words": Config(9, (11, 5), 4, 3, 4, 4, max_batch=2, max_steps=5),
    "recurrent, wider than a row": Config(3, (5, 4), 2, 4, 16, 8, max_steps=1),
}


def random_config(seed):
    """A small configuration of any kind."""
    rng = np.random.default_rng(seed)
    lanes = int(rng.choice([1, 3, 4, 8, 20]))
    recurrent = bool(rng.integers(2))
    depth = 2 if recurrent else int(rng.integers(1, 4))
    return Config(int(rng.integers(1, 30)), tuple(int(k) for k in rng.integers(1, 22, depth)),
                  int(rng.integers(2, 7)), int(rng.integers(2, 9)), lanes,
                  int(rng.choice([q for q in range(1, lanes + 1) if lanes % q == 0])),
                  max_batch=int(rng.integers(1, 4)), seed=int(rng.integers(100)),
                  max_steps=int(rng.integers(1, 6)) * recurrent,
                  stable=not recurrent and bool(rng.integers(2)))


CASES = CONFIGURATIONS | RECURRENT | {f"random {n}": random_config(n) for n in range(12)}


def network(config, rng):
    """A network with random counters."""
    made = Network(config)
    low, high = config.counter_range
    made.load([rng.integers(low, high + 1, shape).astype(np.int16) for shape in config.shapes])
    return made


def inference(trained, **options):
    config = trained.config
    return Inference(config, integers(frame.prototypes(config)),
                     sign_words(config, trained.counters), **options)


def run(dut, x, labels, lengths, rng, idle, stall):
    """Infer samples; return the results, and the clocks in which a result was given."""
    config, bench = dut.config, Bench(dut, 200_000)
    trace = bench.record(given=dut.results.valid & dut.results.ready)
    taken = []

    async def send(ctx):
        for bits, label, length in zip(x, labels, lengths, strict=True):
            if config.recurrent:
                ctx.set(dut.bus.address, registers(config)["STEPS"].address)
                ctx.set(dut.bus.write_data, int(length))
                ctx.set(dut.bus.write, 1)
                await ctx.tick()
                ctx.set(dut.bus.write, 0)
                bits = bits[:length]
            beats = [{"data": word, "label": int(label)} for word in sample_words(config, bits)]
            await drive(ctx, dut.samples, beats, rng, idle)

    async def receive(ctx):
        taken.extend(await collect(ctx, dut.results, len(x), rng, stall))

    bench.run(send, receive)
    bits = (config.classes - 1).bit_length()
    return [(word & (1 << bits) - 1, word >> bits & 1, word >> bits + 1) for word in taken], \
        clocks(trace, "given")


@pytest.mark.parametrize("registered", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_equal_to_the_golden_model(name, registered):
    config = CASES[name]
    rng = generator(len(name), registered)
    trained = network(config, rng)
    steps = (config.max_steps,) * config.recurrent
    x = rng.integers(0, 2, (12, *steps, config.inputs)).astype(np.uint8)
    labels = rng.integers(0, config.classes, len(x))
    lengths = rng.integers(1, config.max_steps + 1, len(x)) if config.recurrent else None
    want = trained.predict(x, lengths)
    idle, stall = (0.4, 0.4) if registered else (0, 0)
    got, _ = run(inference(trained, registered=registered), x, labels,
                 [0] * len(x) if lengths is None else lengths, rng, idle, stall)
    np.testing.assert_array_equal(
        np.array(got), np.stack([want, want != labels, np.zeros(len(x), int)], axis=1))


@pytest.mark.parametrize("registered", [False, True])
@pytest.mark.parametrize("name", ["ragged", "one lane", "two generators",
                                  "recurrent, several words"])
def test_clocks(name, registered):
    """One clock passes between samples that come back to back."""
    config = CASES[name]
    rng = generator(1)
    dut = inference(network(config, rng), registered=registered)
    steps = (config.max_steps,) * config.recurrent
    x = rng.integers(0, 2, (5, *steps, config.inputs)).astype(np.uint8)
    _, given = run(dut, x, [0] * 5, [config.max_steps] * 5, rng, 0, 0)
    assert set(np.diff(given)) == {dut.cycles() + 1}


def test_registers():
    """Only those of inference; all others read as 0, and writing them changes nothing."""
    config = Config(5, (4, 3), 3, 3, 4, 2, max_batch=2, stable=True)
    dut = inference(network(config, generator(2)))
    bench, values = Bench(dut), {}
    table = registers(config)

    async def access(ctx):
        for name in table:
            ctx.set(dut.bus.address, table[name].address)
            ctx.set(dut.bus.write_data, 0xFFFF)
            ctx.set(dut.bus.write, 1)
            await ctx.tick()
            ctx.set(dut.bus.write, 0)
            await ctx.tick()
            values[name] = ctx.get(dut.bus.read_data)

    bench.run(access)
    assert {name: value for name, value in values.items() if value} == {
        "IDENT": INFERENCE, "VERSION": NUMERICS_VERSION, "DIGEST": config.identifier}


@pytest.mark.parametrize(("weights", "message"), [
    ([1], "weights must have 11 words, not 1"),
    ([1] * 10 + [16], r"weights\[10\] must have 4 bits, not 0x10"),
])
def test_refuses_other_weights(weights, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        Inference(Config(5, (4, 3), 2, 3, 4, 2), (1, 6), weights)
