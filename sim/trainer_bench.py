"""cocotb bench of ``rtl.trainer.Trainer``: carries out a job and writes down what it observed.

It knows ports, registers and the job (``sim.job``), nothing of the golden model. Environment:
BENCH_JOB names the job's file, BENCH_OUT the npz file to write: ``Observations.arrays()`` and

- ``time``: clock cycle in which register CYCLES_WAIT of each snapshot was read;
- ``rest``: clock cycles counted as WAIT while the bench took snapshots;
- ``clocks``, ``seconds``: simulated clock cycles and wall-clock time of the runs.
"""

import os
import random
import time

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge, Timer
from cocotb.utils import get_sim_time

from bep_model.config import NUMERICS_VERSION
from bep_model.protocol import COUNTERS, MAGIC, Command, Mode, registers
from sim.job import Job, Observations
from sim.streams import pause, receive, reset, send
from sim.words import counter_addresses, counters_to_words, sample_words, words_to_counters

PERIOD = 10
"""Of the clock, ns."""


class Bench:
    """Drives one trainer.

    Parameters
    ----------
    dut : cocotb handle
    job : Job
    """

    def __init__(self, dut, job):
        self.dut, self.job, self.config = dut, job, job.config
        self.registers = registers(job.config)
        self.rng = random.Random(job.seed)
        self.addresses = counter_addresses(job.config)
        self.beats = [sample_words(job.config, row) for row in job.x]
        self.observations = Observations()
        self.time, self.rest, self.progress = [], 0, 0

    async def start(self):
        """Start the clock, reset, and check that this is the right trainer."""
        for name in ("bus__write", "samples__valid", "results__ready", "state__request__valid",
                     "state__reply__ready", "bus__address", "bus__write_data", "samples__payload",
                     "state__request__payload"):
            getattr(self.dut, name).value = 0
        cocotb.start_soon(Clock(self.dut.clk, PERIOD, "ns").start())
        cocotb.start_soon(self.watch())
        await reset(self.dut)
        for name, value in (("IDENT", MAGIC), ("VERSION", NUMERICS_VERSION),
                            ("DIGEST", self.config.identifier)):
            found = await self.read(name)
            assert found == value, f"register {name} is {found:#x}, not {value:#x}"

    async def watch(self):
        """Fail when nothing moves for longer than any legal work can take."""
        rows = sum(k * words for (k, _), words in
                   zip(self.config.shapes, self.config.counter_words, strict=True))
        limit = 10_000 + 20 * (self.config.max_batch + 2) * (rows + self.config.sign_depth)
        seen = -1
        while seen != self.progress:
            seen = self.progress
            await Timer(limit * PERIOD, "ns")
        raise AssertionError(f"nothing happened for {limit} clock cycles, after "
                             f"{sum(map(len, self.observations.prediction))} samples")

    # Bus

    async def write(self, name, value):
        """Write a register."""
        self.progress += 1
        self.dut.bus__address.value = self.registers[name].address
        self.dut.bus__write_data.value = int(value) & 0xFFFFFFFF
        self.dut.bus__write.value = 1
        await RisingEdge(self.dut.clk)
        self.dut.bus__write.value = 0

    async def read(self, name):
        """Read a register: its value two edges on, one to take the address and one to see it."""
        self.dut.bus__address.value = self.registers[name].address
        await RisingEdge(self.dut.clk)
        await RisingEdge(self.dut.clk)
        return int(self.dut.bus__read_data.value)

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
        for name in ("gates", "groups", "reinforce"):
            for l, value in enumerate(getattr(parameters, name), 1):
                values[f"{name.removesuffix('s').upper()}_{l}"] = value
        for name, value in values.items():
            await self.write(name, value)

    # State

    async def access_state(self, words=None):
        """Write all counter words, or with None read them."""
        bits = self.config.counter_lanes * self.config.counter_bits
        address_bits = len(self.dut.state__request__payload) - 1 - bits
        requests = self.addresses
        if words is not None:
            requests = [address | 1 << address_bits | word << (address_bits + 1)
                        for address, word in zip(requests, words, strict=True)]
        sender = cocotb.start_soon(
            send(self.dut, "state__request", requests, self.rng, self.job.idle))
        replies = []
        if words is None:
            replies = await receive(self.dut, "state__reply", len(requests), self.rng,
                                    self.job.backpressure)
        await sender
        self.progress += 1
        return replies

    async def snapshot(self):
        """Note down the whole state of the trainer, which must not be busy."""
        seen = self.observations
        values = {}
        for name in reversed(COUNTERS):  # only WAIT moves while the trainer is not busy
            values[name] = await self.read(name)
            if name == "CYCLES_WAIT":
                self.time.append(round(get_sim_time("ns")) // PERIOD)
        bank = []
        for _ in range(self.config.generators):  # a full turn leaves the bank as it was
            bank.append(await self.read("RANDOM"))
            await self.write("RANDOM", bank[-1])
        words = await self.access_state()
        seen.performance.append([values[name] for name in COUNTERS])
        seen.bank.append(bank[::-1])
        seen.counters.append(words_to_counters(self.config, words))
        seen.samples.append(sum(map(len, seen.prediction)))
        self.rest += await self.read("CYCLES_WAIT") - values["CYCLES_WAIT"]

    # Runs

    async def initialise(self):
        """Seed the bank, then draw the counters or write those of the job."""
        for value in self.job.bank[::-1]:
            await self.write("RANDOM", value)
        if self.job.counters:
            await self.access_state(counters_to_words(self.config, self.job.counters))
        else:
            await self.command(Command.INITIALISE)
        await self.command(Command.CLEAR)
        await self.snapshot()
        self.rest = 0

    async def feed(self, order):
        """Send samples."""
        label_shift = self.config.weight_lanes
        for i in order:
            label = int(self.job.labels[i]) << label_shift
            beats = [word | label for word in self.beats[i]]
            await send(self.dut, "samples", beats, self.rng, self.job.idle)
            self.progress += 1

    async def collect(self, count):
        """Receive results."""
        words = await receive(self.dut, "results", count, self.rng, self.job.backpressure)
        words = np.array(words, np.int64)
        bits = (self.config.classes - 1).bit_length()
        self.observations.prediction.append(words & ((1 << bits) - 1))
        self.observations.error.append(words >> bits & 1)
        self.observations.triggered.append(words >> (bits + 1) & 1)

    async def run(self, run):
        """Carry out one run."""
        await self.set_parameters(run.parameters)
        await self.write("MODE", run.mode)
        chunks = run.chunks()
        for chunk in chunks:
            await pause(self.dut.clk, self.rng, self.job.idle)
            feeder = cocotb.start_soon(self.feed(chunk))
            await self.collect(len(chunk))
            await feeder
            await self.idle()
            if chunk is not chunks[-1]:
                await self.snapshot()
        if run.mode == Mode.TRAIN:
            await self.command(Command.FLUSH)
        await self.snapshot()
        await self.write("MODE", Mode.IDLE)


@cocotb.test()
async def carry_out(dut):
    """Carry out the job."""
    bench = Bench(dut, Job.load(os.environ["BENCH_JOB"]))
    await bench.start()
    await bench.initialise()
    seconds, clocks = -time.perf_counter(), -get_sim_time("ns")
    for run in bench.job.runs:
        await bench.run(run)
    seconds, clocks = seconds + time.perf_counter(), clocks + get_sim_time("ns")
    np.savez(os.environ["BENCH_OUT"], **bench.observations.arrays(), time=bench.time,
             rest=bench.rest, clocks=round(clocks) // PERIOD, seconds=seconds)
