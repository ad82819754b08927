"""Changes that the host makes to training samples in every epoch; the trainer does not know."""

from dataclasses import replace

import numpy as np

MOST_SHIFT = 255
"""Pixels."""


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


def shifted(samples, image, most, epoch):
    """Move every image by a few pixels, another way in every epoch.

    There are ``(2 most + 1)**2`` ways to move an image by -``most`` to ``most`` rows and as many
    columns, and in epoch e sample i is moved in the way number (i + e) modulo that: row by row, the
    one upwards and to the left first. So an epoch has all ways about equally often, and after as
    many epochs an image has been moved in each. No random numbers are needed.

    Parameters
    ----------
    samples : Samples
        Bits (N, rows * columns * channels).
    image : (int, int, int)
        Rows, columns and channels.
    most : int
        0..255 pixels; 0 moves nothing.
    epoch : int
        0 or more.

    Returns
    -------
    Samples
        New samples; what comes in from outside an image is 0.
    """
    rows, columns, channels = image
    ways = 2 * most + 1
    way = (np.arange(len(samples)) + epoch) % ways ** 2

    def stays(step, length):
        """Where that lies, after a move by ``step``, which does not leave the image."""
        return slice(max(0, step), max(0, length + min(0, step)))

    before = samples.x.reshape(-1, rows, columns, channels)
    after = np.zeros_like(before)
    for number in np.unique(way):
        down, right = number // ways - most, number % ways - most
        chosen = np.flatnonzero(way == number)
        after[chosen, stays(down, rows), stays(right, columns)] = \
            before[chosen, stays(-down, rows), stays(-right, columns)]
    return replace(samples, x=after.reshape(samples.x.shape))
