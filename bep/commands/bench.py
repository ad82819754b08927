"""`bep bench`: size, clock, cycles, samples per second and energy of whole designs, as tables."""

import shlex
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from bep import results
from bep.experiments import designs as experiment
from bep.experiments.runs import content
from bep.reports import bench_report
from bep_model.data import datasets


def command(
    designs: Annotated[Path | None, Argument(
        metavar="FILE", show_default=False,
        help="TOML file that lists designs, as docs/designs/headline.toml, or a configuration file "
             "with a training.")] = None,
    names: Annotated[list[str] | None, Argument(
        metavar="NAME...", help="Only these designs of it.", show_default=False)] = None,
    board: Annotated[str | None, Option(help="For a configuration file.")] = None,
    epochs: Annotated[int, Option(
        help="Epochs of the run whose clock cycles are counted, whole and evenly spread, the "
             "first and the last among them.")] = 3,
    simulated: Annotated[int, Option(
        "--simulate", metavar="N", help="Also verify N training samples in simulated gateware.")
    ] = 0,
    sweep: Annotated[bool, Option(
        "--sweep", help="Also build the designs with other numbers of lanes.")] = False,
    only_report: Annotated[bool, Option(
        "--report", help="Only write the documents anew.")] = False,
    data: Annotated[Path | None, Option(
        help="Folder of the IDX files (else BEP_DATA, else they are downloaded).")] = None,
    docs: Annotated[Path, Option(help="Folder of throughput.md and results/.")] = Path("docs"),
    readme: Annotated[Path, Option(help="File with a table to renew.")] = Path("README.md"),
    build_dir: Annotated[Path, Option(help="Where builds are kept.")] = Path("build"),
):
    """Measure whole designs: size, clock, cycles, samples per second, modelled energy.

    Writes each as it is done into docs/results/bench.json, where other designs' entries stay, and
    from that docs/throughput.md and the table of README.md.
    """
    if epochs < 1:
        raise ValueError(f"epochs must be at least 1, not {epochs}")
    if simulated < 0:
        raise ValueError(f"simulated must be 0 or more, not {simulated}")
    if (designs is None) != only_report:
        raise ValueError("give either a file of designs or --report")
    if only_report:
        bench_report.check(docs, readme)
        bench_report.write(docs, readme, {})
        return
    found = experiment.load(designs, names or (), board)
    bench_report.check(docs, readme)
    told = ["bep", "bench", str(designs), *(names or ()), *["--board", str(board)] * bool(board),
            "--epochs", str(epochs),
            *["--simulate", str(simulated)] * bool(simulated), *["--sweep"] * sweep]
    for design, config, preset in found:
        with results.Stages() as stages:
            loaded = datasets.load(preset.dataset, data=data, encoding=preset.encoding)
            entry = experiment.run(design, config, preset, loaded, stages,
                                   epochs=epochs, simulated=simulated, sweep=sweep,
                                   build_dir=build_dir)
        entry |= {"command": shlex.join(told), "data": content(preset.dataset, data)}
        bench_report.write(docs, readme, {design.name: entry})
        bench_report.show(design.name, entry)
    results.console.print(f"written: {docs / 'throughput.md'}, {readme}", soft_wrap=True)
