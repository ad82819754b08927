"""One training run of an experiment, as data: what is run, its digest, and its result."""

import hashlib
import json
import statistics
import time
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from bep import results
from bep_model.config import NUMERICS_VERSION, Config
from bep_model.data import archive, augment, catalogue, datasets
from bep_model.data.catalogue import Encoding
from bep_model.digests import LATE, told
from bep_model.fit import baselines, training, tsetlin
from bep_model.fit.training import Hyper
from bep_model.network import Network

LARGE = 2000
"""Clauses of the larger Tsetlin machine."""
TSETLIN = ("tsetlin", f"tsetlin-{LARGE}")
MODELS = ("bep", "random-features", "logistic-regression", *TSETLIN, *baselines.SERIES)
PACKAGES = ("bep-trainer", "numpy", "numba", "scikit-learn")
"""Their versions stand in every result."""


@dataclass(frozen=True)
class Run:
    """Everything that determines the result of a run; equal runs give equal results.

    For a data set of sequences the network is recurrent. A data set without a test part of its own
    is cross-validated, with one network per fold.

    Parameters
    ----------
    dataset : str
        As for :func:`datasets.load`.
    hidden : tuple of int
        Neurons per layer; K_s and K_y of a recurrent network.
    epochs : int
    seed : int
        Of the initial weights, the random bits and the sample order.
    data_seed : int
        Of folds, held-out samples and generated data.
    folds : int
        Number of folds of a cross-validated data set; no effect on others.
    counter_bits : int
        B_h.
    hyper : Hyper
    train_samples : int or None
        Only the first so many training samples, of every fold.
    literal_targets : bool
    model : str
        One of ``MODELS``: BEP, or a baseline of :mod:`bep_model.fit.baselines`: one that stores at
        most as many bits as BEP's counters would, or of sequences one that takes their numbers. Or
        a Tsetlin machine, that stores at most as many bits or is of :data:`LARGE` clauses.
    encoding : str or Encoding
        As for :func:`datasets.load`.
    refit : bool
        Train on the validation samples too and test the last epoch; hyper-parameters and number of
        epochs were chosen with these samples held out.
    counter_lanes : int
        Q, which decides the random bits that a counter gets.
    generated : tuple of pairs
        Names and values of other sizes of generated data, see :func:`datasets.random_prototypes`.
    swap : float
        Swap noise of the training samples, see :func:`augment.swapped`; 0 is off.
    order : str
        Order of the training samples, one of :data:`training.ORDERS`.
    windows : tuple of Window
        Of the convolutional layers, the first ones of ``hidden``.
    """

    dataset: str
    hidden: tuple
    epochs: int = 50
    seed: int = 1
    data_seed: int = 0
    folds: int = 3
    counter_bits: int = 15
    hyper: Hyper = field(default_factory=Hyper)
    train_samples: int | None = None
    literal_targets: bool = False
    model: str = "bep"
    encoding: str | Encoding = "default"
    refit: bool = False
    counter_lanes: int = field(default=8, metadata=LATE)
    generated: tuple = field(default=(), metadata=LATE)
    swap: float = field(default=0.0, metadata=LATE)
    order: str = field(default="host", metadata=LATE)
    windows: tuple = field(default=(), metadata=LATE)

    def __post_init__(self):
        if self.model not in MODELS:
            raise ValueError(f"model must be one of {', '.join(MODELS)}, not {self.model!r}")
        series = catalogue.sequential(self.dataset)
        if self.model != "bep" and series != (self.model in baselines.SERIES):
            raise ValueError(f"the model {self.model} takes {'no' if series else 'only'} "
                             f"sequences, {'as' if series else 'and no others, as'} "
                             f"{self.dataset} has")
        object.__setattr__(self, "encoding", catalogue.encoding_of(self.dataset, self.encoding))

    @property
    def digest(self):
        """Name of the run's result, see :func:`digest`."""
        return digest(self)

    def seeded(self, seed):
        """The same run with another seed; generated data are generated anew.

        Other data sets keep their split: presets were chosen with its validation part, and test
        samples of one split are training samples of another. Logistic regression and
        the models of numbers are not random, so on these a run is the same for every seed.
        """
        if self.dataset == "random-prototypes":
            return replace(self, seed=seed, data_seed=seed)
        fixed = ("logistic-regression", *baselines.SERIES)
        return self if self.model in fixed else replace(self, seed=seed)

    def small(self):
        """A very short run of the same kind."""
        few = 100 if catalogue.sequential(self.dataset) else 200
        return replace(self, epochs=min(self.epochs, 2), train_samples=few, folds=2, generated=())


def digest(run):
    """SHA-256 over a run, its kind and the version of the numerics, as 64 hex digits."""
    sequences, table = catalogue.sequential(run.dataset), told(run)
    # Digests are older than this common class: each of two kinds lacked fields of the other.
    for name, default in {"model": "bep", "refit": False}.items() if sequences \
            else {"folds": run.folds}.items():
        if table[name] == default:
            del table[name]
    text = {"kind": "SeriesRun" if sequences else "Run", "numerics": NUMERICS_VERSION,
            "run": table}
    return hashlib.sha256(json.dumps(text, sort_keys=True).encode()).hexdigest()


def place(dataset, data):
    """Folder of one of several data sets: None for one that is not there, but in a package."""
    there = data is None or not catalogue.folded(dataset) or archive.files(dataset, Path(data))
    return data if there else None


