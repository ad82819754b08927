"""Serial ports of this machine, and the boards that they fit by their USB chips."""

from serial.tools.list_ports import comports

from bep.flow.boards import boards, target


def there():
    """The ports of pyserial, in the order of their names."""
    return sorted(comports(), key=lambda port: port.device)


def fits(port):
    """Names of the boards whose chip a port of pyserial has."""
    if port.vid is None:
        return []
    chip = f"{port.vid:04x}:{port.pid:04x}"
    # Linux tells the number of the chip's port at the end: "1-2:1.1"; without it any may be right.
    number = (port.location or "").rpartition(":1.")[2]
    return [name for name in boards() for known in target(name).chips if known[0] == chip
            and (not number.isdigit() or int(number) == known[1])]


def lines():
    """Rows (port, USB chip, product, boards) of all ports."""
    for port in there():
        chip = "" if port.vid is None else f"{port.vid:04x}:{port.pid:04x}"
        yield port.device, chip, port.product or "", ", ".join(fits(port)) or "-"


def find():
    """The one port that fits a board; return its name and its rates.

    Raises ValueError, with the ports that there are, if there is none or several.
    """
    found = {port.device: names for port in there()
             if (names := fits(port))}
    if len(found) == 1:
        (device, names), = found.items()
        return device, target(names[0]).rates
    ports = ", ".join(port.device for port in there()) or "none"
    what = f"{len(found)} ports fit" if found else "no port fits"
    raise ValueError(f"{what} a known board: give --port (there are: {ports})")
