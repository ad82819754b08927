"""What can carry the bytes between a host and a board."""

from bep_model.packets import HEAD, TAIL
from bep_model.protocol import payload_bytes, sample_bytes

UART, USB = LINKS = ("uart", "usb")
"""A serial port, or a USB plug of the FPGA's own."""

VENDOR, PRODUCT = 0x1209, 0x0001
"""What a host knows a design with its own plug by: an id for tests (https://pid.codes/1209/0001/),
which no product may have."""


def link_rate(config, baud):
    """Samples per second that a serial port can carry, in the largest requests the board takes."""
    size = sample_bytes(config)
    count = payload_bytes(config) // size
    return baud / 10 * count / (HEAD + count * size + TAIL)  # a byte takes 10 bits