def content(dataset, data=None):
    """SHA-256, as 64 hex digits, over the numbers and labels that a data set's files hold.

    It identifies a result together with the run's digest, since another folder may hold other data
    under the same name. None for a data set without files. Parameters and errors as of
    :func:`datasets.load`.
    """
    if dataset in catalogue.PLAIN:
        return None
    checksum = hashlib.sha256()
    for part in datasets.read(dataset, place(dataset, data)).parts:
        for array in part:
            checksum.update(f"{array.dtype.str} {len(array)} {array.size} ".encode())
            checksum.update(np.ascontiguousarray(array).data)
    return checksum.hexdigest()


def file_name(run, checksum):
    """Name of the file of a run's result with the data of this :func:`content`."""
    return f"{run.digest}{'' if checksum is None else f'-{checksum[:16]}'}.json"


@lru_cache(maxsize=4)
def samples(checksum, dataset, train_samples, **options):
    """The data of a run, cached because the runs of an experiment share them.

    ``checksum`` is their :func:`content`, since a folder may hold other data later. ``options`` are
    those of :func:`datasets.load`.
    """
    loaded = datasets.load(dataset, **options)
    return loaded if train_samples is None else loaded.limit(
        min(train_samples, len(loaded.train)))


def execute(run, *, data=None, progress=None):
    """Train, keep the epoch of the best validation accuracy, test it: once, or once per fold.

    Parameters
    ----------
    run : Run
    data : path-like, optional
        Folder of the data sets, see :func:`datasets.load`.
    progress : callable, optional
        Called with each :class:`training.Epoch`.

    Returns
    -------
    dict
        JSON: the run, its digest, the checksum of its data (see :func:`content`), its accuracies
        (0..1), the history, seconds and versions. Accuracies of a cross-validated run are means,
        and ``folds`` has those of every fold, each with its history.
    """
    checksum, seconds, measured = content(run.dataset, data), 0.0, []
    folded = catalogue.folded(run.dataset)
    for fold in range(run.folds if folded else 1):
        if run.model in baselines.SERIES:
            begun = time.perf_counter()
            measured.append(of_numbers(run, fold, place(run.dataset, data)))
            seconds += time.perf_counter() - begun
            continue
        loaded = samples(checksum, run.dataset, run.train_samples, data=place(run.dataset, data),
                         seed=run.data_seed,
                         fold=fold, folds=run.folds, encoding=run.encoding, **dict(run.generated))
        begun = time.perf_counter()
        measured.append(measure(run, loaded, progress))
        seconds += time.perf_counter() - begun
    result = over_folds(measured) if folded else measured[0]
    packages = (*PACKAGES, *["aeon"] * folded,  # it contains some of those data sets
                *["green-tsetlin"] * (run.model in TSETLIN))
    return {"run": asdict(run), "digest": run.digest, "data": checksum, **result,
            "seconds": seconds, "versions": results.versions(*packages)}


def over_folds(measured):
    """Results of the folds of a run, and the means of their accuracies (None if there are none)."""
    means = {name: None if measured[0][name] is None
             else statistics.mean(fold[name] for fold in measured)
             for name in ("test_accuracy", "validation_accuracy")}
    return means | {"stored_bits": measured[0]["stored_bits"], "folds": measured}


def of_numbers(run, fold, data):
    """What a model of sequences as they are reaches in a fold: it also trains on the validation
    samples, which it does not need."""
    numbers = datasets.read(run.dataset, data)
    train, _, test = datasets.division(run.dataset, numbers, seed=run.data_seed, fold=fold,
                                       folds=run.folds, validation=False)
    train = train if run.train_samples is None else train[:run.train_samples]
    values, labels = datasets.joined(numbers)
    return baselines.fit_series(run.model, values, labels, train, test)


def measure(run, loaded, progress=None):
    """Train the model of a run on data and return what was measured."""
    lanes = run.counter_lanes  # also for P, which does not matter but must be a multiple of Q
    config = Config(loaded.inputs, tuple(run.hidden), loaded.classes, run.counter_bits,
                    lanes, lanes, run.hyper.batch, max_steps=loaded.steps, stable=run.hyper.stable,
                    windows=run.windows, image=loaded.image if run.windows else ())
    bits = config.counter_bits * sum(k * f for k, f in config.shapes)
    if run.model == "bep":
        return {"stored_bits": bits} | train(run, loaded, config, progress)
    if run.model == "random-features":
        return baselines.fit_random_features(loaded, run.seed, budget=bits,
                                             epochs=min(10, run.epochs))
    if run.model in TSETLIN:
        clauses = dict(zip(TSETLIN, (
            bits // tsetlin.clause_bits(loaded.inputs, loaded.classes), LARGE), strict=True))
        return tsetlin.fit(loaded, run.seed, clauses=clauses[run.model], epochs=run.epochs)
    return baselines.fit_logistic_regression(loaded)


def train(run, loaded, config, progress):
    """Train a network and test its best epoch, the last one of a refit; return what was measured.

    ``validation_accuracy`` of a refit is None.
    """
    network = Network(config, literal_targets=run.literal_targets)
    training.begin(network, loaded.train.x, run.hyper, run.seed)
    swap = partial(augment.swapped, part=run.swap, seed=run.seed) if run.swap else None
    used = loaded.refit() if run.refit else loaded
    history = training.fit(network, used, epochs=run.epochs,
                           hyper=run.hyper, seed=run.seed, progress=progress,
                           keep_best=not run.refit, augment=swap, order=run.order)
    held = [epoch.validation_accuracy for epoch in history]
    return {
        "test_accuracy": training.accuracy(network, loaded.test),
        "validation_accuracy": None if run.refit else max(held),
        "best_epoch": len(held) - 1 if run.refit else held.index(max(held)),
        "samples_per_second": training.speed(history, len(used.train)),
        "history": [{"error": epoch.error, "triggered": epoch.triggered,
                     "validation_accuracy": epoch.validation_accuracy} for epoch in history],
    }
