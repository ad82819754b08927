# amaranth: UnusedElaboratable=no
"""Every component documents its ports, and elaborates to the same netlist every time."""

import importlib
import inspect
import re
from fnmatch import fnmatchcase
from pathlib import Path
from types import SimpleNamespace

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Fragment, IOPort, Signal
from amaranth.lib import io, wiring
from amaranth.lib.memory import ReadPort

import rtl
from bep_model.config import Config
from rtl.engines.credit import Credit
from rtl.engines.patches import Patches
from rtl.engines.pool import Pool
from rtl.engines.rates import Rates
from rtl.engines.thresholds import Thresholds
from rtl.engines.votes import Votes
from rtl.inference import Inference
from rtl.link.serial import Serial
from rtl.trainer import Trainer
from rtl.verilog import ports
from sim import flash, sdram
from sim.board_bench import Pins
from sim.usb_bench import Quarter

CONFIG = Config(5, (4, 3), 2, 3, 4, 2, max_batch=2)
RECURRENT = Config(5, (4, 3), 2, 3, 4, 2, max_batch=2, max_steps=3)
CONVOLUTIONAL = Config(18, (4, 3), 2, 3, 8, 4, max_batch=2, image=(3, 3, 2),
                       windows=((1, 2, 1, 2),))
VALUES = {"config": CONFIG, "prototypes": (1, 6), "clock_hz": 50_000_000,
          "lanes": 5, "part": 2, "count": 2, "events": True, "width": 8, "depth": 4,
          "divisor": 12, "timeout": 1000, "undefined": True, "shape": 4, "bits": 3, "beat": 8,
          "like": ReadPort.Signature(addr_width=2, shape=4), "before": 1, "after": 1,
          "address_bits": 15, "store_bits": 15, "start": 0, "program": 0,
          "baud": 250_000, "transport": Serial(250_000), "primitive": "SB_PLL40_PAD",
          "clock": Quarter(Signal()), "vendor": 0x1209, "product": 1,
          "oscillator": 12_000_000, "reference": 1, "feedback": 64, "output": 32}
"""Values for the parameters of components without a default, by their names."""


class Platform(Pins):
    """A board that has every resource that a component requests."""

    default_clk, device = "clk", "none"

    def request(self, name, number=0, *, dir):
        match name:
            case "clk":
                return io.SingleEndedPort(IOPort(1, name="clk"))
            case "usb":
                return SimpleNamespace(**{name: io.SimulationPort("io", 1)
                                          for name in ("d_p", "d_n", "pullup")})
            case "sdram":
                return sdram.Chip(50_000_000).pads
            case "spi_flash_2x":
                return flash.Chip(50_000_000).pads
        return super().request(name, number, dir=dir)

    def add_clock_constraint(self, clock, frequency):
        pass


PLATFORM = Platform(CONFIG, (1, 6))


def components():
    """All component classes of the gateware."""
    root = Path(rtl.__file__).parent
    for path in sorted(root.rglob("[!_]*.py")):
        module = importlib.import_module(".".join(("rtl", *path.relative_to(root).parts))[:-3])
        for name, value in sorted(vars(module).items()):
            if inspect.isclass(value) and issubclass(value, wiring.Component) \
                    and value.__module__ == module.__name__:
                yield pytest.param(value, id=f"{path.stem}.{name}")


COMPONENTS = list(components())


def build(component, config=CONFIG):
    if component in (Credit, Votes) and not config.voters:  # only recurrent networks have them
        config = RECURRENT
    if component in (Patches, Pool, Rates, Thresholds):
        config = CONVOLUTIONAL
    parameters = inspect.signature(component).parameters.values()
    filters = sum(config.filters) * (component is Inference)
    values = VALUES | {"config": config, "weights": [1] * (config.bases[-1] + filters)}
    more = ("store_bits", "program", "events")  # for all members
    instance = component(**{parameter.name: values[parameter.name] for parameter in parameters
                            if parameter.default is parameter.empty or parameter.name in more})
    Fragment.get(instance, PLATFORM)  # else Amaranth warns of unused blocks
    return instance


