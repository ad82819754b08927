"""One training run of an experiment, as data: what is run, its digest, and its result.

A run is a frozen dataclass of JSON values with a ``digest`` and a method ``seeded(seed)``. Another
kind of run than :class:`Run` registers its own ``execute``::

    @execute.register
    def execute_sequences(run: SequenceRun, *, data=None, progress=None): ...
"""

import hashlib
import json
import time
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache, partial, singledispatch

import numpy as np

from bep import results
from bep_model.config import NUMERICS_VERSION, Config
from bep_model.data import augment, datasets, images, series
from bep_model.digests import LATE, told
from bep_model.fit import baselines, training
from bep_model.fit.training import Hyper
from bep_model.network import Network

MODELS = ("bep", "random-features", "logistic-regression")
PACKAGES = ("bep-trainer", "numpy", "numba", "scikit-learn")
"""Their versions stand in every result."""


@dataclass(frozen=True)
class Run:
    """All that decides the result of a run; equal runs give equal results.

    Parameters
    ----------
    dataset : str
        One of ``datasets.NAMES``.
    hidden : tuple of int
        Neurons per layer.
    epochs : int
    seed : int
        Of the initial weights, the random bits and the sample order.
    data_seed : int
        Of held-out samples and generated data.
    counter_bits : int
        B_h.
    hyper : Hyper
    train_samples : int or None
        Only the first so many training samples, for smoke runs.
    literal_targets : bool
    model : str
        One of ``MODELS``: BEP, or a baseline of :mod:`bep_model.fit.baselines` that may store as
        many bits as BEP's counters would.
    encoding : str
        Of images as bits, see :func:`datasets.load`.
    refit : bool
        Train on the validation samples too and test the last epoch, of hyper-parameters and a
        number of epochs that were chosen with them.
    counter_lanes : int
        Q, which decides what random bits a counter meets.
    generated : tuple of pairs
        Names and values of other sizes of generated data, see :func:`datasets.random_prototypes`.
    swap : float
        Swap noise of the training samples, see :func:`augment.swapped`; 0 is off.
    """

    dataset: str
    hidden: tuple
    epochs: int = 50
    seed: int = 1
    data_seed: int = 0
    counter_bits: int = 15
    hyper: Hyper = field(default_factory=Hyper)
    train_samples: int | None = None
    literal_targets: bool = False
    model: str = "bep"
    encoding: str = "default"
    refit: bool = False
    counter_lanes: int = field(default=8, metadata=LATE)
    generated: tuple = field(default=(), metadata=LATE)
    swap: float = field(default=0.0, metadata=LATE)

    def __post_init__(self):
        if self.model not in MODELS:
            raise ValueError(f"model must be one of {', '.join(MODELS)}, not {self.model!r}")

    @property
    def digest(self):
        """Name of the run's result, see :func:`digest`."""
        return digest(self)

    def seeded(self, seed):
        """The same run with another seed; what is generated is generated anew.

        Other data sets keep their split: presets were chosen with its validation part, and what
        is test in one split is training in another. Logistic regression has nothing random, so
        that it is the same run for every seed there.
        """
        if self.dataset == "random-prototypes":
            return replace(self, seed=seed, data_seed=seed)
        return self if self.model == "logistic-regression" else replace(self, seed=seed)

    def small(self):
        """A run of the same kind that takes a moment."""
        return replace(self, epochs=min(self.epochs, 2), train_samples=200, generated=())


def digest(run):
    """SHA-256 over a run, its kind and the version of the numerics, as 64 hex digits."""
    table = {"kind": type(run).__name__, "numerics": NUMERICS_VERSION, "run": told(run)}
    return hashlib.sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()


WITHOUT_FILES = ("digits", "random-prototypes")
"""Data sets that are the same everywhere."""


