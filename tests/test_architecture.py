"""Imports go one way: bep_model <- rtl <- sim <- bep; the gateware shares no arithmetic.

The sub-packages of a package have an order, too, and modules do not import each other in a circle.
"""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ALLOWED = {
    "bep_model": {"bep_model"},
    "rtl": {"rtl", "bep_model"},
    "sim": {"sim", "rtl", "bep_model"},
    "bep": {"bep", "sim", "rtl", "bep_model"},
}
SHARED_WITH_RTL = {"bep_model.config", "bep_model.program", "bep_model.protocol",
                   "bep_model.registers"}
OURS = {*ALLOWED, "tests"}
ROOMS = {
    "bep_model": ("phases", "data", "fit"),
    "rtl": ("parts", "engines", "store", "link"),
    "sim": (),
    "bep": ("flow", "cost", "activity", "experiments", "reports", "commands"),
}
"""The sub-packages of each package; none imports from a later one."""


def imported(package, text):
    """Dotted names of the modules that a source text imports; `from a import b` gives a.b."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = [package] if node.level == 1 else ["."] if node.level else []
            module = ".".join(parts + [node.module] * bool(node.module))
            yield from (f"{module}.{alias.name}" for alias in node.names)


def room(name):
    """Package of a module's dotted name, and index of its sub-package, -1 for none."""
    package, _, rest = name.partition(".")
    rooms, head = ROOMS.get(package, ()), rest.split(".")[0]
    return package, rooms.index(head) if head in rooms else -1


def faults(package, text):
    """The imports of a source text of ``package`` that break the rules."""
    here = room(package)
    package = here[0]
    for name in imported(package, text):
        there = room(name)
        if here[1] >= 0 and there[0] == package and there[1] > here[1]:
            yield f"the room {ROOMS[package][here[1]]} imports {name}"
        top = name.split(".")[0]
        if not top:
            yield f"{package} imports from above itself: {name}"
        if top in OURS - ALLOWED[package]:
            yield f"{package} imports {name}"
        if package == "bep_model" and top == "amaranth":
            yield f"the golden model imports {name}"
        if package == "rtl" and top == "bep_model" and not any(
                name == module or name.startswith(f"{module}.") for module in SHARED_WITH_RTL):
            yield f"the gateware imports {name}"
        if package == "rtl" and name == "__future__.annotations":
            yield "`from __future__ import annotations` breaks annotated components"
        if name.endswith(".*"):
            yield f"{package} imports {name}"


SOURCES = {str(path.relative_to(ROOT)): path
           for package in ALLOWED for path in sorted((ROOT / package).rglob("*.py"))}


@pytest.mark.parametrize("name", SOURCES)
def test_imports_go_one_way(name):
    package = ".".join(Path(name).parent.parts)
    assert list(faults(package, SOURCES[name].read_text(encoding="utf-8"))) == []


def test_no_circle():
    modules = {name.removesuffix(".py").replace("/", "."): path for name, path in SOURCES.items()}
    graph = {}
    for module, path in modules.items():
        names = imported(module.rpartition(".")[0], path.read_text(encoding="utf-8"))
        graph[module] = {found for name in names for found in (name, name.rpartition(".")[0])
                         if found in modules}
    TopologicalSorter(graph).prepare()  # raises CycleError


@pytest.mark.parametrize("package", ROOMS)
def test_every_folder_is_a_room(package):
    found = {path.parent.name for path in (ROOT / package).glob("*/*.py")}
    assert found == set(ROOMS[package])


@pytest.mark.parametrize(("package", "text"), [
    ("bep_model", "import rtl.parts.popcount"),
    ("bep_model", "def f():\n    from amaranth.hdl import Module"),
    ("rtl", "from bep_model.network import Network"),
    ("rtl", "from bep_model import bits"),
    ("rtl", "import bep_model"),
    ("rtl", "from __future__ import annotations"),
    ("rtl", "import sim"),
    ("sim", "from bep import results"),
    ("bep", "import tests.model"),
    ("bep", "from bep_model.config import *"),
    ("rtl", "from ..bep_model import config"),
    ("rtl.parts", "from rtl.engines.forward import Forward"),
    ("bep_model.data", "from bep_model import fit"),
    ("bep.flow", "import bep.commands.build"),
    ("rtl.engines", "from bep_model.phases.bits import pack"),
])
def test_a_wrong_import_is_found(package, text):
    assert list(faults(package, text))


@pytest.mark.parametrize(("package", "text"), [
    ("rtl", "from bep_model.config import Config"),
    ("rtl", "from bep_model import config, protocol"),
    ("bep", "from sim.verilator import build"),
    ("rtl", "from .popcount import Popcount"),
    ("rtl", "from . import popcount"),
    ("rtl.engines", "from rtl.parts.memory import Memory"),
    ("bep_model.phases", "from bep_model.checks import integer"),
    ("bep_model", "from bep_model.fit import training"),
])
def test_a_right_import_is_not(package, text):
    assert not list(faults(package, text))
