"""What each experiment consists of: its points, each a run that is repeated with every seed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product, starmap

from bep.experiments import series_experiments
from bep.experiments.runs import Run
from bep_model.fit import presets

WIDTHS = (35, 75, 135, 255, 525)

PAPER = {
    "random-prototypes": dict(zip(WIDTHS, (61.7, 70.5, 74.0, 76.0, 77.2), strict=True)),
    "fashion-mnist": dict(zip(WIDTHS, (82.65, 84.25, 84.95, 85.5, 85.8), strict=True)),
}
"""Test accuracy in percent of two hidden layers, by width: read off Figure 2 by eye, +-0.3."""

PAPER_MARGIN = {0.75: 78.2}
"""Likewise off Figure 5: 525-525 on Random Prototypes, by r."""

CITED = {"mnist": 97.6, "fashion-mnist": 84.1}
"""Test accuracy in percent of a Tsetlin machine that is trained on an FPGA: S. A. Tunheim et al.,
"Tsetlin Machine-Based Image Classification FPGA Accelerator With On-Device Training", IEEE
Transactions on Circuits and Systems I, 2024. Cited, not run."""


@dataclass(frozen=True)
class Point:
    """One line of a table: ``labels`` by column, the run of any seed, the paper's percent."""

    labels: dict
    run: object
    paper: float | None = None


@dataclass(frozen=True)
class Figure:
    """A figure of an experiment: which labels are its axis, its curves and its panels.

    With ``best``, of the points that agree in these labels only the one of the best validation
    accuracy is drawn. ``x`` may also be ``"stored bits"``.
    """

    x: str
    series: tuple = ()
    panel: tuple = ()
    logarithmic: bool = False
    best: bool = False


@dataclass(frozen=True)
class Experiment:
    """What is run for one section of docs/results.md.

    Parameters
    ----------
    title : str
    points : callable
        Gives an iterator of :class:`Point`.
    figures : tuple of Figure
    columns : str or None
        A label whose values become columns of the table instead of lines.
    """

    title: str
    points: Callable[[], Iterator[Point]]
    figures: tuple
    columns: str | None = None


def net(hidden):
    """A network's name: ``75-75``."""
    return "-".join(map(str, hidden))


def preset(dataset, hidden, kind=""):
    """Run of the preset of this name. MNIST has none of its own and takes Fashion-MNIST's."""
    source = "fashion-mnist" if dataset == "mnist" else dataset
    return preset_run(presets.load(f"{source}-{net(hidden)}{kind}"), dataset)


def preset_run(found, dataset, **others):
    """Run of a preset, perhaps on another data set; ``others`` are what a preset does not say."""
    return Run(dataset, tuple(found.hidden), epochs=found.epochs, counter_bits=found.counter_bits,
               hyper=found.hyper, encoding=found.encoding, **others)


def widths(dataset):
    """The paper's Figure 2. Three hidden layers take the values of two.

    Of Fashion-MNIST, where validation samples are taken from the training samples, two layers are
    also trained on all of them.
    """
    parts = {"50,000": False, "60,000": True} if dataset == "fashion-mnist" else {None: False}
    for depth in (2, 3):
        for samples, refit in parts.items():
            counted = {} if samples is None else {"training samples": samples}
            for width in WIDTHS if depth == 2 or not refit else ():
                run = replace(preset(dataset, (width, width)), hidden=(width,) * depth, refit=refit)
                if depth == 3:
                    run = replace(run, epochs=20)
                yield Point({"hidden layers": depth, **counted, "width": width},
                            run, PAPER[dataset][width] if depth == 2 else None)


def amount():
    """Random Prototypes 525-525 by the number of training samples, with large test parts.

    Few samples are also met with swap noise. Logistic regression is the right kind of model here:
    the best classifier is a linear one.
    """
    run = preset("random-prototypes", (525, 525))
    models = {"bep": run, "bep, swap noise": replace(run, swap=0.5, epochs=40),
              "logistic-regression": replace(run, model="logistic-regression")}
    for count in (5000, 10000, 20000, 40000, 80000, 160000):
        for model, found in models.items():
            if not found.swap or count <= 20000:
                yield Point({"training samples": count, "model": model}, replace(
                    found, generated=(("train", count), ("test", 30000))))


STABLE = ((35, ""), (75, ""), (135, ""), (255, ""), (75, "-b7-online"))


def stability():
    """Fashion-MNIST with neurons that are barely right among the candidates, which is not BEP's."""
    for (width, kind), (samples, refit) in product(STABLE, (("50,000", False), ("60,000", True))):
        run = replace(preset("fashion-mnist", (width, width), f"{kind}-stable"), refit=refit)
        yield Point({"training samples": samples, "B_h": run.counter_bits, "width": width}, run,
                    PAPER["fashion-mnist"][width])


