"""The models of chips, which are Verilog: their rules, each a bit of a model's port ``faults``, and
what they hold from the start."""

import re

CONTENT = "store.bin"
"""File in the folder of a simulation from which a chip takes what it holds from the start."""


def rules(verilog):
    """The names of a model's rules; index i is bit i of ``faults``."""
    found = re.findall(r"^ {8}([A-Z]\w*) = (\d+)[,;]", verilog, re.M)
    return [name for name, _ in sorted(found, key=lambda rule: int(rule[1]))]


def broken(names, faults):
    """The names of the rules that were broken, from the value of ``faults``."""
    return [name for bit, name in enumerate(names) if faults >> bit & 1]
