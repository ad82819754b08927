"""cocotb bench of a board at its pins: how long the samples of a job take over the serial line."""

import os

import cocotb
import numpy as np

from bep_model.host import Host
from bep_model.packets import PacketPort
from sim.bench import cycle
from sim.board_bench import Line
from sim.job import Job


@cocotb.test()
async def carry_out(dut):
    job = Job.load(os.environ["BENCH_JOB"])
    line = Line(dut, job.config)
    port = PacketPort(job.config, line)
    host, (run,) = Host(job.config, port), job.runs
    await line.start()
    await host.bring_up(job.bank)
    await host.begin(run.parameters)
    start = cycle()
    results = await port.process(job.x[run.order], job.labels[run.order])
    np.savez(os.environ["BENCH_OUT"], results=results, clocks=cycle() - start, window=port.window)
