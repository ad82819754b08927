"""Packets as bytes, and access to a trainer by packets (docs/link.md)."""

from binascii import crc_hqx
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from bep_model.host import Port
from bep_model.protocol import (
    ANSWER,
    NUMBERED,
    PACKETS,
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
from bep_model.registers import WORD, link_registers, registers
from bep_model.words import counter_addresses, sample_words

HEAD, TAIL = 5, 2
"""Bytes of a packet before its payload, and after it."""
COUNT = 0x80
"""How many numbers there are."""
FIRST = 0.25
"""Seconds for the first answer of all; twice as many after each silence."""
FAULTS = 40
"""Most faults in a row without any progress."""
OTHERS = "the trainer was reset, or another program used it: its state is not what it was"
WORDLESS = (Opcode.WRITE, Opcode.STATE_WRITE)
"""Requests whose answers say nothing, so that none is missed."""


class LinkError(OSError):
    """The answer does not belong to the request, or refuses it."""


class Refused(LinkError):
    """The answer refuses the request; ``refusal`` says why."""

    def __init__(self, opcode, refusal):
        super().__init__(f"{opcode.name} was refused: {refusal.name}")
        self.refusal = refusal


class Fault(LinkError):
    """The line damaged a packet."""


class Behind(Fault):
    """The trainer expects a number that has been used."""


class Silent(OSError):
    """Nothing comes in time."""


class Request(NamedTuple):
    """A request; ``answer`` is the number of bytes in its answer's payload."""

    opcode: Opcode
    payload: bytes
    answer: int


def frame(opcode, payload=b"", number=0):
    """A packet as bytes."""
    body = bytes([number, opcode]) + len(payload).to_bytes(2, "little") + bytes(payload)
    return bytes([SYNC]) + body + crc_hqx(body, 0xFFFF).to_bytes(2, "little")


def _shown(packet):
    """The first bytes of a packet in hexadecimal."""
    return packet[:16].hex(" ") + " ..." * (len(packet) > 16)


def parse(packet):
    """Return opcode (int), payload (bytes), number (int) of a packet; Fault if it is not one."""
    if len(packet) < HEAD + TAIL or packet[0] != SYNC:
        raise Fault(f"no packet: {_shown(packet)}")
    number, opcode, payload = packet[1], packet[2], packet[HEAD:-TAIL]
    if packet != frame(opcode, payload, number):
        raise Fault(f"a damaged packet: {_shown(packet)}")
    return opcode, payload, number


class PacketPort(Port):
    """Accesses a trainer by packets over a line that carries bytes.

    Several requests are under way, as many as the trainer's window takes. What the line damages is
    sent again, and the numbers of the requests see to it that none is carried out twice
    (docs/link.md, "Faults").

    Parameters
    ----------
    config : Config
    line
        An object with the coroutines ``send(data)``, which takes bytes, ``receive(count)``, which
        returns that many bytes, or after ``limit`` seconds raises Silent or, if some came, Fault,
        ``settle()``, which waits until nothing comes, forgets what came, and returns whether
        anything did, and ``rest(attempts)``, see :class:`bep_model.host.Port`. Its attribute
        ``timeout`` is the largest ``limit``.

    Raises
    ------
    OSError
        From all methods: Silent; LinkError if the line damages everything, the trainer was reset,
        or it has other packets.
    """

    def __init__(self, config, line):
        self.config, self.line = config, line
        self.registers = registers(config) | link_registers()
        self.most = payload_bytes(config)
        self.word_bytes = state_bytes(config)
        self.lane_bytes = word_bytes(config.weight_lanes)
        self.number: int | None = None
        """Of the next request; None before a conversation."""
        self.window = 0
        self.patience = line.timeout / 4
        """Seconds for an answer before its request is sent again; twice as many after each silence
        in a row."""

    async def hello(self, attempts=4):
        """Begin a conversation, whatever was under way before, and learn the window."""
        request = Request(Opcode.READ, bytes([self.registers["LINK"].address]), 4)
        self.number = None
        last: OSError = Silent()
        for attempt in range(attempts):
            try:
                self.line.limit = min(self.line.timeout, FIRST * 2**attempt)
                if attempt:
                    await self._clear()
                await self.line.send(frame(request.opcode, request.payload))
                opcode, content, number = await self._packet(request.answer)
            except (Fault, Silent) as error:
                last = error
                continue
            if (opcode, number, len(content)) != (request.opcode | ANSWER, 0, request.answer):
                last = LinkError(f"a packet {opcode:#04x} of {len(content)} bytes")
                continue
            value = int.from_bytes(content, "little")
            if value >> 16 & 0xFF != PACKETS:
                raise LinkError(f"its packets have version {value >> 16 & 0xFF}, not {PACKETS}")
            self.number, self.window = 1, value & 0xFFFF
            return
        raise last

    async def ask(self, opcode, payload, answer):
        """Send a request, and again if need be; return its answer's payload; Refused if it is."""
        for _ in range(FAULTS):
            (found,) = await self.exchange([Request(opcode, bytes(payload), answer)])
            if found is not None:
                return found
        raise LinkError(f"the line damages all answers to {opcode.name}")

    async def exchange(self, requests, answered=lambda i, answer: None):
        """Carry out requests, each once, in order.

        Parameters
        ----------
        requests : sequence of Request
        answered : callable
            Called with the index of each request that is known to be carried out, and with what is
            returned for it.

        Returns
        -------
        list of (bytes or None)
            Payloads of the answers; None for one that the line lost, unless it is known.
        """
        if self.number is None:
            await self.hello()
        base: Any = self.number
        self.number = None  # a conversation that is interrupted is none
        packets = [frame(request.opcode, request.payload, (base + i) % COUNT | NUMBERED)
                   for i, request in enumerate(requests)]
        answers = [b"" if request.opcode in WORDLESS else None for request in requests]
        first = sent = reached = faults = silences = refusals = behind = 0
        while first < len(requests):
            # After a fault there is only one request under way.
            room = 0 if faults else self.window
            while sent < len(requests) and (
                    sent == first or sum(map(len, packets[first + 1:sent + 1])) <= room):
                await self.line.send(packets[sent])
                sent += 1
            reached = max(reached, sent)  # what the trainer may have carried out
            self.line.limit = min(self.line.timeout, self.patience * 2**silences)
            done, silent = 0, False
            try:
                done, content = await self._answer(requests[first], base + first, reached - first)
            except Silent:
                if self.line.limit >= self.line.timeout:
                    raise
                silent = True
            except Refused as error:
                refusals += 1
                if error.refusal is not Refusal.LENGTH or refusals > 2:  # it may be damage
                    raise
            except Fault as error:
                faults, behind = faults + 1, behind + isinstance(error, Behind)
                if behind > 2:  # these were not old answers that came late
                    raise LinkError(OTHERS) from None
                if faults > FAULTS:
                    raise LinkError(f"the line damages everything: {error}") from None
            if not done:
                silences += not await self._clear() and silent
                sent, faults = first, max(1, faults)
                continue
            if content is not None:
                answers[first] = content
            for i in range(first, first + done):
                answered(i, answers[i])
            first, silences, refusals, behind = first + done, 0, 0, 0
            faults = min(faults, 1)
            sent = max(first, sent)
        self.number = (base + first) % COUNT
        return answers

    async def _clear(self):
        """Let the trainer end half a packet, forget what it says; return whether it said any."""
        late = await self.line.settle()
        await self.line.send(bytes(HEAD + self.most + TAIL))  # zeros, which are no SYNC
        return await self.line.settle() or late

    async def _packet(self, size):
        """The next packet, as from :func:`parse`: a refusal, or with so many bytes of payload."""
        head = await self.line.receive(HEAD)
        found = int.from_bytes(head[3:], "little")
        if head[0] != SYNC or found != (1 if head[2] == REFUSED else size):
            raise Fault(f"no answer: {_shown(head)}")
        try:
            return parse(head + await self.line.receive(found + TAIL))
        except Silent:
            raise Fault(f"half an answer: {_shown(head)}") from None

    async def _answer(self, request, number, under_way):
        """How many requests are done, beginning with this one, and the payload of its answer.

        The payload is None if the line lost the answer.
        """
        while True:
            opcode, content, found = await self._packet(request.answer)
            ahead = (found - number) % COUNT
            if opcode == REFUSED:
                refusal = Refusal(content[0])
                if refusal is Refusal.CRC:
                    raise Fault(f"{request.opcode.name} arrived damaged")
                if refusal is not Refusal.NUMBER:
                    raise Refused(request.opcode, refusal)
                if not found & NUMBERED or under_way < ahead < COUNT // 2:
                    raise LinkError(OTHERS)
                if 1 <= ahead <= under_way:
                    return ahead, None
                if ahead:
                    raise Behind(f"{request.opcode.name} is not expected")
            elif ahead == 0:
                if opcode != request.opcode | ANSWER:
                    raise LinkError(f"{request.opcode.name} was answered by a packet "
                                    f"{opcode:#04x}")
                return 1, content
            elif ahead < COUNT // 2:
                raise Fault("an answer is missing")
            # Else it is late, of a request that was sent twice.

    async def rest(self, attempts):
        await self.line.rest(attempts)

    async def write(self, name, value):
        payload = bytes([self.registers[name].address])
        await self.ask(Opcode.WRITE, payload + (int(value) & WORD).to_bytes(4, "little"), 0)

    async def read(self, name):
        answer = await self.ask(Opcode.READ, bytes([self.registers[name].address]), 4)
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
            answer = await self.ask(Opcode.STATE_READ, payload, len(positions) * self.word_bytes)
            words += [int.from_bytes(answer[i:i + self.word_bytes], "little")
                      for i in range(0, len(answer), self.word_bytes)]
        return words

    async def write_state(self, words):
        for address, positions in self._blocks():
            data = b"".join(words[i].to_bytes(self.word_bytes, "little") for i in positions)
            await self.ask(Opcode.STATE_WRITE, address.to_bytes(4, "little") + data, 0)

    async def process(self, x, labels, lengths=None, progress=None):
        """As :meth:`bep_model.host.Port.process`, but -1, 0, 0 for a result that the line lost."""
        steps = [None] * len(x) if lengths is None else [int(length) for length in lengths]
        requests, parts = [], []
        for length, group in groupby(range(len(x)), steps.__getitem__):
            if length is not None:
                address = bytes([self.registers["STEPS"].address])
                requests.append(Request(Opcode.WRITE, address + length.to_bytes(4, "little"), 0))
                parts.append([])
            rows, most = list(group), self.most // sample_bytes(self.config, length)
            for start in range(0, len(rows), most):
                part = rows[start:start + most]
                requests.append(Request(Opcode.SAMPLES, b"".join(
                    self._sample(x[i][:length], labels[i]) for i in part), 2 * len(part)))
                parts.append(part)

        def answered(i, answer):
            if progress is not None and parts[i]:
                progress(len(parts[i]), sum(flags & 1 for flags in answer[1::2]) if answer else 0)
        answers = await self.exchange(requests, answered)
        results = np.zeros((len(x), 3), np.int64)
        for part, answer in zip(parts, answers, strict=True):
            if answer is None:
                results[part, 0] = -1
            elif part:
                pairs = np.frombuffer(answer, np.uint8).reshape(-1, 2)
                results[part] = np.stack([pairs[:, 0], pairs[:, 1] & 1, pairs[:, 1] >> 1], axis=1)
        return results

    def _sample(self, bits, label):
        words = sample_words(self.config, bits)
        return b"".join(word.to_bytes(self.lane_bytes, "little") for word in words) \
            + bytes([int(label)])
