"""docs/link.md against the definition of the protocol, docs/registers.md against the table."""

import re
from pathlib import Path

import pytest

from bep.reports import register_page
from bep_model import protocol
from bep_model.config import Config
from bep_model.packets import frame
from bep_model.protocol import Mode, Opcode, Refusal
from bep_model.registers import registers

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "link.md").read_text(encoding="utf-8")


def packet(opcode, payload=b"", number=0):
    return frame(opcode, bytes(payload), number).hex(" ")


def rows(pattern):
    return {name: int(value, 0) for value, name in re.findall(pattern, TEXT, re.MULTILINE)}


def test_opcodes():
    assert rows(r"^\| `(0x\w+)` \| (\w+) \|") == {code.name: code.value for code in Opcode}


def test_refusals():
    assert rows(r"^\| (\d) \| ([A-Z]+) \|") == {code.name: code.value for code in Refusal}


def test_constants():
    assert f"SYNC, `{protocol.SYNC:#x}`" in TEXT
    assert f"plus `{protocol.ANSWER:#x}`" in TEXT
    assert f"opcode `{protocol.REFUSED:#x}`" in TEXT
    config = Config(192, (64, 64), 10, weight_lanes=64)
    size, limit = protocol.sample_bytes(config), protocol.payload_bytes(config)
    assert f"{size} bytes, so up to {limit // size} samples fit a request" in TEXT


def test_examples():
    table = registers(Config(192, (64, 64), 10))
    ident = protocol.MAGIC.to_bytes(4, "little")
    mode = bytes([table["MODE"].address, Mode.TRAIN, 0, 0, 0])
    expected = [
        packet(Opcode.READ, [table["IDENT"].address]),
        packet(Opcode.READ | protocol.ANSWER, ident),
        packet(Opcode.WRITE, mode, protocol.NUMBERED | 1),
        packet(Opcode.WRITE | protocol.ANSWER, number=protocol.NUMBERED | 1),
        packet(protocol.REFUSED, [Refusal.CRC], protocol.NUMBERED | 2),
    ]
    assert re.findall(r"^\w+ +((?:[0-9a-f]{2} ?)+)$", TEXT, re.MULTILINE) == expected


def test_register_page():
    pytest.importorskip("jinja2", reason="the extra `experiments` is not installed")
    assert (DOCS / "registers.md").read_text(encoding="utf-8") == register_page.page(), \
        "make registers writes it anew"
