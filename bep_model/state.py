"""Trained states: as files, and as the words of the gateware's state port (docs/state.md)."""

import json
import math
import operator
import reprlib
import tokenize
import zipfile
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bep_model import inputs
from bep_model.config import Config
from bep_model.files import replacing
from bep_model.network import Network
from bep_model.words import counter_addresses, counters_to_words, words_to_counters

FORMAT = 1

MOST_TEXT = 1 << 24
"""Most characters of JSON in an entry of a file."""

_DAMAGE = (ValueError, KeyError, TypeError, AttributeError, EOFError, OSError, RuntimeError,
           MemoryError, OverflowError, SyntaxError, tokenize.TokenError, zipfile.BadZipFile,
           zlib.error)
"""What reading a damaged archive can raise. JSON that is nested too deeply raises RuntimeError;
NumPy reads the header of an array as Python source, hence SyntaxError and the like."""


class State:
    """A state without the golden model: what :func:`save` and :func:`load` need of a network.

    Parameters
    ----------
    config : Config
    counters : tuple of int16 arrays (K_l, F_l)
    bank : uint32 array (generators,)
    sweep_count, open_batch : int
    thresholds : tuple of int32 arrays (K_l,)
    """

    def __init__(self, config, counters=(), bank=None, sweep_count=0, open_batch=0, thresholds=()):
        self.config, self.counters, self.thresholds = config, counters, thresholds
        self.bank = np.ones(config.generators, np.uint32) if bank is None else bank
        self.sweep_count, self.open_batch = sweep_count, open_batch

    def load(self, counters):
        """Replace all counters, which ValueError refuses if they are out of range."""
        for l, layer in enumerate(counters, 1):
            inputs.check_range(f"counters of layer {l}", layer, *self.config.counter_range)
        self.counters = tuple(counters)


def save(path, network, *, estimator=None, run=None, best=(), data=None, compressed=True):
    """Write the state of a network; the file appears whole or not at all.

    Parameters
    ----------
    path : path-like
    network : Network
    estimator : dict, optional
        What an estimator around the network adds, as :meth:`BEPClassifier.save` makes it: JSON.
    run : dict, optional
        Where an unfinished training is, as :meth:`bep_model.fit.checkpoint.Checkpoint.entries`
        makes it: JSON.
    best : tuple of int16 arrays (K_l, F_l)
        Counters of its best epoch, if it is to end with them.
    data : dict, optional
        What a finished training was on: options of commands by their names, JSON.
    compressed : bool

    Raises
    ------
    ValueError
        If a batch is open (flush it first), or one of the dicts is not JSON or too large.
    OSError
        If the file cannot be written.
    """
    if network.open_batch:
        raise ValueError(f"a batch of {network.open_batch} samples is open: flush it before saving")
    config = network.config
    header = {"format": FORMAT, "digest": config.digest, "config": asdict(config),
              "sweep_count": network.sweep_count}
    # Equal counters make equal bytes, however they lie in memory.
    arrays: dict[str, Any] = {f"counters_{l}": np.ascontiguousarray(layer)
                              for l, layer in enumerate(network.counters, 1)}
    arrays |= {f"thresholds_{l}": layer for l, layer in enumerate(network.thresholds, 1)}
    arrays |= {f"best_{l}": np.ascontiguousarray(layer) for l, layer in enumerate(best, 1)}
    for name, table in (("estimator", estimator), ("run", run), ("data", data)):
        if table is not None:
            arrays[name] = json.dumps(table, allow_nan=False)
            if len(arrays[name]) > MOST_TEXT:
                raise ValueError(f"the {name} must be at most {MOST_TEXT} characters of JSON, "
                                 f"not {len(arrays[name])}")
    write = np.savez_compressed if compressed else np.savez
    with replacing(path) as file:
        write(file, header=json.dumps(header), bank=network.bank, **arrays)


def load(path, network=None):
    """Replace the state of a network by that of a file; return the network.

    Parameters
    ----------
    path : path-like
    network : Network, optional
        By default a new network of the file's configuration.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is not a state file, is damaged, or belongs to another configuration. Every message
        starts with the path, and the network has not changed.
    """
    header, config, arrays = _read(path, None if network is None else network.config)
    network = network or Network(config)
    try:
        thresholds = inputs.thresholds(config, [
            arrays[f"thresholds_{l}"] for l in range(1, len(config.windows) + 1)])
        network.load([arrays[f"counters_{l}"] for l in range(1, config.depth + 1)])
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    network.thresholds = thresholds
    network.bank[:] = arrays["bank"]
    network.sweep_count = header["sweep_count"]
    return network


def describe(path):
    """Return the configuration of a file's network, and what an estimator has added.

    Returns
    -------
    (Config, dict or None)
        The dictionary is the ``estimator`` of :func:`save`.

    Raises
    ------
    OSError, ValueError
        As :func:`load`.
    """
    _, config, arrays = _read(path)
    return config, _table(path, arrays, "estimator")


def data(path):
    """What the training of a file was on: ``data`` of :func:`save`, or None.

    Raises OSError and ValueError as :func:`load`.
    """
    _, _, arrays = _read(path)
    return _table(path, arrays, "data")


