"""Imports go one way: bep_model <- rtl <- sim <- bep; the gateware shares no arithmetic."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ALLOWED = {
    "bep_model": {"bep_model"},
    "rtl": {"rtl", "bep_model"},
    "sim": {"sim", "rtl", "bep_model"},
    "bep": {"bep", "sim", "rtl", "bep_model"},
}
SHARED_WITH_RTL = {"bep_model.config", "bep_model.protocol"}
OURS = {*ALLOWED, "tests"}


def imported(package, text):
    """Modules that a text of ``package`` imports, as dotted names; `from a import b` gives a.b."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = [package] if node.level == 1 else ["."] if node.level else []
            module = ".".join(parts + [node.module] * bool(node.module))
            yield from (f"{module}.{alias.name}" for alias in node.names)


def faults(package, text):
    """What a source text of ``package`` imports against the rules."""
    for name in imported(package, text):
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


def sources():
    return [pytest.param(package, path, id=str(path.relative_to(ROOT)))
            for package in ALLOWED for path in sorted((ROOT / package).rglob("*.py"))]


@pytest.mark.parametrize(("package", "path"), sources())
def test_imports_go_one_way(package, path):
    assert list(faults(package, path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(("package", "text"), [
    ("bep_model", "import rtl.popcount"),
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
])
def test_a_wrong_import_is_found(package, text):
    assert list(faults(package, text))


@pytest.mark.parametrize(("package", "text"), [
    ("rtl", "from bep_model.config import Config"),
    ("rtl", "from bep_model import config, protocol"),
    ("bep", "from sim.verilog import build"),
    ("rtl", "from .popcount import Popcount"),
    ("rtl", "from . import popcount"),
])
def test_a_right_import_is_not(package, text):
    assert not list(faults(package, text))
