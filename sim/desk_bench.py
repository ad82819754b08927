"""cocotb bench of a board at its pins that stands on a desk: its serial line is a pseudo-terminal.

DESK_TTY is the number of the open terminal, DESK_READY that of a pipe that takes a byte when the
board is ready, DESK_LATENCY the milliseconds for which answers of less
than :data:`CHUNK` bytes are held back, as FTDI chips do, DESK_CONFIG a configuration file.
"""

import os
import select
import time

import cocotb
from cocotb.triggers import Timer

from bep_model import configuration
from sim.bench import PERIOD
from sim.board_bench import DIVISOR, Line

CHUNK = 62
"""Bytes of an answer that an FTDI chip sends at once."""
BYTE = 10 * DIVISOR
"""Clock cycles of a byte on the line."""
LATEST = 1 << 21
"""Clock cycles without a byte after which time stands still until the host sends something: more
than those after which the board abandons a packet."""


@cocotb.test()
async def serve(dut):
    """Carry bytes between terminal and pins until the process is ended."""
    terminal, latency = int(os.environ["DESK_TTY"]), float(os.environ["DESK_LATENCY"]) / 1000
    line = Line(dut, configuration.load(os.environ["DESK_CONFIG"]).config)
    await line.start()
    os.write(int(os.environ["DESK_READY"]), b"\n")
    held, since, quiet = b"", 0.0, 0
    while True:
        still = not held and quiet > LATEST
        if select.select([terminal], [], [], None if still else 0)[0]:
            await line.send(os.read(terminal, 4096))
            quiet = 0
        else:
            # The longer nothing comes, the fewer looks.
            step = min(BYTE + quiet // 4, 5_000)
            await Timer(step * PERIOD, "ns")
            quiet += step
        if not line.received.empty():
            quiet, since = 0, since if held else time.monotonic()
            while not line.received.empty():
                held += bytes([line.received.get_nowait()])
        if held and (len(held) >= CHUNK or time.monotonic() - since >= latency):
            os.write(terminal, held)
            held = b""
