"""`bep boards`: what the boards have, and the largest preset that each one trains."""

import json as formats
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from bep import results
from bep.commands import options
from bep.commands.listing import show
from bep.flow import boards as known
from bep_model.files import check_outputs
from sim import folders

KEYS = {"part", "memory_kbit", "baud", "usb", "stores", "preset", "built"}
"""Of an entry, which ``bep.flow.largest.measured`` makes."""


def command(
    names: Annotated[list[str] | None, Argument(
        metavar="BOARD...", help="Only these.", show_default=False)] = None,
    anew: Annotated[bool, Option(
        "--build", help="Build the largest preset for each board, which takes 5 to 60 minutes a "
                        "board, and renew its entry of --table.")] = False,
    path: Annotated[Path | None, Option(
        "--table", help="Where the figures of builds are kept; by default those that come with "
                        "the package, and with --build boards.json in the build folder.",
        show_default=False)] = None,
    json: Annotated[Path | None, Option(
        rich_help_panel=options.FILES, help="Write the table here.")] = None,
    build_dir: Annotated[Path, Option(
        rich_help_panel=options.FILES, help="Where builds are kept.")] = Path("build"),
):
    """List the boards: part, memory, ports, the largest preset that fits, its clock and speed.

    Samples per second are those of the trainer at the clock of its bitstream, link and store
    aside: inferred ones, and, as the least, trained ones of which each triggers, opens all gates
    and has a winner in every group.
    """
    for name in names or ():
        known.target(name)
    check_outputs(**{"--json": json, "--table": path if anew else None})
    wanted = list(names or known.boards())
    if anew:
        from bep.flow import largest  # who only reads the table needs no gateware

        folders.check_writable(build_dir=build_dir)
        path = path or build_dir / "boards.json"
        entries = {name: largest.known(name) for name in wanted}
        entries |= table(path) if path.exists() else {}
        with results.Stages() as stages:
            for name in wanted:
                entries[name] = largest.measured(name, build_dir, stages.say(name))
                results.write_json(path, dict(sorted(entries.items())))
    else:
        entries = table(path or known.constraints() / "built.json")
        if unknown := [name for name in wanted if name not in entries]:
            from bep.flow import largest

            entries |= {name: largest.known(name) for name in unknown}
    entries = {name: entries[name] for name in wanted if name in entries}
    results.deliver((json, lambda path: results.write_json(path, entries)))
    if json != Path("-"):
        show(lines(entries))


def table(path):
    """The entries in a file, by the boards' names.

    Raises OSError, and ValueError for a file that is no such table.
    """
    try:
        entries = formats.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        entries = None
    if not isinstance(entries, dict) or not all(
            isinstance(entry, dict) and entry.keys() >= KEYS for entry in entries.values()):
        raise ValueError(f"{path} is no table that `bep boards --build` wrote")
    return entries


def lines(entries):
    """Lines of the table."""
    yield ("BOARD", "PART", "RAM, KBIT", "PORTS", "STORES", "LARGEST PRESET", "CELLS", "MHZ",
           "TRAINED/S, LEAST", "INFERRED/S", "BUILT")
    for name, entry in entries.items():
        built = entry["built"]
        yield (name, entry["part"], f"{sum(entry['memory_kbit'].values()):,}", ports(entry),
               " ".join(entry["stores"]) or "-", entry["preset"] or "none", *(
                   (f"{built['cells']['used']:,} of {built['cells']['available']:,}",
                    f"{built['clock_mhz']:.4g}", f"{built['trained_least']:,.0f}",
                    f"{built['inferred']:,.0f}", built["date"]) if built else [""] * 5))


def ports(entry):
    """The ports of a board, in words."""
    baud = entry["baud"]
    serial = f"{baud / 1e6:g} Mbaud" if baud >= 1_000_000 else f"{baud:,} baud"
    return serial + ", USB" * entry["usb"]