def ablation_stability():
    """Fashion-MNIST 75-75 by kappa, everything else as in its preset."""
    run = preset("fashion-mnist", (75, 75), "-stable")
    for kappa in (0.0, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0):
        yield Point({"kappa": kappa}, replace(run, hyper=replace(run.hyper, kappa=kappa)))


def ablation(factor, name, values, paper=None):
    """One factor of Random Prototypes 525-525 varied, everything else as in its preset."""
    run = replace(preset("random-prototypes", (525, 525)), epochs=10)
    for value in values:
        yield Point({name: value}, replace(run, hyper=replace(run.hyper, **{factor: value})),
                    (paper or {}).get(value))


NEIGHBOURS = (
    {}, {"nu": 0.05}, {"nu": 0.25}, {"nu": 0.5}, {"r": 0.4}, {"r": 0.8}, {"group": 15},
    {"group": 75}, {"p_r": 0.03}, {"p_r": 0.12}, {"batch": 20}, {"batch": 500, "sweep": 500},
    {"anneal": 1.0},
)


def neighbours():
    """Fashion-MNIST 75-75 with one value of its preset changed: is there a better one nearby?"""
    run = preset("fashion-mnist", (75, 75))
    for changes in NEIGHBOURS:
        told = ", ".join(f"{name} = {value:g}" for name, value in changes.items())
        yield Point({"changed": told or "nothing"},
                    replace(run, hyper=replace(run.hyper, **changes)), PAPER["fashion-mnist"][75])


COUNTERS = (
    # data set, hidden, epochs, batches
    ("digits", (128, 128), 30, (1, 10, 100)),
    ("random-prototypes", (75, 75), 10, (1, 10, 100)),
    ("fashion-mnist", (75, 75), 4, (1, 10, 100)),
    ("fashion-mnist", (255, 255), 4, (1,)),
    ("mnist", (75, 75), 4, (1, 100)),
)


def counters():
    """How narrow counters may be. No setting is chosen anew for any width of them."""
    for dataset, hidden, epochs, batches in COUNTERS:
        for batch in batches:
            for thinning in (1.0, 0.25):
                for bits in (3, 4, 5, 6, 7, 9, 15) if thinning == 1 else (3, 4, 5, 6, 7):
                    run = _narrow(dataset, hidden, batch)
                    hyper = replace(run.hyper, batch=batch, thinning=thinning, anneal=1.0,
                                    sweep=200 if dataset == "digits" else 100)
                    yield Point({"data set": dataset, "net": net(hidden), "batch": batch,
                                 "q": thinning, "B_h": bits},
                                replace(run, epochs=epochs, counter_bits=bits, hyper=hyper))


def _narrow(dataset, hidden, batch):
    """The preset that is nearest to a batch size."""
    online = dataset == "digits" or (batch < 100 and dataset != "random-prototypes")
    return preset(dataset, hidden, "-b7-online" if online else "")


HEADLINE = {
    "wide-fast": (196, "fashion-mnist-selected-784-111-63-b7", "fashion-mnist-135-135-b7"),
    "wide-large": (196, "fashion-mnist-selected-784-255-255-b7", "fashion-mnist-255-255-b7"),
    "small": (10, "fashion-mnist-selected-784-75-75-b7-online", "fashion-mnist-75-75-b7"),
}
"""Of each design whose speed, size and energy are measured: Q, preset, and one of median bits."""


def headline():
    """The networks of the headline designs, each also with all training samples."""
    for (design, (lanes, *names)), refit in product(HEADLINE.items(), (False, True)):
        for found in map(presets.load, names):
            labels = {"design": design, "inputs": found.encoding, "net": net(found.hidden),
                      "batch": found.hyper.batch,
                      "trained on": "all" if refit else "all but validation"}
            yield Point(labels, preset_run(found, found.dataset, refit=refit, counter_lanes=lanes))


