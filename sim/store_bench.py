"""cocotb bench of ``rtl.board.Board`` with a sample store: every run of a job is a stored epoch.

The environment is that of ``sim.board_bench``. Run n of the job takes all samples in the order of
``chip_order(job.seed, n, len(job.x))``. The trainer only counts results, so ``prediction``,
``error`` and ``triggered`` of the observations are empty; its performance counters tell their sums.
Further observations are ``paces``: the clocks per sample of every run, as the host sees them. It
looks seldom, because the trainer gets no stored sample while it answers.

The store is filled over the link, unless its chip took the set from a file.
"""

import os
from pathlib import Path

import cocotb
import numpy as np
from cocotb.triggers import Timer

from bep_model.fit.training import chip_order
from bep_model.packets import PacketPort
from bep_model.phases.order import epoch_stride
from bep_model.protocol import Mode
from bep_model.store import Store
from sim import chips
from sim.bench import PERIOD, Bench, cycle
from sim.board_bench import Line
from sim.job import Job

SELDOM = 20_000
"""Clock cycles by which the host waits longer each time before it looks at an epoch again."""


class Patient(Line):
    """The serial line of a host that looks seldom."""

    async def rest(self, attempts):
        await Timer(max(1, SELDOM * attempts) * PERIOD, "ns")


class StoreBench(Bench):
    """Carries out a job from the store."""

    async def carry_out(self, path):
        job = self.job
        self.epoch, self.paces = 0, []
        self.stored, self.image = job.packed()
        self.store = Store(self.host)
        await super().carry_out(path)
        with np.load(path) as file:
            arrays = dict(file)
        np.savez(path, **arrays, paces=self.paces)

    async def run(self, run):
        if not self.epoch:
            await self.store.open()
            if not Path(chips.CONTENT).exists():
                await self.store.load(self.image)
            assert await self.store.described() == self.stored
            await self.store.check(self.stored)
        stride = epoch_stride(self.job.seed, self.epoch, len(self.job.x))
        np.testing.assert_array_equal(
            run.order, chip_order(self.job.seed, self.epoch, len(self.job.x)))
        self.epoch += 1
        await self.host.begin(run.parameters, run.mode)
        seen = [(0, cycle())]
        await self.store.play(self.stored, "train", stride, lambda count, _: seen.append(
            (seen[-1][0] + count, cycle())))
        # Between the first and the last look at samples that pass, if there are two: the very last
        # one comes when they have passed. Else from the start.
        (first, start), (last, end) = (seen[1], seen[-2]) if len(seen) > 3 else (seen[0], seen[-1])
        self.paces.append((end - start) / (last - first))
        if run.mode == Mode.TRAIN:
            await self.host.flush()
        await self.snapshot()
        self.observations.samples[-1] = self.epoch * len(self.job.x)
        await self.host.end()


@cocotb.test()
async def carry_out(dut):
    """Carry out the job."""
    job = Job.load(os.environ["BENCH_JOB"])
    line = Patient(dut, job.config)
    await StoreBench(job, PacketPort(job.config, line), line).carry_out(os.environ["BENCH_OUT"])
