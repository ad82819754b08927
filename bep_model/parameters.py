"""Run-time parameters: integers that may change while a trainer runs."""

import math
from dataclasses import dataclass, field, make_dataclass, replace
from typing import Any

from bep_model.checks import entries, integer
from bep_model.config import divisors
from bep_model.registers import FIELDS, MOST

ALWAYS = 1 << 16
"""The probability 1 in units of 2**-16."""


def _default(row):
    if row.default is None:
        return field()
    return field(default=() if row.layers else row.default)


_Fields: Any = make_dataclass(
    "_Fields", [(row.field, tuple if row.layers else int, _default(row)) for row in FIELDS],
    frozen=True)


@dataclass(frozen=True)
class Parameters(_Fields):
    __doc__ = "\n".join([
        """What may change while a trainer runs: fields and ranges as in docs/registers.md.

    Values of layers 1..L are sequences; () is the default of every layer, where there is one.

    Parameters
    ----------""", *(
            f"    {row.field} : {'sequence of int' if row.layers else 'int'}, {row.range}\n"
            f"        {row.meaning}" for row in FIELDS)])

    def validate(self, config):
        """Return these parameters with every entry checked against ``config``.

        Raises TypeError or ValueError as :class:`Config` does.
        """
        checked = Parameters(*(_checked(row, getattr(self, row.field), config) for row in FIELDS))
        for l, (group, width) in enumerate(zip(checked.groups, config.layers, strict=True), 1):
            if width % group:
                raise ValueError(
                    f"groups: the group size of layer {l} must divide its {width} neurons, "
                    f"not {group}"
                )
        if checked.sweep % checked.batch:
            raise ValueError(f"sweep must be a multiple of the batch ({checked.batch}), "
                             f"not {checked.sweep}")
        if any(checked.stabilities) and not config.stable:
            raise ValueError("stabilities must be 0 without stable = true in the configuration, "
                             f"not {checked.stabilities}")
        if any(rate < ALWAYS for rate in checked.rates) and not config.convolutional:
            raise ValueError(f"rates must be {ALWAYS} without convolutional layers, "
                             f"not {checked.rates}")
        return checked

    @classmethod
    def from_reals(cls, config, *, r=0.5, nu=0.2, group=15, p_r=0.0, error=100.0, thinning=1.0,
                   batch=1, sweep=100, horizon=65535, kappa=0.0, filter_nu=0.05, filter_group=8,
                   filter_rate=1.0):
        """Turn the paper's real hyper-parameters into the integers of the registers, once.

        Parameters
        ----------
        config : Config
        r : float
            Margin as a part of K_L: M = ceil(r * K_L) (Eq. 1).
        nu : float
            Gate as a part of the fan-in: T_l = floor(nu * F_l) (Eq. 5).
        group : int
            Wanted group size; every layer takes the nearest divisor of its width.
        p_r, error : float
            Reinforcement strength and training error in percent (docs/algorithm.md, "Schedules").
        thinning : float
            Probability of a step, 0..1.
        batch, sweep, horizon : int
            As in :class:`Parameters`.
        kappa : float
            Stability that hidden layers are trained to, in standard deviations of a random
            neuron: kappa_l = round(kappa * sqrt(F_l)) for l < L. 0 for the last layer, whose
            targets are the prototypes.
        filter_nu, filter_group
            As ``nu`` and ``group``, of convolutional layers.
        filter_rate : float
            Probability that a triggered sample updates a convolutional layer, 0..1.
        """
        return cls(
            margin=math.ceil(r * config.layers[-1]),
            gates=tuple(math.floor((filter_nu if layer.window else nu) * layer.fan_in)
                        for layer in config.network),
            groups=tuple(nearest_divisor(layer.neurons, filter_group if layer.window else group)
                         for layer in config.network),
            reinforce=reinforce_probabilities(config, p_r, error),
            thinning=round(thinning * (1 << 16)),
            batch=batch,
            sweep=sweep,
            horizon=horizon,
            stabilities=tuple(round(kappa * math.sqrt(f)) if l < config.depth else 0
                              for l, (_, f) in enumerate(config.shapes, 1)),
            rates=rates(config, filter_rate),
        ).validate(config)


def _checked(row, value, config):
    """Check the value of a field, an int or a tuple of one per layer, by the range of its row."""
    if not row.layers:
        return _within(row, row.field, value, config)
    values = entries(row.field, value)
    if not values and row.default is not None:
        values = [row.default] * config.depth
    entries(row.field, values, config.depth)
    return tuple(_within(row, f"{row.field}[{i}]", entry, config, i + 1)
                 for i, entry in enumerate(values))


def _within(row, name, value, config, layer=0):
    """Check one value; a field that the trainer does not have may be anything up to ``MOST``."""
    low, high = row.limits(config, layer)
    value = integer(name, value, low, MOST if row.cut else high)
    return min(value, high) if row.cut and row.exists(config) else value


def nearest_divisor(width, group):
    """The divisor of ``width`` nearest to ``group``, the smaller one on a tie."""
    return min(divisors(width), key=lambda d: (abs(d - group), d))


def rates(config, filter_rate):
    """Probabilities that a triggered sample updates a layer: this one for convolutional layers, 1
    for others; in units of 2**-16."""
    return tuple(round(filter_rate * ALWAYS) if layer.window else ALWAYS
                 for layer in config.network)


def reinforce_probabilities(config, p_r, error):
    """p_l = round(2**16 p_r sqrt(E) sqrt(2 / (pi F_l))), at most 2**16 - 1; E in percent."""
    return tuple(
        min(round((1 << 16) * p_r * math.sqrt(error) * math.sqrt(2 / (math.pi * f))), (1 << 16) - 1)
        for _, f in config.shapes
    )


def idle_parameters(config):
    """Parameters with which samples change nothing but the sweep count: no sample triggers, and no
    sweep is due before 65535 of them."""
    return replace(default_parameters(config), margin=-2 * config.layers[-1], batch=1, sweep=65535,
                   reinforce=(0,) * config.depth)


def default_parameters(config):
    """Parameters for a configuration that has none: everything switched on, whole batches."""
    batch = config.max_batch
    return Parameters.from_reals(config, p_r=0.2, batch=batch, sweep=batch * -(-100 // batch))
