"""The points of each experiment: labels, a run to repeat with every seed, the paper's value."""

from dataclasses import dataclass, replace
from itertools import product

from bep.experiments.runs import TSETLIN, Run
from bep_model import configuration
from bep_model.data import catalogue
from bep_model.fit import presets, rule, training
from bep_model.fit.baselines import SERIES

WIDTHS = (35, 75, 135, 255, 525)

PAPER = {
    "random-prototypes": dict(zip(WIDTHS, (61.7, 70.5, 74.0, 76.0, 77.2), strict=True)),
    "fashion-mnist": dict(zip(WIDTHS, (82.65, 84.25, 84.95, 85.5, 85.8), strict=True)),
}
"""Test accuracy in percent of two hidden layers by width, read off Figure 2 by eye, +-0.3."""

PAPER_MARGIN = {0.75: 78.2}
"""Likewise from Figure 5: 525-525 on Random Prototypes, by r."""

PAPER_UCR = {"ItalyPowerDemand": 94.65, "JapaneseVowels": 95.47, "PenDigits": 97.13,
             "DistalPhalanxOutlineAgeGroup": 79.78, "ProximalPhalanxOutlineAgeGroup": 82.64}
"""The paper's Table 1: 1,035 state neurons, 3-fold cross-validation."""

PAPER_UNSEEN = {"MelbournePedestrian": 73.0}
"""Likewise of a set without a preset."""

UNSEEN = {"MelbournePedestrian": (3650, 24, 1), "CBF": (930, 128, 1),
          "SyntheticControl": (600, 60, 1), "GunPoint": (200, 150, 1)}
"""Sets without a preset, and their shapes: sequences, samples, dimensions."""

STEP_BY_STEP = ("MelbournePedestrian", "ItalyPowerDemand", "JapaneseVowels", "PenDigits")
"""Those of the paper's sets that have at most 29 samples, so that one sample per step is quick."""

PEER_EPOCHS = 20
"""Epochs of a Tsetlin machine."""


@dataclass(frozen=True)
class Point:
    """One line of a table: ``labels`` by column, the run of any seed, the paper's percent."""

    labels: dict
    run: object
    paper: float | None = None


def net(hidden):
    """A network's name: ``75-75``."""
    return "-".join(map(str, hidden))


def preset_of(name):
    """The preset of a name."""
    return configuration.load(name).preset


def preset(dataset, hidden, kind=""):
    """Run of the preset of this name. MNIST has none of its own and takes Fashion-MNIST's."""
    source = "fashion-mnist" if dataset == "mnist" else dataset
    return preset_run(preset_of(f"{source}-{net(hidden)}{kind}"), dataset)


def narrow(dataset, width=256):
    """Run of the preset of sequences with 7-bit counters, with this width of both layers."""
    return replace(preset(dataset, (256, 256), "-b7"), hidden=(width, width))


def preset_run(found, dataset, **others):
    """Run of a preset, perhaps on another data set; ``others`` are what a preset does not say."""
    return Run(dataset, tuple(found.hidden), epochs=found.epochs, counter_bits=found.counter_bits,
               hyper=found.hyper, encoding=found.encoding, windows=found.windows, **others)


def widths(dataset):
    """The paper's Figure 2. Three hidden layers take the values of two.

    For Fashion-MNIST, whose validation samples are part of the training samples, networks of two
    layers are also trained on all of them.
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


def depth():
    """Two and three layers, each with hyper-parameters of its own; those of two layers are from the
    same trials as those of three."""
    found = preset("fashion-mnist", (255, 255), "-b7-online")
    two = replace(found, hyper=replace(found.hyper, r=0.7, nu=0.05, p_r=0.02))
    three = replace(two, hidden=(255,) * 3, hyper=replace(two.hyper, r=0.8, nu=0.07))
    for dataset, run in product(("fashion-mnist", "mnist"), (two, three)):
        yield Point({"data set": dataset, "hidden layers": len(run.hidden)},
                    replace(run, dataset=dataset))


def amount():
    """Random Prototypes 525-525 by the number of training samples, with large test parts.

    Where samples are few, there is also a run with swap noise. Logistic regression has the right
    form, since the best possible classifier is linear.
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
    """Fashion-MNIST with stability, which is not part of the paper's BEP."""
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
    """Widths of the counters. No hyper-parameter was chosen for a particular width."""
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
"""For each design whose speed, size and energy are measured: Q, preset, and one with median
bits."""


