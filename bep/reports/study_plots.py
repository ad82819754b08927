"""Plots of a study as Bokeh's scripts: trials by pairs of objectives, accuracies over epochs."""

from dataclasses import dataclass
from itertools import combinations
from math import ceil, floor, log10

from bokeh.embed import components
from bokeh.models import (
    ColumnDataSource,
    FixedTicker,
    HoverTool,
    NumeralTickFormatter,
    OpenURL,
    TapTool,
)
from bokeh.models.annotations import BoxAnnotation
from bokeh.palettes import Category10, Viridis256
from bokeh.plotting import figure
from bokeh.resources import Resources


@dataclass(frozen=True)
class Quantity:
    """What an axis or a column shows: words, unit, and the formats of Python and of Bokeh."""

    label: str
    unit: str = ""
    format: str = ",.0f"
    ticks: str = "0,0"

    @property
    def heading(self):
        """Label and unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    def scaled(self, value):
        """The number shown for a value: of 100 for parts of 1."""
        return value if value is None or self.unit != "%" else 100 * value

    def shown(self, value):
        """A value as text, a dash for None."""
        return "-" if value is None else f"{self.scaled(value):{self.format}}"

    def told(self, value):
        """A value as text with its unit."""
        return f"{self.shown(value)} {self.unit or self.label}"


QUANTITIES = {
    "accuracy": Quantity("validation accuracy", "%", ".1f", "0.0"),
    "trained_samples_per_second": Quantity("training speed", "samples/s"),
    "inferred_samples_per_second": Quantity("inference speed", "samples/s"),
    "luts": Quantity("LUT4"),
    "cells": Quantity("logic cells"),
    "brams": Quantity("block RAMs"),
    "memory_bits": Quantity("memory", "bits"),
    "microjoules_per_sample": Quantity("energy per sample", "µJ", ",.3g", "0,0.[00]"),
    "price": Quantity("price", "", ",.2f", "0,0.00"),
    "number": Quantity("trial"),
}
"""The objectives, and the number of a trial."""

MARKERS = {"complete": "circle", "stopped": "triangle", "infeasible": "x"}
"""By state of a trial."""

FAINT = "#777777"
"""The colour of what is not on the front."""

LOGARITHMIC = 10
"""Ratio of the largest value to the least from which an axis is logarithmic."""


def colors(boards):
    """Colours of boards by name."""
    return {board: Category10[10][n % 10] for n, board in enumerate(boards)}


def value(trial, name):
    """A trial's value of an objective, or its number, as an axis shows it."""
    found = trial["number"] if name == "number" else trial["values"].get(name)
    return QUANTITIES[name].scaled(found)


@dataclass(frozen=True)
class Axis:
    """Type and ends of an axis, and the place apart of trials whose value is unknown."""

    kind: str
    start: float
    end: float
    border: float | None
    unknown: float | None

    @classmethod
    def of(cls, trials, name):
        """The axis of an objective that has room for all trials."""
        found = [value(trial, name) for trial in trials]
        known = [one for one in found if one is not None] or [0, 1]
        low, high = min(known), max(known)
        logarithmic = name not in ("accuracy", "number") and 0 < LOGARITHMIC * low < high
        if logarithmic:
            low, high = log10(low), log10(high)
        span = high - low or abs(high) or 1
        back = (lambda x: 10 ** x) if logarithmic else float
        apart = None in found
        return cls("log" if logarithmic else "linear",
                   back(low - (0.24 if apart else 0.06) * span), back(high + 0.06 * span),
                   back(low - 0.08 * span) if apart else None,
                   back(low - 0.16 * span) if apart else None)


    @property
    def ticks(self):
        """Where a logarithmic axis has labels: at powers of ten, and between them if few."""
        low, high = log10(self.start), log10(self.end)
        steps = (1,) if high - low > 3 else (1, 2, 5)
        return [step * 10 ** power for power in range(floor(low), ceil(high)) for step in steps]


def plot(x, y, x_axis_type="linear", **options):
    """An empty plot whose axes are those of two quantities."""
    found = figure(height=340, sizing_mode="stretch_width", output_backend="svg",
                   tools="pan,box_zoom,reset,save", x_axis_type=x_axis_type,
                   x_axis_label=x.heading, y_axis_label=y.heading, **options)
    found.toolbar.logo = None
    found.toolbar.autohide = True
    found.xaxis.formatter = NumeralTickFormatter(format=x.ticks)
    found.yaxis.formatter = NumeralTickFormatter(format=y.ticks)
    for axis in (found.xaxis, found.yaxis):
        axis.axis_label_text_font_style = "normal"
    return found


