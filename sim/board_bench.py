"""cocotb bench of ``rtl.board.Board`` at its pins: carries out a job over the serial line.

Packets are those of ``bep_model.protocol``. Environment as in ``sim.trainer_bench``, except that
the ``time`` it writes is later than that of the registers' reading, by the answer's own time.
"""

import os
from binascii import crc_hqx
from itertools import groupby
from types import SimpleNamespace

import cocotb
from amaranth.hdl import Fragment, Module
from amaranth.lib import io, wiring
from amaranth.lib.wiring import In, Out
from cocotb.clock import Clock
from cocotb.queue import Queue
from cocotb.triggers import FallingEdge, Timer

from bep_model.protocol import (
    ANSWER,
    SYNC,
    Opcode,
    payload_bytes,
    sample_bytes,
    state_bytes,
    word_bytes,
)
from rtl.board import Board
from sim.host import PERIOD, Host
from sim.job import Job
from sim.streams import reset
from sim.words import counter_addresses, sample_words

DIVISOR = 4
"""Clock cycles per bit on the serial line: the fewest there can be."""


class Pins(wiring.Component):
    """A board without button and LEDs: clock, reset, and the two pins of the serial line.

    Parameters
    ----------
    config, prototypes
        As for :class:`rtl.board.Board`.
    """

    rx: In(1, init=1)
    tx: Out(1)

    default_clk_frequency = 1_000_000

    def __init__(self, config, prototypes):
        self.config = config
        self.prototypes = prototypes
        self.uart = SimpleNamespace(rx=io.SimulationPort("i", 1), tx=io.SimulationPort("o", 1))
        super().__init__()

    def request(self, name, number, *, dir):
        """Stand in for the platform's method: the serial port is all there is."""
        assert (name, number, dir) == ("uart", 0, "-")
        return self.uart

    def elaborate(self, platform):
        m = Module()
        board = Board(self.config, self.prototypes, self.default_clk_frequency // DIVISOR)
        m.submodules.board = Fragment.get(board, self)
        m.d.comb += [self.uart.rx.i.eq(self.rx), self.tx.eq(self.uart.tx.o)]
        return m


def frame(opcode, payload):
    """A packet as bytes."""
    body = bytes([opcode]) + len(payload).to_bytes(2, "little") + payload
    return bytes([SYNC]) + body + crc_hqx(body, 0xFFFF).to_bytes(2, "little")


class Serial(Host):
    """Reaches a trainer through packets on the serial line."""

    def __init__(self, dut, job):
        super().__init__(dut, job)
        self.slowdown = 20 * DIVISOR * payload_bytes(job.config)
        self.received = Queue()
        self.word_bytes = state_bytes(job.config)
        self.samples = []
        lane_bytes = word_bytes(job.config.weight_lanes)
        self.lengths = [None] * len(job.x) if job.lengths is None else job.lengths
        for row, label, length in zip(job.x, job.labels, self.lengths, strict=True):
            words = sample_words(job.config, row[:length] if job.config.recurrent else row)
            self.samples.append(b"".join(word.to_bytes(lane_bytes, "little") for word in words)
                                + bytes([label]))

    async def start(self):
        self.dut.rx.value = 1
        cocotb.start_soon(Clock(self.dut.clk, PERIOD, "ns").start())
        await reset(self.dut)
        cocotb.start_soon(self.listen())

    async def listen(self):
        """Receive bytes."""
        bit = DIVISOR * PERIOD
        while True:
            await FallingEdge(self.dut.tx)
            await Timer(bit * 3 // 2, "ns")
            byte = 0
            for i in range(8):
                byte |= int(self.dut.tx.value) << i
                await Timer(bit, "ns")
            assert int(self.dut.tx.value) == 1, "a byte without a stop bit"
            self.received.put_nowait(byte)

    async def ask(self, opcode, payload, answer_bytes):
        """Send a request; return the payload of its answer."""
        for byte in frame(opcode, payload):
            for level in [0, *(byte >> i & 1 for i in range(8)), 1]:
                self.dut.rx.value = level
                await Timer(DIVISOR * PERIOD, "ns")
        answer = bytes([await self.received.get() for _ in range(6 + answer_bytes)])
        assert answer == frame(opcode | ANSWER, answer[4:-2]), \
            f"{opcode.name} was answered by {answer.hex(' ')}"
        self.progress += 1
        return answer[4:-2]

    async def write(self, name, value):
        payload = bytes([self.registers[name].address])
        await self.ask(Opcode.WRITE, payload + (int(value) & 0xFFFFFFFF).to_bytes(4, "little"), 0)

    async def read(self, name):
        answer = await self.ask(Opcode.READ, bytes([self.registers[name].address]), 4)
        return int.from_bytes(answer, "little")

    def blocks(self):
        """Consecutive counter words that fit one packet: lists of positions in their order."""
        addresses, most = counter_addresses(self.config), (payload_bytes(self.config) - 4)
        blocks = []
        for i, address in enumerate(addresses):
            if not i or address != addresses[i - 1] + 1 \
                    or len(blocks[-1][1]) == most // self.word_bytes:
                blocks.append((address, []))
            blocks[-1][1].append(i)
        return blocks

    async def read_state(self):
        words = []
        for address, positions in self.blocks():
            payload = address.to_bytes(4, "little") + len(positions).to_bytes(2, "little")
            answer = await self.ask(Opcode.STATE_READ, payload, len(positions) * self.word_bytes)
            words += [int.from_bytes(answer[i:i + self.word_bytes], "little")
                      for i in range(0, len(answer), self.word_bytes)]
        return words

    async def write_state(self, words):
        for address, positions in self.blocks():
            data = b"".join(words[i].to_bytes(self.word_bytes, "little") for i in positions)
            await self.ask(Opcode.STATE_WRITE, address.to_bytes(4, "little") + data, 0)

    async def process(self, rows):
        results = []
        for length, group in groupby(rows, lambda i: self.lengths[i]):
            if self.config.recurrent:
                await self.write("STEPS", length)
            results += await self.send(list(group), sample_bytes(self.config, length))
        return results

    async def send(self, rows, size):
        """Send samples of ``size`` bytes each; return their results."""
        most, results = payload_bytes(self.config) // size, []
        for start in range(0, len(rows), most):
            part = [self.samples[i] for i in rows[start:start + most]]
            answer = await self.ask(Opcode.SAMPLES, b"".join(part), 2 * len(part))
            results += [(prediction, flags & 1, flags >> 1) for prediction, flags in
                        zip(answer[::2], answer[1::2], strict=True)]
        return results


@cocotb.test()
async def carry_out(dut):
    """Carry out the job."""
    await Serial(dut, Job.load(os.environ["BENCH_JOB"])).carry_out(os.environ["BENCH_OUT"])
