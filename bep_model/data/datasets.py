"""Data sets as bits: `load` returns training, validation and test samples ready for a trainer."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.datasets import load_digits

from bep_model.checks import MOST_SEED, integer
from bep_model.data import archive, catalogue, encoders, images, sequences, tables
from bep_model.data.division import divide, split
from bep_model.data.encoding import bits, bounded

MOST_BYTES = 2**30  # of samples that are generated


@dataclass(frozen=True)
class Samples:
    """Encoded samples: ``x`` uint8 (N, inputs) of bits 0/1 and ``labels`` int64 (N,).

    Sequences: ``x`` is (N, T, inputs), and ``lengths`` int64 (N,) their steps unless all have T.
    """

    x: np.ndarray
    labels: np.ndarray
    lengths: np.ndarray | None = None

    def __len__(self):
        return len(self.labels)

    def first(self, count):
        """The first ``count`` samples, or all if there are fewer."""
        lengths = None if self.lengths is None else self.lengths[:count]
        return Samples(self.x[:count], self.labels[:count], lengths)


@dataclass(frozen=True)
class Dataset:
    """A named data set in three parts; ``validation`` may be empty.

    ``labels`` are the class labels of 0..C-1 in the files, ``features`` the names of the numbers of
    a sample, ``encoder`` is the fitted one, and ``image`` has rows, columns and channels of a
    sample's bits, if it is an image; None where they do not exist.
    """

    name: str
    train: Samples
    validation: Samples
    test: Samples
    classes: int
    labels: Sequence | None = None
    features: Sequence | None = None
    encoder: Any = None
    image: tuple | None = None

    @property
    def inputs(self):
        """Bits per sample, or per time step of a sequence."""
        return self.train.x.shape[-1]

    @property
    def steps(self):
        """T, time steps of the longest sequence; 0 if the samples are not sequences."""
        return self.train.x.shape[1] if self.train.x.ndim == 3 else 0

    def limit(self, train):
        """The same data with only the first ``train`` training samples.

        Raises ValueError unless 1 <= train <= the number there is.
        """
        if not 1 <= train <= len(self.train):
            raise ValueError(f"train_samples must be between 1 and {len(self.train)} for "
                             f"{self.name}, not {train}")
        return replace(self, train=self.train.first(train))

    def refit(self):
        """The same data with the validation samples at the end of the training samples."""
        parts = [self.train, self.validation]
        lengths = None
        if any(part.lengths is not None for part in parts):
            lengths = np.concatenate([np.full(len(part), self.steps) if part.lengths is None
                                      else part.lengths for part in parts])
        train = Samples(np.concatenate([part.x for part in parts]),
                        np.concatenate([part.labels for part in parts]), lengths)
        return replace(self, train=train, validation=self.validation.first(0))

    def check(self, config):
        """Raise ValueError unless a trainer of this ``config`` takes these samples."""
        if config.inputs != self.inputs:
            raise ValueError(f"{self.name} has {self.inputs} inputs, the configuration "
                             f"{config.inputs}: is it for another --dataset?")
        if config.windows and config.image != self.image:
            found = "has no images" if self.image is None else f"has images {list(self.image)}"
            raise ValueError(f"{self.name} {found}, the configuration {list(config.image)} (rows, "
                             "columns and bits of a pixel)")
        if config.recurrent and not self.steps:
            raise ValueError(f"max_steps must be 0 for {self.name}, which is no set of sequences, "
                             f"not {config.max_steps}")
        if config.max_steps < self.steps:
            raise ValueError(f"max_steps must be at least {self.steps} for the sequences of "
                             f"{self.name}, not {config.max_steps}")
        if config.classes < self.classes:
            raise ValueError(f"{self.name} has {self.classes} classes, the configuration only "
                             f"{config.classes}")


class Numbers(NamedTuple):
    """A data set as its files hold it, before it is divided and encoded.

    ``parts`` are pairs (values, labels 0..C-1): the training and the test part, or a single part
    that has yet to be divided. ``classes`` are the names of 0..C-1. ``lengths`` is int64 (N,) if
    sequences can differ in length. ``features`` are the names of a sample's numbers, if known.
    """

    parts: tuple
    classes: Sequence
    lengths: np.ndarray | None = None
    features: Sequence | None = None


def read(name, data=None):
    """The :class:`Numbers` of a data set; parameters and errors as of :func:`load`."""
    if name == "digits":
        return Numbers((load_digits(return_X_y=True),), range(10))
    if catalogue.images(name) is not None:
        *parts, classes = images.read(catalogue.images(name), data)
        return Numbers(tuple(parts), classes)
    if catalogue.table(name):
        if data is not None and Path(name).is_absolute():
            raise ValueError(f"data must be left out for a table with its whole path, {name}: it "
                             f"is {data}")
        parts, classes, features = tables.read(name if data is None else Path(data) / name)
        return Numbers(parts, classes, features=features)
    values, labels, lengths, classes = archive.read(name, data)
    return Numbers(((values, labels),), classes, lengths)


def load(name, *, data=None, seed=0, fold=0, folds=3, validation=True, encoding="default",
         numbers=None, held_seed=None, **generator):
    """Load, divide and encode a data set.

    digits
        scikit-learn's bundled 8x8 digits; thermometer with levels 4, 8, 12 of 0..16: 192 inputs.
        1,437 training and 360 test samples, stratified by class; 20 % of the former are held out
        for validation.
    FILE.csv, FILE.npz, FILE.arff, FOLDER/
        A table or images of your own, see :mod:`bep_model.data.tables`; eight bits per number, as
        of ``BEPClassifier``. A fifth, stratified by class, is the test part unless the file has
        one, and a fifth of the rest is held out for validation.
    random-prototypes
        The paper's generator: one random prototype per class, each bit of it flipped with a given
        probability; see :func:`random_prototypes` for the keywords that choose sizes.
    mnist, fashion-mnist
        By default one bit per pixel, above the pixel's median over the training part: 784 inputs.
        10,000 of the 60,000 training images are held out for validation; 10,000 test images.
    emnist-balanced, -byclass, -bymerge, -digits, -letters, -mnist
        The same of EMNIST's files, which are not downloaded: upright images, label 0 for the
        first class (also of the letters). A sixth of the training images is held out.
    idx
        The same of any other such files; the classes are the labels of the training images.
    s-mnist and other sets of images with ``s-`` before their names
        Sequences: the rows of the images, from top to bottom, are the time steps.
    ItalyPowerDemand and every other set of the UCR and UEA archives
        Sequences: the archive's training and test files are pooled, and one of ``folds`` parts,
        stratified by class, is the test part (the paper's protocol). A fifth of the rest is held
        out for validation.

    Encoders are fitted on the training part alone.

    Parameters
    ----------
    name : str
        One of ``catalogue.SETS``, a table, or another UCR or UEA set whose files are there.
    data : path-like, optional
        Folder of the files, or the folder above it; else environment variable BEP_DATA. Without it
        MNIST and Fashion-MNIST are downloaded into the user's cache. A table is in this very
        folder, by default the working one. IDX files, packed or not,
        have their usual names: ``train-images-idx3-ubyte.gz``, ``train-images.idx3-ubyte``,
        ``t10k-`` or ``test-`` of the test part, ``emnist-letters-train-`` and so on of EMNIST.
        For UCR and UEA sets see :func:`bep_model.data.archive.read`.
    seed : int
        Decides the folds, which samples are held out for test (digits) and validation, and
        generated samples.
    fold : int
        Which fold is the test part, 0..folds-1; 0 for sets with a test part of their own.
    folds : int
        At least 2; no effect on sets with a test part of their own.
    validation : bool
        Whether to hold out validation samples; if not, they stay in the training part.
    encoding : str or catalogue.Encoding
        For sequences an ``Encoding``; "default" has its default values. For images one of
        ``catalogue.ENCODINGS``. "median" is their default. "thermometer" compares a pixel with the
        levels 64 and 192 and leaves out bits that are the same in more than 98 % of the training
        images. "levels-A-B-.." compares every pixel with these levels and leaves out nothing, so
        that the bits are an image, too; "local", and "-local" behind the levels, tells whether a
        pixel stands out from its surroundings, see :class:`encoders.Local`. "differences-N" makes
        N local features, see :class:`encoders.Differences`.
        "selected-N" compares each pixel with five quantiles and keeps the N bits that tell most
        about the class, see :class:`selection.Informative`. For tables one of
        ``catalogue.TABLE_ENCODINGS``: N quantiles of each number, its median, N differences, or
        "none" for numbers that are bits. Other data sets have only "default".
    numbers : Numbers, optional
        What :func:`read` has read, else it is read here.
    held_seed : int, optional
        Decides which samples are held out for validation, instead of ``seed``.
    **generator
        Keywords of :func:`random_prototypes`; other data sets take none.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        For an encoding or a fold that is not allowed, a damaged file, or too few samples. OSError
        for an unknown name, a missing file or a failed download.
    """
    seed = integer("the seed of the data", seed, 0, MOST_SEED)
    encoding = catalogue.encoding_of(name, encoding)
    if name == "random-prototypes":
        return random_prototypes(seed=seed, validation=validation, **generator)
    if generator:
        raise TypeError(f"{name} has no option {sorted(generator)[0]!r}")
    if fold and not catalogue.folded(name):
        raise ValueError("fold is for sets of sequences that are cross-validated, and must be 0 "
                         f"for {name}, not {fold}")
    numbers = read(name, data) if numbers is None else numbers
    values, labels = joined(numbers)
    train, held, test = division(name, numbers, seed=seed, fold=fold, folds=folds,
                                 validation=validation, held_seed=held_seed)
    (first, second, third), encoder = encode(name, encoding, values, labels, numbers.lengths,
                                             (train, held, test))
    return Dataset(name, first, second, third, len(numbers.classes), numbers.classes,
                   numbers.features, encoder, image_of(name, values.shape[1:], first.x, encoder))


def joined(numbers):
    """Values and labels of all parts of :class:`Numbers`."""
    values, labels = (np.concatenate(arrays) for arrays in zip(*numbers.parts, strict=True))
    return values, labels


def division(name, numbers, *, seed=0, fold=0, folds=3, validation=True, held_seed=None):
    """Indices of the training, the validation and the test samples among those of all parts.

    Parameters and errors as of :func:`load`.
    """
    _, labels = joined(numbers)
    if len(numbers.parts) == 2:
        rest, test = np.split(np.arange(len(labels)), [len(numbers.parts[0][1])])
    elif not catalogue.folded(name):
        rest, test = split(name, labels, 360 if name == "digits" else round(len(labels) / 5), seed,
                           numbers.classes)
    else:
        rest, test = divide(name, labels, numbers.classes, fold, folds, seed)
    if not validation:
        return rest, rest[:0], test
    count = len(rest) / (5 if catalogue.images(name) is None else 6)
    # Two rules, because stored results are older than this common code.
    count = math.ceil(count) if catalogue.sequential(name) else int(count)
    kept, out = split(name, labels[rest], count, seed if held_seed is None else held_seed,
                      numbers.classes)
    return rest[kept], rest[out], test


def image_of(name, shape, x, encoder):
    """Rows, columns and channels of encoded images ``x``, if the encoder gives each pixel bits of
    its own; else None. ``shape`` is that of the numbers of a sample."""
    shape = catalogue.PLAIN[name].shape if name == "digits" else shape
    pixels = encoders.Median | encoders.Thermometer | encoders.Local
    if len(shape) != 2 or x.ndim != 2 or not (encoder is None or isinstance(encoder, pixels)):
        return None
    return (*shape, x.shape[1] // math.prod(shape))


def encode(name, encoding, values, labels, lengths, parts):
    """Encode the ``parts``, arrays of indices; the encoder is fitted on the first of them.

    Returns the samples of the parts, and the encoder.

    Raises ValueError, with the ``name``, if the encoding does not suit the numbers.
    """
    train = parts[0]
    try:
        bounded(values)  # before scikit-learn adds them up
        if catalogue.sequential(name):
            if lengths is None:
                lengths = np.full(len(values), values.shape[1])
            sequences.check(encoding, values.shape[2])
            values, lengths = sequences.steps(encoding, values, lengths)
            encoder = sequences.of_steps(encoding)
        else:
            encoder = (encoders.Thermometer((4, 8, 12)) if name == "digits"
                       else encoders.of_tables(encoding, values.shape[1:])
                       if catalogue.table(name)
                       else encoders.of_images(encoding, values.shape[1:]))
            values = values.reshape(len(values), -1)
        if encoder is None:
            bits(None, values, values.shape[1])
        else:
            encoder.fit(values[train], labels[train])
    except ValueError as error:
        told = name if isinstance(encoding, catalogue.Encoding) else f"{name}, encoding {encoding}"
        raise ValueError(f"{told}: {error}") from None
    if lengths is not None and (lengths == values.shape[1]).all():
        lengths = None

    def part(rows):
        found = bits(None, values[rows], values.shape[1]) if encoder is None else \
            encoder.transform(values[rows])
        if lengths is None:
            return Samples(found, labels[rows])
        return Samples(sequences.align_begin(found, lengths[rows]), labels[rows], lengths[rows])

    train = part(train)
    return [train, *(part(rows) if len(rows) else train.first(0) for rows in parts[1:])], encoder


def random_prototypes(*, train=20000, test=3000, inputs=1000, classes=10, flip=0.46, seed=0,
                      validation=True):
    """Generate the paper's Random Prototypes task.

    Parameters
    ----------
    train, test : int
        Samples of these parts; validation, if wanted, has as many samples as test.
    inputs, classes : int
        Bits per sample; number of prototypes.
    flip : float
        Probability, 0..1, that a sample's bit differs from its prototype's.
    seed : int
    validation : bool

    Returns
    -------
    Dataset
    """
    for what, value, low in (("train", train, 1), ("test", test, 1), ("inputs", inputs, 1),
                             ("classes", classes, 2)):
        if value < low:
            raise ValueError(f"{what} must be at least {low}, not {value}")
    most = MOST_BYTES // (inputs + 8)  # a label takes 8
    for what, value in (("train", train), ("test", test)):
        if value > most:
            raise ValueError(f"{what} must be at most {most} for {inputs} inputs, not {value}")
    if not 0 <= flip <= 1:
        raise ValueError(f"flip must be between 0 and 1, not {flip}")
    rng = np.random.default_rng(seed)
    prototypes = rng.integers(0, 2, (classes, inputs), np.uint8)

    def part(count):
        labels = rng.integers(0, classes, count)
        # float32 in blocks of 1,000 samples needs no more memory than the bits themselves
        x = prototypes[labels]
        for block in np.array_split(x, max(1, count // 1000)):
            block ^= rng.random(block.shape, np.float32) < flip
        return Samples(x, labels)

    parts = part(train), part(test), part(test if validation else 0)
    return Dataset("random-prototypes", parts[0], parts[2], parts[1], classes)
