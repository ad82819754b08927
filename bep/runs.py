"""One training run of an experiment, as data: what is run, its digest, and its result."""

import hashlib
import json
import time
from dataclasses import asdict, dataclass, field
from functools import lru_cache

from bep import results
from bep_model import datasets, training
from bep_model.config import NUMERICS_VERSION, Config
from bep_model.network import Network
from bep_model.training import Hyper


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

    @property
    def digest(self):
        """SHA-256 over the run and the version of the numerics, as 64 hex digits."""
        text = json.dumps({"numerics": NUMERICS_VERSION} | asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


@lru_cache(maxsize=4)
def samples(dataset, data_seed, data, train_samples):
    """The data of a run; kept, since the runs of an experiment share theirs."""
    loaded = datasets.load(dataset, data=data, seed=data_seed)
    return loaded if train_samples is None else loaded.limit(
        min(train_samples, len(loaded.train)))


def execute(run, *, data=None, progress=None):
    """Train, keep the epoch of the best validation accuracy, test it: once.

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
        JSON: the run, its accuracies (0..1), the history, seconds and versions.
    """
    loaded = samples(run.dataset, run.data_seed, data, run.train_samples)
    config = Config(loaded.inputs, tuple(run.hidden), loaded.classes, run.counter_bits,
                    max_batch=run.hyper.batch)
    network = Network(config, literal_targets=run.literal_targets)
    network.reset(run.seed)
    begun = time.perf_counter()
    history = training.fit(network, loaded, epochs=run.epochs, hyper=run.hyper, seed=run.seed,
                           progress=progress, keep_best=True)
    held = [epoch.validation_accuracy for epoch in history]
    return {
        "run": asdict(run),
        "digest": run.digest,
        "test_accuracy": training.accuracy(network, loaded.test),
        "validation_accuracy": max(held),
        "best_epoch": held.index(max(held)),
        "stored_bits": config.counter_bits * sum(k * f for k, f in config.shapes),
        "history": [{"error": epoch.error, "triggered": epoch.triggered,
                     "validation_accuracy": epoch.validation_accuracy} for epoch in history],
        "seconds": time.perf_counter() - begun,
        "versions": results.versions("bep-trainer", "numpy", "numba", "scikit-learn"),
    }
