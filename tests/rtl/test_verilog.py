"""Verilog of a component: ports, and the same text every time."""

import os
import re
import subprocess
import sys

import pytest
from amaranth.hdl import Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.verilog import convert

PAIR = data.StructLayout({"low": 3, "none": 0, "high": 5})


class Sum(wiring.Component):
    """One-place stream register, always ready: the sum of the fields."""

    i: In(stream.Signature(PAIR, always_ready=True))
    o: Out(stream.Signature(6, always_ready=True))
    nothing: In(0)

    def elaborate(self, platform):
        m = Module()
        m.d.sync += [self.o.valid.eq(self.i.valid),
                     self.o.payload.eq(self.i.payload.low + self.i.payload.high)]
        return m


def ports(verilog):
    module = verilog[verilog.index("module top("):]
    return set(re.findall(r"^\s*(input|output)\s+(?:\[(\d+):0\]\s*)?(\w+)\s*;", module, re.M))


def test_ports():
    assert ports(convert(Sum())) == {
        ("input", "", "clk"), ("input", "", "rst"), ("input", "", "i__valid"),
        ("input", "7", "i__payload"), ("output", "", "o__valid"), ("output", "5", "o__payload"),
    }


def test_name():
    assert "module other(" in convert(Sum(), name="other")


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_same_text(hash_seed):
    here = convert(Sum())
    script = "from tests.rtl.test_verilog import Sum, convert; print(convert(Sum()), end='')"
    there = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                           check=True, env=os.environ | {"PYTHONHASHSEED": hash_seed})
    assert there.stdout == here


def test_no_places():
    assert os.getcwd() not in convert(Sum())
