"""The trainer in Verilator against the golden model, at the corners of its configuration."""

import numpy as np
import pytest

from bep_model.config import Config
from bep_model.data.datasets import Samples
from bep_model.data.sequences import Pairs
from bep_model.fit.hyper import Hyper
from sim.check import check, training_job
from sim.expected import expected
from tests.sim import configurations, convolution, recurrent
from tests.sim.jobs import job

CASES = {**configurations.CASES,
         **{f"recurrent-{name}": case for name, case in recurrent.CASES.items()},
         **{f"convolution-{name}": case for name, case in convolution.CASES.items()}}


@pytest.mark.parametrize("name", CASES)
def test_equal_to_the_golden_model(name):
    case = CASES[name]
    result = check(job(case), command=f"pytest tests/sim/test_trainer.py -k '[{name}]'",
                   **case.options)
    assert result["mismatches"] == 0, result["report"]
    assert result["compared_counters"] > 0


@pytest.mark.parametrize("nu", [0.0, 0.5])
def test_a_state_that_begins_as_a_delay_line(nu):
    """It stays as it is with closed gates, and learns with open ones."""
    rng = np.random.default_rng(5)
    x = Pairs().fit_transform(rng.integers(0, 2, (20, 6, 5), dtype=np.uint8))
    config = Config(x.shape[2], (25, 9), 3, weight_lanes=8, counter_lanes=4, max_steps=6)
    hyper = Hyper(nu=nu, group=3, delay=3, sweep=7)
    given = training_job(config, hyper.parameters(config), Samples(x, rng.integers(0, 3, 20)), 2,
                         epochs=2, every=True, hyper=hyper)
    result = check(given, command="pytest tests/sim/test_trainer.py -k delay_line")
    assert result["mismatches"] == 0, result["report"]
    changed = (given.counters[0] >= 0) != (expected(given)["counters_1"][-1] >= 0)
    assert changed.any() == (nu > 0)
