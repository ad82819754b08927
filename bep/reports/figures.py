"""Pictures of results."""

import matplotlib

matplotlib.use("Agg")  # writes files and needs no screen
from contextlib import contextmanager

from matplotlib import pyplot, ticker


@contextmanager
def picture(path, size, rows=1, columns=1, **options):
    """Yield axes, as ``pyplot.subplots`` with its ``options`` makes them, and save them.

    Equal contents give equal files.
    """
    with pyplot.rc_context({"svg.hashsalt": "bep", "font.size": 9}):
        figure, axes = pyplot.subplots(rows, columns, figsize=size, layout="constrained", **options)
        yield axes
        figure.savefig(path, dpi=120, metadata={"Date": None} if str(path).endswith(".svg")
                       else None)
        pyplot.close(figure)


def training_curves(path, test, training, final):
    """Draw accuracies over the epochs.

    Parameters
    ----------
    path : path
        Of the picture; its ending names the format.
    test : dict of str to sequence of float
        Test accuracies (0..1) after each epoch, by name of the curve.
    training : sequence of float
        Accuracies of the gateware on the training samples, before their updates.
    final : float
        Test accuracy of the gateware after the last epoch.
    """
    figure, axes = pyplot.subplots(figsize=(7, 4.2), layout="constrained")
    epochs = range(1, len(training) + 1)
    for name, accuracies in test.items():
        axes.plot(epochs, [100 * a for a in accuracies], label=f"test: {name}", linewidth=1)
    axes.plot(epochs, [100 * a for a in training], "k.", markersize=4,
              label="training samples as met: gateware")
    axes.plot(epochs[-1], 100 * final, "r*", markersize=12, label="test: gateware, last epoch")
    axes.set(xlabel="epoch", ylabel="accuracy (%)", ylim=(40, 100),
             title="digits, 192-128-128, 7-bit counters, online")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def accuracies(path, points, figure):
    """Draw test accuracies with their deviations, and the paper's where there are any.

    Parameters
    ----------
    path : path
        Of the picture; its ending names the format. Equal points give equal files.
    points : sequence of dict
        As :func:`bep.reports.report.aggregate` makes them.
    figure : bep.experiments.experiments.Figure
    """
    def key(point, names):
        return ", ".join(f"{name} {point['labels'][name]}" if not isinstance(
            point["labels"][name], str) else point["labels"][name] for name in names)

    def place(point):
        return point["labels"].get(figure.x, point["stored_bits"] / 1000)

    if figure.best:
        points = best(points, (figure.x, *figure.series, *figure.panel), place)
    colours = {series: f"C{number}" for number, series in
               enumerate(dict.fromkeys(key(point, figure.series) for point in points))}
    panels = list(dict.fromkeys(key(point, figure.panel) for point in points))
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    size = (max(6, 3.6 * columns), max(4, 3.2 * rows)) if len(panels) > 1 else (6, 4)
    with picture(path, size, rows, columns, squeeze=False) as grid:
        for axes in grid.flat[len(panels):]:
            axes.set_visible(False)
        for panel, axes in zip(panels, grid.flat, strict=False):
            inside = [point for point in points if key(point, figure.panel) == panel]
            names = not all(isinstance(place(point), int | float) for point in inside)
            for series in dict.fromkeys(key(point, figure.series) for point in inside):
                curve = [point for point in inside if key(point, figure.series) == series]
                places = [place(point) for point in curve]
                axes.errorbar(
                    places, [point["mean"] for point in curve],
                    [point["sd"] or 0 for point in curve], marker="o", markersize=3, capsize=2,
                    linewidth=1, linestyle="none" if names else "-", color=colours[series],
                    label=series or "ours")
            known = {place(point): point["paper"] for point in inside
                     if point["paper"] is not None}
            if known:
                axes.plot(known.keys(), known.values(), "kx", linewidth=1, markersize=5,
                          linestyle="none" if names or len(known) == 1 else "--", label="paper")
            x = "stored kbit" if figure.x == "stored bits" else figure.x
            axes.set(title=panel, xlabel=x, ylabel="test accuracy (%)")
            axes.grid(alpha=0.3)
            if names:
                axes.margins(0.3)
            elif figure.logarithmic:
                axes.set_xscale("log")
                axes.xaxis.set_minor_locator(ticker.NullLocator())
                if figure.x == "stored bits":
                    axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
                else:
                    axes.set_xticks(sorted({place(point) for point in inside}))
                axes.xaxis.set_major_formatter("{x:g}")
            if axes.get_legend_handles_labels()[1] != ["ours"]:
                axes.legend(fontsize=7)


def best(points, names, place):
    """Among points that agree in all ``names``, keep the one of the best validation accuracy."""
    found = {}
    for point in points:
        key = tuple(point["labels"].get(name, place(point)) for name in names)
        if key not in found or point["validation_mean"] > found[key]["validation_mean"]:
            found[key] = point
    return list(found.values())
