"""What a training has reached after an epoch, as a file from which it goes on."""

import hashlib
import io
import json
import os
from dataclasses import asdict
from pathlib import Path

import numpy as np

from bep_model.config import NUMERICS_VERSION
from bep_model.files import replacing
from bep_model.fit.training import Epoch
from bep_model.parameters import Parameters

MAGIC = b"BEP, epochs of a training\n"
"""What a file begins with: nobody else's does. SHA-256 of the rest follows, a NumPy archive."""
DIGEST = hashlib.sha256().digest_size
ENDING = ".unfinished"
LONGEST = 255
"""Bytes of a file's name."""


class Checkpoint:
    """The file of an unfinished training, see :func:`bep_model.fit.training.fit`.

    Parameters
    ----------
    path : path-like
    """

    def __init__(self, path):
        self.path = Path(path)
        self.facts = {}

    @classmethod
    def beside(cls, path):
        """That of a training whose result goes to ``path``, in the same folder."""
        start = os.fsencode(path.name)[:LONGEST - len(ENDING)].decode(errors="ignore")
        return cls(path.with_name(start + ENDING))

    def epochs(self):
        """How many epochs are done and how many there are to be; (0, 0) without a file.

        Raises
        ------
        ValueError
            If the file is damaged, or none of a training: it is not overwritten.
        OSError
            If it cannot be read.
        """
        found = self._read()
        return (len(found[0]["history"]), int(found[0]["facts"]["epochs"])) if found else (0, 0)

    def _read(self):
        """Header and archive; None without a file. Raises as :meth:`epochs`."""
        if not os.path.lexists(self.path):
            return None
        if not self.path.is_file():  # opening a pipe could take for ever
            raise ValueError(f"{self.path} is no file of unfinished epochs: move it away")
        with open(self.path, "rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise ValueError(f"{self.path} is no file of unfinished epochs: move it away, it "
                                 "would be overwritten")
            digest, octets = file.read(DIGEST), file.read()
        if hashlib.sha256(octets).digest() != digest:
            raise ValueError(f"{self.path} is damaged: remove it to begin anew")
        with np.load(io.BytesIO(octets)) as archive:
            return json.loads(str(archive["header"])), dict(archive)

    def check(self, network, data, **options):
        """Return how many epochs of this training are done, 0 without a file.

        Parameters and errors as of :meth:`begin`, which comes next.
        """
        self.facts = _facts(network, data, options)
        found = self._read()
        if found is None:
            return 0
        facts = found[0]["facts"]
        if differing := [_told(name, facts.get(name), value) for name, value in self.facts.items()
                         if facts.get(name) != value]:
            raise ValueError(f"{self.path} is of a training with {', '.join(differing)}: give its "
                             "options to go on with it, or remove it to begin anew")
        return len(found[0]["history"])

    def begin(self, network, data, **options):
        """Go on from the file, if there is one: set the state of the network.

        Parameters
        ----------
        network : Network or Board
            As it is before the first epoch.
        data : Dataset
        **options
            Whatever else decides the result, of types that ``repr`` tells apart.

        Returns
        -------
        (list of Epoch, tuple of arrays)
            The epochs that are done, and the counters of the best one.

        Raises
        ------
        ValueError
            As :meth:`epochs`, and if the file is of another training: then with what differs.
        OSError
            If it cannot be read.
        """
        if not self.check(network, data, **options):
            return [], network.counters
        header, arrays = self._read()
        layers = range(network.config.depth)
        network.restore([arrays[f"counters_{l}"] for l in layers], arrays["bank"],
                        header["sweep_count"])
        best = tuple(arrays[f"best_{l}"] for l in layers)
        return [Epoch(**entry | {"parameters": Parameters(**entry["parameters"]).validate(
            network.config)}) for entry in header["history"]], best

    def write(self, network, history, best):
        """Write the state after an epoch: a list of ``Epoch``, counters of the best one."""
        header = {"facts": self.facts, "sweep_count": network.sweep_count,
                  "history": [asdict(epoch) for epoch in history]}
        buffer = io.BytesIO()
        np.savez(buffer, header=json.dumps(header), bank=network.bank,
                 **{f"counters_{l}": layer for l, layer in enumerate(network.counters)},
                 **{f"best_{l}": layer for l, layer in enumerate(best)})
        with replacing(self.path) as file:
            file.write(MAGIC)
            file.write(hashlib.sha256(buffer.getbuffer()).digest())
            file.write(buffer.getbuffer())

    def remove(self):
        """The training is at its end, and its result is kept."""
        self.path.unlink(missing_ok=True)


def _facts(network, data, options):
    """All that decides a training: texts by name, SHA-256 of arrays."""
    config = asdict(network.config)
    values = {"numerics": NUMERICS_VERSION, **config, "prototype_seed": config["seed"],
              # Which a board does not have: what the model has done goes on there.
              "literal_targets": getattr(network, "literal_targets", False),
              "literal_steps": getattr(network, "literal_steps", False),
              "sweep_count": network.sweep_count, **options, **asdict(options["hyper"])}
    del values["hyper"]
    return {name: repr(value) for name, value in values.items()} | {
        "counters": _digest(network.bank, *network.counters),
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
