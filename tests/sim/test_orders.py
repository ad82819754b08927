"""Rows of one and of different samples follow one another in every possible order."""

import pytest

from sim.check import check
from tests.sim import orders
from tests.sim.configurations import case
from tests.sim.jobs import learning_job

SHAPES = {"mlp": (12, (6, 4), 4, 7), "recurrent": (8, (6, 4), 4, 7)}
LANES = {"mlp": (12, 12), "recurrent": (8, 8)}
OPTIONS = {
    "one-word": {}, "words": {}, "single-port": {"single_port": True},
    "registered": {"registered": True},
}


def learned(kind, option):
    """A small trainer of few groups, for batches of three."""
    lanes = LANES[kind] if option != "words" else (8, 4)
    return case(*SHAPES[kind], *lanes, steps=4 * (kind == "recurrent"), max_batch=3, batch=3,
                margin=2.0, nu=0.5, group=4, **OPTIONS[option])


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("kind", SHAPES)
def test_every_order(kind, option):
    the_case = learned(kind, option)
    job = learning_job(the_case, seed=3, samples=24, epochs=40)
    found = orders.rows(job)
    missing = [order for order in orders.possible(the_case.config) if not found[order]]
    assert not missing, "orders that the job does not reach"
    result = check(job, command=f"pytest tests/sim/test_orders.py -k '{kind} and {option}'",
                   **the_case.options)
    assert result["mismatches"] == 0, result["report"]
