"""Stored sets: bytes, header, what is refused."""

import struct
from binascii import crc_hqx
from dataclasses import replace

import numpy as np
import pytest

from bep_model import stored
from bep_model.config import Config
from bep_model.data import datasets
from bep_model.data.datasets import Dataset, Samples
from bep_model.phases.order import shuffled
from bep_model.protocol import sample_bytes, slot_bits
from bep_model.words import sample_words

CONFIGS = {
    "digits": Config(192, (64, 64), 10),
    "odd": Config(192, (64, 64), 10, weight_lanes=20, counter_lanes=4),
    "tiny": Config(3, (4,), 2, weight_lanes=1, counter_lanes=1),
    "sequences": Config(5, (4, 4), 3, weight_lanes=4, counter_lanes=4, max_steps=9),
}


def made(config, counts=(11, 3, 4), steps=7, seed=1):
    rng = np.random.default_rng(seed)
    shape = (steps, config.inputs) if config.recurrent else (config.inputs,)
    return Dataset("own", *(Samples(rng.integers(0, 2, (n, *shape), np.uint8),
                                    rng.integers(0, config.classes, n)) for n in counts),
                   config.classes)


@pytest.mark.parametrize("name", CONFIGS)
def test_bytes_by_hand(name):
    config = CONFIGS[name]
    data = made(config)
    described, image = stored.pack(config, data)
    slot, base = 1 << slot_bits(config), stored.first(config)
    assert len(image) == (base + 18) * slot and base * slot >= stored.HEADER_BYTES
    assert slot // 2 < sample_bytes(config) <= slot
    octets = b""
    for part, (name, kind) in zip(described.parts(config).values(), (
            ("all", None), ("train", data.train), ("validation", data.validation),
            ("test", data.test)), strict=True):
        for n, row in enumerate(shuffled(len(kind)) if kind else ()):
            x, label = kind.x[row], kind.labels[row]
            words = sample_words(config, x)
            size = -(-config.weight_lanes // 8)
            expected = b"".join(word.to_bytes(size, "little") for word in words) + bytes([label])
            at = (part.base + n) * slot
            assert image[at:at + slot] == expected.ljust(slot, b"\0"), (name, n)
            octets += expected
    assert described.checksum == crc_hqx(octets, 0xFFFF)
    assert (described.train, described.validation, described.test) == (11, 3, 4)
    assert described.count == 18


@pytest.mark.parametrize("name", CONFIGS)
def test_header(name):
    config = CONFIGS[name]
    described, image = stored.pack(config, made(config))
    assert stored.parse(image) == described
    described.check(config)
    fields = struct.pack("<8s7IH", b"BEPset01", config.inputs, config.weight_lanes, config.classes,
                         7 if config.recurrent else 0, 11, 3, 4, described.checksum)
    assert image[:40] == fields + struct.pack("<H", crc_hqx(fields, 0xFFFF))


def test_every_damage_of_the_header_is_found():
    _, image = stored.pack(CONFIGS["digits"], made(CONFIGS["digits"]))
    for bit in range(8 * stored.HEADER_BYTES):
        damaged = bytearray(image)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(stored.WrongSet, match="holds no set" if bit < 64 else "is damaged"):
            stored.parse(bytes(damaged))
    with pytest.raises(stored.WrongSet):
        stored.parse(image[:20])


@pytest.mark.parametrize("change, text", [
    ({"inputs": 100}, "inputs = 192, not 100"), ({"weight_lanes": 32}, "lanes = 64, not 32"),
    ({"classes": 7}, "classes = 10, not 7"), ({"max_steps": 4}, "0 steps, the trainer at most 4")])
def test_sets_of_other_trainers(change, text):
    described, _ = stored.pack(CONFIGS["digits"], made(CONFIGS["digits"]))
    with pytest.raises(stored.WrongSet, match=text):
        described.check(replace(CONFIGS["digits"], **change))


def test_sequences_of_one_length_only():
    config = CONFIGS["sequences"]
    data = made(config)
    lengths = np.full(11, 7)
    same = replace(data, train=Samples(data.train.x, data.train.labels, lengths))
    assert stored.pack(config, same) == stored.pack(config, data)
    lengths[4] = 3
    other = replace(data, train=Samples(data.train.x, data.train.labels, lengths))
    with pytest.raises(ValueError, match="sequences of one length, not of 3 to 7 steps"):
        stored.pack(config, other)
    with pytest.raises(ValueError, match="the configuration"):
        stored.pack(CONFIGS["digits"], data)


@pytest.mark.parametrize("name", CONFIGS)
def test_empty_parts(name):
    config = CONFIGS[name]
    described, image = stored.pack(config, made(config, (5, 0, 0)))
    assert described.count == described.train == 5
    assert len(image) == (stored.first(config) + 5) << slot_bits(config)


def test_digits():
    """As many bytes as the documents say."""
    described, image = stored.pack(CONFIGS["digits"], datasets.load("digits"))
    assert len(image) == (2 + described.count) * 32
