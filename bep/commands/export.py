"""`bep export`: a trainer, or inference only, as Verilog, for a design of one's own."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from amaranth.lib import data
from amaranth.lib.wiring import In
from typer import Option

from bep import results
from bep.commands import options
from bep.flow import inference
from bep.flow.boards import board_file, boards, target
from bep_model import configuration
from bep_model.files import STANDARD_OUTPUT, check_outputs, write_all
from bep_model.host import bring_up_writes
from bep_model.phases import frame, random
from bep_model.registers import registers
from bep_model.words import integers
from rtl.trainer import Trainer
from rtl.verilog import convert, ports
from sim import folders, processes

MEANINGS = {
    "clk": "clock; everything happens at its rising edge",
    "rst": "synchronous reset, active high; the memories keep their contents",
    "bus__address": "address of a register",
    "bus__write": "the register is written in this clock",
    "bus__write_data": "what it is given",
    "bus__read_data": "value of the register that was addressed in the clock before",
    "samples__payload": "one word of a sample; the label counts with the last one",
    "samples__valid": "there is a word",
    "samples__ready": "it is taken if it is valid",
    "results__payload": "what came out for a sample",
    "results__valid": "there is a result",
    "results__ready": "it is taken if it is valid",
    "state__request__payload": "counter word that is to be read or written",
    "state__request__valid": "held until all bytes of the word have passed",
    "state__request__ready": "the last of them passes",
    "state__data__payload": "bytes of a word that is written, lowest first",
    "state__data__valid": "there are bytes",
    "state__data__ready": "they are taken if they are valid",
    "state__reply__payload": "bytes of a word that is read, lowest first",
    "state__reply__valid": "there are bytes",
    "state__reply__ready": "they are taken if they are valid",
}
"""What every port of an exported trainer is for."""


def port_table(trainer):
    """Rows of the port table: name, direction, bits, meaning and fields."""
    rows = [(name, "in", 1, MEANINGS[name]) for name in ("clk", "rst")]
    for name, member, value in ports(trainer):
        direction = "in" if member.flow == In else "out"
        shape, fields = member.shape, ""
        if isinstance(shape, data.Layout):
            fields = ": " + ", ".join(f"`[{bits(field)}]` {key}" for key, field in shape
                                      if field.width)
        rows.append((name, direction, len(value), MEANINGS[name] + fields))
    return rows


def bits(field):
    """Where a field of a layout is, as Verilog writes it."""
    last = field.offset + field.width - 1
    return f"{last}:{field.offset}" if field.width > 1 else last


def markdown(rows):
    """The text of a port table."""
    return "\n".join(["| port | direction | bits | meaning |", "|---|---|---|---|",
                      *(f"| `{name}` | {direction} | {bits} | {meaning} |"
                        for name, direction, bits, meaning in rows)])


def memory_file(config, writes):
    """Text for ``$readmemh``: a line per write, address in bits 39..32 and value below."""
    table = registers(config)
    return "".join(f"{table[name].address:02x}{value:08x} // {name}\n" for name, value in writes)


def command(
    config: Annotated[Path, typer.Argument(
        metavar="FILE|NAME", show_default=False, help=f"{options.SOURCE}.")],
    out: Annotated[Path, Option(help="Write the Verilog here.")],
    infer: Annotated[bool, Option(
        "--inference", help="Infer only, with the weights of a state file.")] = False,
    name: Annotated[str | None, Option(
        help="Of the module [default: trainer, or inference].")] = None,
    board: Annotated[str | None, Option(
        help=f"Build the trainer as for this board, one of {', '.join(boards())}, or a file as "
             "docs/boards.md describes it.")] = None,
    single_port: Annotated[bool, Option(
        "--single-port", help="Counters in single-port memory (SPRAM).")] = False,
    registered: Annotated[bool, Option(
        "--registered", help="Registers behind the memories: a higher clock rate.")] = False,
    bring_up: Annotated[Path | None, Option(
        help="Write the register writes that bring the trainer up here, for $readmemh.")] = None,
    seed: Annotated[int | None, Option(
        help="Of the random bank, with --bring-up [default: 1].")] = None,
):
    """Write a trainer as Verilog, and print the table of its ports (Markdown).

    With --inference it is a design that only infers (docs/inference.md).

    Examples of a design around it are in docs/own-design.md, and docs/ports.md shows what its
    ports do clock by clock.
    """
    if name is None:
        name = "inference" if infer else "trainer"
    check(config, out, bring_up, name, board)
    if infer and (single_port or bring_up is not None):
        raise ValueError("--inference has no counters, and starts by itself: give no --single-port "
                         "or --bring-up")
    if seed is not None and bring_up is None:
        raise ValueError("--seed is for --bring-up, which is not given")
    shape, parameters, _ = configuration.buildable(config)
    if bring_up is not None and shape.convolutional:
        raise ValueError("--bring-up is for a network without filters: their thresholds come from "
                         "samples, and a host writes them (registers FILTER and THRESHOLD)")
    if board is not None and (single_port or registered):
        raise ValueError(f"--board {board} says how the memories are built: give no --single-port "
                         "or --registered besides")
    if single_port and registered:
        raise ValueError("--single-port and --registered exclude each other")
    how = {"single_port": single_port, "registered": registered} if board is None \
        else target(board).options
    if infer:
        trainer = inference.design(inference.trained(config), registered=how["registered"])
    else:
        trainer = Trainer(shape, integers(frame.prototypes(shape)), **how)
    writes = bring_up_writes(shape, parameters,
                             random.seeds(1 if seed is None else seed, shape.generators))
    with (results.console.status("writing Verilog"),
          folders.temporary(tempfile.gettempdir()) as own, processes.grouped(TMPDIR=str(own))):
        texts = {out: convert(trainer, name)}
    if bring_up is not None:
        texts[bring_up] = memory_file(shape, writes)
    write_all({path: text.encode() for path, text in texts.items()})
    typer.echo(markdown(port_table(trainer)), err=STANDARD_OUTPUT in texts)


def check(config, out, bring_up, name, board):
    """Raise ValueError or OSError for what can be known before any work."""
    check_outputs({"FILE": config, "--board": board and board_file(board)},
                  **{"--out": out, "--bring-up": bring_up})
    if not (name.isidentifier() and name.isascii()):
        raise ValueError("--name must be letters, digits and underscores, and begin with no digit, "
                         f"not {name!r}")
