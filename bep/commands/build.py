"""`bep build`: from a configuration to a bitstream and a report."""

from pathlib import Path
from typing import Annotated, Any

from typer import Option

from bep import results
from bep.commands import options
from bep.flow.boards import board_file, boards, target, usage
from bep.flow.synthesis import build
from bep_model import configuration
from bep_model.checks import called
from bep_model.config import Config
from bep_model.files import check_outputs
from sim import folders

SHAPE: dict[str, Any] = {"inputs": 192, "layers": (64, 64), "classes": 10}
"""What options leave out of a configuration's shape."""


def command(
    board: Annotated[str, Option(
        help=f"One of {', '.join(boards())}, or a file as docs/boards.md describes it.")],
    config: options.Source = None,
    hidden: Annotated[list[int] | None, Option(
        help="Neurons per layer: --hidden 64 64 [default: 64 64].")] = None,
    inputs: Annotated[int | None, Option(help="Bits per sample [default: 192].")] = None,
    classes: Annotated[int | None, Option(help="[default: 10]")] = None,
    counter_bits: Annotated[int | None, Option(help="B_h [default: 7].")] = None,
    weight_lanes: Annotated[int | None, Option(
        help="P, weight bits per cycle [default: 64].")] = None,
    counter_lanes: Annotated[int | None, Option(
        help="Q, counters per cycle [default: 8].")] = None,
    max_batch: Annotated[int | None, Option(
        help="Most samples per application of updates [default: 1].")] = None,
    store: options.Store = "none",
    clock: Annotated[str, Option(
        help="MHz, made by the PLL; `auto` is the fastest that the design meets with a margin of "
             "3 %, found by several builds; `off` is the board's oscillator.")] = "auto",
    seed: Annotated[int, Option(help="Of the placer.")] = 1,
    build_dir: Annotated[Path, Option(help="Where builds are kept.")] = Path("build"),
    json: Annotated[Path | None, Option(help="Write the report here.")] = None,
):
    """Make the bitstream of a trainer for a board, and report its size and speed."""
    check_outputs({"--config": config, "--board": board_file(board)}, **{"--json": json})
    folders.check_writable(build_dir=build_dir)
    given = {"inputs": inputs, "layers": tuple(hidden) if hidden else None, "classes": classes,
               "counter_bits": counter_bits, "weight_lanes": weight_lanes,
               "counter_lanes": counter_lanes, "max_batch": max_batch}
    shape: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if config is None:
        with called({"layers": "hidden"}):
            made = Config(**SHAPE | shape)
    elif shape:
        raise ValueError(f"the configuration is either a file or options, not both: {config} "
                         f"and {', '.join(shape)}")
    else:
        made = configuration.load(config).config
    with results.Stages() as stages:
        report = build(made, board, seed, build_dir, store=store, clock=clock,
                       progress=stages.say(board))
    results.deliver((json, lambda path: results.write_json(path, report)))
    described = target(board)
    bitstream = Path(report["folder"]) / report["bitstream"]
    results.table(f"{described.name}, {report['part']}", [
        *usage(report),
        ("clock", f"{report['clock_mhz']:.6g} MHz"),
        ("fastest clock", f"{report['fmax_mhz']:.1f} MHz"),
        ("bitstream", bitstream),
        ("serial port", described.port),
        ("its rate", f"{described.baud:,} baud"),
        *((what, " ".join(map(str, resource))) for what, resource in described.signals.items()),
    ])
    if not report["meets_clock"]:
        raise ValueError(f"the design runs at {report['fmax_mhz']} MHz only, and needs "
                         f"{report['clock_mhz']:.6g} MHz: try another --seed or fewer lanes, or a "
                         "lower --clock")
    results.console.print(f"program it with: {described.command(bitstream)}", soft_wrap=True,
                          markup=False, highlight=False)
