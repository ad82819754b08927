"""The sample store of a trainer, as a host sees it: filling, checking, epochs (docs/store.md).

All methods are coroutines, as those of :mod:`bep_model.host`.
"""

from typing import Any

from bep_model import memories, stored
from bep_model.memories import StoreError
from bep_model.packets import Refused
from bep_model.protocol import Opcode, Refusal, payload_bytes, slot_bits
from bep_model.registers import WORD

IDENTIFY = 0x9F
SEEN = ("SAMPLES", "ERRORS", "TRIGGERED")


class Store:
    """The sample store of a trainer.

    Parameters
    ----------
    host : Host
        Its port carries packets.
    """

    def __init__(self, host):
        self.host, self.config = host, host.config
        self.memory: Any = None  # what `open` found
        self.size = 0

    async def open(self):
        """Find out what store there is; StoreError if none is."""
        identity = await self.exchange(bytes([IDENTIFY, 0, 0, 0]))
        size, most = 1 << await self.host.port.read("STORE"), payload_bytes(self.config)
        self.memory = memories.of(identity[1:], self.exchange, most, self.host.port.rest)
        self.size = size - self.memory.start
        return self

    async def stop(self):
        """End an epoch that runs, which another host may have begun; nothing without a store."""
        try:
            await self.exchange(b"")
        except StoreError:
            return
        await self.host.port.write("EPOCH", 0)
        await self.host.idle()

    async def exchange(self, data):
        """Pass bytes to the store and return its replies; StoreError if there is none."""
        try:
            return await self.host.port.ask(Opcode.STORE, data, len(data))
        except Refused as error:
            if error.refusal is not Refusal.OPCODE:
                raise
            raise StoreError("the trainer has no sample store") from None

    async def load(self, image, progress=None):
        """Write a set, see :func:`bep_model.stored.pack`: its header last, so that no half set is
        ever taken for a whole one.

        Raises StoreError if the set is too large.
        """
        memories.check_room(len(image), self.size)
        start = stored.HEADER_BYTES
        await self.memory.prepare(len(image))
        await self.memory.write(start, image[start:], progress)
        await self.memory.write(0, image[:start])
        if progress is not None:
            progress(start)

    async def described(self):
        """The :class:`StoredSet` that the store holds; WrongSet if it holds none."""
        found = stored.parse(await self.memory.read(0, stored.HEADER_BYTES))
        found.check(self.config)
        return found

    async def check(self, described, progress=None):
        """Let the trainer compute the checksum of a set; WrongSet if it is another one."""
        part = described.parts(self.config)["all"]
        port = self.host.port
        await self._begin(described, part)
        await port.write("STRIDE", 1)
        await port.write("CHECK", part.count)
        attempts = 0
        while await port.read("EPOCH"):
            await port.rest(attempts)
            attempts += 1
        found = await port.read("CHECK")
        if found != described.checksum:
            raise stored.WrongSet(f"the stored set is damaged (CRC {found:04x} instead of "
                                  f"{described.checksum:04x}): load it anew")
        if progress is not None:
            progress(part.count)

    async def play(self, described, name, stride, progress=None):
        """Process a part of a set as MODE says, and wait for its end.

        Parameters
        ----------
        described : StoredSet
        name : str
            "train", "validation", "test" or "all".
        stride : int
            Of the order, see :func:`bep_model.phases.order.order`.
        progress : callable, optional
            Called with the number of samples just processed, and how many of them were predicted
            wrongly.

        Returns
        -------
        (int, int)
            How many samples were predicted wrongly, and how many triggered.
        """
        part, port = described.parts(self.config)[name], self.host.port
        before = await self.host.counted(*SEEN)
        await port.write("STRIDE", stride)
        await self._begin(described, part)
        await port.write("EPOCH", part.count)
        samples = errors = looks = 0
        await port.rest(0)
        # Not by EPOCH: when the last sample has been taken, its result is still to come.
        while samples < part.count:
            now = (await port.read("SAMPLES") - before[0]) & WORD
            if now != samples:
                wrong = (await port.read("ERRORS") - before[1]) & WORD
                if progress is not None:
                    progress(now - samples, wrong - errors)
                samples, errors = now, wrong
                await port.rest(0)
            if samples < part.count:  # ever longer, because a look keeps samples from the trainer
                looks += 1
                await port.rest(looks)
        await self.host.idle()
        _, errors, triggered = ((late - early) & WORD for early, late in
                                zip(before, await self.host.counted(*SEEN), strict=True))
        return errors, triggered

    async def _begin(self, described, part):
        """Write what comes before EPOCH or CHECK."""
        base = part.base + (self.memory.start >> slot_bits(self.config))
        await self.host.port.write("BASE", base)
        if self.config.recurrent:
            await self.host.port.write("STEPS", described.steps)
