"""Changes that the host makes to training samples in every epoch; the trainer does not know."""

from dataclasses import replace

import numpy as np


def swapped(samples, part, seed, epoch):
    """Swap noise: every sample takes some of its bits from another sample of its class.

    The mixture hides what distinguishes a sample from others of its class, which makes it harder to
    memorise; the frequencies of the bits in a class do not change. It suits inputs whose bits are
    nearly independent within a class, because it destroys correlations too.

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
        New samples, in the same order, with the same labels.

    Raises
    ------
    ValueError
        For another part, or for sequences of different lengths, whose bits do not correspond.
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
