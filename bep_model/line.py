"""A serial port as a line of bytes for packets, by pyserial."""

import errno
import os
import time
from contextlib import contextmanager, suppress

import serial

from bep_model.checks import integer
from bep_model.packets import Fault, Silent

MOST_BAUD = 100_000_000
"""Bits per second; no chip of a serial port is faster."""
LOOK = 0.02
"""Seconds after which a line is quiet: FTDI chips hold answers for 16 ms."""
PATIENCE, LONGEST = 0.0005, 0.05
"""Seconds by which each rest is longer than the one before, and the longest."""
REASONS = {
    errno.ENOENT: "there is no such port; `bep board list` shows those that there are",
    errno.EACCES: "you may not open it: join the group that `ls -l` shows for it (on Debian "
                  "`sudo usermod -aG dialout $USER`, then log in anew), or add a udev rule "
                  "(docs/board.md)",
    errno.EAGAIN: "another program uses it",
    errno.EBUSY: "another program uses it",
    errno.ENOTTY: "it is no serial port",
    errno.EISDIR: "it is a folder",
}
"""Why a port cannot be opened, in words."""


class SerialLine:
    """A line of bytes for :class:`bep_model.packets.PacketPort`; its coroutines never suspend.

    Parameters
    ----------
    port : str
        Name of the serial port, such as /dev/ttyUSB0, or a URL of pyserial.
    baud : int
        Bits per second, 1..:data:`MOST_BAUD`.
    timeout : float
        Most seconds for a request, an answer, and a command.

    Attributes
    ----------
    limit : float
        Most seconds for an answer, ``timeout`` at first.

    Raises
    ------
    TypeError, ValueError
        For a baud that is not allowed.
    OSError
        If the port cannot be opened, with the reason.
    """

    def __init__(self, port, baud, timeout):
        self.baud = baud = integer("baud", baud, 1, MOST_BAUD)
        self.port, self.timeout, self.limit, self.deadline = port, timeout, timeout, 0.0
        try:
            self.serial = serial.serial_for_url(
                port, baud, timeout=LOOK, write_timeout=timeout, exclusive=True)
        except Exception as error:  # of many types: pyserial lets some of the system's through
            raise OSError(f"{port}: {_reason(error, baud)}") from None
        with suppress(ValueError, NotImplementedError, AttributeError):
            self.serial.set_low_latency_mode(True)  # else FTDI chips hold answers for 16 ms

    def rate(self, baud):
        """Go on at another rate."""
        if baud != self.baud:
            try:
                self.serial.baudrate = self.baud = integer("baud", baud, 1, MOST_BAUD)
            except (ValueError, OverflowError, OSError) as error:
                raise OSError(f"{self.port}: {_reason(error, baud)}") from None

    async def send(self, data):
        with self._told():
            self.serial.write(data)

    async def receive(self, count):
        data, end = b"", time.monotonic() + self.limit
        while len(data) < count:
            with self._told():
                data += self.serial.read(count - len(data))
            if len(data) < count and time.monotonic() > end:
                if data:
                    raise Fault(f"{self.port}: half a packet")
                raise Silent(f"{self.port}: no answer within {self.limit:g} s")
        return data

    async def settle(self):
        """Wait until nothing comes, forget what came, and return whether anything did."""
        end, data, came = time.monotonic() + self.timeout, b"any", -1
        while data:
            came += 1
            if time.monotonic() > end:
                raise OSError(f"{self.port}: bytes come without end: this is no trainer, or its "
                              "rate is another")
            with self._told():
                data = self.serial.read(4096)
        return came > 0

    async def rest(self, attempts):
        if attempts == 0:
            self.deadline = time.monotonic() + self.timeout
        elif time.monotonic() > self.deadline:
            raise Silent(f"{self.port}: the trainer is still busy after {self.timeout:g} s")
        time.sleep(min(attempts * PATIENCE, LONGEST))

    @contextmanager
    def _told(self):
        """What pyserial raises in this block has the name of the port."""
        try:
            yield
        except serial.SerialTimeoutException:
            raise Silent(f"{self.port}: it takes no bytes") from None
        except OSError as error:
            # pyserial only guesses why there are no data.
            reason = "" if "returned no data" in str(error) else f": {_reason(error)}"
            raise OSError(f"{self.port}: the link was cut{reason}") from None


def _reason(error, baud=None):
    """Why pyserial failed, in words."""
    if baud is not None and isinstance(error, ValueError | OverflowError) and "URL" not in str(
            error):
        return f"it takes no {baud} bits per second"
    # The system's number is that of the error, or of one that was caught.
    numbers = [*error.args, *getattr(error.__context__, "args", ())]
    number = next((each for each in numbers if isinstance(each, int)), None)
    return str(error) if number is None else REASONS.get(number, os.strerror(number))
