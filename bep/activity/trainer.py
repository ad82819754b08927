"""Activity of a trainer while it trains: simulated, then replayed in its netlist."""

import numpy as np

from bep.activity import netlist, recorded, replay
from bep.flow.synthesis import check
from bep_model.phases import frame
from bep_model.words import integers
from rtl.trainer import Trainer
from rtl.verilog import convert
from sim.check import training_job
from sim.simulate import simulate


def measure(config, parameters, samples, described, seed=1, build_dir="build",
            progress=lambda what: None):
    """Train on samples from new counters, and count what changes in the netlist.

    Parameters
    ----------
    config : Config
    parameters : Parameters
    samples : Samples
        Trained once, without idle clocks between them.
    described : bep.flow.boards.Target
        With an iCE40 UltraPlus.
    seed : int
        Of the counters, the random bits and the order.
    build_dir : path
    progress : callable
        Called with a text about each step.

    Returns
    -------
    (bep.activity.netlist.Netlist, bep.activity.replay.Activity)
        Of the clocks from the first sample's first word to the last result.

    Raises
    ------
    ValueError
        If it is larger than the part.
    RuntimeError
        If the netlist gives other outputs than the design that was simulated.
    """
    cells, ports, counted = recording(config, parameters, samples, described, seed, build_dir,
                                      progress)
    progress("replay in the netlist")
    activity = replay.replay(cells, ports, *counted)
    if activity.mismatches:
        raise RuntimeError(f"the netlist differs from the design in {activity.mismatches} clocks")
    return cells, activity


def recording(config, parameters, samples, described, seed=1, build_dir="build",
              progress=lambda what: None):
    """The netlist of a trainer, its ports as :func:`recorded.ports` has them, and the clocks that
    count, for :func:`measure`."""
    trainer = Trainer(config, integers(frame.prototypes(config)), **described.options)
    progress("synthesis")
    cells = netlist.mapped(trainer, build_dir)
    check(config, described, netlist.used(cells))
    progress("simulation")
    found: dict = {}
    simulate(training_job(config, parameters, samples, seed), convert(trainer), root=build_dir,
             look=lambda path: found.update(recorded.ports(path)))
    sent, given = (np.flatnonzero(found[port]) for port in ("samples__valid", "results__valid"))
    return cells, found, (sent[0], given[-1] + 1)
