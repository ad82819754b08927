"""The report of a study: a page that needs nothing but itself, a table, and all of it as JSON."""

import csv
import io
from collections import Counter
from pathlib import Path

from bep.reports import documents
from bep.reports.study_plots import QUANTITIES, Quantity, colors, plots
from bep.results import write_json

RESOURCES = {
    "luts": ("LUT4", "luts"), "ffs": ("flip-flops", "ffs"), "cells": ("logic cells", "luts"),
    "brams": ("block RAMs", "brams"), "spram": ("SPRAM", "spram")}
"""Words for what a design takes of a part, and what the part's number of them is called."""

FIGURES = {
    "fmax_mhz": ("fastest clock, MHz", "fmax_mhz"),
    "built_mhz": ("clock of the bitstream, MHz", "clock_mhz"),
    "board_samples_per_second": ("trained samples/s on the board", None),
    "microjoules_per_sample": ("µJ per trained sample", None),
}
"""Words for other figures of a prediction, and what a build calls them."""

WHOLE, CLOCK = Quantity(""), Quantity("", format=",.1f")


def write(study, folder):
    """Write ``study.json``, ``study.csv`` and ``study.html`` into a folder, made if need be.

    Raises OSError.
    """
    texts = {"study.csv": table(study), "study.html": page(study)}
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "study.json", study)
    for name, text in texts.items():
        documents.write(folder / name, text)


def table(study):
    """All trials as CSV: a column per number or text, named by the keys on the way to it."""
    lines = [dict(flat(trial)) for trial in study["trials"]]
    names = list(dict.fromkeys(name for line in lines for name in line))
    # A trial without a prediction or build has a None where the others have tables.
    names = [name for name in names if not any(one.startswith(f"{name}.") for one in names)]
    file = io.StringIO()
    writer = csv.DictWriter(file, names, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(lines)
    return file.getvalue()


def flat(found, prefix=""):
    """Pairs of a dotted name and a value; a list is one text."""
    for key, value in found.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, "; ".join(map(str, value)) if isinstance(value, list) else value


def page(study):
    """The report as HTML: scripts, styles and data are in it.

    Parameters
    ----------
    study : dict
        What ``bep explore`` found, see there: ``objectives`` (names of
        :data:`bep.reports.study_plots.QUANTITIES`), ``trials`` and where they come from.
    """
    complete = [trial for trial in study["trials"] if trial["state"] == "complete"]
    front = ordered(study, [trial for trial in study["trials"] if trial["front"]])
    library, script, elements = plots(study, front)
    return documents.render(
        "study.html.j2", study=study, complete=complete, front=front,
        others=[trial for trial in study["trials"] if trial["state"] != "complete"],
        states=Counter(trial["state"] for trial in study["trials"]),
        objectives={one["name"]: QUANTITIES[one["name"]] for one in study["objectives"]},
        ends=list(ends(study, front)), colors=colors(study["boards"]), library=library,
        script=script, plots=elements, resources=resources, figures=figures,
        phases=phases, longest=longest(front), whole_of=WHOLE,
        phase_names=list(dict.fromkeys(
            phase for trial in front if trial["predicted"] for phase, *_ in phases(trial))))


def ordered(study, trials):
    """Trials from the best in the first objective to the worst; unknown values come last."""
    name, sign = study["objectives"][0]["name"], direction(study["objectives"][0])
    return sorted(trials, key=lambda trial: (trial["values"][name] is None,
                                             sign * (trial["values"][name] or 0)))


def direction(objective):
    """The factor that makes less of an objective better."""
    return -1 if objective["direction"] == "maximize" else 1


def ends(study, front):
    """For each objective (words, trial) of the best design on the front."""
    for objective in study["objectives"]:
        name, sign = objective["name"], direction(objective)
        known = [trial for trial in front if trial["values"][name] is not None]
        if known:
            most = "Highest" if sign < 0 else "Lowest" if QUANTITIES[name].unit else "Fewest"
            yield f"{most} {QUANTITIES[name].label}", min(
                known, key=lambda trial: sign * trial["values"][name])


def interval(found):
    """Value and interval of a prediction: a number, a table with its ends, or two ends."""
    if isinstance(found, dict):
        return found["value"], found["low"], found["high"]
    return (None, *found) if isinstance(found, list | tuple) else (found, None, None)


def resources(trial):
    """What a trial takes of its part: words, prediction, its ends, number built and available."""
    predicted, built = trial["predicted"], trial["built"] or {}
    for key, (words, whole) in RESOURCES.items():
        made = built.get(key)
        yield (words, *interval(predicted[key]), made["used"] if isinstance(made, dict) else made,
               predicted["available"][whole])


def figures(trial):
    """What is predicted for a trial, as texts: words, value, interval, built, available."""
    for words, value, low, high, made, whole in resources(trial):
        yield words, WHOLE.shown(value), between(WHOLE, value, low, high), \
            WHOLE.shown(made), WHOLE.shown(whole)
    for key, (words, name) in FIGURES.items():
        quantity = CLOCK if name else QUANTITIES["microjoules_per_sample"] \
            if key == "microjoules_per_sample" else WHOLE
        value, low, high = interval(trial["predicted"][key])
        made = (trial["built"] or {}).get(name) if name else None
        yield words, quantity.shown(value), between(quantity, value, low, high), \
            quantity.shown(made), "-"


def between(quantity, value, low, high):
    """An interval as a text: a value without ends is exact."""
    if low is None:
        return "-" if value is None else "exact"
    return f"{quantity.shown(low)} to {quantity.shown(high)}"


def phases(trial):
    """Phases of a trial's clock cycles, with those of a trained and of an inferred sample."""
    kinds = trial["predicted"]["cycles"]
    for phase in dict.fromkeys([*kinds["trained"], *kinds["inferred"]]):
        yield phase, kinds["trained"].get(phase, 0), kinds["inferred"].get(phase, 0)


def longest(trials):
    """Most clock cycles of a sample: the scale of the bars."""
    return max((sum(kind.values()) for trial in trials if trial["predicted"]
                for kind in trial["predicted"]["cycles"].values()), default=1) or 1
