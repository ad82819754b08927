"""The trainer in Verilator against the golden model, with random configurations and parameters.

FUZZ is the number of netlists of each kind: a few by default, 100 in `make fuzz`. The seed is the
test's name.
"""

import os

import numpy as np
import pytest

from bep_model.config import Config, divisors
from bep_model.parameters import Parameters
from sim.check import check
from tests.sim.configurations import Case
from tests.sim.jobs import job, learning_job

COUNT = int(os.environ.get("FUZZ", "2"))


def drawn(seed, through_time=False):
    """A small legal configuration and legal parameters."""
    rng = np.random.default_rng([seed, 1] if through_time else seed)

    def choice(values):
        return int(rng.choice(values))

    def between(low, high):
        return int(rng.integers(low, high + 1))

    q = choice([1, 2, 3, 4, 5, 8, 16, 33])
    p = q * between(1, max(1, min(5, 70 // q)))
    layers = [between(1, 20) for _ in range(2 if through_time else between(1, 4))]
    config = Config(between(1, 60), layers, between(2, 6), between(2, 15), p, q,
                    max_batch=choice([1, 2, 2, 3, 5]), seed=between(0, 1000),
                    max_steps=between(1, 9) if through_time else 0,
                    stable=not through_time and bool(between(0, 1)))
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
    )
    return Case(config, parameters.validate(config), saturated=bool(between(0, 1)),
                options=[{}, {"single_port": True}, {"registered": True}][between(0, 2)])


@pytest.mark.parametrize("seed", range(COUNT))
@pytest.mark.parametrize("kind", ["mlp", "recurrent"])
def test_equal_to_the_golden_model(kind, seed):
    """A job that changes all parameters in every run, and three that learn, on one netlist."""
    case = drawn(seed, through_time=kind == "recurrent")
    for the_job in (job(case, seed), *(learning_job(case, 1000 * k + seed) for k in range(3))):
        result = check(the_job, **case.options,
                       command=f"FUZZ={seed + 1} pytest tests/sim/test_fuzz.py -k '{kind}-{seed}]'")
        assert result["mismatches"] == 0, f"{case}\n{result['report']}"
        assert result["compared_counters"] > 0
