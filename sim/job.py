"""The task of a simulation of a trainer, and its observations."""

import json
from dataclasses import asdict, dataclass

import numpy as np

from bep_model import stored
from bep_model.config import Config
from bep_model.parameters import Parameters
from bep_model.protocol import Mode


@dataclass(frozen=True)
class Run:
    """Samples that are processed in one mode with one set of parameters, for instance an epoch.

    Parameters
    ----------
    parameters : Parameters
    order : array of int
        Rows of the job's samples, in the order in which they are sent.
    mode : Mode
        TRAIN or INFER. A batch that is not full at the end of a training run is flushed.
    every : bool
        Take a snapshot of the trainer's state after every batch, not only at the end of the run.
        The trainer is then idle between batches; otherwise samples are sent back to back.
    """

    parameters: Parameters
    order: np.ndarray
    mode: Mode = Mode.TRAIN
    every: bool = False

    def chunks(self):
        """The order, divided where snapshots are taken."""
        size = self.parameters.batch if self.every else max(len(self.order), 1)
        return [self.order[i:i + size] for i in range(0, len(self.order), size)]


@dataclass(frozen=True)
class Job:
    """One simulation.

    Parameters
    ----------
    config : Config
    x : uint8 array (N, K_0)
        Bits 0 and 1; (N, T, K_0) for a recurrent network.
    labels : int array (N,)
    runs : list of Run
    bank : uint32 array (generators,)
        Start states of the random bank.
    counters : sequence of int16 arrays (K_l, F_l), optional
        Written through the state port; by default the trainer initialises its counters itself.
    seed : int
        Seed of idle times and backpressure.
    idle, backpressure : float
        Probability, 0 or more and below 1, that a clock cycle brings no data or is not ready.
    lengths : int array (N,), optional
        Steps of each sequence, for a recurrent network; by default all have T.
    thresholds : sequence of int32 arrays (K_l,), optional
        Of the filters of a convolutional network; by default they are 0.
    """

    config: Config
    x: np.ndarray
    labels: np.ndarray
    runs: list
    bank: np.ndarray
    counters: tuple = ()
    seed: int = 1
    idle: float = 0.0
    backpressure: float = 0.0
    lengths: np.ndarray | None = None
    thresholds: tuple = ()

    def __post_init__(self):
        if self.config.recurrent and self.lengths is None:
            object.__setattr__(self, "lengths", np.full(len(self.x), self.x.shape[1]))

    def packed(self):
        """The samples as a stored set, see :func:`bep_model.stored.pack`."""
        # A bench starts without this: it imports much.
        from bep_model.data.datasets import Dataset, Samples

        samples = Samples(self.x, self.labels, self.lengths)
        nothing = Samples(self.x[:0], self.labels[:0])
        return stored.pack(self.config, Dataset(
            "job", samples, nothing, nothing, self.config.classes,
            image=self.config.image or None))

    def save(self, path):
        """Write the job as an npz file."""
        arrays = {f"order_{i}": run.order for i, run in enumerate(self.runs)}
        arrays |= {f"counters_{l}": counters for l, counters in enumerate(self.counters, 1)}
        arrays |= {f"thresholds_{l}": layer for l, layer in enumerate(self.thresholds, 1)}
        if self.lengths is not None:
            arrays["lengths"] = self.lengths
        header = {
            "config": asdict(self.config),
            "runs": [{"parameters": asdict(run.parameters), "mode": int(run.mode),
                      "every": run.every} for run in self.runs],
            "seed": self.seed, "idle": self.idle, "backpressure": self.backpressure,
        }
        np.savez_compressed(path, header=json.dumps(header), x=self.x, labels=self.labels,
                            bank=self.bank, **arrays)

    @classmethod
    def load(cls, path):
        """Read what :meth:`save` wrote."""
        with np.load(path) as file:
            header = json.loads(str(file["header"]))
            config = Config(**header.pop("config"))
            runs = [Run(Parameters(**run["parameters"]).validate(config), file[f"order_{i}"],
                        Mode(run["mode"]), run["every"])
                    for i, run in enumerate(header.pop("runs"))]
            counters = tuple(file[f"counters_{l}"] for l in range(1, config.depth + 1)
                             if f"counters_{l}" in file)
            thresholds = tuple(file[f"thresholds_{l}"] for l in range(1, len(config.windows) + 1)
                               if f"thresholds_{l}" in file)
            return cls(config=config, x=file["x"], labels=file["labels"], runs=runs,
                       bank=file["bank"], counters=counters,
                       lengths=file.get("lengths"), thresholds=thresholds, **header)


class Observations:
    """The observations that are compared: from the simulation, and from the golden model.

    Attributes
    ----------
    prediction, error, triggered : list of arrays (samples,)
        One array per chunk of samples. A sample that is only inferred does not trigger.
    samples : list of int
        Samples processed before each snapshot. The first snapshot precedes all samples.
    bank : list of uint32 arrays (generators,)
        The random bank in each snapshot.
    performance : list of int64 arrays
        The performance counters in each snapshot, in the order of ``protocol.COUNTERS``. The model
        knows them up to UPDATES.
    counters : list of tuples of int16 arrays (K_l, F_l)
        The counters in each snapshot.
    """

    def __init__(self):
        self.prediction, self.error, self.triggered = [], [], []
        self.samples, self.bank, self.performance, self.counters = [], [], [], []

    def arrays(self):
        """Everything as a dictionary of arrays: ``counters_l`` is (snapshots, K_l, F_l)."""
        result = {name: np.concatenate([np.empty(0, int), *getattr(self, name)]).astype(np.int64)
                  for name in ("prediction", "error", "triggered")}
        result |= {name: np.array(getattr(self, name), dtype=np.int64)
                   for name in ("samples", "bank", "performance")}
        return result | {f"counters_{l}": np.stack(layer)
                         for l, layer in enumerate(zip(*self.counters, strict=True), 1)}
