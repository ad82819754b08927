"""The memories of sample stores, as a host reaches them through the exchange (docs/store.md).

All methods are coroutines, as those of :mod:`bep_model.host`.
"""

from bep_model import stored

WINBOND_16MB = bytes.fromhex("ef4018"), bytes.fromhex("ef7018")
"""Identifications of the flash chips that are known: W25Q128JV, W25Q128JV-DTR."""


class StoreError(OSError):
    """There is no store, or it does not do what it should."""


def check_room(needed, room):
    """Raise StoreError unless a set of ``needed`` bytes has room."""
    if needed > room:
        raise StoreError(f"the set has {needed:,} bytes, the store only {room:,}")


def of(identity, exchange, most, rest):
    """The memory behind a store, by its identification.

    Parameters
    ----------
    identity : bytes
        Three bytes.
    exchange : coroutine function
        Takes bytes and returns as many, see :func:`rtl.store.ports.store_signature`.
    most : int
        Bytes of the longest exchange.
    rest : coroutine function
        As :meth:`bep_model.host.Port.rest`.

    Raises
    ------
    StoreError
        For an unknown one.
    """
    if not any(identity):
        return Ram(exchange, most)
    if identity in WINBOND_16MB:
        return Flash(exchange, most, rest)
    if identity == b"\xff\xff\xff":
        raise StoreError("the flash chip does not answer")
    raise StoreError(f"the flash chip is an unknown one: it identifies itself as "
                     f"{identity.hex(' ')}")


class Ram:
    """A memory that takes bytes at any address (block RAM, SDRAM)."""

    READ, WRITE, ADDRESS_BYTES = 0x13, 0x12, 4
    start = 0
    """Where sets begin."""

    def __init__(self, exchange, most):
        self.exchange, self.most = exchange, most - 1 - self.ADDRESS_BYTES

    def command(self, opcode, address):
        """A command and its address as bytes."""
        return bytes([opcode]) + (self.start + address).to_bytes(self.ADDRESS_BYTES, "big")

    async def prepare(self, size):
        """Remove the header of a set, so that ``size`` bytes can be written from address 0 on."""
        await self.write(0, bytes(stored.HEADER_BYTES))

    async def write(self, address, data, progress=None):
        """Write bytes; ``progress`` is called with the number of those just written."""
        for start in range(0, len(data), self.most):
            part = data[start:start + self.most]
            await self.exchange(self.command(self.WRITE, address + start) + part)
            if progress is not None:
                progress(len(part))

    async def read(self, address, count):
        """Read bytes."""
        found = b""
        while len(found) < count:
            size = min(self.most, count - len(found))
            command = self.command(self.READ, address + len(found))
            found += (await self.exchange(command + bytes(size)))[len(command):]
        return found


class Flash(Ram):
    """A flash chip of 16 MB; commands as in the data sheet of Winbond's W25Q128JV."""

    READ, WRITE, ADDRESS_BYTES = 0x03, 0x02, 3
    ENABLE, STATUS, ERASE = 0x06, 0x05, 0xD8
    ENABLED, PROTECTED = 0x02, 0x1C  # bits WEL and BP0 to BP2 of the status
    PAGE, BLOCK, SIZE = 256, 1 << 16, 1 << 24
    start = 1 << 20
    """Behind the bitstream."""

    def __init__(self, exchange, most, rest):
        super().__init__(exchange, most)
        self.rest = rest

    async def prepare(self, size):
        for address in range(0, size, self.BLOCK):
            await self._change(self.command(self.ERASE, address))

    async def write(self, address, data, progress=None):
        at = 0
        while at < len(data):
            # A page is not crossed; one exchange holds the largest part of it.
            room = self.PAGE - (address + at) % self.PAGE
            part = data[at:at + min(room, self.most)]
            await self._change(self.command(self.WRITE, address + at) + part)
            at += len(part)
            if progress is not None:
                progress(len(part))

    async def _change(self, command):
        """Carry out a command that writes, to its end."""
        await self.exchange(bytes([self.ENABLE]))
        status = await self._status()
        if not status & self.ENABLED or status & self.PROTECTED:
            raise StoreError(f"the flash chip does not take writes: its status is {status:#04x}, "
                             "is it write-protected?")
        await self.exchange(command)
        attempts = 0
        while await self._status() & 1:
            await self.rest(attempts)
            attempts += 1

    async def _status(self):
        return (await self.exchange(bytes([self.STATUS, 0])))[1]
