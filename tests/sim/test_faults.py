"""A fault in any one phase of the gateware is found: the comparison can fail."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FAULTS = {
    "popcount: XOR": ("parts/popcount.py", "[~(a ^ b)", "[(a ^ b)"),
    "forward: z = 0 is negative": (
        "engines/forward.py", "activation = z >= 0", "activation = z > 0"),
    "forward: gate closed at T": (
        "engines/forward.py", "self.row.magnitude <= delay", "self.row.magnitude < delay"),
    "classify: last class on a tie": (
        "engines/classify.py", "self.total > best", "self.total >= best"),
    "classify: triggered at M": (
        "engines/classify.py", "<< 1) < self.margin", "<< 1) <= self.margin"),
    "select: last neuron on a tie": ("engines/select.py", "(cost < best)", "(cost <= best)"),
    "forward: stable below kappa + 1": (
        "engines/forward.py", "self.row.magnitude < stability", "self.row.magnitude <= stability"),
    "select: only wrong neurons win": ("engines/select.py", "wrong | row.unstable", "wrong"),
    "backward: u = 0 is a target": (
        "engines/backward.py", "self.target.valid.eq(positive[0] | ~not_negative[0])",
        "self.target.valid.eq(1)"),
    "backward: gated rows count": (
        "engines/select.py", "valid & target.valid & row.open", "valid & target.valid"),
    "update: no saturation": ("parts/lanes.py", "lane.step & ~(lane.outward & lane.alike.all())",
                              "lane.step"),
    "update: the target alone": ("engines/update.py", "inputs[i] == target", "target"),
    "winners: never dropped": ("engines/winners.py", "m.d.sync += tail.eq(committed)", "pass"),
    "reinforce: one row too few": (
        "engines/reinforce.py", "leave.eq(left == 0)", "leave.eq(left <= 1)"),
    "random: another generator": ("engines/random.py", "x ^ (x << 13)[:32]", "x ^ (x << 12)[:32]"),
    "loader: batch too short a ring": (
        "engines/loader.py", "self.write_slot == config.max_batch)", "self.write_slot == 1)"),
}

THROUGH_TIME = {
    "votes: s_0 votes": ("engines/votes.py", "read.data.valid & ~first", "read.data.valid"),
    "votes: x_1 does not vote": (
        "engines/votes.py", "(step == 0) & (self.word >= words)", "step == 0"),
    "votes: a step without target votes": (
        "engines/votes.py", "self.counts.eq(read.data.valid &", "self.counts.eq(1 &"),
    "votes: blocks of the next row's sample": (
        "engines/votes.py", 'delay(m, slot, 2, "slot")', "slot"),
    "votes: the horizon is forgotten": (
        "engines/votes.py", "oldest.eq(row.span.oldest)", "oldest.eq(0)"),
    "credit: sums of the sequence before": ("engines/credit.py", "Mux(self.newest, 0, read.data)",
                                            "read.data"),
    "credit: a step without target counts": (
        "engines/credit.py", "Mux(self.target.valid, z, 0)", "z"),
    "update: a sum of 0 is a step": ("engines/update.py", "step & (change | ~voted)", "step"),
    "sequencer: targets beyond the horizon": (
        "sequencer.py", "oldest.eq(self.step == self.oldest)", "oldest.eq(self.step == 0)"),
}

PROGRAM = """
import json
import sys
from sim.check import check
from tests.sim.configurations import case
from tests.sim.jobs import job, learning_job

# Small counters, an even margin: every rule comes into play within a few samples.
if sys.argv[2] == "mlp":
    the_job = job(case(30, (12, 9), 5, 3, 8, 4, max_batch=3, batch=3, sweep=6, thinning=1 << 15,
                       margin=4 / 9, kappa=0.5, reinforce=(1 << 14, 1 << 15)))
else:
    the_job = learning_job(case(8, (6, 4), 4, 7, 8, 4, steps=4, max_batch=3, batch=3, margin=2.0,
                                nu=0.5, group=4), epochs=12)
print(json.dumps(check(the_job, root=sys.argv[1])["mismatches"]))
"""


def mismatches(tmp_path, kind, file=None, right="", wrong=""):
    """Mismatches of a trainer in which some text of a file in ``rtl`` was replaced."""
    shutil.copytree(ROOT / "rtl", tmp_path / "rtl", ignore=shutil.ignore_patterns("__pycache__"))
    if file:
        source = (tmp_path / "rtl" / file).read_text(encoding="utf-8")
        assert source.count(right) == 1, f"{right!r} is not once in rtl/{file}"
        (tmp_path / "rtl" / file).write_text(source.replace(right, wrong), encoding="utf-8")
    done = subprocess.run(  # the working directory comes first in the import path
        [sys.executable, "-c", PROGRAM, str(ROOT / "build"), kind], cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("kind", ["mlp", "recurrent"])
def test_no_fault(kind, tmp_path):
    assert mismatches(tmp_path, kind) == 0


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_found(name, tmp_path):
    assert mismatches(tmp_path, "mlp", *FAULTS[name]) > 0


@pytest.mark.parametrize("name", THROUGH_TIME)
def test_fault_through_time_is_found(name, tmp_path):
    assert mismatches(tmp_path, "recurrent", *THROUGH_TIME[name]) > 0
