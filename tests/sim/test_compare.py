"""The comparison finds every kind of difference and says where it is."""

import numpy as np
import pytest

from sim.compare import compare
from sim.expected import COUNTED, expected
from sim.job import Job
from tests.sim.configurations import CASES
from tests.sim.jobs import job


@pytest.fixture(scope="module")
def the_job():
    return job(CASES["batch-reinforced"], samples=10)


@pytest.fixture
def observed(the_job):
    """Observations without any mismatch; WAIT takes all clock cycles."""
    values = {name: array.copy() for name, array in expected(the_job).items()}
    time = 7 * np.arange(len(values["samples"]))
    cycles = np.zeros((len(time), 7), np.int64)
    cycles[:, 0] = time
    values["performance"] = np.hstack([values["performance"], cycles])
    return values | {"time": time + 100}


def test_equal(the_job, observed):
    comparison = compare(the_job, expected(the_job), observed)
    assert (comparison.mismatches, comparison.report) == (0, "")
    # Snapshots: 1 at the start, 3 in the first run (batches of 4, 4, 2), 1 in each of 3 more.
    assert comparison.compared_counters == (1 + 3 + 3) * (30 * 12 + 12 * 8)


def test_one_counter_off_by_one(the_job, observed):
    observed["counters_2"][2, 5, 7] += 1
    comparison = compare(the_job, expected(the_job), observed, "repeat this")
    was, row = expected(the_job)["counters_2"][2, 5, 7], the_job.runs[0].order[7]
    assert comparison.mismatches == 1
    assert comparison.by_kind == {"counters_2": 1}
    assert comparison.report.splitlines() == [
        "first mismatch: phase update or reinforce, layer 2, neuron 5, input 7: counter after "
        f"sample 7 (run 0, sample 7 of it, batch 1, data row {row}) is {was + 1}, the model says "
        f"{was}",
        "mismatches: counters_2 1; stimulus seed 1, configuration "
        f"{the_job.config.identifier:08x}",
        "reproduce: repeat this",
    ]


@pytest.mark.parametrize(("kind", "at", "text"), [
    ("prediction", 13, "classify: prediction of sample 13 (run 1, sample 3 of it"),
    ("error", 0, "error of sample 0"),
    ("triggered", 39, "triggered of sample 39 (run 3, sample 9 of it, batch 2"),
    ("bank", (0, 0), "phase initialise: state of generator 0 of the random bank before the first"),
    ("performance", (1, COUNTED.index("UPDATES")), "counter UPDATES after sample 3"),
    ("performance", (1, len(COUNTED)), "sum of the cycle counters after sample 3"),
    ("counters_1", (5, 0, 0), "phase infer (which changes nothing), layer 1, neuron 0, input 0"),
])
def test_kinds(the_job, observed, kind, at, text):
    observed[kind][at] += 1
    comparison = compare(the_job, expected(the_job), observed)
    assert comparison.mismatches == 1
    assert text in comparison.report


def test_the_earliest_mismatch_is_reported(the_job, observed):
    observed["counters_1"][4, 0, 0] += 1
    observed["prediction"][8] += 1
    observed["counters_2"][3, 0, 0] += 1
    assert "prediction of sample 8" in compare(the_job, expected(the_job), observed).report
    observed["counters_2"][2, 0, 0] += 1
    assert "layer 2, neuron 0" in compare(the_job, expected(the_job), observed).report


def test_job_file(the_job, tmp_path):
    the_job.save(tmp_path / "job.npz")
    again = Job.load(tmp_path / "job.npz")
    assert again.config == the_job.config
    assert [run.parameters for run in again.runs] == [run.parameters for run in the_job.runs]
    for name, array in expected(the_job).items():
        np.testing.assert_array_equal(array, expected(again)[name])
