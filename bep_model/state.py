"""Trained states in files: counters, random bank and progress of one network.

The file is an NPZ archive (docs/state.md) whose arrays are those that the state port and register
RANDOM of the gateware read and write.
"""

import json
import zipfile
from dataclasses import asdict

import numpy as np

from bep_model.files import replacing

FORMAT = 1


def save(path, network):
    """Write the state of a network; the file appears whole or not at all.

    Raises ValueError if a batch is open (flush it first), and OSError.
    """
    if network.open_batch:
        raise ValueError(f"a batch of {network.open_batch} samples is open: flush it before saving")
    config = network.config
    header = {"format": FORMAT, "digest": config.digest, "config": asdict(config),
              "sweep_count": network.sweep_count}
    arrays = {f"counters_{l}": layer for l, layer in enumerate(network.counters, 1)}
    with replacing(path) as file:
        np.savez_compressed(file, header=json.dumps(header), bank=network.bank, **arrays)


def load(path, network):
    """Replace the state of a network by that of a file.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no state file, is damaged, or belongs to another configuration; every message
        starts with the path, and the network is as before.
    """
    header, arrays = _read(path)
    config = network.config
    if header["digest"] != config.digest:
        mine = json.loads(json.dumps(asdict(config)))
        other = [f"{name} {value} instead of {mine.get(name)}"
                 for name, value in header["config"].items() if value != mine.get(name)]
        raise ValueError(f"{path} is the state of another configuration: "
                         f"{', '.join(other) or 'of another version of the numerics'}")
    try:
        bank = arrays["bank"]
        if bank.dtype != np.uint32 or bank.shape != network.bank.shape:
            raise ValueError(f"bank must be uint32 of shape {network.bank.shape}, "
                             f"not {bank.dtype} of {bank.shape}")
        network.load([arrays[f"counters_{l}"] for l in range(1, config.depth + 1)])
    except KeyError as error:
        raise ValueError(f"{path} is damaged: it lacks {error.args[0]}") from None
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    network.bank[:] = bank
    network.sweep_count = header["sweep_count"]


def _read(path):
    """Header and arrays of a state file."""
    with open(path, "rb") as file:
        try:
            with np.load(file, allow_pickle=False) as archive:
                arrays = dict(archive)
            header = json.loads(str(arrays.pop("header")))
            known = header["format"] == FORMAT and isinstance(header["digest"], str) and \
                isinstance(header["config"], dict) and isinstance(header["sweep_count"], int)
        except (ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile):
            known = False
    if not known:
        raise ValueError(f"{path} is not a state file of format {FORMAT}, or is damaged")
    return header, arrays
