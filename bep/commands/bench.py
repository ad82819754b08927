"""`bep bench`: size, clock, cycles, samples per second and energy of whole designs, as tables."""

import shlex
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from bep import results
from bep.experiments import designs as experiment
from bep.experiments.runs import content, place
from bep.reports import bench_report
from bep_model.checks import MOST_EPOCHS, integer
from bep_model.data import datasets
from sim import folders


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
        "--sweep", help="Also build the designs with other numbers of lanes. Without it these "
                        "figures stay as they were.")] = False,
    only_report: Annotated[bool, Option(
        "--report", help="Only write the documents anew.")] = False,
    data: Annotated[Path | None, Option(
        help="Folder of the files; else BEP_DATA, else MNIST and Fashion-MNIST are downloaded.")
    ] = None,
    docs: Annotated[Path | None, Option(
        help="Folder of throughput.md and results/, as docs of this project; takes no fewer epochs "
             "and simulated samples than before, and renews the README too. By default docs in the "
             "build folder.", show_default=False)] = None,
    readme: Annotated[Path, Option(
        help="With --docs: file with a table to renew.")] = Path("README.md"),
    build_dir: Annotated[Path, Option(help="Where builds are kept.")] = Path("build"),
):
    """Measure whole designs: size, clock, cycles, samples per second, modelled energy.

    Writes each as it is done into docs/results/bench.json in the build folder, where other designs'
    entries stay, and from that docs/throughput.md. The project's own documents, and the table of
    README.md, are only written with --docs docs.
    """
    integer("epochs", epochs, 1, MOST_EPOCHS)
    integer("simulated", simulated, 0)
    if (designs is None) != only_report:
        raise ValueError("give either a file of designs or --report")
    found = [] if designs is None else experiment.load(designs, names or (), board)
    table = None if docs is None else readme
    folders.check_writable(build_dir=build_dir)
    if docs is not None:
        bench_report.check_complete(docs, found, epochs, simulated)
    else:
        docs = build_dir / "docs"
        (docs / "results").mkdir(parents=True, exist_ok=True)
    bench_report.check(docs, table, designs)
    if only_report:
        bench_report.write(docs, table, {})
        return
    told = ["bep", "bench", str(designs), *(names or ()), *["--board", str(board)] * bool(board),
            "--epochs", str(epochs),
            *["--simulate", str(simulated)] * bool(simulated), *["--sweep"] * sweep]
    for design, config, preset in found:
        with results.Stages() as stages:
            loaded = datasets.load(preset.dataset, data=place(preset.dataset, data),
                                   encoding=preset.encoding)
            entry = experiment.run(design, config, preset, loaded, stages,
                                   epochs=epochs, simulated=simulated, sweep=sweep,
                                   build_dir=build_dir)
        entry |= {"command": shlex.join(told), "data": content(preset.dataset, data)}
        bench_report.write(docs, table, {design.name: entry})
        bench_report.show(design.name, entry)
    written = ", ".join(str(path) for path in (docs / "throughput.md", table) if path)
    results.console.print(f"written: {written}", soft_wrap=True)
