"""Faults in the gateware: a port of the design chooses between an expression and a wrong one.

An expression is found by its syntax tree, in a class or function that is found by its name, in any
module of ``rtl``. So files, lines and layout do not matter, nor names that a pattern leaves open.
"""

import ast
import inspect
import pkgutil
import string
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from importlib import import_module
from types import CodeType
from typing import NamedTuple
from unittest.mock import patch

from amaranth.hdl import Fragment, Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, connect, flipped

import rtl

OPEN = frozenset(string.ascii_uppercase)
"""Names in a pattern that stand for any expression, the same one in all places."""
CHOOSE = "_choose_fault"
"""Name, in a changed module, of the function that chooses between right and wrong."""


class Fault(NamedTuple):
    """A wrong expression.

    Parameters
    ----------
    place : str
        Name of the class or function of ``rtl`` that it is in.
    right : str
        Pattern of the expression that it replaces, which must occur once; see :data:`OPEN`.
    wrong : str
        Open names have the values that they have in ``right``.
    """

    place: str
    right: str
    wrong: str


class Faulty(wiring.Component):
    """A component that has faults.

    Parameters
    ----------
    component : wiring.Component
        All members of its signature are interfaces.
    faults : list of Fault

    Members
    -------
    All of ``component``, and
    fault : In(range(len(faults) + 1))
        The active fault, from 1 on; 0 for none.

    Raises
    ------
    LookupError
        From ``elaborate``, if a fault has no place, more than one, or none in this design.
    """

    def __init__(self, component, faults):
        self.component, self.faults = component, faults
        super().__init__({**component.signature.members, "fault": In(range(len(faults) + 1))})

    def elaborate(self, platform):
        m = Module()
        with _injected(self.faults, self.fault):  # elaborated here, with all that is inside
            m.submodules.component = Fragment.get(self.component, platform)
        for name in self.component.signature.members:
            connect(m, flipped(getattr(self, name)), getattr(self.component, name))
        return m


@contextmanager
def _injected(faults, chosen):
    """In this block the functions of ``rtl`` have the faults; ``chosen`` selects the active one."""
    used = set()

    def choose(number, right, wrong):
        used.add(number)
        return Mux(chosen == number, wrong, right)

    with ExitStack() as stack:
        for place in {fault.place for fault in faults}:
            module = _home(place)
            tree = ast.parse(inspect.getsource(module))
            top, = (node for node in tree.body if getattr(node, "name", None) == place)
            wrong = {}
            for number, fault in enumerate(faults, 1):
                if fault.place == place:
                    node, replacement = _place(fault, top)
                    wrong.setdefault(node, []).append((number, replacement))
            changed = ast.fix_missing_locations(_Inject(wrong).visit(tree))
            codes = _codes(compile(changed, module.__file__, "exec"))
            stack.enter_context(patch.object(module, CHOOSE, choose, create=True))
            for function in _functions(getattr(module, place)):
                # Its code is replaced, not its name, since other modules have imported it.
                stack.callback(setattr, function, "__code__", function.__code__)
                function.__code__ = codes[function.__qualname__]
        yield
    for number, fault in enumerate(faults, 1):
        if number not in used:
            raise LookupError(f"the design does not use {fault.right!r} of {fault.place}")


def _home(name):
    """The module of ``rtl`` that defines a name."""
    modules = [import_module(found.name) for found in pkgutil.walk_packages(rtl.__path__, "rtl.")]
    homes = [module for module in modules
             if getattr(vars(module).get(name), "__module__", None) == module.__name__]
    if len(homes) != 1:
        raise LookupError(f"{name} is defined in {len(homes)} modules of rtl, not in one")
    return homes[0]


def _place(fault, tree):
    """The expression of a tree that a fault replaces, and its replacement."""
    pattern = ast.parse(fault.right, mode="eval").body
    found = [(node, bound) for node in ast.walk(tree)
             if _matches(pattern, node, bound := {})]
    if len(found) != 1:
        raise LookupError(f"{fault.right!r} is {len(found)} times in {fault.place}, not once")
    node, bound = found[0]
    return node, _Fill(bound).visit(ast.parse(fault.wrong, mode="eval").body)


def _matches(pattern, node, bound):
    """Whether a node matches a pattern; ``bound`` receives the expressions of the open names."""
    if isinstance(pattern, ast.Name) and pattern.id in OPEN:
        return isinstance(node, ast.expr) and (
            ast.dump(bound.setdefault(pattern.id, node)) == ast.dump(node))
    if type(pattern) is not type(node):
        return False
    if isinstance(pattern, ast.AST):
        return all(_matches(getattr(pattern, field, None), getattr(node, field, None), bound)
                   for field in pattern._fields)
    if isinstance(pattern, list):
        return len(pattern) == len(node) and all(
            _matches(*pair, bound) for pair in zip(pattern, node, strict=True))
    return pattern == node


class _Fill(ast.NodeTransformer):
    """Replaces open names by copies of their expressions."""

    def __init__(self, bound):
        self.bound = bound

    def visit_Name(self, node):
        return deepcopy(self.bound[node.id]) if node.id in OPEN else node


class _Inject(ast.NodeTransformer):
    """Replaces expressions by the choice between them and wrong ones."""

    def __init__(self, wrong):
        self.wrong = wrong

    def visit(self, node):
        right = self.generic_visit(node)
        for number, wrong in self.wrong.get(node, []):
            right = ast.copy_location(ast.Call(
                ast.Name(CHOOSE, ast.Load()), [ast.Constant(number), right, wrong], []), node)
        return right


def _codes(code):
    """All code objects inside a code object, by qualified name."""
    inside = [const for const in code.co_consts if isinstance(const, CodeType)]
    return {each.co_qualname: each for each in inside} | {
        name: found for each in inside for name, found in _codes(each).items()}


def _functions(thing):
    """A function, or the functions of a class."""
    return [thing] if inspect.isfunction(thing) else filter(inspect.isfunction,
                                                            vars(thing).values())
