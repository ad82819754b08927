"""The choice among settings for sequences, on validation samples (`bep train --auto`)."""

import time
from functools import lru_cache
from statistics import mean
from typing import NamedTuple

from bep_model.checks import MOST_SEED
from bep_model.fit import training
from bep_model.fit.rule import Settings
from bep_model.network import Network

ENOUGH, DIVISIONS = 300, 5
"""Validation samples over which settings are measured, in so many divisions at most."""


class Tried(NamedTuple):
    """Settings, and what they are worth (0..1)."""

    settings: Settings
    accuracy: float


def choose(every, load, trained, *, seconds=None, data_seed=0, epochs, seed, keep_best=True,
           literal_targets=False, order="host", progress=None):
    """Try settings in their order until the time is over, always at least the first ones.

    They are worth the mean over the classes of the part of their validation samples that is
    predicted correctly. Where these are few, that is a mean over several divisions of what is not
    the test part. Test samples are not looked at.

    Parameters
    ----------
    every : list of Settings
    load : callable
        Makes a ``Dataset`` of an ``Encoding`` and the seed of a division, ``held_seed`` of
        :func:`bep_model.data.datasets.load`.
    trained : callable
        Makes the :class:`Config` of a ``Dataset`` and a ``Hyper``.
    seconds : float, optional
        Settings that are not measured by then do not count, unless they are the first.
    data_seed : int
        Of the first division; the others have the seeds that follow.
    epochs, seed, keep_best, literal_targets, order
        Of every training.
    progress : callable, optional
        Called with the list of :class:`Tried` whenever it has grown.

    Returns
    -------
    list of Tried
        In the order of trying; :func:`best` is the choice.
    """
    ends = None if seconds is None else time.perf_counter() + seconds
    tried: list[Tried] = []

    @lru_cache(maxsize=DIVISIONS)
    def samples(encoding, division):
        return load(encoding, (data_seed + division) % (MOST_SEED + 1))

    def over():
        return bool(tried) and ends is not None and time.perf_counter() > ends

    def watch(_):
        if over():
            raise TimeoutError

    def worth(settings):
        found, held = [], 0
        while not found or (held < ENOUGH and len(found) < DIVISIONS):
            data = samples(settings.encoding, len(found))
            network = Network(trained(data, settings.hyper), literal_targets=literal_targets)
            training.begin(network, data.train.x, settings.hyper, seed)
            training.fit(network, data, epochs=epochs, hyper=settings.hyper, seed=seed,
                         keep_best=keep_best, order=order, progress=watch)
            found.append(training.balanced_accuracy(network, data.validation))
            held += len(data.validation)
        return mean(found)

    for settings in every:
        if over():
            break
        try:
            tried.append(Tried(settings, worth(settings)))
        except TimeoutError:
            break
        if progress is not None:
            progress(tried)
    return tried


def best(tried):
    """The first of those :class:`Tried` that are worth most."""
    return max(tried, key=lambda each: each.accuracy)