def headline():
    """The networks of the headline designs, each also with all training samples."""
    for (design, (lanes, *names)), refit in product(HEADLINE.items(), (False, True)):
        for found in map(preset_of, names):
            labels = {"design": design, "inputs": found.encoding, "net": net(found.hidden),
                      "batch": found.hyper.batch,
                      "trained on": "all" if refit else "all but validation"}
            yield Point(labels, preset_run(found, found.dataset, refit=refit, counter_lanes=lanes))


def orders():
    """The order of samples that a host chooses, and that of a trainer with a sample store."""
    nets = (("digits", (128, 128), "-b7-online"), ("fashion-mnist", (75, 75), "-b7-online"),
            ("fashion-mnist", (135, 135), "-b7"))
    found = [preset(*each) for each in nets]
    found += [preset_run(preset_of(name), "fashion-mnist",
                         counter_lanes=lanes) for lanes, name, *_ in HEADLINE.values()]
    for run, order in product(found, training.ORDERS):
        yield Point({"data set": run.dataset, "inputs": run.encoding, "net": net(run.hidden),
                     "order": order}, replace(run, order=order))


def hardware():
    """Every preset of narrow counters except the headline, stable, recurrent and convolutional
    ones.

    Those of Fashion-MNIST are also used for MNIST, and with all training samples.
    """
    elsewhere = [name for _, *names in HEADLINE.values() for name in names]
    plain = [found for found in map(preset_of, presets.names()) if not found.sequential]
    for found in sorted(plain, key=lambda found: (found.dataset, found.encoding, found.hidden)):
        if found.counter_bits == 15 or found.hyper.stable or found.windows \
                or found.name in elsewhere:
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
    """BEP and simpler models on the same bits; random features store as many bits as BEP."""
    nets = (("digits", (128, 128), "-b7-online"), ("random-prototypes", (75, 75), ""),
            ("fashion-mnist", (75, 75), "-b7-online"), ("fashion-mnist", (255, 255), "-b7-online"),
            ("mnist", (75, 75), "-b7-online"))
    for dataset, hidden, kind in nets:
        models = ("bep", "random-features", "logistic-regression")
        for model in models if hidden != (255, 255) else models[:2]:
            run = replace(preset(dataset, hidden, kind), model=model)
            yield Point({"data set": dataset, "net": net(hidden), "model": model}, run)


def convolutional():
    """Configuration and run of every preset with filters."""
    for config, _, found in map(configuration.load, presets.names()):
        if found.windows:
            yield config, preset_run(found, found.dataset, counter_lanes=config.counter_lanes)


def convolution():
    """Every preset with filters, and random features of equal stored bits; those of less than a
    megabit also with filters that stay as they were drawn.
    """
    for config, run in convolutional():
        frozen = replace(run, hyper=replace(run.hyper, filter_rate=0.0))
        small = config.counter_bits * sum(k * f for k, f in config.shapes) < 1 << 20
        for model, variant in (("BEP", run),
                               *[("BEP, filters frozen", frozen)] * small,
                               ("random-features", replace(run, model="random-features"))):
            yield Point({"data set": run.dataset, "inputs": run.encoding,
                         "net": presets.net_name(run.hidden, run.windows), "model": model}, variant)


def convolution_all():
    """Presets of Fashion-MNIST with filters on levels, trained on all samples."""
    for _, run in convolutional():
        if run.dataset == "fashion-mnist" and "local" not in run.encoding:
            yield Point({"data set": run.dataset, "inputs": run.encoding,
                         "net": presets.net_name(run.hidden, run.windows)},
                        replace(run, refit=True))


def one_bit():
    """Networks on one level per pixel; the last one of a data set is the largest."""
    yield from (run for _, run in convolutional()
                if "local" not in run.encoding and catalogue.bits_per_pixel(run.encoding) == 1)
    for hidden in ((75, 75), (255, 255)):
        yield preset("fashion-mnist", hidden, "-b7-online")


def beside(found, model):
    """Runs of BEP, and a Tsetlin machine beside each."""
    for run in found:
        for variant in (run, replace(run, model=model, epochs=PEER_EPOCHS)):
            yield Point({"data set": run.dataset, "inputs": run.encoding,
                         "net": presets.net_name(run.hidden, run.windows),
                         "model": variant.model}, variant)


