"""Trained states: as files, and as the words of the gateware's state port (docs/state.md)."""

import json
import zipfile
import zlib
from dataclasses import asdict

import numpy as np

from bep_model.config import Config
from bep_model.files import replacing

FORMAT = 1

_DAMAGE = (ValueError, KeyError, TypeError, AttributeError, EOFError, OSError, RuntimeError,
           zipfile.BadZipFile, zlib.error)
"""What reading a damaged archive raises."""


def save(path, network, *, estimator=None):
    """Write the state of a network; the file appears whole or not at all.

    Parameters
    ----------
    path : path-like
    network : Network
    estimator : dict, optional
        What an estimator around the network adds, as :meth:`BEPClassifier.save` makes it: JSON.

    Raises
    ------
    ValueError
        If a batch is open (flush it first).
    OSError
        If the file cannot be written.
    """
    if network.open_batch:
        raise ValueError(f"a batch of {network.open_batch} samples is open: flush it before saving")
    config = network.config
    header = {"format": FORMAT, "digest": config.digest, "config": asdict(config),
              "sweep_count": network.sweep_count}
    arrays = {f"counters_{l}": layer for l, layer in enumerate(network.counters, 1)}
    if estimator is not None:
        arrays["estimator"] = json.dumps(estimator, allow_nan=False)
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


def describe(path):
    """Say which network a file holds, and what an estimator has added.

    Returns
    -------
    (Config, dict or None)
        The dictionary is the ``estimator`` of :func:`save`.

    Raises
    ------
    OSError, ValueError
        As :func:`load`.
    """
    header, arrays = _read(path)
    try:
        config = Config(**header["config"])
        estimator = json.loads(str(arrays["estimator"])) if "estimator" in arrays else None
        if not isinstance(estimator, dict | None):
            raise ValueError(f"the estimator must be a table, not {estimator!r}")
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    return config, estimator


def _read(path):
    """Header and arrays of a state file."""
    with open(path, "rb") as file:
        try:
            with np.load(file, allow_pickle=False) as archive:
                arrays = dict(archive)
            header = json.loads(str(arrays.pop("header")))
            known = header["format"] == FORMAT and isinstance(header["digest"], str) and \
                isinstance(header["config"], dict) and type(header["sweep_count"]) is int \
                and 0 <= header["sweep_count"] < 1 << 16
        except _DAMAGE:
            known = False
    if not known:
        raise ValueError(f"{path} is not a state file of format {FORMAT}, or is damaged")
    return header, arrays


def words(network):
    """The counters of a network as the state port reads and writes them.

    Returns
    -------
    list of (int, int)
        Address and counter word, in the order of :func:`counter_addresses`.
    """
    config = network.config
    return list(zip(counter_addresses(config), counters_to_words(config, network.counters),
                    strict=True))


def from_words(config, pairs):
    """The counters that words of the state port hold; the reverse of :func:`words`.

    Parameters
    ----------
    config : Config
    pairs : iterable of (int, int)
        Address and counter word, in any order, each counter word once.

    Returns
    -------
    tuple of int16 arrays (K_l, F_l)
        What :meth:`Network.load` takes.

    Raises
    ------
    ValueError
        For a missing, repeated or unknown address, or a word that has too many bits.
    """
    found, bits = {}, config.counter_lanes * config.counter_bits
    for address, word in pairs:
        if address in found:
            raise ValueError(f"address {address} occurs twice")
        if not 0 <= word < 1 << bits:
            raise ValueError(f"the word at address {address} must have {bits} bits, not {word:#x}")
        found[address] = word
    addresses = counter_addresses(config)
    for kind, other in (("missing", set(addresses) - set(found)),
                        ("not one of a counter word", set(found) - set(addresses))):
        if other:
            raise ValueError(f"address {min(other)} is {kind}")
    return words_to_counters(config, [found[address] for address in addresses])


def counter_addresses(config):
    """Address of every counter word: layers, rows and words ascending."""
    return [config.counter_address(l, row, word)
            for l, (k, _) in enumerate(config.shapes, 1) for row in range(k)
            for word in range(config.counter_words[l - 1])]


def counters_to_words(config, counters):
    """Counter words in the order of :func:`counter_addresses`.

    Parameters
    ----------
    config : Config
    counters : sequence of int16 arrays (K_l, F_l)

    Returns
    -------
    list of int
        Lane i, two's complement, is in bits ``i * B_h`` and up.
    """
    q, b = config.counter_lanes, config.counter_bits
    result = []
    for layer, spans in zip(counters, config.spans, strict=True):
        padded = np.zeros((len(layer), len(spans) * q), np.int16)
        padded[:, _lanes(spans, q)] = layer
        bits = (padded[..., None] >> np.arange(b)) & 1
        result += integers(bits.astype(np.uint8).reshape(-1, q * b))
    return result


def words_to_counters(config, words):
    """Inverse of :func:`counters_to_words`: a tuple of int16 arrays (K_l, F_l)."""
    q, b = config.counter_lanes, config.counter_bits
    size = -(-q * b // 8)
    data = np.frombuffer(b"".join(word.to_bytes(size, "little") for word in words), np.uint8)
    bits = np.unpackbits(data.reshape(-1, size), axis=1, count=q * b, bitorder="little")
    values = (bits.reshape(-1, q, b).astype(np.int32) << np.arange(b)).sum(axis=2)
    values -= (values >> (b - 1)) << b
    counters, start = [], 0
    for rows, spans in zip(config.layers, config.spans, strict=True):
        layer = values[start:start + rows * len(spans)].reshape(rows, len(spans) * q)
        counters.append(layer[:, _lanes(spans, q)].astype(np.int16))
        start += rows * len(spans)
    return tuple(counters)


def _lanes(spans, q):
    """Lanes of a row's counter words, put together, that hold its counters."""
    return [word * q + lane for word, (_, _, count) in enumerate(spans) for lane in range(count)]


def integers(bits):
    """Each row of a uint8 array of bits as an integer, first bit lowest: a list of int."""
    return [int.from_bytes(row.tobytes(), "little")
            for row in np.packbits(bits, axis=1, bitorder="little")]
