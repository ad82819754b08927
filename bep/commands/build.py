"""`bep build`: from a configuration, or a trained state, to a bitstream and a report."""

from pathlib import Path
from typing import Annotated

from typer import Option

from bep import results
from bep.commands import options, shape
from bep.flow import clocks, inference
from bep.flow.boards import board_file, boards, target, usage
from bep.flow.links import LINKS, UART
from bep.flow.synthesis import build
from bep_model.files import check_outputs
from sim import folders


@shape.with_shape
def command(
    board: Annotated[str, Option(
        help=f"One of {', '.join(boards())}, or a file as docs/boards.md describes it.")],
    config: options.Source = None,
    *,
    given: dict,
    store: options.Store = "none",
    link: Annotated[str, Option(
        metavar=" | ".join(LINKS),
        help="What carries the bytes of the host: the serial port, or the USB plug of an FPGA that "
             "has one.")] = UART,
    clock: Annotated[str, Option(
        metavar="auto|off|MHZ",
        help="auto: the fastest clock of the board's PLL that routing closes with a margin; off: "
             "the board's oscillator; MHz: that, or the PLL's nearest clock below.")] = clocks.AUTO,
    infer: options.Inference = False,
    compare: Annotated[bool, Option(
        "--compare", help="With --inference: build the trainer too, for its figures.")] = False,
    seed: Annotated[int, Option(help="Of the placer.")] = 1,
    build_dir: Annotated[Path, Option(
        rich_help_panel=options.FILES, help="Where builds are kept.")] = Path("build"),
    json: Annotated[Path | None, Option(
        rich_help_panel=options.FILES, help="Write the report here.")] = None,
):
    """Make the bitstream of a trainer for a board, and report its size and speed.

    With --inference it is a design that only infers, with the weights of a state file
    (docs/inference.md).
    """
    check_outputs({"--config": config, "--board": board_file(board)}, **{"--json": json})
    folders.check_writable(build_dir=build_dir)
    if compare and not infer:
        raise ValueError("--compare is for --inference, which is not given")
    network = None
    if infer:
        if config is None:
            raise ValueError("--inference is for the weights of a state file: give it as --config")
        network = inference.trained(config)
    made = shape.described(config, given).config
    with results.Stages() as stages:
        weights = None if network is None else inference.weights(network)
        report = build(made, board, seed, build_dir, stages.say(board), clock, store, weights,
                       link)
        if network is not None:
            report |= inference.figures(report, made)
        trainer = beside(made, board, seed, build_dir, stages, clock) if compare else None
        if trainer is not None:
            report["trainer"] = trainer
    results.deliver((json, lambda path: results.write_json(path, report)))
    described = target(board)
    bitstream = Path(report["folder"]) / report["bitstream"]
    columns = [figures(report)] + [figures(trainer)] * (trainer is not None)
    results.table(f"{described.name}, {report['part']}", [
        *[("", "inference", "trainer")] * (trainer is not None),
        *((row[0][0], *(value for _, value in row)) for row in zip(*columns, strict=True)),
        ("bitstream", bitstream),
        *described.shown(report),
        *((what, " ".join(map(str, resource))) for what, resource in described.signals.items()),
    ])
    if not report["meets_clock"]:
        slower = "" if clock == clocks.AUTO else f"--clock {clocks.AUTO}, "
        raise ValueError(f"the design runs at {report['fmax_mhz']} MHz only, and its clock is "
                         f"{report['clock_mhz']:g} MHz: try {slower}another --seed or fewer lanes")
    results.console.print(f"program it with: {described.command(bitstream)}", soft_wrap=True,
                          markup=False, highlight=False)


def beside(config, board, seed, build_dir, stages, clock):
    """The report of the trainer of a configuration; None, with a word of it, if it does not fit."""
    try:
        report = build(config, board, seed, build_dir, stages.say(f"{board}, the trainer"), clock)
    except ValueError as error:
        results.console.print(f"no trainer to compare with: {error}", soft_wrap=True, markup=False,
                              highlight=False)
        return None
    return report | inference.figures(report, config)


def figures(report):
    """Pairs (what, figure) of a build."""
    yield from usage(report)
    source = "from the PLL" if report["pll"] else "the oscillator's"
    yield "clock", f"{report['clock_mhz']:g} MHz, {source}"
    yield "fastest clock", f"{report['fmax_mhz']:.1f} MHz"
    for name, key in (("at the clock", "at_clock"), ("at the fastest clock", "at_fmax")):
        if found := report.get(key):
            yield f"inferred samples/s {name}", f"{found['samples_per_second']:,.0f}"
            if found["power_mw"]:
                yield f"mW {name}, modelled", results.band(found["power_mw"])
                yield f"µJ per sample {name}, modelled", results.band(found["sample_uj"])