def tsetlin():
    """Networks on one bit per pixel, and Tsetlin machines that store as many bits as BEP."""
    return beside(one_bit(), TSETLIN[0])


def tsetlin_large():
    """The largest one of each data set, and a Tsetlin machine of a size of its own."""
    return beside({run.dataset: run for run in one_bit()}.values(), TSETLIN[1])


def ucr():
    """Table 1, and sizes for small hardware, trained online with 7-bit counters."""
    for dataset in PAPER_UCR:
        runs = [preset(dataset, (1035, 1035)),
                *(narrow(dataset, width) for width in (256, 128, 64))]
        runs.append(replace(runs[1], encoding=replace(runs[1].encoding, chunk=1)))
        for run in runs:
            yield Point({"data set": dataset, "K_s": run.hidden[0], "B_h": run.counter_bits,
                         "samples per step": run.encoding.chunk}, run, PAPER_UCR[dataset])


def unseen():
    """The rule's settings for sets that have no preset and for those that have one; the same rule
    with one sample per step; and two models of the numbers themselves.
    """
    shapes = UNSEEN | {name: (count, *(shape or ())) for name, (count, _, shape, _)
                       in catalogue.ARCHIVE.items()}
    for dataset, shape in shapes.items():
        runs = {"rule": preset_run(rule.preset(dataset, shape), dataset)}
        if dataset in PAPER_UCR:
            runs["preset"] = narrow(dataset)
        if dataset in STEP_BY_STEP:
            runs["rule, one sample per step"] = preset_run(
                rule.preset(dataset, shape, chunk=1), dataset)
        runs |= {model: replace(runs["rule"], model=model) for model in SERIES}
        paper = (PAPER_UCR | PAPER_UNSEEN).get(dataset)
        for model, run in runs.items():
            labels = {"data set": dataset, "paper, %": paper or "", "model": model}
            yield Point(labels, run, paper if model not in SERIES else None)


def thermometer():
    """Table 3: bits of the thermometer, always with the same number of random features."""
    for dataset in PAPER_UCR:
        for bits in (1, 10, 20, 50, 100):
            run = narrow(dataset)
            expand = run.encoding.expand or 256
            run = replace(run, encoding=replace(run.encoding, bits=bits, expand=expand),
                          epochs=15 if dataset == "PenDigits" else run.epochs)
            yield Point({"data set": dataset, "bits": bits}, run)


def windows():
    """The last rows of MNIST's images (Figure 3), with fewer samples; last, one with all."""
    for width in (128, 256):
        for rows in (7, 14, 21, 28):
            run = narrow("s-mnist", width)
            run = replace(run, encoding=replace(run.encoding, window=rows),
                          train_samples=20000, epochs=6)
            yield Point({"K_s": width, "rows": rows, "training samples": 20000}, run)
    yield Point({"K_s": 256, "rows": 28, "training samples": 50000}, narrow("s-mnist"))


def delays():
    """One row per step: states that are a delay line, of two widths, and one that is learnt."""
    line = preset("s-mnist", (577, 280), "-b7")
    features = line.hyper.delay
    for state in (line.hidden[0], (line.hidden[0] - 1) // 2 + 1):
        run = replace(line, hidden=(state, line.hidden[1]), hyper=replace(
            line.hyper, delay=features * (state - 1) // (line.hidden[0] - 1)))
        yield Point({"state": "delay line", "K_s": state, "training samples": 50000}, run)
    learnt = replace(line, hidden=(512, 256), train_samples=20000, epochs=10,
                     encoding=replace(line.encoding, pairs=False, expand=64),
                     hyper=replace(rule.MANY, horizon=15))
    yield Point({"state": "learnt", "K_s": 512, "training samples": 20000}, learnt)


def horizons():
    """Number of steps that get targets (Figure 8), with fewer samples."""
    for chunk in (7, 4):
        steps = -(-28 // chunk)
        for horizon in (1, 2, 4, 7)[:4 if steps > 4 else 3]:
            run = narrow("s-mnist")
            run = replace(run, encoding=replace(run.encoding, chunk=chunk), train_samples=20000,
                          epochs=6, hyper=replace(run.hyper, horizon=horizon))
            yield Point({"steps": steps, "horizon": horizon}, run)
