"""The experiments, one for each section of docs/results.md: their points and figures."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bep.experiments import points
from bep.experiments.points import Point
from bep.experiments.runs import LARGE


@dataclass(frozen=True)
class Figure:
    """A figure of an experiment: the labels that are its axis, its curves and its panels.

    With ``best``, only the point of the best validation accuracy is drawn among those that agree in
    these labels. ``x`` can also be ``"stored bits"``.
    """

    x: str
    series: tuple = ()
    panel: tuple = ()
    logarithmic: bool = False
    best: bool = False


@dataclass(frozen=True)
class Experiment:
    """The experiment of one section of docs/results.md.

    Parameters
    ----------
    title : str
    points : callable
        Returns an iterator of :class:`Point`.
    figures : tuple of Figure
    columns : str or None
        A label whose values become columns of the table instead of lines.
    seeds : int
        The document has no fewer repetitions.
    """

    title: str
    points: Callable[[], Iterator[Point]]
    figures: tuple
    columns: str | None = None
    seeds: int = 3


EXPERIMENTS = {
    "random-prototypes": Experiment(
        "Random Prototypes: accuracy against width", lambda: points.widths("random-prototypes"),
        (Figure("width", ("hidden layers",), logarithmic=True),), seeds=5),
    "random-prototypes-samples": Experiment(
        "Random Prototypes: accuracy against training samples", points.amount,
        (Figure("training samples", ("model",), logarithmic=True),), seeds=5),
    "fashion-mnist": Experiment(
        "Fashion-MNIST: accuracy against width", lambda: points.widths("fashion-mnist"),
        (Figure("width", ("hidden layers", "training samples"), logarithmic=True),)),
    "ablation-gate": Experiment(
        "Gate nu", lambda: points.ablation("nu", "nu", (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)),
        (Figure("nu"),)),
    "ablation-margin": Experiment(
        "Margin r",
        lambda: points.ablation("r", "r", (0.0, 0.1, 0.25, 0.5, 0.625, 0.75, 0.875, 1.0),
                                points.PAPER_MARGIN),
        (Figure("r"),)),
    "ablation-reinforcement": Experiment(
        "Reinforcement p_r",
        lambda: points.ablation("p_r", "p_r", (0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)),
        (Figure("p_r"),)),
    "ablation-group": Experiment(
        "Group size gamma",
        lambda: points.ablation("group", "gamma", (1, 3, 7, 15, 35, 75, 175, 525)),
        (Figure("gamma", logarithmic=True),)),
    "stability": Experiment(
        "Fashion-MNIST: stability of hidden neurons", points.stability,
        (Figure("width", ("B_h", "training samples"), logarithmic=True),)),
    "ablation-stability": Experiment(
        "Stability kappa", points.ablation_stability, (Figure("kappa"),)),
    "neighbours": Experiment(
        "Fashion-MNIST, 75-75: settings nearby", points.neighbours, ()),
    "counters": Experiment(
        "Width of the counters", points.counters,
        (Figure("B_h", ("batch", "q"), ("data set", "net")),
         Figure("stored bits", ("net",), ("data set",), logarithmic=True, best=True)),
        columns="B_h"),
    "hardware": Experiment(
        "As the hardware trains: narrow counters", points.hardware,
        (Figure("net", ("inputs", "B_h", "trained on"), ("data set",)),)),
    "headline": Experiment(
        "Headline designs", points.headline, (Figure("net", ("inputs",), ("trained on",)),)),
    "depth": Experiment(
        "Three layers beside two", points.depth, (), columns="hidden layers", seeds=3),
    "orders": Experiment(
        "The order on the chip", points.orders, (), columns="order", seeds=3),
    "baselines": Experiment(
        "Baselines", points.baselines, (Figure("net", ("model",), ("data set",)),)),
    "convolution": Experiment(
        "Filters", points.convolution, (), columns="model"),
    "convolution-all": Experiment(
        "Filters, trained on all samples", points.convolution_all, (), seeds=3),
    "tsetlin": Experiment(
        "Tsetlin machines of equal bits", points.tsetlin, (), columns="model"),
    "tsetlin-large": Experiment(
        f"Tsetlin machines of {LARGE:,} clauses", points.tsetlin_large, (),
        columns="model"),
    "ucr": Experiment(
        "Recurrent networks: UCR and UEA sets", points.ucr,
        (Figure("K_s", ("samples per step",), ("data set",), logarithmic=True),)),
    "unseen": Experiment(
        "Recurrent networks: sets that nobody tuned for", points.unseen, (), columns="model"),
    "ucr-bits": Experiment(
        "Recurrent networks: bits of the thermometer", points.thermometer,
        (Figure("bits", ("data set",), logarithmic=True),), columns="bits"),
    "s-mnist": Experiment(
        "Recurrent networks: sequential MNIST, length of the window", points.windows,
        (Figure("rows", ("K_s", "training samples")),)),
    "s-mnist-rows": Experiment(
        "Recurrent networks: sequential MNIST, one row per step", points.delays, ()),
    "s-mnist-horizon": Experiment(
        "Recurrent networks: sequential MNIST, horizon", points.horizons,
        (Figure("horizon", ("steps",)),)),
}
