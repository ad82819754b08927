"""Where an unfinished training is, in a state file from which it goes on (docs/state.md)."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from bep_model import state
from bep_model.checks import integer, one_of
from bep_model.config import NUMERICS_VERSION, Config
from bep_model.configuration import ARCHIVE
from bep_model.fit.hyper import Hyper
from bep_model.fit.training import ORDERS, Epoch
from bep_model.parameters import Parameters

ENDING = ".unfinished"
LONGEST = 255
"""Bytes of a file's name."""
BEGINNING = ("counters", "sweep_count")
"""What decides a training and is gone once it has begun."""
OPTIONS = ("epochs", "seed", "keep_best", "order", "literal_targets",
           *(each.name for each in fields(Hyper)))
"""What decides a training and is an option of a command."""
LATER = {"shift": Hyper.shift, "delay": Hyper.delay, "code": Config.code, "pairs": False}
"""What files do not tell that are older than it."""


@dataclass(frozen=True)
class Position:
    """Where a training is.

    ``facts`` decide its result, by name; ``options`` tell a command where its samples come from;
    ``best`` has the counters of the best epoch, of a training that is to end with them.
    """

    facts: dict
    options: dict
    history: list
    best: tuple

    @property
    def defaults(self):
        """Values of options of ``bep train`` by their names."""
        return self.options | {name: self.facts[name] for name in OPTIONS}


def position(path):
    """The :class:`Position` in a state file; None if its training is at its end.

    Raises
    ------
    ValueError
        If the file is damaged, or no state file.
    OSError
        If it cannot be read.
    """
    table, best = state.unfinished(path)
    if table is None:
        return None
    config, _ = state.describe(path)
    try:
        facts = LATER | table["facts"]
        if lacking := {*OPTIONS, *BEGINNING} - set(facts):
            raise ValueError(f"it lacks {min(lacking)}")
        found = Position(facts, dict(table["options"]), [
            Epoch(**entry | {"parameters": Parameters(**entry["parameters"]).validate(config)})
            for entry in table["history"]], best)
        Hyper(**{each.name: found.facts[each.name] for each in fields(Hyper)}).checked()
        integer("epochs", found.facts["epochs"], len(found.history))
        one_of("order", found.facts["order"], ORDERS)
        if found.facts["keep_best"] and not best:
            raise ValueError("the best epoch has no counters")
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise ValueError(f"{path} is damaged: the run is none: {error}") from None
    return found


