"""What suits sequences that nobody tuned for: a rule of their shape, and other settings around it.

The rule is the same for all sets. It was chosen by the mean validation accuracy over nine sets
(docs/recurrent.md), and what it says are the defaults of ``bep train`` for sequences.
"""

from dataclasses import replace
from typing import NamedTuple

from bep_model.config import MOST_INPUTS
from bep_model.data.catalogue import Encoding
from bep_model.fit.hyper import Hyper
from bep_model.fit.presets import Preset

STEPS, MOST_STEPS = 2, 6
"""Time steps into which a whole sequence is divided: with more, this network learns less. Beyond
the most, it needs settings of its own."""
BITS, EXPAND = 20, 1024
FEW_HIDDEN, MANY_HIDDEN = (256, 256), (512, 256)
FEW = Hyper(r=0.5, nu=0.125, group=32, p_r=0.3, sweep=100, reinforce_bits=16, horizon=4)
MANY = replace(FEW, group=16, p_r=1.0, horizon=6)
"""Of few and of many steps."""
SAMPLES, FEWEST, MOST = 100_000, 30, 200
"""Samples that a training meets, of those that are in the set, if that makes FEWEST to MOST
epochs: small sets need more."""
MOST_STEP, MOST_ALL = 2**14, 2**27
"""Thermometer bits of a step and of all sequences, a byte each while they are encoded."""


def shape(numbers):
    """Sequences to train and test on, samples of the longest, dimensions: a tuple (N, T, D).

    ``numbers`` is :class:`bep_model.data.datasets.Numbers` of sequences.
    """
    return sum(len(labels) for _, labels in numbers.parts), *numbers.parts[0][0].shape[1:]


def encoding(shape, steps=STEPS, bits=BITS, expand=EXPAND, window=None):
    """The :class:`Encoding` that divides sequences of a shape (N, T, D) into ``steps``.

    Where the samples are many, ``bits`` become fewer, and the steps more.
    """
    Encoding(window)  # checks it
    count, length, dimensions = shape
    length = min(length, window or length)
    chunk = -(-length // steps)
    bits = max(1, min(bits, MOST_STEP // (chunk * dimensions),
                      MOST_ALL // (count * length * dimensions)))
    chunk = max(1, min(chunk, MOST_INPUTS // (bits * dimensions)))
    return Encoding(window, chunk, bits, expand)


def epochs(count):
    """Epochs of a training with the data of a set of ``count`` samples."""
    return min(MOST, max(FEWEST, round(SAMPLES / count)))


def preset(name, shape, *, window=None, chunk=None, hidden=None):
    """The :class:`Preset` that the rule gives to a data set of a shape (N, T, D).

    Parameters
    ----------
    name : str
    shape : tuple of int
    window, chunk, hidden : optional
        What is settled already, as in :class:`Encoding` and :class:`Preset`.

    Over many steps the state keeps what it has seen only if the inputs of a step are fewer than its
    own neurons, so K_x depends on K_s.
    """
    found = encoding(shape, window=window)
    found = replace(found, chunk=chunk or found.chunk)
    steps = -(-min(shape[1], window or shape[1]) // found.chunk)
    many = steps > MOST_STEPS
    hidden = tuple(hidden or (MANY_HIDDEN if many else FEW_HIDDEN))
    if many:
        found = replace(found, expand=min(
            MOST_INPUTS, max(1, hidden[0] // 8, 2 * hidden[0] // steps)))
    return Preset(name, hidden, 7, epochs(shape[0]), MANY if many else FEW, found)


class Settings(NamedTuple):
    """What decides most about a training on sequences."""

    encoding: Encoding
    hyper: Hyper


def candidates(base, shape):
    """:class:`Settings` around the ones that are given, which come first, in the order of trying.

    Their steps divide the whole sequences of a shape (N, T, D), or their last half.
    """
    def encoded(**changes):
        return base._replace(encoding=encoding(shape, **changes))

    def trained(**changes):
        return base._replace(hyper=replace(base.hyper, **changes))

    return list(dict.fromkeys((
        base, encoded(steps=3), encoded(bits=10), trained(nu=0.25), encoded(steps=1),
        encoded(steps=4), encoded(bits=5), trained(p_r=0.1),
        encoded(window=-(-shape[1] // 2)), trained(nu=0.5), encoded(expand=512),
        encoded(steps=6), encoded(expand=None), trained(group=16), encoded(expand=2048))))
