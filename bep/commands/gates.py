"""`bep gates`: gates and bits per element of BEP and of trainers with gradients."""

import shlex
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from bep import results
from bep.commands import options
from bep.experiments import lanes, steps
from bep.experiments.runs import content, place
from bep.flow import toolchain
from bep.reports import gates_report
from bep_model import configuration
from bep_model.checks import MOST_EPOCHS, integer
from bep_model.data import datasets
from bep_model.files import check_outputs
from sim import folders

PRESET = "fashion-mnist-selected-784-75-75-b7-online"


def command(
    preset: Annotated[str, Argument(
        metavar="NAME", help="The preset whose training is counted, with counters of 7 or 15 "
                             "bits and dense layers.")] = PRESET,
    epochs: Annotated[int, Option(
        help="Epochs of the run that are counted, evenly spread, the first and the last among "
             "them.")] = 5,
    samples: Annotated[int, Option(help="Samples that are counted at the start of each.")] = 2000,
    seed: Annotated[int, Option(help="Of the run.")] = 1,
    data: options.Data = None,
    docs: Annotated[Path, Option(
        help="Folder of table-2.md and results/table-2.json, as docs of this project.")
    ] = Path("build", "docs"),
    only_report: Annotated[bool, Option(
        "--report", help="Only write table-2.md anew.")] = False,
):
    """Count the gates and memory bits per weight of BEP and of trainers with gradients.

    Yosys maps the lanes of the gateware, and beside them floating-point and integer lanes. A
    training in the golden model says how often they work. Takes 5 to 15 minutes; writes table-2.md,
    which holds that against the paper's Table 2.
    """
    if not only_report:
        import zkf  # noqa: F401  reports here, not after minutes, if it is missing

        integer("epochs", epochs, 1, MOST_EPOCHS)
        integer("samples", samples, 1)
        integer("seed", seed, 0, (1 << 32) - 1)
        config, _, training = configuration.load(preset)
        if training is None or config.recurrent or config.convolutional or config.depth < 2 \
                or config.counter_bits not in lanes.COUNTER_BITS:
            raise ValueError(f"preset must have a training, two or more dense layers, and counters "
                             f"of 7 or 15 bits, not {preset}")
        folders.check_writable(docs=docs)
        (docs / "results").mkdir(parents=True, exist_ok=True)
        path = docs / "results" / f"{gates_report.NAME}.json"
        check_outputs(document=docs / f"{gates_report.NAME}.md", results=path)
        loaded = datasets.load(training.dataset, data=place(training.dataset, data),
                               validation=training.validation, encoding=training.encoding)
        told = ["bep", "gates", preset, "--epochs", str(epochs), "--samples", str(samples),
                "--seed", str(seed)]
        results.write_json(path, {
            "command": shlex.join(told),
            "versions": toolchain.versions() | results.versions("numpy", "zkf"),
            "data": content(training.dataset, data),
            **measured(config, loaded, training, seed, epochs, samples)})
    gates_report.page(docs)
    results.say(f"written: {docs / gates_report.NAME}.md")


def measured(config, data, preset, seed, epochs, samples, sizes=lanes.SIZES):
    """All figures, as JSON."""
    with results.Stages() as stages:
        steps_of = steps.bep(config, data, preset, seed, epochs, samples,
                             stages.begin("count steps", epochs * samples))
        done = stages.begin("count gates")
        return {
            "training": {"preset": preset.name, "net": "-".join(map(str, config.widths)),
                         "counter_bits": config.counter_bits, "seed": seed, "epochs": preset.epochs,
                         "counted_epochs": epochs, "counted_samples": samples,
                         "batch": preset.hyper.batch},
            "steps": steps_of,
            "gradients": steps.gradients(config),
            "engines": "-".join(map(str, lanes.WIDTHS)),
            "lanes": lanes.bep(sizes, lambda name: done(1, name)),
            "operators": lanes.operators(done=lambda name: done(1, name)),
            "trainer": lanes.trainer(config) | {
                "weights": sum(layer.neurons * layer.fan_in for layer in config.network),
                "plane_bits": config.memory_bits, "weight_lanes": config.weight_lanes,
                "counter_lanes": config.counter_lanes},
        }
