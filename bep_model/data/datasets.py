"""Data sets as bits: `load` returns training, validation and test samples ready for a trainer."""

from dataclasses import dataclass, replace

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from bep_model.checks import MOST_SEED, integer
from bep_model.data import images
from bep_model.data.encoders import Thermometer
from bep_model.data.images import ENCODINGS

__all__ = ["ENCODINGS", "NAMES", "Dataset", "Samples", "check_encoding", "load",
           "random_prototypes", "split"]

NAMES = ("digits", "random-prototypes", *images.CLASSES)


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
    """A named data set in three parts; ``validation`` may be empty."""

    name: str
    train: Samples
    validation: Samples
    test: Samples
    classes: int

    @property
    def inputs(self):
        """Bits per sample, or per time step of a sequence."""
        return self.train.x.shape[-1]

    @property
    def steps(self):
        """T, time steps of the longest sequence; 0 if the samples are no sequences."""
        return self.train.x.shape[1] if self.train.x.ndim == 3 else 0

    def limit(self, train):
        """The same data with only the first ``train`` training samples.

        Raises ValueError unless 1 <= train <= the number there is.
        """
        if not 1 <= train <= len(self.train):
            raise ValueError(
                f"{self.name} has 1 to {len(self.train)} training samples, not {train}"
            )
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
                             f"{config.inputs}")
        if config.recurrent != bool(self.steps) or config.max_steps < self.steps:
            raise ValueError(f"{self.name} has {self.steps} time steps, the configuration at most "
                             f"{config.max_steps} (0: no sequences)")
        if config.classes < self.classes:
            raise ValueError(f"{self.name} has {self.classes} classes, the configuration only "
                             f"{config.classes}")


def load(name, *, data=None, seed=0, validation=True, encoding="default", **generator):
    """Load and encode a data set.

    digits
        scikit-learn's bundled 8x8 digits; thermometer with levels 4, 8, 12 of 0..16: 192 inputs.
        1,437 training and 360 test samples, stratified by class; 20 % of the former are held out
        for validation.
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

    Parameters
    ----------
    name : str
        One of ``NAMES``.
    data : path-like, optional
        Folder of the IDX files, or the folder above it; else environment variable BEP_DATA; else
        they are downloaded into the user's cache. Packed or not, by their usual names:
        ``train-images-idx3-ubyte.gz``, ``train-images.idx3-ubyte``, ``t10k-`` or ``test-`` of the
        test part, ``emnist-letters-train-`` and so on of EMNIST.
    seed : int
        Chooses what is held out for test (digits) and validation, and the generated samples.
    validation : bool
        Whether to hold out validation samples; if not, they stay in the training part.
    encoding : str
        One of ``ENCODINGS``, for the images; the other data sets have only "default". "median" is
        the images' default; "thermometer" gives a pixel the levels 64 and 192 and leaves out bits
        that are the same in more than 98 % of the training images; "differences-2000", or another
        number, gives so many local features, see :class:`encoders.Differences`; "selected-784",
        or another number, the bits that tell most of the class, see
        :class:`selection.Informative`, of those that compare each pixel with five quantiles.
    **generator
        Keywords of :func:`random_prototypes`; no other data set takes any.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        For an unknown name or encoding, a damaged file, or too few samples. OSError for a missing
        file or a failed download.
    """
    if name not in NAMES:
        raise ValueError(f"unknown data set {name!r}; known are {', '.join(NAMES)}")
    seed = integer("the seed of the data", seed, 0, MOST_SEED)
    check_encoding(name, encoding)
    if name == "random-prototypes":
        return random_prototypes(seed=seed, validation=validation, **generator)
    if generator:
        raise TypeError(f"{name} has no option {sorted(generator)[0]!r}")
    classes = 10
    if name == "digits":
        x, labels = load_digits(return_X_y=True)
        rest, held = split(name, labels, 360, seed)
        x, labels, test_x, test_labels = x[rest], labels[rest], x[held], labels[held]
        encoder = Thermometer((4, 8, 12))
    else:
        (x, labels), (test_x, test_labels), classes = images.read(name, data)
        encoder = images.encoder(encoding, x.shape[1:])
        x, test_x = (part.reshape(len(part), -1) for part in (x, test_x))
    everything = np.arange(len(labels))
    held_out = len(labels) // (5 if name == "digits" else 6)
    kept, held = (split(name, labels, held_out, seed) if validation
                  else (everything, everything[:0]))
    try:
        bits = encoder.fit(x[kept], labels[kept]).transform(x)
    except ValueError as error:
        raise ValueError(f"{name}, encoding {encoding}: {error}") from None
    return Dataset(name, Samples(bits[kept], labels[kept]), Samples(bits[held], labels[held]),
                   Samples(encoder.transform(test_x), test_labels), classes)


def check_encoding(name, encoding):
    """Raise ValueError unless data set ``name`` has this ``encoding``, see :func:`load`."""
    if name in images.CLASSES:
        images.encoder(encoding)
    elif encoding != "default":
        raise ValueError(f"{name} has no encoding but \"default\", not {encoding!r}")


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
    if not 0 <= flip <= 1:
        raise ValueError(f"flip must be between 0 and 1, not {flip}")
    rng = np.random.default_rng(seed)
    prototypes = rng.integers(0, 2, (classes, inputs), np.uint8)

    def part(count):
        labels = rng.integers(0, classes, count)
        # float32 and blocks of 1,000: no more memory than the bits themselves need
        x = prototypes[labels]
        for block in np.array_split(x, max(1, count // 1000)):
            block ^= rng.random(block.shape, np.float32) < flip
        return Samples(x, labels)

    parts = part(train), part(test), part(test if validation else 0)
    return Dataset("random-prototypes", parts[0], parts[2], parts[1], classes)


def split(name, labels, count, seed, classes=None):
    """Hold out ``count`` samples, stratified by class: indices of the rest and of those.

    Raises ValueError, with the ``name`` of the set and perhaps that of one of its ``classes``,
    unless either part can have a sample of every class.
    """
    sizes = np.bincount(labels)
    present = np.count_nonzero(sizes)
    if 1 in sizes:
        only = int(np.argmax(sizes == 1))
        only = only if classes is None else classes[only]
        raise ValueError(f"{name} has 1 sample of class {only} to train on and to hold out; there "
                         "must be 2 or more of each class")
    if not present <= count <= len(labels) - present:
        raise ValueError(f"{name}: {count} of {len(labels)} samples cannot be held out; for "
                         f"{present} classes it must be {present} to {len(labels) - present}")
    return train_test_split(
        np.arange(len(labels)), test_size=count, random_state=seed, stratify=labels
    )
