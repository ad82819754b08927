"""cocotb bench of ``rtl.trainer.Trainer``: carries out a job and records what it observes.

It knows ports, registers and the job (``sim.job``), but not the golden model. The environment
variable BENCH_JOB names the job's file, BENCH_OUT the npz file to write (``Bench.carry_out``).
"""

import os
import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from bep_model.host import Port
from bep_model.registers import registers
from bep_model.words import counter_addresses, sample_words
from sim.bench import PERIOD, Access, Bench, rest
from sim.job import Job
from sim.streams import pause, receive, reset, send


class Ports(Port, Access):
    """Accesses a trainer through its ports, with the idle times and the backpressure of a job."""

    inputs: tuple[str, ...] = (
        "bus__write", "bus__address", "bus__write_data", "samples__valid", "samples__payload",
        "results__ready", "state__request__valid", "state__request__payload",
        "state__data__valid", "state__data__payload", "state__reply__ready")

    def __init__(self, dut, job):
        self.dut, self.job, self.config = dut, job, job.config
        self.registers = registers(job.config)
        self.rng = random.Random(job.seed)
        self.addresses = counter_addresses(job.config)
        self.steps = None

    @property
    def beat_bits(self):
        """Bits per transfer of the state port."""
        return len(self.dut.state__data__payload)

    @property
    def beats_per_word(self):
        """Transfers of a counter word."""
        return -(-self.config.counter_lanes * self.config.counter_bits // self.beat_bits)

    async def start(self):
        for name in self.inputs:
            getattr(self.dut, name).value = 0
        Clock(self.dut.clk, PERIOD, "ns").start()
        await reset(self.dut)

    async def write(self, name, value):
        self.progress += 1
        self.dut.bus__address.value = self.registers[name].address
        self.dut.bus__write_data.value = int(value) & 0xFFFFFFFF
        self.dut.bus__write.value = 1
        await RisingEdge(self.dut.clk)
        self.dut.bus__write.value = 0
        if name in ("RANDOM", "FILTER"):  # it reaches what is read a clock later
            await RisingEdge(self.dut.clk)

    async def read(self, name):
        # The value can be read two edges later: the first one takes the address.
        self.dut.bus__address.value = self.registers[name].address
        await RisingEdge(self.dut.clk)
        await RisingEdge(self.dut.clk)
        return int(self.dut.bus__read_data.value)

    async def rest(self, attempts):
        await rest(self.dut, attempts)

    async def read_state(self):
        reader = cocotb.start_soon(
            send(self.dut, "state__request", self.addresses, self.rng, self.job.idle))
        beats = await receive(self.dut, "state__reply", len(self.addresses) * self.beats_per_word,
                              self.rng, self.job.backpressure)
        await reader
        self.progress += 1
        return [sum(beat << k * self.beat_bits for k, beat in enumerate(word))
                for word in zip(*[iter(beats)] * self.beats_per_word, strict=True)]

    async def write_state(self, words):
        write = 1 << len(self.dut.state__request__payload) - 1
        writer = cocotb.start_soon(send(
            self.dut, "state__request", [write | address for address in self.addresses],
            self.rng, self.job.idle))
        beats = [word >> k * self.beat_bits & (1 << self.beat_bits) - 1
                 for word in words for k in range(self.beats_per_word)]
        await send(self.dut, "state__data", beats, self.rng, self.job.idle)
        await writer

    async def process(self, x, labels, lengths=None, progress=None):
        await pause(self.dut.clk, self.rng, self.job.idle)
        feeder = cocotb.start_soon(self.feed(x, labels, lengths))
        words = await receive(self.dut, "results", len(x), self.rng, self.job.backpressure)
        await feeder
        bits = (self.config.classes - 1).bit_length()
        return [(word & ((1 << bits) - 1), word >> bits & 1, word >> (bits + 1)) for word in words]

    async def feed(self, x, labels, lengths):
        """Send samples."""
        for i, bits in enumerate(x):
            if lengths is not None:
                bits = bits[:lengths[i]]
                if lengths[i] != self.steps:
                    self.steps = lengths[i]
                    await self.write("STEPS", self.steps)
            label = int(labels[i]) << self.config.weight_lanes
            beats = [word | label for word in sample_words(self.config, bits)]
            await send(self.dut, "samples", beats, self.rng, self.job.idle)
            self.progress += 1


@cocotb.test()
async def carry_out(dut):
    """Carry out the job."""
    job = Job.load(os.environ["BENCH_JOB"])
    ports = Ports(dut, job)
    await Bench(job, ports, ports).carry_out(os.environ["BENCH_OUT"])
