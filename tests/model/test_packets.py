"""Packets as bytes, and the port that uses them, against a line that answers from a list."""

import asyncio

import numpy as np
import pytest

from bep_model.config import Config
from bep_model.host import Host, WrongTrainer
from bep_model.packets import LinkError, PacketPort, frame, parse
from bep_model.protocol import (
    ANSWER,
    REFUSED,
    Opcode,
    Refusal,
    payload_bytes,
    state_bytes,
)
from bep_model.registers import registers
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
    packet = frame(Opcode.READ, [7, 8])
    assert packet[:6] == bytes([0xA5, 1, 2, 0, 7, 8])
    assert int.from_bytes(packet[6:], "little") == crc(packet[1:6])
    assert parse(packet) == (Opcode.READ, bytes([7, 8]))


@pytest.mark.parametrize("at", range(8))
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
    """A fake trainer with registers and counter words; the samples determine its results."""

    def __init__(self, config):
        self.config, self.asked, self.queue = config, [], b""
        self.values = {register.address: 0 for register in registers(config).values()}
        self.words, self.busy, self.rests = {}, 0, []

    async def send(self, data):
        opcode, payload = parse(data)
        self.asked.append((opcode, payload))
        self.queue += self.answer(opcode, payload)

    async def receive(self, count):
        assert len(self.queue) >= count
        data, self.queue = self.queue[:count], self.queue[count:]
        return data

    async def rest(self, attempts):
        self.rests.append(attempts)

    def answer(self, opcode, payload):
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
        return frame(opcode | ANSWER, content)


def port(config):
    line = Line(config)
    return PacketPort(config, line), line


def test_registers():
    here, line = port(CONFIG)
    asyncio.run(here.write("MARGIN", -3))
    assert asyncio.run(here.read("MARGIN")) == 0xFFFFFFFD
    assert line.asked[0] == (Opcode.WRITE, bytes([registers(CONFIG)["MARGIN"].address])
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
    (frame(REFUSED, [Refusal.CRC]), "READ was refused: CRC"),
    (frame(Opcode.WRITE | ANSWER), "READ was answered by a packet 0x82"),
    (b"\x00" * 10, "no packet"),
], ids=["refused", "another", "none"])
def test_other_answers(answer, text):
    here, line = port(CONFIG)
    line.answer = lambda opcode, payload: answer
    with pytest.raises(LinkError, match=text):
        asyncio.run(here.read("STATUS"))
