"""The link against a fake trainer that records its inputs, with random idling and backpressure."""

import random

import pytest
from amaranth.sim import Simulator

from bep_model.config import Config
from bep_model.packets import HEAD, frame
from bep_model.protocol import (
    ANSWER,
    NUMBERED,
    PACKETS,
    REFUSED,
    SYNC,
    Opcode,
    Refusal,
    payload_bytes,
    sample_bytes,
    state_bytes,
)
from bep_model.registers import link_registers
from rtl.link.link import Link

from .link_bench import TIMEOUT, Bench, Pause, answer, refused, sample_packet

# A component whose constructor raises is never elaborated.
pytestmark = pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")

CONFIGS = {
    "digits": Config(192, (64, 64), 10),
    "one-beat": Config(8, (4,), 2, counter_bits=3, weight_lanes=8, counter_lanes=8),
    "narrow": Config(5, (3, 2), 3, counter_bits=2, weight_lanes=1, counter_lanes=1),
    "wide": Config(800, (40, 30), 256, counter_bits=15, weight_lanes=200, counter_lanes=100),
    "huge-sample": Config(5000, (4,), 4, counter_bits=4, weight_lanes=40, counter_lanes=4),
}


@pytest.fixture(params=[False, True], ids=["steady", "stalls"])
def bench(request):
    return lambda config="digits", seed=1: Bench(CONFIGS[config], seed, request.param)


@pytest.mark.parametrize("config", CONFIGS)
def test_registers(bench, config):
    table = {0x00: 0x42455031, 0x10: 5, 0xFF: 0xFFFFFFFF}
    writes = b"".join(bytes([a]) + v.to_bytes(4, "little") for a, v in table.items())
    reads = bytes([0xFF, 0x00, 0x10, 0x77])
    values = b"".join(v.to_bytes(4, "little") for v in (0xFFFFFFFF, 0x42455031, 5, 0xDEAD0077))
    seen = bench(config).talk(
        frame(Opcode.WRITE, writes) + frame(Opcode.READ, reads),
        answer(Opcode.WRITE) + answer(Opcode.READ, values))
    assert seen.writes == list(table.items())


