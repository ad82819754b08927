"""cocotb bench of the model of an SDRAM chip: each rule is broken, and not broken at its limit."""

from itertools import accumulate

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge

from sim.chips import broken
from sim.sdram import FAULTS

PERIOD = 7500
"""Period of the chip's clock, ps."""
STARTUP = 26_668
"""Clocks of 200 us."""
CODES = {"ACTIVATE": 0b011, "READ": 0b101, "WRITE": 0b100, "PRECHARGE": 0b010, "REFRESH": 0b001,
         "MODE": 0b000, "STOP": 0b110, "NOP": 0b111}
"""Levels of the pins RAS, CAS and WE."""


def step(name, clocks, a=0, ba=0, **pins):
    """A command that is followed by the next one ``clocks`` later, and the levels of other pins."""
    return {"name": name, "clocks": clocks, "a": a, "ba": ba, **pins}


def activate(clocks, **pins):
    return step("ACTIVATE", clocks, **pins)


def write(clocks, value=0, **pins):
    return step("WRITE", clocks, **{"dq_driven": 1, "dq_i": value, **pins})


def read(clocks, **pins):
    return step("READ", clocks, **pins)


def precharge(clocks):
    return step("PRECHARGE", clocks, 1 << 10)


def mode(clocks, a=0x30):
    return step("MODE", clocks, a)


def nop(clocks=1, **pins):
    return step("NOP", clocks, **pins)


REFRESH = step("REFRESH", 10)
READY = [precharge(3), *[REFRESH] * 8, mode(2)]

BROKEN = {
    "EARLY": [],  # see below
    "UNPREPARED": [[*[REFRESH] * 8, mode(2)], [*READY[:8], mode(2)], [*READY[:9], activate(3)],
                   [activate(3)]],
    "MODE": [[*READY[:9], mode(2, a)] for a in (0x31, 0x38, 0x10, 0x40, 0x00, 0xB0)],
    "UNKNOWN": [[*READY, step("STOP", 1)],
                [*READY, activate(3), read(1, a=1 << 10)]],
    "OPEN": [[*READY, activate(10), activate(1)]],
    "CLOSED": [[*READY, read(1)], [*READY, write(1)], [*READY, activate(3), read(1, ba=1)],
               [*READY, activate(6), precharge(3), read(1)]],
    "BUSY": [[*READY, activate(10), REFRESH], [*READY, activate(10), mode(1)]],
    "T_RCD": [[*READY, activate(2), read(1)], [*READY, activate(2), write(1)]],
    "T_RP": [[*READY, activate(10), precharge(2), command]
             for command in (activate(1), REFRESH, mode(1))] + [[precharge(2), *READY[1:]]],
    "T_RC": [[*READY, activate(6), precharge(3), activate(1)]],
    "T_RAS": [[*READY, activate(5), precharge(1)]],
    "T_RFC": [[*READY, step("REFRESH", 9), command] for command in (activate(1), REFRESH, mode(1))],
    "T_WR": [[*READY, activate(5), write(1), precharge(1)]],
    "T_MRD": [[*READY[:9], mode(1), command] for command in (activate(1), REFRESH)],
    "T_RRD": [[*READY, activate(1), activate(1, ba=1)]],
    "LATE": [[*READY, nop(1035)], [*READY, REFRESH, nop(1035)]],
    "CONTENTION": [[*READY, activate(3), read(2), nop(dq_driven=1)],
                   [*READY, activate(3), read(3), nop(dq_driven=1)]],
    "UNDRIVEN": [[*READY, activate(3), write(1, dq_driven=0)]],
    "NO_ROW": [[*READY, activate(1, a=16)]],
    "CKE": [[*READY, nop(cke=0)]],
}
"""Commands that break a rule and no other, by its name."""


async def carry_out(dut, steps, startup=STARTUP):
    """Power up, and carry out commands; return the word at the pins at the end of each clock."""
    dut.power.value = 0
    for name, level in {"cs_n": 0, "a": 0, "ba": 0, "dqm": 0, "dq_i": 0, "dq_driven": 0,
                        "cke": 1}.items():
        getattr(dut, name).value = level
    for pin in ("ras_n", "cas_n", "we_n"):
        getattr(dut, pin).value = 1
    await ClockCycles(dut.clk, 2)
    await FallingEdge(dut.clk)
    dut.power.value = 1
    await ClockCycles(dut.clk, startup)
    await FallingEdge(dut.clk)
    words = []
    for fields in steps:
        levels = {"cke": 1, "dqm": 0, "dq_i": 0, "dq_driven": 0, **fields}
        code = CODES[levels.pop("name")]
        for clock in range(levels.pop("clocks")):
            if clock:
                code = CODES["NOP"]
                levels["dq_driven"] = 0
            for bit, pin in enumerate(("we_n", "cas_n", "ras_n")):
                getattr(dut, pin).value = code >> bit & 1
            for name, level in levels.items():
                getattr(dut, name).value = level
            await FallingEdge(dut.clk)
            words.append(int(dut.dq_o.value))
    return words


def start(dut):
    Clock(dut.clk, PERIOD, "ps").start()


@cocotb.test()
async def rules(dut):
    """Commands that break one rule are noticed, and no other rule is said to be broken."""
    start(dut)
    assert list(BROKEN) == FAULTS
    for name, cases in BROKEN.items():
        for steps in cases:
            await carry_out(dut, steps)
            assert broken(FAULTS, int(dut.faults.value)) == [name], (name, steps)
    await carry_out(dut, READY, STARTUP - 2)
    assert broken(FAULTS, int(dut.faults.value)) == ["EARLY"]


@cocotb.test()
async def limits(dut):
    """Commands at the limits of the rules are legal, and data are stored and read."""
    start(dut)
    words = [0x5634, 0xFFFF, 0x5634, 0x9ABC, 0xF0]  # those that are read
    for latency in (3, 2):
        steps = [
            *READY[:9], mode(2, latency << 4),
            activate(2, a=5, ba=1), activate(3, a=6), write(1, 0x1234, a=7),
            write(1, 0x5678, a=7, dqm=1), write(1, 0xFFFF, a=8), write(1, 0x9ABC, a=8, ba=1),
            write(2, 0xDEF0, a=7, ba=1),
            precharge(3), activate(3, a=6), read(1, a=7), read(1, a=8), read(1, a=7), nop(5),
            precharge(3), REFRESH, activate(3, a=5, ba=1), read(4, a=8, ba=1),
            read(3, a=7, ba=1, dqm=2)]
        seen = await carry_out(dut, steps)
        assert broken(FAULTS, int(dut.faults.value)) == []
        ends = accumulate(fields["clocks"] for fields in steps)
        got = [seen[end - fields["clocks"] + latency - 1]
               for fields, end in zip(steps, ends, strict=True) if fields["name"] == "READ"]
        assert got[:-1] == words[:-1]
        assert got[-1] & 0xFF == words[-1] and got[-1] >> 8 != 0xDE  # masked
    for steps in ([*READY, nop(1010)], [*READY, REFRESH, nop(1010)]):
        await carry_out(dut, steps)
        assert broken(FAULTS, int(dut.faults.value)) == []
