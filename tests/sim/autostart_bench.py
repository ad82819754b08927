"""cocotb bench of a board at its pins that starts without a host.

BENCH_CONFIG is a configuration file, BENCH_OUT the file to write. BENCH_HOST says what a host does
while the program runs: nothing, or it reads registers, or it writes one.
"""

import os

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, RisingEdge

from bep_model import configuration
from bep_model.host import Host
from bep_model.packets import PacketPort
from sim.board_bench import Line

LONGEST = 3_000_000
"""Clock cycles after which the program must have ended."""


@cocotb.test()
async def start(dut):
    config = configuration.load(os.environ["BENCH_CONFIG"]).config
    line = Line(dut, config)
    host = Host(config, PacketPort(config, line))
    await line.start()
    await ClockCycles(dut.clk, 10)
    assert int(dut.busy.value) and not int(dut.refused.value)
    looks = []
    doing = os.environ["BENCH_HOST"]
    if doing != "nothing":
        while not (looks and looks[-1]):  # until the training goes on
            looks.append(await host.port.read("SAMPLES"))
    if doing == "reads":
        for _ in range(20):
            looks.append(await host.port.read("SAMPLES"))
        await host.counters()
        assert int(dut.busy.value)
    elif doing == "writes":
        await host.port.write("EPOCH", 0)
        await host.idle()
    waited = 0
    while int(dut.busy.value):
        await ClockCycles(dut.clk, 500)
        waited += 500
        assert waited < LONGEST, "the program does not end"
    await RisingEdge(dut.clk)
    refused = int(dut.refused.value)
    performance = await host.performance()
    np.savez(os.environ["BENCH_OUT"], refused=refused, looks=looks,
             **{name: performance[name] for name in ("SAMPLES", "ERRORS", "TRIGGERED")},
             **{f"counters_{n}": layer for n, layer in enumerate(await host.counters(), 1)},
             mode_idle=await host.port.read("STATUS"), bank=await host.bank())
