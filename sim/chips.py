"""Rules of the models of chips, which are Verilog: each has a bit of a model's port ``faults``."""

import re


def rules(verilog):
    """The names of a model's rules; index i is bit i of ``faults``."""
    found = re.findall(r"^ {8}([A-Z]\w*) = (\d+)[,;]", verilog, re.M)
    return [name for name, _ in sorted(found, key=lambda rule: int(rule[1]))]


def broken(names, faults):
    """The names of the rules that were broken, from the value of ``faults``."""
    return [name for bit, name in enumerate(names) if faults >> bit & 1]
