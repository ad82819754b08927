"""`bep calibrate`: builds random configurations and fits the cost model to them."""

from pathlib import Path
from typing import Annotated

from typer import Option

from bep import results
from bep.commands import options
from bep.cost.draws import LANES
from bep.experiments import builds as experiment
from bep.flow import stores
from bep.flow.boards import target
from bep.flow.platforms import check_resources, platform_of
from bep.reports import cost_report
from bep_model.checks import integer
from bep_model.files import check_outputs
from sim import folders

MOST = 1000
"""Configurations, and builds of each."""

DRAW = "Draw"
"""Topic of the help."""


def command(
    board: Annotated[str | None, Option(
        rich_help_panel=DRAW,
        help=f"The board to build for, which stands for its family: {', '.join(LANES)}.")] = None,
    draws: Annotated[int, Option(rich_help_panel=DRAW, help="Configurations to draw.")] = 0,
    seed: Annotated[int, Option(rich_help_panel=DRAW, help="Of the draw.")] = 1,
    placer_seeds: Annotated[int, Option(
        rich_help_panel=DRAW,
        help="Builds of each, with the placer's seeds 1, 2, ...: its noise.")] = 1,
    most_lanes: Annotated[int, Option(
        rich_help_panel=DRAW,
        help="Pass over configurations of the draw with more weight lanes: wide ones are routed "
             "for hours.")] = MOST,
    filters: Annotated[bool, Option(
        "--filters", rich_help_panel=DRAW,
        help="Draw convolutional networks instead of dense and recurrent ones.")] = False,
    store: Annotated[str, Option(
        rich_help_panel=DRAW, help=f"Sample store to build with: {stores.CHOICES}.")] = "none",
    held_out: Annotated[bool, Option(
        "--held-out", rich_help_panel=DRAW, help="These builds only try the model.")] = False,
    builds: Annotated[Path, Option(
        rich_help_panel=options.FILES,
        help="File of builds; those in it are not repeated.")] = Path("build/builds.json"),
    docs: Annotated[Path, Option(
        rich_help_panel=options.FILES,
        help="Folder of cost-model.md and results/cost-model.json, as docs of this project.",
        )] = Path("build/docs"),
    model: Annotated[Path | None, Option(
        rich_help_panel=options.FILES,
        help="Write the fit here; `bep cost` takes that in bep/cost/model.json.",
        show_default=False)] = None,
    scheduler: options.Scheduler = None,
    workers: options.Workers = None,
    build_dir: Annotated[Path, Option(
        rich_help_panel=options.FILES, help="Where builds are kept.")] = Path("build"),
):
    """Build random configurations for a board, place and route them, and fit the cost model.

    Each build is added to the file as it is done; the same command goes on where it was stopped. A
    build takes 1 to 20 minutes.
    """
    integer("draws", draws, 0, MOST)
    integer("seed", seed, 0, (1 << 32) - 1)
    integer("placer_seeds", placer_seeds, 1, MOST)
    options.check_workers(scheduler, workers)
    if (draws or board is not None) and board not in LANES:
        raise ValueError(f"board must be one of {', '.join(LANES)}, not {board!r}")
    stores.check(store)
    if board in LANES:
        described = target(board)
        check_resources(platform_of(described), described, store)
    integer("most_lanes", most_lanes, min(LANES[board]) if board in LANES else 1, MOST)
    folders.check_writable(build_dir=build_dir)
    with folders.made(builds.parent):
        check_outputs(**{"--builds": builds, "--model": model})
        entries = experiment.carry_out(
            experiment.drawn(board, seed, draws, placer_seeds, held_out, most_lanes, filters, store)
            if draws else [], builds, build_dir, scheduler, workers)
        if not entries:
            raise ValueError(f"{builds} has no builds yet: give --board and --draws")
    fits = cost_report.write(entries, docs)
    if model is not None:
        results.write_json(model, fits)
    results.table("the fit", [
        (what, family, f"{one['builds'][family]} builds", f"90 % are within {spread:.1%}")
        for what, one in fits.items() for family, spread in one["spread"].items()])