def section(text, title):
    """Lines of a numpydoc section, or None."""
    found = re.search(rf"^{title}\n-{{{len(title)}}}\n(.*?)(?=\n\n\w[\w ]*\n---|\Z)", text,
                      re.M | re.S)
    return found and found[1].rstrip().split("\n")


def described(text):
    """Yield each name or pattern in the section Members, with the text after its colon."""
    for line in section(text, "Members") or ():
        if line and not line.startswith(" "):
            names, _, kind = line.partition(" : ")
            for name in names.split(","):
                yield name.strip(), kind


def flows(kind):
    """The outermost In and Out of a type such as "In(f(x)), Out(1)"."""
    while kind != (kind := re.sub(r"\((?:[^()]*)\)", "", kind)):
        pass
    return re.findall(r"\b(In|Out)\b", kind)


@pytest.mark.parametrize("component", COMPONENTS)
def test_sections(component):
    first = inspect.getsource(component).split("\n", 2)[1].strip()
    assert first.startswith(('"""', 'r"""')), "the docstring is not the first statement"
    text = inspect.getdoc(component)
    assert re.search(r"^Timing(\n------\n|: )", text, re.M), "no section Timing"
    assert bool(section(text, "Members")) == bool(build(component).signature.members)
    parameters = list(inspect.signature(component).parameters)
    if parameters:
        lines = section(text, "Parameters") or []
        listed = [name.strip() for line in lines if line and not line.startswith(" ")
                  for name in line.partition(" : ")[0].split(",")]
        assert listed == parameters
        instance = build(component)
        assert [name for name in parameters if not hasattr(instance, name)] == []


@pytest.mark.parametrize("component", COMPONENTS)
def test_members(component):
    """Every member is described once, with its direction, and nothing else is described.

    A recurrent and a convolutional network have all members between them.
    """
    members = dict(build(component, CONVOLUTIONAL).signature.members.items())
    members |= build(component, RECURRENT).signature.members.items()
    missing = set(members)
    for pattern, kind in described(inspect.getdoc(component)):
        names = {name for name in missing if fnmatchcase(name, pattern)}
        assert names, f"{pattern} is no member, or is described twice"
        missing -= names
        if kind:
            allowed = set(flows(kind))
            assert allowed, f"{pattern}: {kind} has no direction"
            assert {members[name].flow.name for name in names} <= allowed, pattern
    assert not missing


@pytest.mark.parametrize("config", [CONFIG, RECURRENT, CONVOLUTIONAL],
                         ids=["feed-forward", "recurrent", "convolutional"])
@pytest.mark.parametrize("component", COMPONENTS)
def test_same_netlist(component, config):
    """The same instance twice, and another one."""
    one, other = build(component, config), build(component, config)
    texts = [rtlil.convert(dut, platform=PLATFORM, ports=[value for *_, value in ports(dut)],
                           emit_src=False) for dut in (one, one, other)]
    assert texts[0] == texts[1], "elaborate changes the component"
    assert texts[0] == texts[2]


def test_trainer_refuses_prototypes():
    with pytest.raises(ValueError, match=(
            r"^prototypes must have 2 entries \(one per class\), not 3$")):
        Trainer(CONFIG, (1, 2, 3))
    with pytest.raises(ValueError, match=r"^prototypes\[1\] must have 3 bits, not 0x8$"):
        Trainer(CONFIG, (7, 8))
    with pytest.raises(ValueError, match=r"^prototypes\[0\] must have 3 bits, not -0x1$"):
        Trainer(CONFIG, (-1, 0))


DESCRIBED = """A component.

Members
-------
a, b_* : In(range(f(x) + 1)), Out(1)
    Text, c : In(1).
d

Raises
------
ValueError
"""


def test_reader():
    """The tests above read docstrings correctly."""
    kind = "In(range(f(x) + 1)), Out(1)"
    assert list(described(DESCRIBED)) == [("a", kind), ("b_*", kind), ("d", "")]
    assert flows(kind) == ["In", "Out"]
    assert section(DESCRIBED, "Raises") == ["ValueError"]
    assert section(DESCRIBED, "Timing") is None
