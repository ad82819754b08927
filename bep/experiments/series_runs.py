"""One training of a recurrent network, cross-validated, as data (:mod:`bep.experiments.runs`)."""

import statistics
import time
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache

from bep import results
from bep.experiments.runs import PACKAGES, content, digest, execute, train
from bep_model.config import Config
from bep_model.data import series
from bep_model.data.series import Encoding
from bep_model.fit.training import Hyper


@dataclass(frozen=True)
class SeriesRun:
    """All that decides the result of a recurrent network's run.

    A UCR or UEA set is cross-validated: a network for every fold. Images have their own test part,
    and one network.

    Parameters
    ----------
    dataset : str
        As for :func:`bep_model.data.series.load`.
    hidden : tuple of int
        K_s and K_y.
    epochs : int
    seed : int
        Of the initial weights, the random bits and the sample order.
    data_seed : int
        Of the folds and the held-out samples.
    folds : int
    counter_bits : int
        B_h.
    encoding : Encoding
    hyper : Hyper
    train_samples : int or None
        Only the first so many training samples of every fold.
    """

    dataset: str
    hidden: tuple
    epochs: int = 50
    seed: int = 1
    data_seed: int = 0
    folds: int = 3
    counter_bits: int = 15
    encoding: Encoding = field(default_factory=Encoding)
    hyper: Hyper = field(default_factory=Hyper)
    train_samples: int | None = None
    literal_targets: bool = False

    @property
    def digest(self):
        """Name of the run's result, see :func:`bep.experiments.runs.digest`."""
        return digest(self)

    def seeded(self, seed):
        """The same run with another seed; the folds stay, since settings were chosen with them."""
        return replace(self, seed=seed)

    def small(self):
        """A run of the same kind that takes a moment."""
        return replace(self, epochs=min(self.epochs, 2), train_samples=100, folds=2)


@lru_cache(maxsize=4)
def samples(checksum, dataset, data_seed, data, fold, folds, encoding, train_samples):
    """The data of one fold, as :func:`bep.experiments.runs.samples`."""
    loaded = series.load(dataset, data=data, seed=data_seed, fold=fold, folds=folds,
                         encoding=encoding)
    return loaded if train_samples is None else loaded.limit(
        min(train_samples, len(loaded.train)))


@execute.register
def execute_series(run: SeriesRun, *, data=None, progress=None):
    """Train and test a network for every fold; accuracies are means over the folds."""
    checksum = content(run.dataset, data)
    begun, measured = time.perf_counter(), []
    for fold in range(1 if run.dataset in series.IMAGES else run.folds):
        loaded = samples(checksum, run.dataset, run.data_seed, data, fold, run.folds,
                         run.encoding, run.train_samples)
        config = Config(loaded.inputs, tuple(run.hidden), loaded.classes, run.counter_bits,
                        max_batch=run.hyper.batch, max_steps=loaded.steps)
        measured.append(train(run, loaded, config, progress))
    return {
        "run": asdict(run), "digest": run.digest, "data": checksum,
        "test_accuracy": statistics.mean(fold["test_accuracy"] for fold in measured),
        "validation_accuracy": statistics.mean(fold["validation_accuracy"] for fold in measured),
        "stored_bits": config.counter_bits * sum(k * f for k, f in config.shapes),
        "folds": measured,
        "seconds": time.perf_counter() - begun,
        "versions": results.versions(*PACKAGES, "aeon"),
    }
