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

DIGEST = hashlib.sha256().digest_size
"""Bytes at the beginning of a file: SHA-256 of what follows, a NumPy archive."""
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
        self.key = ""

    @classmethod
    def beside(cls, path):
        """That of a training whose result goes to ``path``, in the same folder."""
        start = os.fsencode(path.name)[:LONGEST - len(ENDING)].decode(errors="ignore")
        return cls(path.with_name(start + ENDING))

    def begin(self, network, data, **options):
        """Go on from the file, if there is one: set the state of the network.

        Parameters
        ----------
        network : Network
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
            If the file is of another training.
        OSError
            If it cannot be read.
        """
        self.key = _key(network, data, options)
        try:
            octets = self.path.read_bytes()
        except FileNotFoundError:
            octets = b""
        if hashlib.sha256(octets[DIGEST:]).digest() != octets[:DIGEST]:  # it was cut off
            return [], network.counters
        with np.load(io.BytesIO(octets[DIGEST:])) as archive:
            header = json.loads(str(archive["header"]))
            if header["key"] != self.key:
                raise ValueError(f"{self.path} is of a training with other options or data: give "
                                 "these to go on with it, or remove it to begin anew")
            layers = range(network.config.depth)
            network.load([archive[f"counters_{l}"] for l in layers])
            network.bank[:] = archive["bank"]
            network.sweep_count = header["sweep_count"]
            best = tuple(archive[f"best_{l}"] for l in layers)
        return [Epoch(**entry | {"parameters": Parameters(**entry["parameters"]).validate(
            network.config)}) for entry in header["history"]], best

    def write(self, network, history, best):
        """Write the state after an epoch: a list of ``Epoch``, counters of the best one."""
        header = {"key": self.key, "sweep_count": network.sweep_count,
                  "history": [asdict(epoch) for epoch in history]}
        buffer = io.BytesIO()
        np.savez(buffer, header=json.dumps(header), bank=network.bank,
                 **{f"counters_{l}": layer for l, layer in enumerate(network.counters)},
                 **{f"best_{l}": layer for l, layer in enumerate(best)})
        with replacing(self.path) as file:
            file.write(hashlib.sha256(buffer.getbuffer()).digest())
            file.write(buffer.getbuffer())

    def remove(self):
        """The training is at its end, and its result is kept."""
        self.path.unlink(missing_ok=True)


def _key(network, data, options):
    """SHA-256, as 64 hex digits, over all that decides a training."""
    told = hashlib.sha256(repr((
        NUMERICS_VERSION, network.config.digest, network.literal_targets, network.literal_steps,
        network.sweep_count, sorted(options.items()))).encode())
    for array in (network.bank, *network.counters, *_arrays(data.train), *_arrays(data.validation)):
        told.update(f"{array.dtype.str}{array.shape}".encode())
        told.update(np.ascontiguousarray(array).data)
    return told.hexdigest()


def _arrays(samples):
    return [array for array in (samples.x, samples.labels, samples.lengths) if array is not None]