def content(dataset, data=None):
    """SHA-256, as 64 hex digits, over the numbers and labels that a data set's files hold.

    It belongs to a run as its digest does: in another folder there may be other data by the same
    name. None for the data sets :data:`WITHOUT_FILES`. Parameters and errors as of
    :func:`datasets.load`, or :func:`series.load`.
    """
    if dataset in WITHOUT_FILES:
        return None
    name = series.IMAGES.get(dataset, dataset)
    held = images.read(name, data) if name in images.CLASSES else series.read(dataset, data)
    checksum = hashlib.sha256()

    def tell(part):
        if isinstance(part, tuple):
            for each in part:
                tell(each)
        elif isinstance(part, np.ndarray):
            checksum.update(f"{part.dtype.str} {len(part)} {part.size} ".encode())
            checksum.update(np.ascontiguousarray(part))

    tell(held)
    return checksum.hexdigest()


def file_name(run, checksum):
    """Name of the file of a run's result with the data of this :func:`content`."""
    return f"{run.digest}{'' if checksum is None else f'-{checksum[:16]}'}.json"


@lru_cache(maxsize=4)
def samples(checksum, dataset, data_seed, data, train_samples, encoding="default", generated=()):
    """The data of a run; kept, since the runs of an experiment share theirs.

    ``checksum`` is their :func:`content`: a folder may hold other data later.
    """
    loaded = datasets.load(dataset, data=data, seed=data_seed, encoding=encoding,
                           **dict(generated))
    return loaded if train_samples is None else loaded.limit(
        min(train_samples, len(loaded.train)))


@singledispatch
def execute(run, *, data=None, progress=None):
    """Train, keep the epoch of the best validation accuracy, test it: once.

    Parameters
    ----------
    run : Run, or another kind that is registered
    data : path-like, optional
        Folder of the data sets, see :func:`datasets.load`.
    progress : callable, optional
        Called with each :class:`training.Epoch`.

    Returns
    -------
    dict
        JSON: the run, its digest, the checksum of its data (see :func:`content`), its accuracies
        (0..1), the history, seconds and versions.
    """
    raise TypeError(f"a run must be a Run, not {run!r}")


@execute.register
def execute_run(run: Run, *, data=None, progress=None):
    checksum = content(run.dataset, data)
    loaded = samples(checksum, run.dataset, run.data_seed, data, run.train_samples, run.encoding,
                     run.generated)
    lanes = run.counter_lanes  # P as well, which decides nothing but must be a multiple of Q
    config = Config(loaded.inputs, tuple(run.hidden), loaded.classes, run.counter_bits,
                    lanes, lanes, run.hyper.batch, stable=run.hyper.stable)
    bits = config.counter_bits * sum(k * f for k, f in config.shapes)
    begun = time.perf_counter()
    if run.model == "bep":
        swap = partial(augment.swapped, part=run.swap, seed=run.seed) if run.swap else None
        measured = {"stored_bits": bits} | train(run, loaded, config, progress, run.refit, swap)
    elif run.model == "random-features":
        measured = baselines.fit_random_features(loaded, run.seed, budget=bits,
                                                 epochs=min(10, run.epochs))
    else:
        measured = baselines.fit_logistic_regression(loaded)
    return {"run": asdict(run), "digest": run.digest, "data": checksum, **measured,
            "seconds": time.perf_counter() - begun, "versions": results.versions(*PACKAGES)}


def train(run, loaded, config, progress=None, refit=False, augmented=None):
    """Train a network and test its best epoch, the last one of a refit; return what was measured.

    ``augmented`` changes the training samples of an epoch, see :func:`training.fit`.
    ``validation_accuracy`` of a refit is None.
    """
    network = Network(config, literal_targets=run.literal_targets)
    network.reset(run.seed)
    history = training.fit(network, loaded.refit() if refit else loaded, epochs=run.epochs,
                           hyper=run.hyper, seed=run.seed, progress=progress, keep_best=not refit,
                           augment=augmented)
    held = [epoch.validation_accuracy for epoch in history]
    return {
        "test_accuracy": training.accuracy(network, loaded.test),
        "validation_accuracy": None if refit else max(held),
        "best_epoch": len(held) - 1 if refit else held.index(max(held)),
        "history": [{"error": epoch.error, "triggered": epoch.triggered,
                     "validation_accuracy": epoch.validation_accuracy} for epoch in history],
    }
