"""Inference only: its weights, from a state file, and what a build of it is worth."""

import warnings

from amaranth.hdl import UnusedElaboratable

from bep.flow import energy, families
from bep_model import configuration
from bep_model.phases import frame
from bep_model.words import integers, weight_words
from rtl.cycles import BETWEEN
from rtl.inference import Inference


def trained(source):
    """The network in a state file.

    Raises ValueError if ``source`` is something else, and what ``bep_model.state.load`` raises.
    """
    if not configuration.is_state(source):
        raise ValueError("--inference is for the weights of a state file (`bep train --save`), "
                         f"and {source} is none")
    from bep_model import state  # with the kernels, which only this needs

    return state.load(configuration.locate(source))


def design(network, **options):
    """The design that infers with the weights of a network."""
    return Inference(network.config, integers(frame.prototypes(network.config)),
                     weights(network), **options)


def weights(network):
    """The weights of a network as ``rtl.inference.Inference`` takes them."""
    return weight_words(network)


def cycles_per_sample(config, registered):
    """Clocks from one inferred sample to the next, of T_max steps; those of the trainer, too."""
    # It is made for the formula only, and never elaborated.
    warnings.filterwarnings("ignore", category=UnusedElaboratable)
    words = config.bases[-1] + sum(config.filters)
    made = Inference(config, integers(frame.prototypes(config)), [0] * words, registered)
    return made.cycles() + BETWEEN


def figures(report, config):
    """What a build, of inference or of a trainer, infers at its clock and at its fastest clock.

    Returns
    -------
    dict
        ``inference_cycles_per_sample``; ``at_clock``, ``at_fmax``: samples_per_second, and power_mw
        and sample_uj, each [low, high] of the model (``bep.flow.energy``), None for a part that has
        none.
    """
    family = families.of(report["part"])
    model = families.found(family.energy, report["part"])
    cycles = cycles_per_sample(config, family.registered)

    def at(mhz):
        rate = mhz * 1e6 / cycles
        power = None if model is None else model.power(mhz, report["cells"]["used"])
        return {"samples_per_second": rate, "power_mw": power,
                "sample_uj": power and energy.per_sample(power, rate)}
    return {"inference_cycles_per_sample": cycles, "at_clock": at(report["clock_mhz"]),
            "at_fmax": at(report["fmax_mhz"])}
