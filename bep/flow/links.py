"""What can carry the bytes between a host and a board."""

UART, USB = LINKS = ("uart", "usb")
"""A serial port, or a USB plug of the FPGA's own."""

VENDOR, PRODUCT = 0x1209, 0x0001
"""What a host knows a design with its own plug by: an id for tests (https://pid.codes/1209/0001/),
which no product may have."""