def pair(study, x, y):
    """All trials by two objectives: the front in colour, the others faint."""
    trials, boards = study["trials"], colors(study["boards"])
    axes = {name: Axis.of(trials, name) for name in (x, y)}
    found = plot(QUANTITIES[x], QUANTITIES[y], axes[x].kind, y_axis_type=axes[y].kind,
                 x_range=(axes[x].start, axes[x].end), y_range=(axes[y].start, axes[y].end))
    for name, axis, ends in ((x, found.xaxis, ("left", "right")),
                             (y, found.yaxis, ("bottom", "top"))):
        if axes[name].kind == "log":
            axis.ticker = FixedTicker(ticks=axes[name].ticks)
        if axes[name].border is not None:
            found.add_layout(BoxAnnotation(
                **dict(zip(ends, (axes[name].start, axes[name].border), strict=True)),
                fill_color=FAINT, fill_alpha=0.12, line_color=None, level="underlay"))
    objectives = [one["name"] for one in study["objectives"]]
    for front in (False, True):
        for state, marker in MARKERS.items():
            group = [t for t in trials if t["state"] == state and t["front"] == front]
            if not group:
                continue
            places = {name: [axes[name].unknown if (at := value(t, name)) is None else at
                             for t in group] for name in (x, y)}
            data = {"x": places[x], "y": places[y],
                    "color": [boards.get(t["board"], FAINT) for t in group] if front
                    else [FAINT] * len(group),
                    "lanes": [f"{t['weight_lanes']}, {t['counter_lanes']}" for t in group]}
            data |= {key: [str(t[key]) for t in group]
                     for key in ("number", "state", "board", "network", "counter_bits")}
            for name in objectives:
                shown, unit = QUANTITIES[name].shown, QUANTITIES[name].unit
                data[name] = [f"{shown(t['values'].get(name))} {unit}" for t in group]
            drawn = found.scatter(
                "x", "y", source=ColumnDataSource(data), marker=marker, color="color",
                size=11 if front else 8, alpha=0.95 if front else 0.45,
                line_color="white" if front else "color", nonselection_alpha=0.3,
                line_width=1 if marker != "x" else 2)
            found.add_tools(HoverTool(renderers=[drawn], visible=False, tooltips=[
                ("trial", "@number, @state, @board"), ("network", "@network"),
                ("counter bits", "@counter_bits"), ("lanes P, Q", "@lanes"),
                *((QUANTITIES[name].label, f"@{name}") for name in objectives)]))
    found.add_tools(TapTool(visible=False,
                            callback=OpenURL(url="#trial-@number", same_tab=True)))
    return found


def curves(trials):
    """Validation accuracies over the epochs, a line per trial."""
    found = plot(Quantity("epoch"), QUANTITIES["accuracy"])
    for n, trial in enumerate(trials):
        color = Viridis256[n * 220 // max(1, len(trials) - 1)]
        accuracies = trial["accuracies"]
        source = ColumnDataSource({
            "x": list(range(1, len(accuracies) + 1)), "y": [100 * one for one in accuracies],
            "number": [str(trial["number"])] * len(accuracies),
            "network": [trial["network"]] * len(accuracies)})
        found.line("x", "y", source=source, color=color, alpha=0.8)
        dots = found.scatter("x", "y", source=source, color=color, size=4)
        found.add_tools(HoverTool(renderers=[dots], visible=False, tooltips=[
            ("trial", "@number, @network"), ("epoch", "@x"), ("accuracy", "@y{0.0} %")]))
    return found


def plots(study, front):
    """The plots of a study: Bokeh's library, their script, and their elements by title.

    A study of one objective has it over the number of the trial. Without trials there is no plot.
    """
    names = [one["name"] for one in study["objectives"]]
    pairs = [(x, y) for y, x in combinations(names, 2)] or [("number", names[0])]
    found = {} if not study["trials"] else {
        f"{QUANTITIES[y].label} by {QUANTITIES[x].label}": pair(study, x, y) for x, y in pairs}
    if any(trial["accuracies"] for trial in front):
        found["Accuracy over the epochs"] = curves(front)
    if not found:
        return "", "", {}
    script, elements = components(found)
    return Resources(mode="inline", components=["bokeh"]).render_js(), script, elements
