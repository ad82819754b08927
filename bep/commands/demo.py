"""`bep demo`: the whole chain on the digits, from the golden model to two bitstreams."""

from pathlib import Path
from typing import Annotated

from typer import Exit, Option

from bep import results
from bep.experiments.demo import EPOCHS, run
from bep.flow.boards import usage
from bep.reports import figures
from bep_model.checks import MOST_EPOCHS, integer
from bep_model.files import check_outputs
from sim import folders


def demo(
    epochs: Annotated[int, Option(help="Passes over the training samples, at least 1.")] = EPOCHS,
    build_dir: Annotated[Path, Option(help="Where everything goes.")] = Path("build"),
    json: Annotated[Path | None, Option(help="Write the report here too.")] = None,
):
    """Train the digits in the golden model and in simulated gateware, compare, build two boards.

    Writes demo/report.json and demo/training.png into the build folder. The exit code is 1 if a
    counter or a result of the gateware differs from the golden model.
    """
    integer("epochs", epochs, 1, MOST_EPOCHS)
    folders.check_writable(build_dir=build_dir)
    folder = build_dir / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    check_outputs(report=folder / "report.json", **{"--json": json})
    with results.Stages() as stages:
        report, curves, trained = run(epochs, build_dir, stages.begin)
    results.deliver(*((path, lambda path: results.write_json(path, report))
                      for path in (folder / "report.json", json)))
    figures.training_curves(folder / "training.png", curves, trained, report["rtl_accuracy"])
    show(report)
    for what, path in (
            *((f"{board}, bitstream", Path(built["folder"]) / built["bitstream"])
              for board, built in report["boards"].items()),
            ("report", folder / "report.json"), ("picture", folder / "training.png")):
        results.console.print(f"{what}: {path}", soft_wrap=True, markup=False, highlight=False)
    if report["mismatches"]:
        results.console.print(report["report"])
        raise Exit(1)


def show(report):
    """Print the report as tables."""
    results.table("digits, 192-128-128, 7-bit counters, online", [
        ("test accuracy, golden model (mean of 3 seeds)", f"{report['model_accuracy']:.2%}"),
        (f"test accuracy, gateware (seed {report['rtl_seed']})", f"{report['rtl_accuracy']:.2%}"),
        ("samples through the gateware", f"{report['samples']:,}"),
        ("counters compared", f"{report['compared_counters']:,}"),
        ("mismatches", report["mismatches"]),
        ("clock cycles per sample", f"{report['cycles_per_sample']:,.0f}"),
        ("ideal clock cycles per sample", f"{report['ideal_cycles_per_sample']:,.0f}"),
        ("simulated samples per second", f"{report['simulated_samples_per_second']:,.0f}"),
    ])
    for board, built in report["boards"].items():
        results.table(f"{board}, {built['part']}", [
            *usage(built),
            ("clock cycles per sample", f"{built['cycles_per_sample']:,.0f}"),
            ("fastest clock", f"{built['fmax_mhz']:.1f} MHz"),
            ("clock of the bitstream", f"{built['clock_mhz']:g} MHz"),
            ("trained samples per second at that clock, link aside",
             f"{built['clock_mhz'] * 1e6 / built['cycles_per_sample']:,.0f}"),
        ])
