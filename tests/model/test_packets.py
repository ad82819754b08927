"""Packets as bytes, and the port that uses them, against a line that answers from a list."""

import asyncio

import numpy as np
import pytest

from bep_model.config import Config
from bep_model.host import Host, WrongTrainer
from bep_model.packets import Fault, LinkError, PacketPort, Silent, frame, parse
from bep_model.protocol import (
    ANSWER,
    NUMBERED,
    REFUSED,
    SYNC,
    Opcode,
    Refusal,
    payload_bytes,
    state_bytes,
)
from bep_model.registers import link_registers, link_value, registers
from bep_model.words import counter_addresses

CONFIG = Config(9, (6, 4), 3, 5, 8, 4)
RECURRENT = Config(9, (6, 4), 3, 5, 8, 4, max_steps=5)


def crc(data):
    """CRC-16/CCITT-FALSE bit by bit."""
    value = 0xFFFF
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ (0x1021 if value & 0x8000 else 0)) & 0xFFFF
    return value


def test_frame():
    assert crc(b"123456789") == 0x29B1  # the catalogue's check value
    packet = frame(Opcode.READ, [7, 8], 0x85)
    assert packet[:7] == bytes([0xA5, 0x85, 1, 2, 0, 7, 8])
    assert int.from_bytes(packet[7:], "little") == crc(packet[1:7])
    assert parse(packet) == (Opcode.READ, bytes([7, 8]), 0x85)


@pytest.mark.parametrize("at", range(9))
def test_a_damaged_packet_is_found(at):
    packet = bytearray(frame(Opcode.READ, [7, 8]))
    packet[at] ^= 0x10
    with pytest.raises(LinkError):
        parse(bytes(packet))


@pytest.mark.parametrize("packet", [b"", frame(1)[:-1], frame(1) + b"\0"])
def test_a_part_of_a_packet_is_found(packet):
    with pytest.raises(LinkError):
        parse(packet)


