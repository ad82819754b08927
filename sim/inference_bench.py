"""cocotb bench of ``rtl.inference.Inference``: infers the samples of a job.

The environment is that of ``sim.trainer_bench``. The npz file has ``prediction``, ``error``,
``triggered``, and ``clocks`` and ``seconds`` of all samples together.
"""

import os
import time

import cocotb
import numpy as np

from bep_model.host import Host
from sim.bench import Bench, cycle
from sim.job import Job
from sim.trainer_bench import Ports


class InferencePorts(Ports):
    """Accesses a design that only infers: it has no state port."""

    inputs = tuple(name for name in Ports.inputs if not name.startswith("state__"))


@cocotb.test()
async def infer(dut):
    """Infer the samples of the job's first run, in its order."""
    job = Job.load(os.environ["BENCH_JOB"])
    ports = InferencePorts(dut, job)
    await ports.start()
    cocotb.start_soon(Bench(job, ports, ports).watch())
    host, order = Host(job.config, ports), job.runs[0].order
    await host.identify(infer=True)
    seconds, clocks = time.perf_counter(), cycle()
    prediction, error, triggered = await host.process(
        job.x[order], job.labels[order], None if job.lengths is None else job.lengths[order])
    np.savez(os.environ["BENCH_OUT"], prediction=prediction, error=error, triggered=triggered,
             clocks=cycle() - clocks, seconds=time.perf_counter() - seconds)
