"""Carries out a job on a trainer, however that is reached."""

import time

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge, Timer
from cocotb.utils import get_sim_time

from bep_model.config import NUMERICS_VERSION
from bep_model.protocol import COUNTERS, MAGIC, Command, Mode, registers
from sim.job import Observations
from sim.words import counters_to_words, words_to_counters

PERIOD = 10
"""Of the clock, ns."""


def cycle():
    """Clock cycles since the start of the simulation."""
    return round(get_sim_time("ns")) // PERIOD


class Host:
    """What a host does; a subclass knows the ports or the packets.

    A subclass has ``start()`` (clock, reset), ``read(name)`` and ``write(name, value)`` for
    registers, ``read_state()`` and ``write_state(words)`` for all counter words in the order of
    ``sim.words.counter_addresses``, and ``process(rows)``, which sends samples and returns a
    (prediction, error, triggered) of each; all are coroutines. It adds to ``progress``.

    Parameters
    ----------
    dut : cocotb handle
    job : Job
    """

    slowdown = 1
    """Clock cycles of the slowest transfer of a word."""

    def __init__(self, dut, job):
        self.dut, self.job, self.config = dut, job, job.config
        self.registers = registers(job.config)
        self.observations = Observations()
        self.time, self.rest, self.progress = [], [0], 0

    async def carry_out(self, path):
        """Carry out the job and write an npz file: ``Observations.arrays()`` and

        - ``time``: clock cycle in which CYCLES_WAIT of each snapshot arrived;
        - ``rest``: clock cycles counted as WAIT by each snapshot while those before were taken;
        - ``clocks``, ``seconds``: simulated clock cycles and wall-clock time of all runs.
        """
        await self.initialise()
        seconds, clocks = time.perf_counter(), cycle()
        for run in self.job.runs:
            await self.run(run)
        np.savez(path, **self.observations.arrays(), time=self.time, rest=self.rest[:-1],
                 clocks=cycle() - clocks, seconds=time.perf_counter() - seconds)

    async def watch(self):
        """Fail when nothing moves for longer than any legal work can take."""
        rows = sum(k * words for (k, _), words in
                   zip(self.config.shapes, self.config.counter_words, strict=True))
        rows *= max(1, self.config.max_steps)
        limit = 20 * (self.config.max_batch + 2) * (rows + self.config.sign_depth)
        limit = (limit + 10_000) * self.slowdown
        seen = -1
        while seen != self.progress:
            seen = self.progress
            await Timer(limit * PERIOD, "ns")
        raise AssertionError(f"nothing happened for {limit} clock cycles, after "
                             f"{sum(map(len, self.observations.prediction))} samples")

    async def identify(self):
        """Check that this is the right trainer."""
        for name, value in (("IDENT", MAGIC), ("VERSION", NUMERICS_VERSION),
                            ("DIGEST", self.config.identifier)):
            found = await self.read(name)
            assert found == value, f"register {name} is {found:#x}, not {value:#x}"

    async def initialise(self):
        """Seed the bank, then draw the counters or write those of the job."""
        await self.start()
        cocotb.start_soon(self.watch())
        await self.identify()
        for value in self.job.bank[::-1]:
            await self.write("RANDOM", value)
        if self.job.counters:
            await self.write_state(counters_to_words(self.config, self.job.counters))
        else:
            await self.command(Command.INITIALISE)
        await self.command(Command.CLEAR)
        await self.snapshot()

    async def command(self, command):
        """Carry out a command to its end."""
        await self.write("COMMAND", command)
        await self.idle()

    async def idle(self):
        """Wait until the trainer is not busy."""
        cycles = 1
        while (await self.read("STATUS")) & 1:
            await Timer(cycles * PERIOD, "ns")
            await RisingEdge(self.dut.clk)
            cycles = min(2 * cycles, 16)

    async def set_parameters(self, parameters):
        """Write all run-time registers."""
        values = {"MARGIN": parameters.margin, "THINNING": parameters.thinning,
                  "BATCH": parameters.batch, "SWEEP": parameters.sweep}
        for register, layers in (("GATE", parameters.gates), ("GROUP", parameters.groups),
                                 ("REINFORCE", parameters.reinforce),
                                 *[("STABILITY", parameters.stabilities)] * self.config.stable):
            values |= {f"{register}_{l}": value for l, value in enumerate(layers, 1)}
        if self.config.recurrent:
            values["HORIZON"] = parameters.horizon
        for name, value in values.items():
            await self.write(name, value)

    async def snapshot(self):
        """Note down the whole state of the trainer, which must not be busy."""
        seen = self.observations
        values = {}
        for name in reversed(COUNTERS):  # of the cycle counters only WAIT moves now
            values[name] = await self.read(name)
            if name == "CYCLES_WAIT":
                self.time.append(cycle())
        bank = []
        for _ in range(self.config.generators):  # a full turn leaves the bank as it was
            bank.append(await self.read("RANDOM"))
            await self.write("RANDOM", bank[-1])
        words = await self.read_state()
        seen.performance.append([values[name] for name in COUNTERS])
        seen.bank.append(bank[::-1])
        seen.counters.append(words_to_counters(self.config, words))
        seen.samples.append(sum(map(len, seen.prediction)))
        self.rest.append(self.rest[-1] + await self.read("CYCLES_WAIT") - values["CYCLES_WAIT"])

    async def run(self, run):
        """Carry out one run."""
        await self.set_parameters(run.parameters)
        await self.write("MODE", run.mode)
        chunks = run.chunks()
        for chunk in chunks:
            results = np.array(await self.process(chunk), np.int64).reshape(-1, 3)
            for name, values in zip(("prediction", "error", "triggered"), results.T, strict=True):
                getattr(self.observations, name).append(values)
            await self.idle()
            if chunk is not chunks[-1]:
                await self.snapshot()
        if run.mode == Mode.TRAIN:
            await self.command(Command.FLUSH)
        await self.snapshot()
        await self.write("MODE", Mode.IDLE)