def unfinished(path):
    """What a file tells of an unfinished training.

    Returns
    -------
    (dict or None, tuple of int16 arrays)
        ``run`` and ``best`` of :func:`save`.

    Raises
    ------
    OSError, ValueError
        As :func:`load`.
    """
    _, config, arrays = _read(path)
    best = State(config)
    try:
        best.load([arrays[name] for name in sorted(arrays, key=_layer) if name.startswith("best_")])
    except ValueError as error:
        raise ValueError(f"{path} is damaged: best {error}") from None
    return _table(path, arrays, "run"), best.counters


def _layer(name):
    """The number at the end of an entry's name, 0 without one."""
    number = name.rpartition("_")[2]
    return int(number) if number.isdigit() else 0


def _table(path, arrays, name):
    """The table in an entry of JSON; None without it."""
    if name not in arrays:
        return None
    try:
        table = _parsed(arrays[name])
    except _DAMAGE as error:
        raise ValueError(f"{path} is damaged: the {name} is no JSON: {error}") from None
    if not isinstance(table, dict):
        raise ValueError(f"{path} is damaged: the {name} must be a table, "
                         f"not {type(table).__name__}")
    return table


def _read(path, wanted=None):
    """Header, configuration and arrays of a state file, of configuration ``wanted`` if given.

    The configuration determines type and shape of every array. An array whose header claims others
    is refused before memory is allocated for it.
    """
    with open(Path(path), "rb") as file:  # which is no number of an open file
        form = FORMAT
        try:
            archive = zipfile.ZipFile(file)
            header = _parsed(_array(archive, "header", _check_text))
            form = header["format"]
            known = header["format"] == FORMAT and isinstance(header["digest"], str) and \
                isinstance(header["config"], dict) and type(header["sweep_count"]) is int \
                and 0 <= header["sweep_count"] < 1 << 16
        except _DAMAGE:
            known = False
        if not known:
            if type(form) is int and form != FORMAT:
                raise ValueError(f"{path} is a state file of format {form}, which this version "
                                 f"does not read: its format is {FORMAT}")
            raise ValueError(f"{path} is not a state file of format {FORMAT}, or is damaged")
        if wanted is not None:
            _check_digest(path, header, wanted)
        try:
            config = wanted or Config(**header["config"])
            arrays = dict(_arrays(archive, config))
        except KeyError as error:
            raise ValueError(f"{path} is damaged: it lacks {error.args[0]}") from None
        except _DAMAGE as error:
            raise ValueError(f"{path} is damaged: {error}") from None
    _check_digest(path, header, config)
    return header, config, arrays


def _check_digest(path, header, config):
    if header["digest"] != config.digest:
        mine = json.loads(json.dumps(asdict(config)))
        other = [f"{name} {reprlib.repr(value)} instead of {mine.get(name)}"
                 for name, value in header["config"].items() if value != mine.get(name)]
        raise ValueError(f"{path} is the state of another configuration: "
                         f"{', '.join(other) or 'of another version of the numerics'}")


def _arrays(archive, config):
    """Names and values of the entries besides the header."""
    def check_bank(dtype, shape):
        if dtype != np.uint32 or shape != (config.generators,):
            raise ValueError(f"bank must be uint32 of shape ({config.generators},), "
                             f"not {dtype} of {shape}")

    bank = _array(archive, "bank", check_bank)
    if not bank.all():
        raise ValueError("bank must have no generator whose state is 0: it would stay 0")
    yield "bank", bank
    names = archive.namelist()
    for kind in ("counters", *["best"] * ("best_1.npy" in names)):
        for l in range(1, config.depth + 1):
            yield f"{kind}_{l}", _array(
                archive, f"{kind}_{l}",
                lambda dtype, shape, l=l: inputs.check_counters(config, l, dtype, shape))
    for l in range(1, len(config.windows) + 1):
        yield f"thresholds_{l}", _array(
            archive, f"thresholds_{l}",
            lambda dtype, shape, l=l: inputs.check_thresholds(config, l, dtype, shape))
    for name in ("estimator", "run", "data"):
        if f"{name}.npy" in names:
            yield name, _array(archive, name, _check_text)


def _array(archive, name, check):
    """Read an entry of an archive, after ``check`` has accepted its dtype and shape."""
    if f"{name}.npy" not in archive.namelist():
        raise KeyError(name)
    info = archive.getinfo(f"{name}.npy")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name} is compressed in an unknown way")
    with archive.open(info) as entry:
        shape, by_columns, dtype = inputs.npy_head(entry)
        check(dtype, shape)
        size = math.prod(shape) * dtype.itemsize
        octets = entry.read(size + 1)
    if len(octets) != size:
        raise ValueError(f"{name} is cut off or too long for its shape {shape}")
    return np.frombuffer(octets, dtype).reshape(shape, order="F" if by_columns else "C")


def _check_text(dtype, shape):
    if dtype.kind != "U" or shape != () or dtype.itemsize > 4 * MOST_TEXT:
        raise ValueError(f"JSON must be one string of at most {MOST_TEXT} characters, "
                         f"not {dtype} of {shape}")


def _parsed(text):
    """Read JSON; NaN and infinities, which are not JSON, are refused."""
    def refuse(constant):
        raise ValueError(f"{constant} is not a number of JSON")

    return json.loads(str(text), parse_constant=refuse)


def words(network):
    """The counters of a network as the state port reads and writes them.

    Returns
    -------
    list of (int, int)
        Address and counter word, in the order of :func:`bep_model.words.counter_addresses`.
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
        address, word = operator.index(address), operator.index(word)
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
