"""docs/energy.md and results/energy.json: power from activity, beside what others measured."""

from pathlib import Path

from bep import cited, results
from bep.activity import power
from bep.activity.netlist import PART
from bep.flow.families import ICE40UP
from bep.reports import documents

NAME = "energy"


def write(docs, designs, command, build_dir):
    """Write the results of designs, with those of the published ones, and the page."""
    from bep.activity import published

    (Path(docs) / "results").mkdir(parents=True, exist_ok=True)
    results.write_json(Path(docs) / "results" / f"{NAME}.json", {
        "command": command, "designs": designs, "published": published.compared(build_dir)})
    page(docs)


def page(docs):
    """Write energy.md from results/energy.json."""
    documents.write(Path(docs) / f"{NAME}.md", text(documents.stored(docs, NAME)))


def text(found):
    """The text of energy.md, from the contents of energy.json."""
    model = ICE40UP.energy[PART]
    own = 1e3 * cited.SYNTZULU_MW / cited.SYNTZULU_MHZ - power.CLOCK
    return documents.render(
        "energy.md.j2", found=found, band=results.band, cited=cited, power=power,
        per_cell=per_cell(found["designs"]), syntzulu_per_cell=own / cited.SYNTZULU_CELLS,
        syntzulu=model.power(cited.SYNTZULU_MHZ, cited.SYNTZULU_CELLS))


def per_cell(designs):
    """Picojoules per logic cell and clock, [least, most], of designs; without the clock tree."""
    ends = [[sum(band[end] for what, band in design["picojoules_per_clock"].items()
                 if what != "clock tree") / design["logic_cells"] for end in (0, 1)]
            for design in designs]
    return [min(low for low, _ in ends), max(high for _, high in ends)]
