"""What the host changes between epochs: reinforcement, group sizes, thinning, rates of updates."""

from bep_model.config import divisors
from bep_model.parameters import reinforce_probabilities


def reinforcement(config, p_r, error, bits=16):
    """Reinforcement probabilities p_1..p_L of an epoch, in units of 2**-16.

    p_l = round(2**16 p_r sqrt(E) sqrt(2 / (pi F_l))), then rounded to a multiple of 2**-bits and
    kept below 1. A trainer draws one random word for every bit of p_l down to its lowest one, so a
    coarse p_l makes a sweep cheap.

    Parameters
    ----------
    config : Config
    p_r : float
    error : float
        E, training error of the previous epoch in percent; 100 before the first.
    bits : int
        1..16; 16 changes nothing.

    Returns
    -------
    tuple of int
    """
    if not 1 <= bits <= 16:
        raise ValueError(f"reinforce bits must be between 1 and 16, not {bits}")
    return tuple(min(rounded(p, bits), (1 << 16) - (1 << (16 - bits)))
                 for p in reinforce_probabilities(config, p_r, error))


def rounded(p, bits):
    """The multiple of 2**-bits that is nearest to ``p``, both in units of 2**-16."""
    unit = 1 << (16 - bits)
    return (p + unit // 2) // unit * unit


def annealed(thinning, anneal, epoch, epochs, bits=16):
    """Thinning of an epoch; it falls geometrically from the middle of the run on.

    Few steps late in a run disturb the weights less, while reinforcement settles them. With few
    ``bits`` a word of counters takes few random words in every epoch, as in :func:`reinforcement`.

    Parameters
    ----------
    thinning : int
        q of the first half, 0..2**16.
    anneal : float
        Part of it that is left in the last epoch, above 0 to 1.
    epoch, epochs : int
        Index of the epoch, from 0 on, and number of epochs.
    bits : int
        1..16: the result is rounded to a multiple of 2**-bits, which may be 0; 16 changes nothing.

    Returns
    -------
    int
    """
    if not 1 <= bits <= 16:
        raise ValueError(f"thinning bits must be between 1 and 16, not {bits}")
    last = epochs - 1
    way = max(0.0, 2 * epoch / last - 1) if last > 0 else 0.0
    return rounded(round(thinning * anneal ** min(way, 1.0)), bits)


def falling(first, last, epoch, epochs):
    """A value that falls or rises geometrically over the epochs, numbered from 0 on."""
    if first == 0 or epochs < 2:
        return first
    return first * (last / first) ** (epoch / (epochs - 1))


def next_group(width, group):
    """The next larger divisor of ``width`` after ``group``; for ``width`` itself ``width``."""
    return min((d for d in divisors(width) if d > group), default=width)


class GroupSchedule:
    """Group sizes that grow when the validation accuracy stops improving.

    Parameters
    ----------
    config : Config
    groups : sequence of int
        gamma_1..gamma_L of the first epoch.
    patience : int
        Epochs without a new best accuracy before each layer moves to its next divisor; the wait
        then starts again. 0 keeps the groups for ever.
    """

    def __init__(self, config, groups, patience):
        if patience < 0:
            raise ValueError(f"patience must be 0 (off) or more epochs, not {patience}")
        self.config = config
        self.groups = tuple(groups)
        self.patience = patience
        self.best = -1.0
        self.waited = 0

    def update(self, accuracy):
        """Take the validation accuracy of an epoch; return the groups of the next one."""
        if accuracy > self.best:
            self.best, self.waited = accuracy, 0
        else:
            self.waited += 1
        if self.patience and self.waited == self.patience:
            self.groups = tuple(map(next_group, self.config.layers, self.groups))
            self.waited = 0
        return self.groups
