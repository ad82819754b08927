"""The commands that a host gives to a flash chip, and the faults of chips."""

import pytest

from bep_model import memories
from bep_model.device import done
from bep_model.memories import StoreError

ID, BUSY, ENABLED, PROTECTED = bytes.fromhex("ef4018"), 1, 2, 4


class Chip:
    """What W25Q128JV does at its pins, one call per chip select; illegal commands fail."""

    def __init__(self, status=0):
        self.memory = bytearray(b"\x55" * (1 << 24))
        self.status, self.busy, self.longest = status, 0, 0

    async def exchange(self, data):
        self.longest = max(self.longest, len(data))
        opcode, address = data[0], int.from_bytes(data[1:4], "big")
        if opcode == 0x05:
            self.busy -= self.busy > 0
            return bytes([0, self.status | BUSY * (self.busy > 0)])
        assert not self.busy
        if opcode == 0x06:
            self.status |= ENABLED
        elif opcode == 0x03:
            return bytes(4) + self.memory[address:address + len(data) - 4]
        else:
            assert self.status & ENABLED
            self.status &= ~ENABLED
            self.busy = 3
            if opcode == 0xD8:
                start = address & ~0xFFFF
                self.memory[start:start + (1 << 16)] = b"\xff" * (1 << 16)
            else:
                assert opcode == 0x02
                assert address % 256 + len(data) - 4 <= 256
                for at, value in enumerate(data[4:], address):
                    self.memory[at] &= value
        return bytes(len(data))


def flash(chip, most=300):
    async def rest(attempts):
        if attempts > 9:
            raise TimeoutError("busy")

    return memories.of(ID, chip.exchange, most, rest)


@pytest.mark.parametrize("most", [40, 300])
def test_written_bytes_are_read_back(most):
    chip, data = Chip(), bytes(i * 7 & 0xFF for i in range(70_000))
    memory, counts = flash(chip, most), []
    done(memory.prepare(len(data)))
    done(memory.write(100, data[100:], counts.append))
    done(memory.write(0, data[:100]))
    assert sum(counts) == len(data) - 100
    assert done(memory.read(0, len(data))) == data
    assert chip.longest <= most
    # What lies before and behind is as it was.
    assert set(chip.memory[:1 << 20]) == set(chip.memory[(1 << 20) + (2 << 16):]) == {0x55}


def test_write_protected():
    for status in (PROTECTED, 0x80 | PROTECTED):
        chip = Chip(status)
        with pytest.raises(StoreError, match="is it write-protected"):
            done(flash(chip).prepare(1))
        assert set(chip.memory) == {0x55}


def test_a_wait_ends():
    chip = Chip(BUSY)
    with pytest.raises(TimeoutError):
        done(flash(chip).prepare(1))


@pytest.mark.parametrize(("identity", "told"), [
    ("ffffff", "^the flash chip does not answer$"),
    ("c22018", "it identifies itself as c2 20 18$")])
def test_unknown_chips(identity, told):
    with pytest.raises(StoreError, match=told):
        memories.of(bytes.fromhex(identity), None, 300, None)
