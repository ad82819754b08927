"""Packets as bytes, and access to a trainer by packets (docs/link.md)."""

from binascii import crc_hqx
from itertools import groupby

import numpy as np

from bep_model.host import Port
from bep_model.protocol import (
    ANSWER,
    REFUSED,
    SYNC,
    Opcode,
    Refusal,
    item_bytes,
    payload_bytes,
    sample_bytes,
    state_bytes,
    word_bytes,
)
from bep_model.registers import registers, store_registers
from bep_model.words import counter_addresses, sample_words

HEAD, TAIL = 4, 2
"""Bytes of a packet before its payload, and after it."""


class LinkError(OSError):
    """The answer does not belong to the request, or refuses it."""


class Refused(LinkError):
    """The answer refuses the request; ``refusal`` says why."""

    def __init__(self, opcode, refusal):
        super().__init__(f"{opcode.name} was refused: {refusal.name}")
        self.refusal = refusal


def frame(opcode, payload=b""):
    """A packet as bytes."""
    body = bytes([opcode]) + len(payload).to_bytes(2, "little") + bytes(payload)
    return bytes([SYNC]) + body + crc_hqx(body, 0xFFFF).to_bytes(2, "little")


def _shown(packet):
    """The first bytes of a packet in hexadecimal."""
    return packet[:16].hex(" ") + " ..." * (len(packet) > 16)


def parse(packet):
    """Return opcode (int) and payload (bytes) of a packet; LinkError if it is not one."""
    if len(packet) < HEAD + TAIL or packet[0] != SYNC:
        raise LinkError(f"no packet: {_shown(packet)}")
    opcode, payload = packet[1], packet[HEAD:-TAIL]
    if packet != frame(opcode, payload):
        raise LinkError(f"a damaged packet: {_shown(packet)}")
    return opcode, payload


class PacketPort(Port):
    """Accesses a trainer by packets over a line that carries bytes.

    Parameters
    ----------
    config : Config
    line
        An object with the coroutines ``send(data)``, which takes bytes, ``receive(count)``, which
        returns that many bytes, and ``rest(attempts)``, see :class:`bep_model.host.Port`.
    """

    def __init__(self, config, line):
        self.config, self.line = config, line
        self.registers = registers(config) | store_registers()
        self.most = payload_bytes(config)
        self.word_bytes = state_bytes(config)
        self.lane_bytes = word_bytes(config.weight_lanes)

    async def ask(self, opcode, payload):
        """Send a request and return its answer's payload; Refused if it is."""
        await self.line.send(frame(opcode, payload))
        head = await self.line.receive(HEAD)
        size = int.from_bytes(head[2:], "little")
        answer, content = parse(head + await self.line.receive(size + TAIL))
        if answer == REFUSED and len(content) == 1:
            raise Refused(opcode, Refusal(content[0]))
        if answer != opcode | ANSWER:
            raise LinkError(f"{opcode.name} was answered by a packet {answer:#04x}")
        return content

    async def rest(self, attempts):
        await self.line.rest(attempts)

    async def write(self, name, value):
        payload = bytes([self.registers[name].address])
        await self.ask(Opcode.WRITE, payload + (int(value) & 0xFFFFFFFF).to_bytes(4, "little"))

    async def read(self, name):
        answer = await self.ask(Opcode.READ, bytes([self.registers[name].address]))
        return int.from_bytes(answer, "little")

    def _blocks(self):
        """Runs of counter words that fit one packet: first address, positions in the order."""
        addresses = counter_addresses(self.config)
        first, each, _ = item_bytes(self.config, 0)[Opcode.STATE_WRITE]
        blocks = []
        for i, address in enumerate(addresses):
            if not i or address != addresses[i - 1] + 1 \
                    or len(blocks[-1][1]) == (self.most - first) // each:
                blocks.append((address, []))
            blocks[-1][1].append(i)
        return blocks

    async def read_state(self):
        words = []
        for address, positions in self._blocks():
            payload = address.to_bytes(4, "little") + len(positions).to_bytes(2, "little")
            answer = await self.ask(Opcode.STATE_READ, payload)
            words += [int.from_bytes(answer[i:i + self.word_bytes], "little")
                      for i in range(0, len(answer), self.word_bytes)]
        return words

    async def write_state(self, words):
        for address, positions in self._blocks():
            data = b"".join(words[i].to_bytes(self.word_bytes, "little") for i in positions)
            await self.ask(Opcode.STATE_WRITE, address.to_bytes(4, "little") + data)

    async def process(self, x, labels, lengths=None):
        steps = [None] * len(x) if lengths is None else [int(length) for length in lengths]
        results = []
        for length, group in groupby(range(len(x)), steps.__getitem__):
            if length is not None:
                await self.write("STEPS", length)
            rows, most = list(group), self.most // sample_bytes(self.config, length)
            for start in range(0, len(rows), most):
                part = rows[start:start + most]
                answer = await self.ask(Opcode.SAMPLES, b"".join(
                    self._sample(x[i][:length], labels[i]) for i in part))
                results += [(prediction, flags & 1, flags >> 1) for prediction, flags in
                            zip(answer[::2], answer[1::2], strict=True)]
        return np.array(results, np.int64).reshape(-1, 3)

    def _sample(self, bits, label):
        words = sample_words(self.config, bits)
        return b"".join(word.to_bytes(self.lane_bytes, "little") for word in words) \
            + bytes([int(label)])
