"""Trainers at the corners of the configuration: tens of neurons, a few samples, own netlists."""

from dataclasses import dataclass, field, replace

from bep_model.config import Config
from bep_model.parameters import Parameters


@dataclass(frozen=True)
class Case:
    """A configuration and the parameters it is run with.

    Parameters
    ----------
    config : Config
    parameters : Parameters
        Of the first run; the second run has those of :meth:`changed`.
    saturated : bool
        Start from counters at and near both ends of their range instead of 0 and -1.
    options : dict
        Of ``rtl.trainer.Trainer``.
    lengths : (int, int)
        Fewest and most steps of a sequence; empty for 1 to T_max.
    """

    config: Config
    parameters: Parameters
    saturated: bool = False
    options: dict = field(default_factory=dict)
    lengths: tuple = ()

    def changed(self):
        """Other values of the run-time registers."""
        config, old = self.config, self.parameters
        largest = all(group == k for group, k in zip(old.groups, config.layers, strict=True))
        unstable = (0 if was or not config.stable else (f + 3) // 3
                    for was, (_, f) in zip(old.stabilities, config.shapes, strict=True))
        return replace(
            old,
            margin=old.margin // 2 + 1,
            gates=tuple(f - gate for gate, (_, f) in zip(old.gates, config.shapes, strict=True)),
            groups=(1,) * config.depth if largest else config.layers,
            stabilities=tuple(unstable),
            reinforce=old.reinforce[1:] + old.reinforce[:1],
            thinning=(1 << 16) - old.thinning // 2,
            batch=max(1, old.batch - 1),
            sweep=3 * max(1, old.batch - 1),
            horizon=max(1, old.horizon - 1),
        ).validate(config)


def case(inputs, layers, classes, bits, p, q, *, steps=0, lengths=(), horizon=65535, max_batch=1,
         margin=0.5, nu=0.2, group=3, kappa=0.0, reinforce=(0,), thinning=1 << 16, batch=1,
         sweep=None, saturated=False, image=(), windows=(), rates=(), code="random", **options):
    """A case in short form; the last value of ``reinforce`` is repeated for further layers."""
    config = Config(inputs, layers, classes, bits, p, q, max_batch, max_steps=steps,
                    stable=kappa > 0, image=image, windows=windows, code=code)
    first = Parameters.from_reals(config, r=margin, nu=nu, group=group, horizon=horizon,
                                  kappa=kappa)
    fill = tuple(reinforce) + (reinforce[-1],) * (config.depth - len(reinforce))
    parameters = replace(first, reinforce=fill, thinning=thinning, batch=batch,
                         sweep=sweep or 4 * batch, **({"rates": rates} if rates else {})
                         ).validate(config)
    return Case(config, parameters, saturated, options, lengths)


ODD = 0x3A47  # a probability whose lowest bit is set takes the most draws