class Line:
    """A fake trainer with registers and counter words; the samples determine its results.

    It takes bytes as the gateware does. ``damage`` is a function of bytes that cross the line.
    """

    timeout = limit = 8.0

    def __init__(self, config, window=0, damage=bytes):
        self.config, self.asked, self.queue, self.inbox = config, [], b"", b""
        self.damage, self.window, self.due, self.under_way = damage, window, 0, 0
        self.values = {register.address: 0 for register in registers(config).values()}
        self.values[link_registers()["LINK"].address] = link_value(window)
        self.words, self.busy, self.rests, self.trained = {}, 0, [], []

    async def send(self, data):
        self.under_way += 1
        self.inbox += self.damage(data)

    def work(self):
        """Serve the packets that have arrived."""
        while (start := self.inbox.find(SYNC)) >= 0:
            self.inbox = self.inbox[start:]
            if len(self.inbox) < 5:
                return
            size = int.from_bytes(self.inbox[3:5], "little")
            if size > payload_bytes(self.config):
                self.inbox = self.inbox[5:]
                self.reply(frame(REFUSED, [Refusal.LENGTH], self.due))
                continue
            if len(self.inbox) < 7 + size:
                return
            packet, self.inbox = self.inbox[:7 + size], self.inbox[7 + size:]
            self.serve(packet)
        self.inbox = b""

    def serve(self, packet):
        try:
            opcode, payload, number = parse(packet)
        except LinkError:
            self.reply(frame(REFUSED, [Refusal.CRC], self.due))
            return
        if number & NUMBERED and number != self.due:
            self.reply(frame(REFUSED, [Refusal.NUMBER], self.due))
            return
        self.due = (number + 1) % 128 | NUMBERED
        self.asked.append((opcode, payload))
        self.reply(self.answer(opcode, payload, number))

    def reply(self, packet):
        self.queue += self.damage(packet)

    async def receive(self, count):
        self.work()
        if len(self.queue) < count:
            some, self.queue = bool(self.queue), b""
            raise Fault("half") if some else Silent("nothing")
        data, self.queue = self.queue[:count], self.queue[count:]
        return data

    async def settle(self):
        self.work()
        came, self.queue = bool(self.queue), b""
        return came

    async def rest(self, attempts):
        self.rests.append(attempts)

    def answer(self, opcode, payload, number):
        size, content = state_bytes(self.config), b""
        assert len(payload) <= payload_bytes(self.config)
        address = int.from_bytes(payload[:4], "little")
        if opcode == Opcode.READ:
            value = self.values[payload[0]]
            if payload[0] == registers(self.config)["STATUS"].address:
                value, self.busy = int(self.busy > 0), max(0, self.busy - 1)
            content = value.to_bytes(4, "little")
        elif opcode == Opcode.WRITE:
            self.values[payload[0]] = int.from_bytes(payload[1:], "little")
        elif opcode == Opcode.STATE_WRITE:
            for i in range(4, len(payload), size):
                self.words[address + (i - 4) // size] = payload[i:i + size]
        elif opcode == Opcode.STATE_READ:
            count = int.from_bytes(payload[4:], "little")
            content = b"".join(self.words[address + i] for i in range(count))
        elif opcode == Opcode.SAMPLES:
            length = self.values[registers(self.config)["STEPS"].address] \
                if self.config.max_steps else 1
            step = 2 * length + 1  # two words of 8 lanes for 9 inputs
            assert len(payload) % step == 0
            for i in range(0, len(payload), step):
                content += bytes([payload[i + step - 1], payload[i] & 3])
                self.trained.append((length, payload[i:i + step]))
        return frame(opcode | ANSWER, content, number)


def port(config, **options):
    line = Line(config, **options)
    return PacketPort(config, line), line


def test_registers():
    here, line = port(CONFIG)
    asyncio.run(here.write("MARGIN", -3))
    assert asyncio.run(here.read("MARGIN")) == 0xFFFFFFFD
    assert line.asked[1] == (Opcode.WRITE, bytes([registers(CONFIG)["MARGIN"].address])
                             + bytes.fromhex("fdffffff"))


@pytest.mark.parametrize("config", [CONFIG, Config(700, (30, 4), 3, 15, 64, 32), RECURRENT],
                         ids=["small", "many packets", "recurrent"])
def test_counters(config):
    here, _ = port(config)
    rng = np.random.default_rng(1)
    low, high = config.counter_range
    counters = [rng.integers(low, high, shape, np.int16, endpoint=True) for shape in config.shapes]

    async def use():
        host = Host(config, here)
        for name, value in (("IDENT", 0x42455031), ("VERSION", 1), ("DIGEST", config.identifier)):
            await here.write(name, value)
        await host.bring_up(np.arange(config.generators, dtype=np.uint32), counters)
        return await host.counters()

    for found, layer in zip(asyncio.run(use()), counters, strict=True):
        np.testing.assert_array_equal(found, layer)
    assert len(counter_addresses(config)) == len(here.line.words)


@pytest.mark.parametrize("config", [CONFIG, RECURRENT], ids=["mlp", "recurrent"])
def test_samples(config):
    here, line = port(config)
    rng = np.random.default_rng(2)
    n, steps = 300, (5,) * (config.max_steps > 0)
    x = rng.integers(0, 2, (n, *steps, 9), np.uint8)
    labels = rng.integers(0, 3, n)
    lengths = np.sort(rng.integers(1, 6, n)) if steps else None
    line.busy = 3
    prediction, error, triggered = asyncio.run(Host(config, here).process(x, labels, lengths))
    first = x[:, 0] if steps else x
    np.testing.assert_array_equal(prediction, labels)
    np.testing.assert_array_equal(error, first[:, 0])
    np.testing.assert_array_equal(triggered, first[:, 1])
    assert line.rests == [0, 1, 2]
    packets = sum(opcode == Opcode.SAMPLES for opcode, _ in line.asked)
    assert 1 < packets < 30


def test_another_trainer_is_refused():
    here, _ = port(CONFIG)
    with pytest.raises(WrongTrainer, match="register IDENT is 0x00000000, not 0x42455031"):
        asyncio.run(Host(CONFIG, here).identify())


@pytest.mark.parametrize(("answer", "text"), [
    (lambda number: frame(REFUSED, [Refusal.OPCODE], number), "READ was refused: OPCODE"),
    (lambda number: frame(REFUSED, [Refusal.LENGTH], number), "READ was refused: LENGTH"),
    (lambda number: frame(REFUSED, [Refusal.CRC], number),
     "the line damages everything: READ arrived damaged"),
    (lambda number: frame(REFUSED, [Refusal.NUMBER], 0), "the trainer was reset"),
    *((lambda number, by=by: frame(REFUSED, [Refusal.NUMBER], (number + by) % 128 | NUMBERED),
       "another program used it") for by in (5, -5)),
    (lambda number: frame(Opcode.WRITE | ANSWER, bytes(4), number),
     "READ was answered by a packet 0x82"),
    (lambda number: b"\x00" * 10, "the line damages everything: no answer: 00 00"),
])
def test_other_answers(answer, text):
    here, line = port(CONFIG)
    asyncio.run(here.read("STATUS"))

    def reply(opcode, payload, number):
        line.due = number  # a request that is refused does not count
        return answer(number)

    line.answer = reply
    with pytest.raises(LinkError, match=text):
        asyncio.run(here.read("STATUS"))


@pytest.mark.parametrize(("answer", "error", "text"), [
    (lambda: b"", Silent, "nothing"), (lambda: b"login: ", LinkError, "no answer: 6c 6f"),
    (lambda: frame(Opcode.READ | ANSWER, bytes(4)), LinkError, "packets have version 0, not 2"),
    (lambda: frame(Opcode.WRITE | ANSWER, bytes(4)), LinkError, "a packet 0x82 of 4 bytes"),
])
def test_who_does_not_speak_the_language(answer, error, text):
    here, line = port(CONFIG)
    line.answer = lambda opcode, payload, number: answer()
    with pytest.raises(error, match=text):
        asyncio.run(here.read("STATUS"))


def test_answers_that_never_arrive():
    here, line = port(CONFIG)
    asyncio.run(here.read("STATUS"))
    line.answer = lambda *_: bytes(11)
    with pytest.raises(LinkError, match="the line damages all answers to READ"):
        asyncio.run(here.read("STATUS"))


def test_silence_ends():
    here, line = port(CONFIG)
    asyncio.run(here.read("STATUS"))
    line.serve = lambda packet: None
    with pytest.raises(Silent):
        asyncio.run(here.read("STATUS"))
    assert line.limit == line.timeout


@pytest.mark.parametrize("window", [0, 600, 5000])
def test_the_window_is_kept(window):
    """Requests under way behind the oldest one never have more bytes than the window."""
    class Slow(Line):
        """Answers only when somebody waits, one request at a time."""

        waiting: list = []

        async def send(self, data):
            self.waiting = [*self.waiting, data]
            assert sum(map(len, self.waiting[1:])) <= self.window

        async def receive(self, count):
            if not self.queue:
                self.inbox, self.waiting = self.waiting[0], self.waiting[1:]
                most.append(len(self.waiting))
            return await super().receive(count)

    most = []
    line = Slow(CONFIG, window)
    x = np.zeros((2000, 9), np.uint8)
    found = asyncio.run(PacketPort(CONFIG, line).process(x, np.arange(2000) % 3))
    np.testing.assert_array_equal(found[:, 0], np.arange(2000) % 3)
    assert max(most) == window // 517  # 510 bytes of samples in a packet


class Damage:
    """Flips, drops, doubles and inserts bytes."""

    def __init__(self, seed, rate):
        self.rng, self.rate, self.count = np.random.default_rng(seed), rate, 0

    def __call__(self, data):
        out = b""
        for byte in data:
            kind = self.rng.integers(4) if self.rng.random() < self.rate else 4
            self.count += kind < 4
            byte = bytes([byte])
            out += [bytes([byte[0] ^ 1 << int(self.rng.integers(8))]), b"", byte * 2,
                    byte + self.rng.bytes(1), byte][kind]
        return out


@pytest.mark.parametrize("config", [CONFIG, RECURRENT], ids=["mlp", "recurrent"])
@pytest.mark.parametrize("window", [0, 4000])
@pytest.mark.parametrize("seed", range(20))
def test_a_line_with_faults(config, window, seed):
    """Every sample is trained once, in order, with its number of steps; no result is wrong."""
    damage = Damage(seed, 1e-3)
    here, line = port(config, window=window, damage=damage)
    rng = np.random.default_rng(seed)
    n, steps = 1500, (5,) * (config.max_steps > 0)
    x = rng.integers(0, 2, (n, *steps, 9), np.uint8)
    labels = rng.integers(0, 3, n)
    lengths = np.sort(rng.integers(1, 6, n)) if steps else None
    found = asyncio.run(here.process(x, labels, lengths))
    assert damage.count
    known = found[:, 0] >= 0
    assert known.any()
    np.testing.assert_array_equal(found[known, 0], labels[known])
    want = [(1 if lengths is None else lengths[i],
             here._sample(x[i][:lengths[i]] if steps else x[i], labels[i])) for i in range(n)]
    assert line.trained == want


def test_what_can_be_asked_again_is():
    """Registers are read, and words written, without a gap on a bad line."""
    here, line = port(CONFIG, window=500, damage=Damage(3, 5e-3))
    rng = np.random.default_rng(4)
    words = [int(rng.integers(1 << 20)) for _ in counter_addresses(CONFIG)]

    async def use():
        for _ in range(20):
            await here.write_state(words)
            assert await here.read_state() == words
            await here.write("GROUP_1", 3)
            assert await here.read("GROUP_1") == 3

    asyncio.run(use())
    assert line.damage.count > 20
