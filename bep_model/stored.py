"""Sets of samples in a store beside the trainer, as bytes (docs/store.md)."""

import struct
from binascii import crc_hqx
from dataclasses import astuple, dataclass

import numpy as np

from bep_model.phases.order import shuffled
from bep_model.protocol import sample_bytes, slot_bits, word_bytes

MAGIC = b"BEPset01"
HEADER = struct.Struct("<8s7IH")
"""Magic; K_0 (or K_x), P, C, T (0 without recurrence); samples for training, validation and test;
CRC of the samples, as of packets. A CRC of all that follows."""
CHECKSUM = struct.Struct("<H")


def checksum(octets):
    """The CRC of packets (docs/link.md) over bytes: int, 16 bits."""
    return crc_hqx(octets, 0xFFFF)


@dataclass(frozen=True)
class Part:
    """Samples that follow one another in the store."""

    base: int
    """Number of the first one."""
    count: int


class WrongSet(ValueError):
    """What the store holds is no set, or not the expected one."""


@dataclass(frozen=True)
class StoredSet:
    """What the header of a stored set says.

    Parameters
    ----------
    inputs, lanes, classes : int
        K_0 (or K_x), P and C of the trainer that it is for.
    steps : int
        T of all sequences; 0 if the samples are none.
    train, validation, test : int
        Numbers of samples.
    checksum : int
        Over the bytes of all samples, see :func:`checksum`.
    """

    inputs: int
    lanes: int
    classes: int
    steps: int
    train: int
    validation: int
    test: int
    checksum: int

    def header(self):
        """The header as bytes."""
        fields = HEADER.pack(MAGIC, *astuple(self))
        return fields + CHECKSUM.pack(checksum(fields))

    @property
    def count(self):
        """Samples in all."""
        return self.train + self.validation + self.test

    def parts(self, config):
        """The :class:`Part` of each kind of samples, and of all, by name."""
        base, found = first(config), {}
        found["all"] = Part(base, self.count)
        for name in ("train", "validation", "test"):
            found[name] = Part(base, getattr(self, name))
            base += found[name].count
        return found

    def check(self, config):
        """Raise WrongSet unless a trainer of this configuration takes the set."""
        for name, is_, wanted in (
                ("inputs", self.inputs, config.inputs), ("lanes", self.lanes, config.weight_lanes),
                ("classes", self.classes, config.classes)):
            if is_ != wanted:
                raise WrongSet(f"the stored set is for a trainer with {name} = {is_}, not {wanted}")
        if bool(self.steps) != config.recurrent or self.steps > config.max_steps:
            raise WrongSet(f"the stored set has {self.steps} steps, the trainer at most "
                           f"{config.max_steps} (0: no sequences)")


HEADER_BYTES = HEADER.size + CHECKSUM.size


def first(config):
    """Number of the first sample: the header takes the place of those before it."""
    return -(-HEADER_BYTES >> slot_bits(config))


def parse(octets):
    """The :class:`StoredSet` of a header; WrongSet if the bytes are none."""
    fields, rest = octets[:HEADER.size], octets[HEADER.size:HEADER_BYTES]
    if fields[:len(MAGIC)] != MAGIC:
        raise WrongSet("the store holds no set of samples: load one with `bep board load`")
    if rest != CHECKSUM.pack(checksum(fields)):
        raise WrongSet("the header of the stored set is damaged: load it anew")
    return StoredSet(*HEADER.unpack(fields)[1:])


def pack(config, data):
    """A data set as the bytes of a store; the samples of each part are shuffled.

    Parameters
    ----------
    config : Config
        Of the trainer.
    data : Dataset
        Whose sequences all have the same number of steps.

    Returns
    -------
    (StoredSet, bytes)
        The bytes begin with the header. Each sample takes ``1 << slot_bits(config)`` of them, of
        which those behind the sample are 0.

    Raises
    ------
    ValueError
        If the data do not have the configuration's shape, or sequences differ in length.
    """
    data.check(config)
    parts = (data.train, data.validation, data.test)
    steps = _steps(parts, data.steps)
    size = sample_bytes(config, steps) if steps else sample_bytes(config)
    samples = np.concatenate([_pack(config, part, steps) for part in parts])
    assert samples.shape[1] == size
    slots = np.zeros((first(config) + len(samples), 1 << slot_bits(config)), np.uint8)
    slots[first(config):, :size] = samples
    train, validation, test = map(len, parts)
    described = StoredSet(config.inputs, config.weight_lanes, config.classes, steps,
                          train, validation, test, checksum(np.ascontiguousarray(samples)))
    image = bytearray(slots.tobytes())
    image[:HEADER_BYTES] = described.header()
    return described, bytes(image)


def _steps(parts, most):
    lengths = [length for part in parts if part.lengths is not None for length in part.lengths]
    lengths += [most for part in parts if part.lengths is None and len(part)]
    if min(lengths, default=0) != max(lengths, default=0):
        raise ValueError(f"a store takes sequences of one length, not of {min(lengths)} to "
                         f"{max(lengths)} steps")
    return int(max(lengths, default=0))


def _pack(config, samples, steps):
    """Samples as a request SAMPLES has them, in the order of the store: uint8 (N, bytes)."""
    rows = shuffled(len(samples))
    x = (samples.x[:, :steps] if steps else samples.x[:, None])[rows]
    lanes, words = config.weight_lanes, config.input_words
    bits = np.zeros((*x.shape[:2], words * lanes), np.uint8)
    bits[..., :x.shape[2]] = x
    octets = np.packbits(bits.reshape(len(x), x.shape[1] * words, lanes), axis=2,
                         bitorder="little")
    return np.concatenate([octets.reshape(len(x), x.shape[1] * words * word_bytes(lanes)),
                           samples.labels[rows].astype(np.uint8)[:, None]], axis=1)
