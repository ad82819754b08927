"""The sizes of lanes: of BEP as built, and of trainers with gradients (docs/table-2.md)."""

from functools import partial
from itertools import product

from bep.experiments import float_lane
from bep.experiments.integer_lane import Accumulate, Step
from bep.flow import gates
from bep_model.config import Config
from bep_model.phases import frame
from bep_model.words import integers
from rtl.engines.backward import Backward
from rtl.engines.forward import Forward
from rtl.engines.random import Bank, Bernoulli
from rtl.engines.reinforce import Reinforce
from rtl.engines.update import Update
from rtl.parts.lanes import Lanes
from rtl.parts.popcount import Popcount
from rtl.trainer import Trainer

SIZES = (16, 32, 64, 128, 256)
"""Lanes of an engine; the slope is that between the last two, which are whole generators apart."""
WIDTHS = (784, SIZES[-1], 75)
"""Inputs and layers of the trainer that the engines are for: `backward` has no more columns, and
`forward` gathers no more activations, than the widest layer has neurons."""
COUNTER_BITS = (7, 15)
KEYS = ("gates", "nand2", "lut4", "ffs")


def config(lanes, counter_bits):
    return Config(WIDTHS[0], WIDTHS[1:], 10, counter_bits, weight_lanes=lanes, counter_lanes=lanes)


def _update(bits, lanes):
    return Update(config(lanes, bits))


def engines():
    """Engines and parts of BEP by name: functions of the number of lanes."""
    found: dict = {
        "forward": lambda lanes: Forward(config(lanes, 7)),
        "popcount": Popcount,
        "backward": lambda lanes: Backward(config(lanes, 7)),
        "reinforce": lambda lanes: Reinforce(config(lanes, 7)),
        "bernoulli": Bernoulli,
        "bank": Bank,
    }
    for bits in COUNTER_BITS:
        found[f"update-{bits}"] = partial(_update, bits)
        found[f"lanes-{bits}"] = partial(Lanes, bits=bits, beat=8)
    return found


def slope(sizes):
    """What a lane adds, and what is left for no lanes, from {lanes: sizes}; by :data:`KEYS`."""
    (few, small), (many, large) = sorted(sizes.items())[-2:]
    per_lane = {key: (large[key] - small[key]) / (many - few) for key in KEYS}
    return {"per_lane": per_lane,
            "control": {key: small[key] - few * per_lane[key] for key in KEYS}}


def bep(sizes=SIZES, done=lambda name: None):
    """Count the engines: {name: {"sizes": {lanes: counts}, "per_lane": .., "control": ..}}."""
    found = {}
    for name, make in engines().items():
        counted = {}
        for lanes in sizes:
            done(f"{name}, {lanes} lanes")
            counted[lanes] = gates.of_component(make(lanes))
        found[name] = {"sizes": counted} | slope(counted)
    return found


def trainer(built):
    """The sizes of a whole trainer, its memories' bits included."""
    return gates.of_component(Trainer(built, integers(frame.prototypes(built))))


def operators(formats=tuple(float_lane.FORMATS), done=lambda name: None):
    """Count the operators of trainers with gradients: {name: counts}."""
    found = {}
    for form, operator in product(formats, float_lane.OPERATORS):
        done(f"{operator}, {form}")
        found[f"{form}-{operator}"] = gates.count(float_lane.verilog(operator, form), "top")
    for name, lane in (("int8-mac", Accumulate(False)), ("int8-signed-add", Accumulate(True)),
                       ("int8-step", Step())):
        done(name)
        found[name] = gates.of_component(lane)
    return found