CASES = {
    # Order of work: online, batches, partial batches, sweeps.
    "online": case(23, (10, 6), 4, 7, 8, 4),
    "online-reinforced": case(23, (10, 6), 4, 7, 8, 4, reinforce=(ODD, 1 << 15), sweep=3),
    "batch": case(23, (10, 6), 4, 7, 8, 2, max_batch=5, batch=5),
    "batch-reinforced": case(30, (12, 8), 5, 7, 8, 8, max_batch=4, batch=4, sweep=4,
                             reinforce=(1 << 14, 0)),
    "batch-smaller-than-built": case(17, (9, 6), 3, 5, 6, 3, max_batch=9, batch=3, sweep=6,
                                     reinforce=(0, ODD)),
    "batch-larger-than-data": case(17, (9, 6), 3, 5, 6, 3, max_batch=64, batch=64, sweep=64,
                                   reinforce=(1 << 15,)),
    # Class prototypes in an order.
    "thermometer": case(23, (10, 6), 5, 7, 8, 4, code="thermometer"),
    # Thinning.
    "thinned": case(25, (12, 8), 4, 6, 8, 4, thinning=1 << 14, reinforce=(1 << 13,)),
    "thinned-batch": case(25, (12, 8), 4, 6, 8, 8, thinning=ODD, max_batch=4, batch=4),
    "thinned-away": case(25, (12, 8), 4, 6, 8, 4, thinning=0, reinforce=(1 << 15,)),
    "thinned-almost": case(25, (12, 8), 4, 6, 8, 4, thinning=(1 << 16) - 1),
    # Counter width and saturation.
    "two-bits": case(20, (8, 8), 4, 2, 8, 4, reinforce=(1 << 15,), saturated=True),
    "three-bits": case(20, (8, 8), 4, 3, 8, 4, max_batch=3, batch=3, saturated=True),
    "three-bits-reinforced": case(20, (8, 8), 4, 3, 8, 2, reinforce=(65535,), sweep=1,
                                  saturated=True),
    "fifteen-bits": case(20, (8, 8), 4, 15, 8, 4, reinforce=(1 << 15,), saturated=True,
                         port_bytes=3),
    # Depth.
    "one-layer": case(26, (14,), 5, 7, 8, 4, reinforce=(1 << 15,)),
    "one-layer-batch": case(26, (14,), 5, 7, 16, 4, max_batch=4, batch=4),
    "three-layers": case(21, (12, 10, 9), 4, 5, 8, 4, nu=0.5, reinforce=(ODD, 0, 1 << 15)),
    "three-layers-batch": case(21, (6, 15, 10), 4, 5, 8, 8, nu=0.5, max_batch=6, batch=6),
    "five-layers": case(11, (8, 7, 6, 5, 4), 3, 4, 4, 2, nu=0.7, max_batch=2, batch=2),
    # Lanes.
    "one-lane": case(7, (5, 4), 3, 5, 1, 1, reinforce=(1 << 15,)),
    "one-of-everything": case(1, (1, 1), 2, 2, 1, 1, nu=1.0, reinforce=(1 << 14,)),
    "one-neuron-layers": case(9, (1, 1), 2, 4, 4, 4, nu=1.0),
    "three-subwords": case(29, (13, 7), 4, 7, 12, 4, reinforce=(1 << 15,)),
    "five-subwords": case(29, (13, 7), 4, 7, 5, 1, thinning=1 << 15),
    "wider-than-every-row": case(19, (9, 8), 4, 7, 24, 8, reinforce=(1 << 15,)),
    "lanes-beyond-every-row": case(19, (9, 8), 4, 7, 20, 20, reinforce=(1 << 15,), max_batch=3,
                                   batch=3),
    "one-word-per-row": case(16, (16, 16), 4, 7, 16, 16, reinforce=(1 << 12,)),
    # The shortest pipeline: select of one sample and forward of the next are a clock apart.
    "one-word-per-row-batch": case(16, (16, 9), 4, 7, 16, 16, reinforce=(1 << 12,), max_batch=3,
                                   batch=3, margin=2.0, nu=1.0),
    "two-generators": case(80, (9, 36), 3, 4, 66, 33, thinning=ODD, reinforce=(1 << 14,),
                           port_bytes=1),
    "two-generators-batch": case(71, (36, 10), 3, 4, 35, 35, max_batch=4, batch=4,
                                 reinforce=(ODD,)),
    "many-words": case(130, (3, 2), 3, 6, 4, 2),
    # Classes, margins, gates, groups.
    "two-classes": case(24, (10, 11), 2, 7, 8, 4),
    "many-classes": case(24, (10, 8), 33, 7, 8, 4),
    "never-triggered": case(24, (10, 8), 3, 7, 8, 4, margin=-2.0, reinforce=(1 << 15,)),
    "always-triggered": case(24, (10, 8), 3, 7, 8, 4, margin=2.0, max_batch=4, batch=4),
    "closed-gates": case(24, (10, 8, 8), 3, 7, 8, 4, nu=0.0),  # even fan-ins: z = 0 passes
    "open-gates": case(24, (10, 9, 8), 3, 7, 8, 4, nu=1.0),
    "groups-of-one": case(24, (10, 9, 8), 3, 7, 8, 4, group=1, nu=0.5),
    "one-group": case(24, (10, 9, 8), 3, 7, 8, 4, group=100, nu=0.5),
    # Stability of hidden layers.
    "stable": case(24, (10, 9, 8), 3, 7, 8, 4, kappa=0.6, nu=0.5),
    "always-unstable": case(24, (10, 9), 3, 7, 8, 4, kappa=10.0, max_batch=4, batch=4,
                            reinforce=(1 << 15,)),
    # Counters in single-port memory.
    "single-port": case(25, (12, 8), 4, 6, 8, 4, thinning=1 << 14, reinforce=(ODD,),
                        single_port=True),
    "single-port-batch": case(25, (12, 8), 4, 6, 16, 4, max_batch=4, batch=4,
                              reinforce=(1 << 15,), single_port=True),
    # Registers behind the memories.
    "registered": case(25, (12, 8), 4, 6, 8, 4, reinforce=(1 << 15,), registered=True),
    "registered-batch": case(21, (12, 10, 9), 4, 5, 8, 8, nu=0.5, max_batch=4, batch=4,
                             registered=True),
}
