"""The hyper-parameters of a training run: one table of their meanings, ranges and defaults."""

import math
from dataclasses import dataclass, field, fields, replace
from typing import NamedTuple

from bep_model.checks import integer, number, span
from bep_model.config import MOST_BATCH
from bep_model.data.augment import MOST_SHIFT
from bep_model.digests import LATE
from bep_model.fit.schedule import annealed, falling, reinforcement
from bep_model.parameters import Parameters, rates


class Search(NamedTuple):
    """Where ``bep search`` looks for a hyper-parameter."""

    low: float
    high: float
    log: bool = True
    digits: int = 3
    """Number of decimals kept."""


SEQUENCES, FILTERS = "sequences", "filters"
"""What some hyper-parameters are for, and not every network has."""


def _field(default, meaning, low, high=None, *, above=False, search=None, late=False, only=None):
    """A hyper-parameter, whose default shows whether it is an integer or a real number.

    Its range is ``low..high``, without ``low`` itself if ``above``; ``late`` is
    :data:`bep_model.digests.LATE`, ``only`` one of :data:`SEQUENCES` and :data:`FILTERS`, or None.
    """
    metadata = {"meaning": meaning, "low": low, "high": high, "above": above, "search": search,
                "only": only}
    return field(default=default, metadata=metadata | (LATE if late else {}))


@dataclass(frozen=True)
class Hyper:
    # The docstring is made from the fields below.
    r: float = _field(
        0.5, "Margin as a part of the last layer's width", -2, 2,
        search=Search(0.1, 1.2, log=False))
    nu: float = _field(0.5, "Gate as a part of the fan-in", 0, 1, search=Search(0.02, 1))
    group: int = _field(
        32, "Neurons per group (each layer takes the nearest divisor of its width)", 1,
        search=Search(5, math.inf))
    p_r: float = _field(0.5, "Reinforcement strength (0 is off)", 0, 1000)
    thinning: float = _field(
        1.0, "Probability of a step", 0, 1, search=Search(1 / 16, 1))
    batch: int = _field(1, "Samples per application of updates", 1, MOST_BATCH)
    sweep: int = _field(
        200, "Samples per reinforcement sweep, a multiple of the batch", 1, 65535)
    reinforce_bits: int = _field(
        6, "Resolution of the reinforcement probabilities in bits", 1, 16)
    patience: int = _field(
        0, "Epochs without a better validation accuracy before groups grow (0 is off)", 0)
    horizon: int = _field(
        65535, "Steps from the end of a sequence that get targets", 1, 65535, only=SEQUENCES)
    anneal: float = _field(
        1.0, "Part of the thinning that is left in the last epoch (1 is off)", 0, 1, above=True,
        search=Search(1 / 64, 1, digits=4))
    thinning_bits: int = _field(
        16, "Resolution of the thinning of every epoch in bits", 1, 16, late=True)
    kappa: float = _field(
        0.0, "Stability of hidden layers in parts of the square root of the fan-in (0 is off, as "
        "in the paper)", 0, 10, search=Search(0.05, 1), late=True)
    filter_nu: float = _field(
        0.05, "Gate of convolutional layers as a part of the fan-in", 0, 1, late=True,
        only=FILTERS)
    filter_group: int = _field(
        8, "Filters per group (each layer takes the nearest divisor of their number)", 1,
        late=True, only=FILTERS)
    filter_rate: float = _field(
        0.3, "Probability that a triggered sample updates a convolutional layer, in the first "
        "epoch", 0, 1, late=True, only=FILTERS)
    filter_rate_end: float = _field(
        0.003, "The same in the last epoch; in between it falls geometrically", 0, 1, above=True,
        late=True, only=FILTERS)
    filter_quantile: float = _field(
        0.8, "Quantile of z before training at which a filter's threshold is", 0, 1, late=True,
        only=FILTERS)
    shift: int = _field(
        0, "Pixels by which training images are moved at most in each direction, every epoch "
        "otherwise; the host moves them (0 is off)", 0, MOST_SHIFT, late=True, only=FILTERS)
    delay: int = _field(
        0, "Bits of a step that the state hands on from neuron to neuron, as a delay line, before "
        "training (0 is off: its weights are drawn); needs pairs", 0, late=True, only=SEQUENCES)

    @property
    def stable(self):
        """Whether the configuration must be ``stable``."""
        return bool(self.kappa > 0)

    def checked(self):
        """These hyper-parameters as Python's numbers, each checked by type and range.

        Raises TypeError or ValueError with the name and the value in the text.
        """
        return replace(self, **{each.name: _checked(each, getattr(self, each.name))
                                for each in fields(self)})

    def used(self, config):
        """The values, by name, of those that matter to a network of this configuration."""
        return {each.name: getattr(self, each.name) for each in fields(self)
                if has(config, each.metadata["only"])}

    def parameters(self, config):
        """Run-time :class:`Parameters` of the first epoch.

        Raises TypeError or ValueError for a value that is not allowed, with the value in the text.
        """
        self = self.checked()
        first = Parameters.from_reals(
            config, r=self.r, nu=self.nu, group=self.group, thinning=self.thinning,
            batch=self.batch, sweep=self.sweep, horizon=self.horizon, kappa=self.kappa,
            filter_nu=self.filter_nu, filter_group=self.filter_group, filter_rate=self.filter_rate,
        )
        return replace(first, reinforce=self.reinforcement(config, 100.0),
                       thinning=self.annealed(first.thinning, 0, 1))

    def reinforcement(self, config, error):
        """p_1..p_L after an epoch of training error ``error`` percent."""
        return reinforcement(config, self.p_r, error, self.reinforce_bits)

    def annealed(self, thinning, epoch, epochs):
        """q of an epoch, from 0 on, of a run that begins with ``thinning``."""
        return annealed(thinning, self.anneal, epoch, epochs, self.thinning_bits)

    def rates(self, config, epoch, epochs):
        """Probabilities that a triggered sample updates layers 1..L in an epoch, from 0 on."""
        return rates(config, falling(self.filter_rate, self.filter_rate_end, epoch, epochs))


def has(config, what):
    """Whether a network has what some hyper-parameters are for, :data:`FILTERS` say, or None."""
    return {SEQUENCES: config.recurrent, FILTERS: config.convolutional, None: True}[what]


def _checked(each, value):
    low, high = each.metadata["low"], each.metadata["high"]
    if each.type is int:
        return integer(each.name, value, low, high)
    return number(each.name, value, low, high, above=each.metadata["above"])


def described(each):
    """What a field of :class:`Hyper` means, and its range: one sentence."""
    told = span(each.metadata["low"], each.metadata["high"], each.metadata["above"])
    return f"{each.metadata['meaning']}, {told}."


Hyper.__doc__ = "\n".join([
    """The hyper-parameters of a training run; :meth:`parameters` makes integers of them.

    :meth:`Parameters.from_reals` and :mod:`bep_model.fit.schedule` have the formulas.

    Parameters
    ----------""",
    *(f"    {each.name} : {type(each.default).__name__}\n        {described(each)}"
      for each in fields(Hyper)),
    """
    The defaults, and 30 epochs, were chosen on validation parts of the digits' training samples
    (192-128-128, B_h = 7, online): there 95.5 % is reached. Among settings within 0.3 % of the
    best, those that make reinforcement cheap in hardware were taken: ``sweep`` and
    ``reinforce_bits``.
    """])
