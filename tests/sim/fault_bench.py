"""cocotb bench of a trainer with faults (``tests.sim.faults``); BENCH_FAULT selects one.

Otherwise it is ``sim.trainer_bench``.
"""

import os

import cocotb

from sim.bench import Bench
from sim.job import Job
from sim.trainer_bench import Ports


@cocotb.test()
async def carry_out(dut):
    """Carry out the job."""
    dut.fault.value = int(os.environ["BENCH_FAULT"])
    job = Job.load(os.environ["BENCH_JOB"])
    ports = Ports(dut, job)
    await Bench(job, ports, ports).carry_out(os.environ["BENCH_OUT"])
