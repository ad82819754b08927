"""What may change while a trainer runs: its run-time parameters, integers all of them."""

import math
from dataclasses import dataclass

from bep_model.checks import integer, integers
from bep_model.config import divisors


@dataclass(frozen=True)
class Parameters:
    """What may change while a trainer runs: its run-time registers (SPEC.md 3-5).

    Parameters
    ----------
    margin : int
        M: a sample triggers an update iff its margin is below M.
    gates : sequence of int
        T_1..T_L: a neuron passes its target on iff abs(z) <= T_l. (T_1 has no effect.)
    groups : sequence of int
        gamma_1..gamma_L: neurons per winner-takes-update group, a divisor of K_l.
    reinforce : sequence of int
        p_1..p_L: reinforcement probability in units of 2**-16, 0..65535; 0 is off.
    thinning : int
        q: probability that a step of an update is taken, in units of 2**-16, 0..65536.
    batch : int
        Samples per application of updates, 1..max_batch.
    sweep : int
        Samples per reinforcement sweep, a multiple of ``batch``, 1..65535.
    horizon : int
        n, steps from the end of a sequence that get targets, 1..65535 (at most T_max matters;
        no effect without recurrence).
    stabilities : sequence of int
        kappa_1..kappa_L: a neuron that is right but whose abs(z) is below kappa_l may win its group
        too, 0..F_l + 1. () is 0 for every layer: only wrong neurons win, as in the paper. Other
        values need a configuration with ``stable``.
    """

    margin: int
    gates: tuple
    groups: tuple
    reinforce: tuple
    thinning: int = 1 << 16
    batch: int = 1
    sweep: int = 100
    horizon: int = 65535
    stabilities: tuple = ()

    def validate(self, config):
        """Return these parameters with every entry checked against ``config``.

        Raises TypeError or ValueError as :class:`Config` does.
        """
        last = config.layers[-1]
        margin = integer("margin", self.margin, -2 * last, 2 * last)
        gates = integers("gates", self.gates, config.depth, 0, 65535)
        gates = tuple(min(t, f) for t, (_, f) in zip(gates, config.shapes, strict=True))
        groups = integers("groups", self.groups, config.depth, 1, 65535)
        for l, (group, width) in enumerate(zip(groups, config.layers, strict=True), 1):
            if width % group:
                raise ValueError(
                    f"groups: the group size of layer {l} must divide its {width} neurons, "
                    f"not {group}"
                )
        reinforce = integers("reinforce", self.reinforce, config.depth, 0, 65535)
        thinning = integer("thinning", self.thinning, 0, 1 << 16)
        batch = integer("batch", self.batch, 1, config.max_batch)
        sweep = integer("sweep", self.sweep, 1, 65535)
        if sweep % batch:
            raise ValueError(f"sweep must be a multiple of the batch ({batch}), not {sweep}")
        horizon = integer("horizon", self.horizon, 1, 65535)
        if config.recurrent:
            horizon = min(horizon, config.max_steps)
        given = integers("stabilities", self.stabilities, None, 0, 65535)
        stabilities = integers("stabilities", given or (0,) * config.depth, config.depth, 0, 65535)
        if any(stabilities) and not config.stable:
            raise ValueError("stabilities must be 0 without stable = true in the configuration, "
                             f"not {stabilities}")
        stabilities = tuple(min(k, f + 1) for k, (_, f) in
                            zip(stabilities, config.shapes, strict=True))
        return Parameters(margin, gates, groups, reinforce, thinning, batch, sweep, horizon,
                          stabilities)

    @classmethod
    def from_reals(cls, config, *, r=0.5, nu=0.2, group=15, p_r=0.0, error=100.0, thinning=1.0,
                   batch=1, sweep=100, horizon=65535, kappa=0.0):
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
            Reinforcement strength and training error in percent (SPEC.md 5).
        thinning : float
            Probability of a step, 0..1.
        batch, sweep, horizon : int
            As in :class:`Parameters`.
        kappa : float
            Stability that hidden layers are trained to, in standard deviations of a random
            neuron: kappa_l = round(kappa * sqrt(F_l)) for l < L. 0 for the last layer, whose
            targets are the prototypes.
        """
        return cls(
            margin=math.ceil(r * config.layers[-1]),
            gates=tuple(math.floor(nu * f) for _, f in config.shapes),
            groups=tuple(nearest_divisor(k, group) for k in config.layers),
            reinforce=reinforce_probabilities(config, p_r, error),
            thinning=round(thinning * (1 << 16)),
            batch=batch,
            sweep=sweep,
            horizon=horizon,
            stabilities=tuple(round(kappa * math.sqrt(f)) if l < config.depth else 0
                              for l, (_, f) in enumerate(config.shapes, 1)),
        ).validate(config)


def nearest_divisor(width, group):
    """The divisor of ``width`` nearest to ``group``, the smaller one on a tie."""
    return min(divisors(width), key=lambda d: (abs(d - group), d))


def reinforce_probabilities(config, p_r, error):
    """p_l = round(2**16 p_r sqrt(E) sqrt(2 / (pi F_l))), at most 2**16 - 1; E in percent."""
    return tuple(
        min(round((1 << 16) * p_r * math.sqrt(error) * math.sqrt(2 / (math.pi * f))), (1 << 16) - 1)
        for _, f in config.shapes
    )


def default_parameters(config):
    """Parameters for a configuration that comes without: everything switched on, whole batches."""
    batch = config.max_batch
    return Parameters.from_reals(config, p_r=0.2, batch=batch, sweep=batch * -(-100 // batch))
