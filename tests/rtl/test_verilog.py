"""Verilog of a component: its ports, the same text every time, the same meaning everywhere."""

import os
import re
import subprocess
import sys

import pytest
from amaranth.hdl import Array, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from bep_model.phases.frame import prototypes
from bep_model.words import integers
from rtl.trainer import Trainer
from rtl.verilog import convert
from tests.sim import icarus
from tests.sim.configurations import CASES
from tests.sim.recurrent import CASES as RECURRENT

PAIR = data.StructLayout({"low": 3, "none": 0, "high": 5})


class Sum(wiring.Component):
    """A stream register that is always ready and outputs the sum of the fields."""

    i: In(stream.Signature(PAIR, always_ready=True))
    o: Out(stream.Signature(6, always_ready=True))
    nothing: In(0)

    def elaborate(self, platform):
        m = Module()
        m.d.sync += [self.o.valid.eq(self.i.valid),
                     self.o.payload.eq(self.i.payload.low + self.i.payload.high)]
        return m


class Still(wiring.Component):
    """Outputs that depend on nothing that ever changes, in every form of a statement."""

    i: In(4)
    chosen: Out(4)
    switched: Out(4)
    element: Out(4)
    partly: Out(4)

    def elaborate(self, platform):
        m = Module()
        still, index = Signal(init=1), Signal(2, init=2)
        m.d.sync += [still.eq(still), index.eq(index)]
        with m.If(still):
            m.d.comb += self.chosen.eq(5)
        with m.Else():
            m.d.comb += self.chosen.eq(self.i)
        with m.Switch(index):
            with m.Case(0, 1):
                m.d.comb += self.switched.eq(1)
            with m.Case(2):
                m.d.comb += self.switched.eq(6)
        m.d.comb += [self.element.eq(Array([1, 2, 7, self.i])[index]),
                     self.partly.bit_select(index, 2).eq(3)]
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


def trainer(case):
    return Trainer(case.config, integers(prototypes(case.config)), **case.options)


DESIGNS = {
    "still": Still,
    **{name: lambda name=name: trainer(CASES[name])
       for name in ("online", "batch", "stable", "single-port", "registered")},
    **{f"recurrent-{name}": lambda name=name: trainer(RECURRENT[name])
       for name in ("batch", "single-port", "registered")},
}


@pytest.mark.parametrize("name", DESIGNS)
def test_only_clocks_start_statements(name):
    """Statements that no clock starts are continuous assignments, evaluated at the start.

    ``always @*`` is not evaluated if it reads nothing that changes. ``always_comb`` is, but Verilog
    does not have it. A function may have a name that Icarus Verilog takes for a system function.
    """
    text = re.sub(r"//.*|/\*.*?\*/|\(\*.*?\*\)", "", convert(DESIGNS[name]()))
    events = set(re.findall(r"\b(always\w*\b\s*(?:@\s*(?:\*|\([^)]*\)))?)", text))
    assert events <= {"always @(posedge clk)"}
    assert not re.search(r"\b(function|task|logic|latch)\b", text)


@icarus.needed
@pytest.mark.parametrize("generation", icarus.GENERATIONS)
def test_value_of_what_never_changes(generation, tmp_path):
    """The bench changes no input."""
    names = ("chosen", "switched", "element", "partly")
    (tmp_path / "top.v").write_text(convert(Still()) + f"""
module bench;
  wire [3:0] {", ".join(names)};
  reg clk = 0, rst = 0;
  reg [3:0] i = 0;
  top dut(.clk(clk), .rst(rst), .i(i), {", ".join(f".{n}({n})" for n in names)});
  initial #1 $display("%d %d %d %d", {", ".join(names)});
endmodule
""")
    subprocess.run(["iverilog", f"-g{generation}", "-s", "bench", "-o", "bench", "top.v"],
                   cwd=tmp_path, check=True)
    done = subprocess.run(["vvp", "-n", "bench"], cwd=tmp_path, check=True, capture_output=True,
                          text=True)
    assert [int(value) for value in done.stdout.split()] == [5, 6, 7, 12]