def hardware():
    """Every preset of narrow counters but the headline and the stable ones.

    Fashion-MNIST's values are also taken for MNIST, and with all its training samples.
    """
    elsewhere = [name for _, *names in HEADLINE.values() for name in names]
    for found in sorted(map(presets.load, presets.names()),
                        key=lambda found: (found.dataset, found.encoding, found.hidden)):
        if found.counter_bits == 15 or found.hyper.stable or found.name in elsewhere:
            continue
        variants = [(found.dataset, False)]
        if found.dataset == "fashion-mnist" and found.encoding == "default" \
                and found.counter_bits == 7 and found.hidden[0] != 135:
            variants += [(found.dataset, True), ("mnist", False)]
        for dataset, refit in variants:
            run = preset_run(found, dataset, refit=refit)
            paper = PAPER.get(dataset, {}) if run.encoding == "default" else {}
            labels = {"data set": dataset, "inputs": run.encoding, "net": net(run.hidden),
                      "B_h": run.counter_bits,
                      "trained on": "all" if refit else "all but validation"}
            yield Point(labels, run, paper.get(run.hidden[0]))


def baselines():
    """BEP beside what is simpler, on the same bits; random features store as many bits as BEP."""
    nets = (("digits", (128, 128), "-b7-online"), ("random-prototypes", (75, 75), ""),
            ("fashion-mnist", (75, 75), "-b7-online"), ("fashion-mnist", (255, 255), "-b7-online"),
            ("mnist", (75, 75), "-b7-online"))
    for dataset, hidden, kind in nets:
        models = ("bep", "random-features", "logistic-regression")
        for model in models if hidden != (255, 255) else models[:2]:
            run = replace(preset(dataset, hidden, kind), model=model)
            yield Point({"data set": dataset, "net": net(hidden), "model": model}, run)


EXPERIMENTS = {
    "random-prototypes": Experiment(
        "Random Prototypes: accuracy against width", lambda: widths("random-prototypes"),
        (Figure("width", ("hidden layers",), logarithmic=True),)),
    "random-prototypes-samples": Experiment(
        "Random Prototypes: accuracy against training samples", amount,
        (Figure("training samples", ("model",), logarithmic=True),)),
    "fashion-mnist": Experiment(
        "Fashion-MNIST: accuracy against width", lambda: widths("fashion-mnist"),
        (Figure("width", ("hidden layers", "training samples"), logarithmic=True),)),
    "ablation-gate": Experiment(
        "Gate nu", lambda: ablation("nu", "nu", (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)),
        (Figure("nu"),)),
    "ablation-margin": Experiment(
        "Margin r", lambda: ablation("r", "r", (0.0, 0.1, 0.25, 0.5, 0.625, 0.75, 0.875, 1.0),
                                     PAPER_MARGIN),
        (Figure("r"),)),
    "ablation-reinforcement": Experiment(
        "Reinforcement p_r",
        lambda: ablation("p_r", "p_r", (0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)),
        (Figure("p_r"),)),
    "ablation-group": Experiment(
        "Group size gamma", lambda: ablation("group", "gamma", (1, 3, 7, 15, 35, 75, 175, 525)),
        (Figure("gamma", logarithmic=True),)),
    "stability": Experiment(
        "Fashion-MNIST: stability of hidden neurons", stability,
        (Figure("width", ("B_h", "training samples"), logarithmic=True),)),
    "ablation-stability": Experiment(
        "Stability kappa", ablation_stability, (Figure("kappa"),)),
    "neighbours": Experiment(
        "Fashion-MNIST, 75-75: settings nearby", neighbours, ()),
    "counters": Experiment(
        "Width of the counters", counters,
        (Figure("B_h", ("batch", "q"), ("data set", "net")),
         Figure("stored bits", ("net",), ("data set",), logarithmic=True, best=True)),
        columns="B_h"),
    "hardware": Experiment(
        "As the hardware trains: narrow counters", hardware,
        (Figure("net", ("inputs", "B_h", "trained on"), ("data set",)),)),
    "headline": Experiment(
        "Headline designs", headline, (Figure("net", ("inputs",), ("trained on",)),)),
    "baselines": Experiment(
        "Baselines", baselines, (Figure("net", ("model",), ("data set",)),)),
    "ucr": Experiment(
        "Recurrent networks: UCR and UEA sets", lambda: starmap(Point, series_experiments.ucr()),
        (Figure("K_s", ("samples per step",), ("data set",), logarithmic=True),)),
    "ucr-bits": Experiment(
        "Recurrent networks: bits of the thermometer",
        lambda: starmap(Point, series_experiments.thermometer()),
        (Figure("bits", ("data set",), logarithmic=True),), columns="bits"),
    "s-mnist": Experiment(
        "Recurrent networks: sequential MNIST, length of the window",
        lambda: starmap(Point, series_experiments.windows()),
        (Figure("rows", ("K_s", "training samples")),)),
    "s-mnist-horizon": Experiment(
        "Recurrent networks: sequential MNIST, horizon",
        lambda: starmap(Point, series_experiments.horizons()),
        (Figure("horizon", ("steps",)),)),
}
