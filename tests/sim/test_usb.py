"""A board's design at its USB plug: a job over the bus against the golden model."""

from dataclasses import replace

from bep_model.phases import frame
from bep_model.words import integers
from sim import usb_bench
from sim.compare import compare
from sim.expected import expected
from sim.simulate import simulate
from tests.sim.configurations import CASES
from tests.sim.jobs import job


def test_equal_to_the_golden_model():
    """Train, then infer, with packets of all lengths."""
    whole = job(CASES["three-subwords"], samples=9)
    the_job = replace(whole, runs=whole.runs[1:3])
    text = usb_bench.verilog(the_job.config, integers(frame.prototypes(the_job.config)))
    observed = simulate(the_job, text, bench="sim.usb_bench")
    comparison = compare(the_job, expected(the_job), observed, timed=False,
                         command="pytest tests/sim/test_usb.py")
    assert comparison.mismatches == 0, comparison.report
    assert comparison.compared_counters > 0
