"""Training samples that the host changes anew for every epoch; the trainer is the same."""

from dataclasses import replace

import numpy as np


def swapped(samples, part, seed, epoch):
    """Swap noise: every sample takes some of its bits from another sample of its class.

    What tells a sample from others of its class is mixed anew, so that it is harder to learn by
    heart; how often a bit is one in a class stays. Meant for inputs whose bits are nearly
    independent within a class: how they go together is mixed, too.

    Parameters
    ----------
    samples : Samples
    part : float
        Probability that a bit comes from the other sample, 0..1, in steps of 1/256.
    seed, epoch : int
        0 or more; of the random numbers, raw outputs of PCG64, see :func:`training.epoch_order`.

    Returns
    -------
    Samples
        New ones, in the same order, of the same labels.

    Raises
    ------
    ValueError
        For another part, or sequences of several lengths, which have no bits in common places.
    """
    if not 0 <= part <= 1:
        raise ValueError(f"the part that is swapped must be between 0 and 1, not {part}")
    if samples.lengths is not None:
        raise ValueError("sequences of several lengths cannot be swapped")
    generator = np.random.PCG64([seed, epoch, 1])
    n = len(samples)
    keys = generator.random_raw(n)
    partner = np.empty(n, np.int64)
    for label in np.unique(samples.labels):
        own = np.flatnonzero(samples.labels == label)
        partner[own] = own[np.argsort(keys[own], kind="stable")]
    count = samples.x.size
    drawn = generator.random_raw(-(-count // 8)).astype("<u8", copy=False).view(np.uint8)[:count]
    taken = drawn.reshape(samples.x.shape) < round(256 * part)
    return replace(samples, x=np.where(taken, samples.x[partner], samples.x))
