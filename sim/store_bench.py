"""cocotb bench of ``rtl.board.Board`` with a sample store: every run of a job is a stored epoch.

The environment is that of ``sim.board_bench``. Run n of the job takes all samples in the order of
``chip_order(job.seed, n, len(job.x))``. The trainer only counts results, so ``prediction``,
``error`` and ``triggered`` of the observations are empty; its performance counters tell their sums.
Further observations are ``paces``: the clocks per sample of every run, as the host sees them.
"""

import os

import cocotb
import numpy as np

from bep_model import stored
from bep_model.data.datasets import Dataset, Samples
from bep_model.fit.training import chip_order
from bep_model.packets import PacketPort
from bep_model.phases.order import epoch_stride
from bep_model.protocol import Mode
from bep_model.store import Store
from sim.bench import Bench, cycle
from sim.board_bench import Line
from sim.job import Job


class StoreBench(Bench):
    """Carries out a job from the store."""

    async def carry_out(self, path):
        job = self.job
        samples = Samples(job.x, job.labels, job.lengths)
        nothing = Samples(job.x[:0], job.labels[:0])
        self.epoch, self.paces = 0, []
        self.stored, self.image = stored.pack(
            self.config, Dataset("job", samples, nothing, nothing, self.config.classes))
        self.store = Store(self.host)
        await super().carry_out(path)
        with np.load(path) as file:
            arrays = dict(file)
        np.savez(path, **arrays, paces=self.paces)

    async def run(self, run):
        if not self.epoch:
            await (await self.store.open()).load(self.image)
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
        # From the first time that samples had passed to the last one, or at least from the start.
        (first, start), (last, end) = seen[len(seen) > 2], seen[-1]
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
    line = Line(dut, job.config)
    await StoreBench(job, PacketPort(job.config, line), line).carry_out(os.environ["BENCH_OUT"])
