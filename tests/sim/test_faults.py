"""A fault in any one phase of the gateware is found: the comparison can fail."""

from functools import cache

import numpy as np
import pytest

from bep_model.phases import frame
from bep_model.words import integers
from rtl.cycles import Cycles
from rtl.parts.popcount import Popcount
from rtl.trainer import Trainer
from rtl.verilog import convert
from sim.check import PORT_BYTES
from sim.compare import compare
from sim.expected import expected
from sim.verilator import build, run
from tests.sim.configurations import case
from tests.sim.faults import Fault, Faulty
from tests.sim.jobs import job, learning_job

MLP = {
    "popcount: XOR": Fault("Popcount", "~(A ^ B)", "A ^ B"),
    "forward: z = 0 is negative": Fault("Forward", "A >= 0", "A > 0"),
    "forward: gate closed at T": Fault("Forward", "A <= B", "A < B"),
    "forward: stable below kappa + 1": Fault("Forward", "A < B", "A <= B"),
    "classify: last class on a tie": Fault("Classify", "(A == 0) | (B > C)", "(A == 0) | (B >= C)"),
    "classify: triggered at M": Fault("Classify", "A < self.margin", "A <= self.margin"),
    "select: last neuron on a tie": Fault("Select", "A & (~B | (C < D))", "A & (~B | (C <= D))"),
    "select: only wrong neurons win": Fault("Select", "A | B.unstable if C else A", "A"),
    "backward: u = 0 is a target": Fault("Backward", "A[0] | ~B[0]", "1"),
    "backward: gated rows count": Fault("Select", "A & B.valid & C.open", "A & B.valid"),
    "update: no saturation": Fault("stepped", "A & ~B", "A"),
    "update: the target alone": Fault("Lanes", "A[B] == self.target", "self.target"),
    "winners: never dropped": Fault("Winners", "self.control.drop", "0"),
    "reinforce: one row too few": Fault("Reinforce", "A == 0", "A <= 1"),
    "random: another generator": Fault("xorshift", "A << 13", "A << 12"),
    "loader: batch too short a ring": Fault("Loader", "A == B.max_batch", "A == 1"),
}

THROUGH_TIME = {
    "votes: s_0 votes": Fault("Votes", "A.valid & ~B", "A.valid"),
    "votes: x_1 does not vote": Fault("Votes", "(A == 0) & (B.word >= C)", "A == 0"),
    "votes: a step without target votes": Fault("Votes", "A.valid & ~B", "~B"),
    "votes: blocks of the next row's sample": Fault("Votes", "delay(A, B, 2, C)", "B"),
    "votes: the horizon is forgotten": Fault("Votes", "A + B.steps.read.addr", "B.steps.read.addr"),
    "credit: sums of the sequence before": Fault("Credit", "Mux(newest, 0, A)", "A"),
    "credit: a step without target counts": Fault("Credit", "Mux(self.target.valid, A, 0)", "A"),
    "update: a sum of 0 is a step": Fault("Update", "A.bits & B", "A.bits"),
    "sequencer: targets beyond the horizon": Fault("Jobs", "A == B.oldest", "A == 0"),
}

FAULTS = {"mlp": MLP, "recurrent": THROUGH_TIME}


def small_job(kind):
    """With small counters and an even margin every rule matters within a few samples."""
    if kind == "mlp":
        return job(case(30, (12, 9), 5, 3, 8, 4, max_batch=3, batch=3, sweep=6, thinning=1 << 15,
                        margin=4 / 9, kappa=0.5, reinforce=(1 << 14, 1 << 15)))
    return learning_job(case(8, (6, 4), 4, 7, 8, 4, steps=4, max_batch=3, batch=3, margin=2.0,
                             nu=0.5, group=4), epochs=12)


@cache
def prepared(kind):
    """A job, what is expected of it, and the simulator of a trainer with all faults of a kind."""
    the_job = small_job(kind)
    trainer = Trainer(the_job.config, integers(frame.prototypes(the_job.config)),
                      port_bytes=PORT_BYTES)
    simulator = build(convert(Faulty(trainer, list(FAULTS[kind].values()))))
    return the_job, expected(the_job, Cycles(trainer)), simulator


def mismatches(kind, number, folder):
    """Mismatches of a trainer with one of its faults, counted from 1, or with none, 0."""
    the_job, want, simulator = prepared(kind)
    the_job.save(folder / "job.npz")
    run(simulator, "tests.sim.fault_bench", folder, variables={
        "BENCH_FAULT": str(number), "BENCH_JOB": str(folder / "job.npz"),
        "BENCH_OUT": str(folder / "observations.npz")})
    with np.load(folder / "observations.npz") as file:
        return compare(the_job, want, dict(file), "").mismatches


@pytest.mark.parametrize("kind", FAULTS)
def test_no_fault(kind, tmp_path):
    assert mismatches(kind, 0, tmp_path) == 0


@pytest.mark.parametrize("name", MLP)
def test_fault_is_found(name, tmp_path):
    assert mismatches("mlp", 1 + list(MLP).index(name), tmp_path) > 0


@pytest.mark.parametrize("name", THROUGH_TIME)
def test_fault_through_time_is_found(name, tmp_path):
    assert mismatches("recurrent", 1 + list(THROUGH_TIME).index(name), tmp_path) > 0


@pytest.mark.parametrize(("fault", "text"), [
    (Fault("Popcount", "A ** B", "A"), "'A [*][*] B' is 0 times in Popcount, not once"),
    (Fault("Select", "A < B", "A <= B"), "'A < B' is 2 times in Select, not once"),
    (Fault("Popcounter", "A", "A"), "Popcounter is defined in 0 modules of rtl, not in one"),
    (Fault("Votes", "(A == 0) & B", "A"), "the design does not use '.A == 0. & B' of Votes"),
])
def test_a_fault_without_its_place_is_reported(fault, text):
    with pytest.raises(LookupError, match=text):
        convert(Faulty(Popcount(2), [fault]))
