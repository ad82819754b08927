"""The trainer in Verilator against the golden model, with random configurations and parameters.

FUZZ is the number of netlists of each kind: a few by default, 100 in `make fuzz`. The seed is the
test's name.
"""

import os

import numpy as np
import pytest

from bep_model.config import Config, divisors
from bep_model.layers import Window
from bep_model.parameters import Parameters
from sim.check import check
from tests.sim.configurations import Case
from tests.sim.jobs import job, learning_job

COUNT = int(os.environ.get("FUZZ", "2"))


KINDS = ("mlp", "recurrent", "convolution")


def drawn(seed, kind):
    """A small legal configuration and legal parameters."""
    through_time, filters = kind == "recurrent", kind == "convolution"
    rng = np.random.default_rng([seed, KINDS.index(kind)] if kind != "mlp" else seed)

    def choice(values):
        return int(rng.choice(values))

    def between(low, high):
        return int(rng.integers(low, high + 1))

    q = choice([1, 2, 3, 4, 5, 8, 16, 33])
    p = q * between(1, max(1, min(5, 70 // q)))
    layers = [between(1, 20) for _ in range(2 if through_time else between(1 + filters, 4))]
    inputs, image, windows = between(1, 60), (), ()
    if filters:
        image = (between(2, 9), between(2, 9), between(1, 3))
        window = Window(between(1, image[0]), between(1, image[1]), between(1, 3))
        windows = (window._replace(pool=between(1, min(4, max(window.grid(image))))),)
        inputs = int(np.prod(image))
    config = Config(inputs, layers, between(2, 6), between(2, 15), p, q,
                    max_batch=choice([1, 2, 2, 3, 5]), seed=between(0, 1000),
                    max_steps=between(1, choice([9, 24])) if through_time else 0,
                    stable=kind == "mlp" and bool(between(0, 1)), image=image, windows=windows)
    batch = between(1, config.max_batch)
    parameters = Parameters(
        margin=choice([layers[-1], between(-2 * layers[-1], 2 * layers[-1])]),
        gates=[between(0, f) for _, f in config.shapes],
        groups=[choice(divisors(k)) for k in layers],
        stabilities=[choice([0, between(0, f + 1)]) * config.stable for _, f in config.shapes],
        reinforce=[choice([0, 77, 1 << 12, 1 << 15, 40000, 65535]) for _ in layers],
        thinning=choice([0, 1, 1 << 14, 30000, 65535, 1 << 16, 1 << 16, 1 << 16]),
        batch=batch,
        sweep=batch * between(1, 4),
        horizon=between(1, 9) if through_time else 65535,
        rates=[choice([0, 77, 30000, 1 << 16, 1 << 16]) if filters else 1 << 16 for _ in layers],
    )
    return Case(config, parameters.validate(config), saturated=bool(between(0, 1)),
                options=[{}, {"single_port": True}, {"registered": True}][between(0, 2)])


@pytest.mark.parametrize("seed", range(COUNT))
@pytest.mark.parametrize("kind", KINDS)
def test_equal_to_the_golden_model(kind, seed):
    """A job that changes all parameters in every run, and three that learn, on one netlist."""
    case = drawn(seed, kind)
    for the_job in (job(case, seed), *(learning_job(case, 1000 * k + seed) for k in range(3))):
        result = check(the_job, **case.options,
                       command=f"FUZZ={seed + 1} pytest tests/sim/test_fuzz.py -k '{kind}-{seed}]'")
        assert result["mismatches"] == 0, f"{case}\n{result['report']}"
        assert result["compared_counters"] > 0