class Checkpoint:
    """The files of an unfinished training, see :func:`bep_model.fit.training.fit`.

    Parameters
    ----------
    path : path-like, optional
        Written after every epoch. If it is there, the training goes on from it.
    source : path-like, optional
        A state file. If its training is unfinished, it goes on from there unless ``path`` is there.
    options : dict, optional
        Kept in the files, for :attr:`Position.defaults`: JSON.

    Attributes
    ----------
    begun : Position or None
        That of ``source``.
    """

    def __init__(self, path=None, *, source=None, options=None):
        self.path, self.source = None if path is None else Path(path), source
        self.begun = None if source is None else position(source)
        self.options, self.facts = options or {}, {}
        self.reached: Position | None = None

    @classmethod
    def beside(cls, path, **options):
        """That of a training whose result goes to ``path``, in the same folder."""
        start = os.fsencode(path.name)[:LONGEST - len(ENDING)].decode(errors="ignore")
        return cls(path.with_name(start + ENDING), **options)

    def epochs(self):
        """How many epochs are done and how many there are to be; (0, 0) without a file.

        Raises
        ------
        ValueError
            If the file is damaged, or none of a training: it is not overwritten.
        OSError
            If it cannot be read.
        """
        found = self.position()
        return (len(found.history), found.facts["epochs"]) if found else (0, 0)

    def position(self):
        """The :class:`Position` in ``path``; None without a file. Raises as :meth:`epochs`."""
        if self.path is None or not os.path.lexists(self.path):
            return None
        if not self.path.is_file():  # opening a pipe could take for ever
            raise ValueError(f"{self.path} is no file of unfinished epochs: move it away")
        with open(self.path, "rb") as file:
            known = file.read(len(ARCHIVE)) == ARCHIVE
        try:
            found = position(self.path) if known else None
        except ValueError:
            raise ValueError(f"{self.path} is damaged: remove it to begin anew") from None
        if found is None:
            raise ValueError(f"{self.path} is no file of unfinished epochs: move it away, it "
                             "would be overwritten")
        return found

    def check(self, network, data, **options):
        """Return how many epochs of this training are done, 0 without a file.

        Parameters and errors as of :meth:`begin`, which comes next.
        """
        self.facts = _facts(network, data, options)
        if self.begun is not None:
            self.facts |= {name: self.begun.facts.get(name) for name in BEGINNING}
        found = self.position()
        for path, there, otherwise in ((self.source, self.begun, ""),
                                       (self.path, found, ", or remove it to begin anew")):
            differing = there and [_told(name, there.facts.get(name), value)
                                   for name, value in self.facts.items()
                                   if there.facts.get(name) != value]
            if differing:
                raise ValueError(f"{path} is of a training with {', '.join(differing)}: give its "
                                 f"options to go on with it{otherwise}")
        self.reached = found or self.begun
        return len(self.reached.history) if self.reached else 0

    def begin(self, network, data, **options):
        """Go on from a file, if there is one: set the state of the network.

        Parameters
        ----------
        network : Network or Board
            As it is before the first epoch; whatever it is, if ``source`` is of an unfinished
            training.
        data : Dataset
        **options
            Whatever else decides the result: JSON.

        Returns
        -------
        (list of Epoch, tuple of arrays)
            The epochs that are done, and the counters of the best one.

        Raises
        ------
        ValueError
            As :meth:`epochs`, and if a file is of another training: then with what differs.
        OSError
            If it cannot be read.
        """
        if not self.check(network, data, **options):
            return [], network.counters if options["keep_best"] else ()
        assert self.reached is not None  # for it has epochs
        found = state.load(self.place, state.State(network.config))
        network.restore(found.counters, found.bank, found.sweep_count)
        if found.thresholds:
            network.thresholds = found.thresholds
        return self.reached.history, self.reached.best

    def write(self, network, history, best):
        """Take note of an epoch: a list of ``Epoch``, counters of the best one."""
        self.reached = Position(self.facts, self.options, history, best)
        if self.path is not None:  # it is written often
            state.save(self.path, network, compressed=False, **self.entries())

    @property
    def place(self):
        """The file from which the training goes on."""
        return self.source if self.reached is self.begun else self.path

    def entries(self):
        """What is reached, as arguments ``run`` and ``best`` of :func:`bep_model.state.save`."""
        found = self.reached
        assert found is not None  # after the first epoch
        return {"run": {"facts": found.facts, "options": found.options,
                        "history": [asdict(epoch) for epoch in found.history]}, "best": found.best}

    def remove(self):
        """The training is at its end, and its result is kept."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def _facts(network, data, options):
    """All that decides a training, by name: JSON, SHA-256 of arrays."""
    config = asdict(network.config)
    values = {"numerics": NUMERICS_VERSION, **config, "prototype_seed": config["seed"],
              # Which a board does not have: what the model has done goes on there.
              "literal_targets": getattr(network, "literal_targets", False),
              "literal_steps": getattr(network, "literal_steps", False),
              "sweep_count": network.sweep_count, **options, **asdict(options["hyper"])}
    del values["hyper"]
    return json.loads(json.dumps(values)) | {
        "counters": _digest(network.bank, *network.counters, *network.thresholds),
        "data": _digest(*_arrays(data.train), *_arrays(data.validation))}


def _digest(*arrays):
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype.str}{array.shape}".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def _told(name, old, new):
    """What differs, in words."""
    return f"other {name}" if name in ("counters", "data") else f"{name} {old}, not {new}"


def _arrays(samples):
    return [array for array in (samples.x, samples.labels, samples.lengths) if array is not None]