@pytest.mark.parametrize("config", CONFIGS)
def test_samples(bench, config):
    bench = bench(config)
    config, rng = bench.config, random.Random(7)
    count = min(9, payload_bytes(config) // sample_bytes(config))
    samples = [(rng.getrandbits(config.inputs), rng.randrange(config.classes))
               for _ in range(count)]
    results = b"".join(bytes([(label + n) % config.classes, n & 3])
                       for n, (_, label) in enumerate(samples))
    seen = bench.talk(sample_packet(config, samples), answer(Opcode.SAMPLES, results))
    assert seen.samples == samples


@pytest.mark.parametrize("config", CONFIGS)
def test_state(bench, config):
    bench = bench(config)
    config, rng = bench.config, random.Random(8)
    size, bits = state_bytes(config), config.counter_lanes * config.counter_bits
    count = min(config.counter_depth, (payload_bytes(config) - 4) // size, 11)
    first = config.counter_depth - count
    words = [rng.getrandbits(bits) for _ in range(count)]
    raw = b"".join(word.to_bytes(size, "little") for word in words)
    seen = bench.talk(
        frame(Opcode.STATE_WRITE, first.to_bytes(4, "little") + raw)
        + frame(Opcode.STATE_READ, first.to_bytes(4, "little") + bytes([count, 0]))
        + frame(Opcode.STATE_READ, first.to_bytes(4, "little") + bytes([0, 0])),
        answer(Opcode.STATE_WRITE) + answer(Opcode.STATE_READ, raw) + answer(Opcode.STATE_READ))
    assert seen.words == dict(enumerate(words, first))


def test_largest_payload_and_answer(bench):
    """512 addresses are answered by 2,048 bytes; the next request still works."""
    addresses = [0x80 | k % 128 for k in range(512)]
    values = b"".join((0xDEAD0000 | address).to_bytes(4, "little") for address in addresses)
    bench().talk(frame(Opcode.READ, addresses) + frame(Opcode.READ, addresses[9:10]),
                 answer(Opcode.READ, values) + answer(Opcode.READ, values[36:40]))


def test_long_state_answer(bench):
    """An answer may be longer than any request: 300 words of 7 bytes."""
    bench = bench()
    bench.seen.words = {a: a * 0x10203040506 % 2**56 for a in range(300)}
    raw = b"".join(word.to_bytes(7, "little") for word in bench.seen.words.values())
    bench.talk(frame(Opcode.STATE_READ, [0, 0, 0, 0, 300 % 256, 300 // 256]),
               answer(Opcode.STATE_READ, raw))


def test_empty_requests(bench):
    codes = (Opcode.READ, Opcode.WRITE, Opcode.SAMPLES)
    bench().talk(b"".join(map(frame, codes)), b"".join(map(answer, codes)))


def test_crc_error(bench):
    """Flipped bits after SYNC are detected, whether the packet keeps its length or not."""
    good = frame(Opcode.WRITE, [0x10, 1, 2, 3, 4])
    sent, expected = [], []
    for bit in range(8, 8 * len(good), 5):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        # Zeros follow for a link that waits for more; if they do not suffice, the time-out ends it.
        sent += [*bad, *bytes(40), Pause(TIMEOUT + 50)]
        length = int.from_bytes(bad[3:5], "little")
        if length <= 40:
            expected += refused(Refusal.CRC)
        elif length > payload_bytes(CONFIGS["digits"]):
            expected += refused(Refusal.LENGTH)
    seen = bench().talk([*sent, *frame(Opcode.READ, [7])],
                        [*expected, *answer(Opcode.READ, (0xDEAD0007).to_bytes(4, "little"))])
    assert seen.writes == []


def test_unknown_opcode(bench):
    sent, expected = b"", b""
    for opcode in (0x00, 0x06, 0x07, 0x09, 0x81, 0xFF):
        sent += frame(opcode, [1, 2, 3, 4, 5]) + frame(Opcode.WRITE, [1, opcode, 0, 0, 0])
        expected += refused(Refusal.OPCODE, 0x81 if expected else 0) + answer(Opcode.WRITE)
    seen = bench().talk(sent, expected)
    assert seen.writes == [(1, 0x00), (1, 0x06), (1, 0x07), (1, 0x09), (1, 0x81), (1, 0xFF)]


@pytest.mark.parametrize("opcode, lengths", [
    (Opcode.READ, (513, 1024, 1500)),
    (Opcode.WRITE, (1, 4, 6, 515)),
    (Opcode.SAMPLES, (24, 26, 525)),
    (Opcode.STATE_READ, (0, 1, 5, 7, 12)),
    (Opcode.STATE_WRITE, (0, 1, 3, 5, 10, 4 + 73 * 7)),
])
def test_wrong_length(bench, opcode, lengths):
    sent, expected = frame(Opcode.READ), answer(Opcode.READ)
    for length in lengths:
        sent += frame(opcode, bytes(length)) + frame(Opcode.READ)
        expected += refused(Refusal.LENGTH, 0x81) + answer(Opcode.READ)
    seen = bench().talk(sent, expected)
    assert not seen.writes and not seen.samples and not seen.words


@pytest.mark.parametrize("config, words", [("digits", 9363), ("digits", 65535), ("wide", 65535)])
def test_answer_too_long(bench, config, words):
    """9,362 words of 7 bytes fit an answer, one more does not."""
    seen = bench(config).talk(frame(Opcode.STATE_READ, bytes(4) + words.to_bytes(2, "little")),
                              refused(Refusal.LENGTH))
    assert not seen.words


def test_garbage_before_sync(bench):
    garbage = [byte for byte in random.Random(3).randbytes(200) if byte != SYNC]
    bench().talk(bytes(garbage) + frame(Opcode.WRITE), answer(Opcode.WRITE))


def test_half_a_packet_is_abandoned(bench):
    sent, whole = [], frame(Opcode.WRITE, [3, 0, 0, 0, 0])
    for cut in range(1, len(whole)):
        sent += [*whole[:cut], Pause(TIMEOUT + 50), *frame(Opcode.WRITE, [1, cut, 0, 0, 0])]
    seen = bench().talk(sent, answer(Opcode.WRITE) * (len(whole) - 1))
    assert seen.writes == [(1, cut) for cut in range(1, len(whole))]


def test_a_slow_packet_is_not_abandoned(bench):
    slow = frame(Opcode.WRITE, [3, 0, 0, 0, 0])
    bench().talk([entry for byte in slow for entry in (byte, Pause(TIMEOUT - 50))],
                 answer(Opcode.WRITE))


def test_trainer_that_takes_no_samples(bench):
    """The answer is cut off after the time-out, and the link serves the next request."""
    bench = bench()
    bench.accept_samples = False
    request = sample_packet(bench.config, [(1, 2), (3, 4)])
    bench.talk([*request, *frame(Opcode.WRITE, [1, 0, 0, 0, 0])],
               answer(Opcode.SAMPLES, bytes(4))[:HEAD] + answer(Opcode.WRITE))
    assert not bench.seen.samples


@pytest.mark.parametrize("opcode", [Opcode.STATE_READ, Opcode.STATE_WRITE])
def test_trainer_that_does_not_answer(bench, opcode):
    """A counter word is abandoned if the trainer does not deliver or take it in time."""
    bench = bench()
    bench.accept_words = False
    read = frame(Opcode.STATE_READ, [0, 0, 0, 0, 1, 0])
    request = read if opcode == Opcode.STATE_READ else frame(opcode, bytes(4 + 7))
    begun = (answer(opcode, bytes(7)) if opcode == Opcode.STATE_READ else answer(opcode))[:HEAD]
    value = (0xDEAD0009).to_bytes(4, "little")
    bench.talk([*request, *frame(Opcode.READ, [9])], begun + answer(Opcode.READ, value))
    assert not bench.seen.words


def test_random_requests(bench):
    """Many requests, good and bad, back to back."""
    bench = bench()
    rng, config = random.Random(5), bench.config
    sent, expected, writes, samples, due = b"", b"", [], [], 0
    for _ in range(60):
        kind = rng.randrange(4)
        if kind == 0:
            address, value = rng.randrange(0x80, 0x100), rng.getrandbits(32)
            request = frame(Opcode.WRITE, bytes([address]) + value.to_bytes(4, "little"))
            reply = answer(Opcode.WRITE)
        elif kind == 1:
            address = rng.randrange(0x60)
            request = frame(Opcode.READ, [address])
            reply = answer(Opcode.READ, (0xDEAD0000 | address).to_bytes(4, "little"))
        elif kind == 2:
            sample = rng.getrandbits(config.inputs), rng.randrange(config.classes)
            request = sample_packet(config, [sample])
            n = len(samples)
            reply = answer(Opcode.SAMPLES, [(sample[1] + n) % config.classes, n & 3])
        else:
            request, reply = frame(0x42), refused(Refusal.OPCODE, due)
        if rng.random() < 0.2:
            request = request[:-1] + bytes([request[-1] ^ 0x10])
            reply = refused(Refusal.CRC, due)
        elif kind == 0:
            writes.append((address, value))
        elif kind == 2:
            samples.append(sample)
        due = 0x81 if reply[2] != REFUSED else due
        sent, expected = sent + request, expected + reply
    seen = bench.talk(sent, expected)
    assert seen.writes == writes and seen.samples == samples


def write(value, number):
    """A request to write a register, and its answer."""
    return (frame(Opcode.WRITE, [1, value, 0, 0, 0], number),
            frame(Opcode.WRITE | ANSWER, b"", number))


def test_numbers(bench):
    """Numbered requests are carried out in their order only, and none of them twice."""
    sent, expected = write(9, 125)  # not numbered: from here on they count
    for i in range(140):  # 128 numbers, and round
        number = NUMBERED | (126 + i) % 128
        request, reply = write(i % 256, number)
        due = NUMBERED | (127 + i) % 128
        sent += request + request + write(77, NUMBERED | (number + 2) % 128)[0]
        expected += reply + refused(Refusal.NUMBER, due) * 2
    seen = bench().talk(sent, expected, 400_000)
    assert seen.writes == [(1, 9)] + [(1, i % 256) for i in range(140)]


def test_a_number_without_a_beginning(bench):
    """After a reset no number is the next one; a refused request does not count."""
    sent = b"".join(write(3, number)[0] for number in (NUMBERED, NUMBERED | 1))
    first, begun = write(4, 7)
    next_, ended = write(5, NUMBERED | 8)
    seen = bench().talk(
        sent + first + frame(0x42, b"", NUMBERED | 8) + next_,
        refused(Refusal.NUMBER) * 2 + begun + refused(Refusal.OPCODE, NUMBERED | 8) + ended)
    assert seen.writes == [(1, 4), (1, 5)]


def test_a_length_that_is_too_large_ends_the_packet(bench):
    """The bytes behind it are no payload: the next packet may follow at once."""
    head = frame(Opcode.WRITE, bytes(513))[:HEAD]
    seen = bench().talk(head + write(5, 1)[0] + head + write(6, 2)[0],
                        refused(Refusal.LENGTH) + write(5, 1)[1]
                        + refused(Refusal.LENGTH, NUMBERED | 2) + write(6, 2)[1])
    assert seen.writes == [(1, 5), (1, 6)]


@pytest.mark.parametrize("window", [0, 64, 1000])
def test_register_link(window):
    bench = Bench(CONFIGS["digits"], 1, False, window=window)
    bench.talk(frame(Opcode.READ, [link_registers()["LINK"].address, 0x20]),
               answer(Opcode.READ, (PACKETS << 16 | window).to_bytes(4, "little")
                      + (0xDEAD0020).to_bytes(4, "little")))


def test_requests_wait_in_the_window():
    """While an answer is not taken, as many bytes of further requests are taken as promised."""
    window = 100
    bench = Bench(CONFIGS["digits"], 1, False, window=window)
    request, reply = write(1, 0)
    count = 1 + window // len(request)
    taken = []

    async def source(ctx):
        for byte in request * count:
            ctx.set(bench.dut.i.payload, byte)
            ctx.set(bench.dut.i.valid, 1)
            ready = False
            while not ready:
                _, _, ready = await ctx.tick().sample(bench.dut.i.ready)
            taken.append(byte)
        ctx.set(bench.dut.i.valid, 0)

    async def sink(ctx):
        await ctx.tick().repeat(400)  # less than the time-out
        assert len(taken) == len(request) * count
        received = b""
        ctx.set(bench.dut.o.ready, 1)
        while len(received) < len(reply) * count:
            _, _, valid, byte = await ctx.tick().sample(bench.dut.o.valid, bench.dut.o.payload)
            received += bytes([byte]) * valid
        assert received == reply * count

    simulator = Simulator(bench.top)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench.registers, background=True)
    simulator.add_testbench(source)
    simulator.add_testbench(sink)
    simulator.run()


def test_bad_arguments():
    with pytest.raises(ValueError, match="window must be between 0 and 65535, not 65536"):
        Link(CONFIGS["digits"], 1, window=65536)
    with pytest.raises(TypeError, match="config must be a Config, not 5"):
        Link(5, 1)
    with pytest.raises(ValueError, match="timeout must be between 1 and 4294967295, not 0"):
        Link(CONFIGS["digits"], 0)
    with pytest.raises(TypeError, match="timeout must be an integer, not '1'"):
        Link(CONFIGS["digits"], "1")
    with pytest.raises(ValueError, match="fit a packet of 65535 bytes, not need 65536"):
        Link(Config(65535, (2,), 2, weight_lanes=1, counter_lanes=1), 1)
