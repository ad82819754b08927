"""Carries out a job on a simulated trainer, and records what it observes."""

import time
from abc import abstractmethod

import cocotb
import numpy as np
from cocotb.queue import Queue
from cocotb.triggers import RisingEdge, Timer
from cocotb.utils import get_sim_time

from bep_model.host import Host
from bep_model.protocol import COUNTERS, Mode
from sim.job import Observations

PERIOD = 10
"""Period of the clock, ns."""


def cycle():
    """Clock cycles since the start of the simulation."""
    return round(get_sim_time("ns")) // PERIOD


async def rest(dut, attempts):
    """Let clock cycles pass: 1, 2, 4, .. 16."""
    await Timer(min(1 << attempts, 16) * PERIOD, "ns")
    await RisingEdge(dut.clk)


class Access:
    """The way in which a bench accesses its trainer."""

    slowdown = 1
    """Clock cycles of the slowest transfer of a word."""
    progress = 0
    """Transfers so far."""

    @abstractmethod
    async def start(self):
        """Start the clock and reset the trainer."""


class Line(Access):
    """A line of bytes for :class:`bep_model.packets.PacketPort`, whose bytes all arrive in time.

    What arrives goes to ``received``.
    """

    limit = timeout = 0.0  # nobody waits in vain: see `Bench.watch`

    def __init__(self, dut):
        self.dut, self.received = dut, Queue()

    async def receive(self, count):
        data = bytes([await self.received.get() for _ in range(count)])
        self.progress += 1
        return data

    async def settle(self):
        """Nothing is damaged here, so nothing is to be forgotten."""
        raise AssertionError("a fault on a line without faults")

    async def rest(self, attempts):
        await rest(self.dut, attempts)


class Bench:
    """Carries out a job.

    Parameters
    ----------
    job : Job
    port : bep_model.host.Port
    access : Access
        The layer below the port, or the port itself.
    """

    def __init__(self, job, port, access):
        self.job, self.config = job, job.config
        self.host, self.access = Host(job.config, port), access
        self.observations = Observations()
        self.time, self.rest = [], [0]

    async def carry_out(self, path):
        """Carry out the job and write an npz file: ``Observations.arrays()`` and

        - ``time``: clock cycle in which CYCLES_WAIT of each snapshot arrived;
        - ``rest``: clock cycles counted as WAIT by each snapshot while those before were taken;
        - ``clocks``, ``seconds``: simulated clock cycles and wall-clock time of all runs.
        """
        await self.access.start()
        cocotb.start_soon(self.watch())
        await self.host.bring_up(self.job.bank, self.job.counters, self.job.thresholds)
        await self.snapshot()
        seconds, clocks = time.perf_counter(), cycle()
        for run in self.job.runs:
            await self.run(run)
        if self.job.thresholds:
            for found, given in zip(await self.host.thresholds(), self.job.thresholds, strict=True):
                assert np.array_equal(found, given), f"thresholds {found} instead of {given}"
        np.savez(path, **self.observations.arrays(), time=self.time, rest=self.rest[:-1],
                 clocks=cycle() - clocks, seconds=time.perf_counter() - seconds)

    async def watch(self):
        """Fail when nothing moves for longer than any legal operation takes."""
        rows = sum(layer.neurons * layer.counter_words for layer in self.config.network)
        rows *= max(1, self.config.voters)
        limit = 20 * (self.config.max_batch + 2) * (rows + self.config.sign_depth)
        limit = (limit + 10_000) * self.access.slowdown
        seen = -1
        while seen != self.access.progress:
            seen = self.access.progress
            await Timer(limit * PERIOD, "ns")
        raise AssertionError(f"nothing happened for {limit} clock cycles, after "
                             f"{sum(map(len, self.observations.prediction))} samples")

    async def snapshot(self):
        """Record the whole state of the trainer, which must not be busy."""
        seen, host = self.observations, self.host
        values = await host.performance()
        self.time.append(cycle())
        seen.performance.append([values[name] for name in COUNTERS])
        seen.bank.append(await host.bank())
        seen.counters.append(await host.counters())
        seen.samples.append(sum(map(len, seen.prediction)))
        waited = await host.port.read("CYCLES_WAIT") - values["CYCLES_WAIT"]
        self.rest.append(self.rest[-1] + waited)

    async def run(self, run):
        """Carry out one run."""
        job = self.job
        await self.host.begin(run.parameters, run.mode)
        chunks = run.chunks()
        for rows in chunks:
            lengths = None if job.lengths is None else job.lengths[rows]
            results = await self.host.process(job.x[rows], job.labels[rows], lengths)
            for name, values in zip(("prediction", "error", "triggered"), results, strict=True):
                getattr(self.observations, name).append(values)
            if rows is not chunks[-1]:
                await self.snapshot()
        if run.mode == Mode.TRAIN:
            await self.host.flush()
        await self.snapshot()
        await self.host.end()
