"""Pictures of docs/choosing.md."""

from matplotlib import ticker

from bep.reports.figures import picture

MARKS = "osD^v"


def sizes(path, found):
    """Bars: weights of the largest network by board, for each number of inputs."""
    boards = list(dict.fromkeys(entry["board"] for entry in found))
    inputs = list(dict.fromkeys(entry["inputs"] for entry in found))
    with picture(path, (7, 0.45 * len(boards) + 1.2)) as axes:
        for number, bits in enumerate(inputs):
            chosen = {entry["board"]: entry for entry in found if entry["inputs"] == bits}
            places = [place + 0.38 * number - 0.19 for place in range(len(boards))]
            bars = axes.barh(places, [chosen[board].get("weights", 0) for board in boards],
                             height=0.36, label=f"{bits} inputs")
            axes.bar_label(bars, [f"2 x {chosen[board]['width']}" for board in boards], padding=2,
                           fontsize=7)
        axes.set_yticks(range(len(boards)), boards)
        axes.invert_yaxis()
        axes.set_xscale("log")
        axes.margins(x=0.12)
        axes.grid(alpha=0.3)
        axes.set(xlabel="weights that the board trains, B$_h$ = 7")
        axes.legend(loc="upper center", bbox_to_anchor=(0.4, 1.09), ncols=2, frameon=False)


def lanes(path, over_p, over_q, curves):
    """Samples per second over P and over Q; accuracy over B_h."""
    with picture(path, (11, 3.6), columns=3) as axes:
        for plot in axes:
            plot.grid(alpha=0.3)
        for plot, key, found in ((axes[0], "P", over_p), (axes[1], "Q", over_q)):
            for board, points in found.items():
                places, rates = [p[key] for p in points], [p["rate"] / 1e3 for p in points]
                plot.plot(places, rates, marker="o", markersize=4, label=board)
                for point, rate in zip(points, rates, strict=True):
                    plot.annotate(f"{point['cells']:,.0f}", (point[key], rate), fontsize=6,
                                  xytext=(0, 5), textcoords="offset points", ha="center")
            plot.set_xscale("log", base=2)
            plot.set_yscale("log")
            plot.margins(0.12)
            plot.xaxis.set_major_formatter("{x:g}")
            plot.yaxis.set_major_formatter("{x:g}")
            plot.yaxis.set_minor_formatter(ticker.NullFormatter())
            plot.set(xlabel=f"{key}; numbers: logic cells", ylabel="thousand trained samples/s")
            plot.legend(fontsize=7)
        for (name, curve), mark in zip(curves.items(), MARKS * 3, strict=False):
            axes[2].plot([p["bits"] for p in curve], [p["test"] for p in curve], marker=mark,
                         markersize=4, linewidth=1, label=name)
        axes[2].set(xlabel="B$_h$", ylabel="test accuracy (%)")
        axes[2].legend(fontsize=6, loc="lower right")


def front(path, points, best, dataset):
    """Test accuracy over stored bits, with the front on validation samples."""
    with picture(path, (6.5, 4)) as axes:
        for bits in sorted({point["bits"] for point in points}):
            chosen = [point for point in points
                      if (point["dataset"], point["bits"]) == (dataset, bits)]
            if chosen:
                axes.plot([p["stored_bits"] / 1e3 for p in chosen], [p["test"] for p in chosen],
                          "o", markersize=3, alpha=0.6, label=f"B$_h$ = {bits}")
        axes.errorbar([p["stored_bits"] / 1e3 for p in best], [p["test"] for p in best],
                      [p["sd"] for p in best], color="k", linewidth=1, capsize=2,
                      label="none smaller is better")
        axes.grid(alpha=0.3)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set(xlabel="weights and counters, kbit", ylabel=f"test accuracy, {dataset} (%)")
        axes.legend(fontsize=7, loc="lower right")
