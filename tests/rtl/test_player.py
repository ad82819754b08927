"""Epochs from the store: what the trainer gets, and what the host sees meanwhile."""

import random
from binascii import crc_hqx

import pytest

from bep_model.config import Config
from bep_model.packets import frame
from bep_model.phases.order import order
from bep_model.protocol import Opcode, Refusal, sample_bytes, slot_bits, word_bytes
from bep_model.registers import link_registers
from rtl.link.player import Player

from .link_bench import Bench, Pause, answer, refused, sample_packet

# A component whose constructor raises is never elaborated.
pytestmark = pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")

CONFIGS = {
    "two-beats": Config(20, (4,), 10, counter_bits=3, weight_lanes=10, counter_lanes=5),
    "one-beat": Config(8, (4,), 2, counter_bits=3, weight_lanes=8, counter_lanes=8),
    "full-slot": Config(56, (4,), 4, counter_bits=4, weight_lanes=8, counter_lanes=4),
}
WRITE, READ = 0x12, 0x13
ADDRESS = {name: register.address for name, register in link_registers().items()}


def payload(config, sample):
    """A sample as the bytes of a request."""
    value, label = sample
    lanes = config.weight_lanes
    return b"".join((value >> k * lanes & (1 << lanes) - 1).to_bytes(word_bytes(lanes), "little")
                    for k in range(config.input_words)) + bytes([label])


def exchange(*commands):
    return frame(Opcode.STORE, bytes(commands))


def write(name, value):
    return frame(Opcode.WRITE, bytes([ADDRESS[name]]) + value.to_bytes(4, "little"))


def read(name):
    return frame(Opcode.READ, [ADDRESS[name]])


def value(number):
    return answer(Opcode.READ, number.to_bytes(4, "little"))


def stored(config, samples, base=0):
    """Requests that store samples, and their answers."""
    sent = expected = b""
    for n, sample in enumerate(samples, base):
        data = payload(config, sample)
        address = (n << slot_bits(config)).to_bytes(4, "big")
        sent += exchange(WRITE, *address, *data)
        expected += answer(Opcode.STORE, bytes(5 + len(data)))
    return sent, expected


def case(name, count, seed=5):
    config, rng = CONFIGS[name], random.Random(seed)
    return config, [(rng.getrandbits(config.inputs), rng.randrange(config.classes))
                    for _ in range(count)]


@pytest.mark.parametrize(("name", "stride", "stalls"), [
    ("two-beats", 1, False), ("two-beats", 6, True), ("one-beat", 3, False), ("one-beat", 1, True),
    ("full-slot", 6, False), ("full-slot", 3, True)])
def test_epochs(name, stride, stalls):
    """Two epochs, the second one of a part; then the host's own samples as before."""
    config, samples = case(name, 13)
    sent, expected = stored(config, samples, base=2)
    wait = 13 * 40 * 12
    sent += write("STRIDE", stride) + write("BASE", 2) + write("EPOCH", 13)
    seen = Bench(config, 3, stalls, store_bits=slot_bits(config) + 4).talk(
        [*sent, Pause(wait), *read("EPOCH"), *write("BASE", 5), *write("EPOCH", 7), Pause(wait),
         *read("EPOCH"), *read("STORE"), *sample_packet(config, samples[:1])],
        expected + 3 * answer(Opcode.WRITE) + value(0) + 2 * answer(Opcode.WRITE) + value(0)
        + value(slot_bits(config) + 4)
        + answer(Opcode.SAMPLES, [(samples[0][1] + 20) % config.classes, 20 & 3]))
    assert seen.samples == [*(samples[n] for n in order(13, stride)),
                            *(samples[3 + n] for n in order(7, stride)), samples[0]]


@pytest.mark.parametrize(("name", "stalls"), [
    ("two-beats", False), ("one-beat", True), ("full-slot", True)])
def test_requests_in_an_epoch(name, stalls):
    """Requests come between samples; none is lost or taken twice."""
    config, samples = case(name, 15)
    sent, expected = stored(config, samples)
    bench = Bench(config, 4, stalls, store_bits=slot_bits(config) + 4)
    rng, sent, expected = random.Random(name), [*sent], bytearray(expected)
    sent += write("STRIDE", 4) + write("EPOCH", 15)
    expected += 2 * answer(Opcode.WRITE)
    for n in range(30):
        address = (rng.randrange(15) << slot_bits(config)).to_bytes(4, "big")
        index = int.from_bytes(address, "big") >> slot_bits(config)
        sent += [Pause(rng.randrange(60)), *frame(Opcode.WRITE, [0x20, n, 0, 0, 0]),
                 *frame(Opcode.READ, [0x20]),
                 *exchange(READ, *address, *bytes(sample_bytes(config)))]
        expected += (answer(Opcode.WRITE) + value(n)
                     + answer(Opcode.STORE, bytes(5) + payload(config, samples[index])))
    sent += [Pause(15 * 40 * 12), *read("EPOCH")]
    expected += value(0)
    seen = bench.talk(sent, expected)
    assert seen.samples == [samples[n] for n in order(15, 4)]


def test_a_trainer_that_takes_nothing_does_not_lock_the_host_out():
    config, samples = case("two-beats", 3)
    sent, expected = stored(config, samples)
    bench = Bench(config, 4, False, store_bits=slot_bits(config) + 2)
    bench.accept_samples = False
    seen = bench.talk([*sent, *write("STRIDE", 1), *write("EPOCH", 3), Pause(900),
                       *read("EPOCH"), *read("CHECK"), *write("EPOCH", 0), Pause(100),
                       *read("EPOCH")],
                      expected + 2 * answer(Opcode.WRITE) + value(1) + value(0xFFFF)
                      + answer(Opcode.WRITE) + value(0))
    assert seen.samples == []


@pytest.mark.parametrize("stalls", [False, True], ids=["steady", "stalls"])
@pytest.mark.parametrize("name", CONFIGS)
def test_check(name, stalls):
    config, samples = case(name, 6)
    sent, expected = stored(config, samples)
    crc = crc_hqx(b"".join(payload(config, sample) for sample in samples), 0xFFFF)
    part = crc_hqx(b"".join(payload(config, sample) for sample in samples[2:4]), 0xFFFF)
    wait = Pause(6 * sample_bytes(config) * 12 + 200)
    # A request in between does not matter.
    seen = Bench(config, 6, stalls, store_bits=slot_bits(config) + 3).talk(
        [*sent, *write("STRIDE", 1), *write("CHECK", 6), Pause(20),
         *exchange(READ, 0, 0, 0, 0, 0), wait, *read("EPOCH"), *read("CHECK"),
         *write("BASE", 2), *write("CHECK", 2), wait, *read("CHECK")],
        expected + 2 * answer(Opcode.WRITE)
        + answer(Opcode.STORE, bytes(5) + payload(config, samples[0])[:1]) + value(0) + value(crc)
        + 2 * answer(Opcode.WRITE) + value(part))
    assert seen.samples == []


def test_without_a_store():
    config = CONFIGS["two-beats"]
    Bench(config, 1, False).talk(exchange() + exchange(5),
                                 refused(Refusal.OPCODE) + refused(Refusal.OPCODE))
    Bench(config, 1, False, store_bits=slot_bits(config) + 1).talk(
        exchange() + exchange(5, 0), answer(Opcode.STORE) + answer(Opcode.STORE, bytes(2)))


def test_too_small():
    config = CONFIGS["two-beats"]
    with pytest.raises(ValueError, match="room for two samples of 8 bytes, not 8 bytes in all"):
        Player(config, slot_bits(config))
