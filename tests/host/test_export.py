"""`bep export`: Verilog, the table of its ports, and nothing half-written."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bep import cli
from bep.commands import export
from bep_model.config import Config
from bep_model.host import bring_up_writes
from bep_model.parameters import default_parameters
from bep_model.phases import frame, random
from bep_model.registers import registers
from bep_model.words import integers
from rtl.trainer import Trainer
from rtl.verilog import convert

SMALL = Config(5, (4, 3), 3, 3, 4, 2)
RECURRENT = Config(5, (4, 3), 3, 3, 4, 2, max_steps=6)
TOML = """[trainer]
inputs = 5
layers = [4, 3]
classes = 3
counter_bits = 3
weight_lanes = 4
counter_lanes = 2
"""


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Call the command in an empty folder with the file trainer.toml."""
    monkeypatch.chdir(tmp_path)
    Path("trainer.toml").write_text(TOML)
    return lambda arguments: CliRunner().invoke(cli.app, ["export", *arguments.split()])


def trainer(config, **options):
    return Trainer(config, integers(frame.prototypes(config)), **options)


@pytest.mark.parametrize(("arguments", "name", "options"), [
    ("", "trainer", {}), ("--name other --registered", "other", {"registered": True}),
    ("--single-port", "trainer", {"single_port": True}),
    ("--board icebreaker", "trainer", {"single_port": True}),
])
def test_text_and_table(call, arguments, name, options):
    told = call(f"trainer.toml --out out.v {arguments}")
    assert told.exit_code == 0, told.output
    text = Path("out.v").read_text()
    assert text == convert(trainer(SMALL, **options), name)
    start = text.index(f"module {name}(")
    found = re.findall(r"^\s*(input|output)\s+(?:\[(\d+):0\]\s*)?(\w+)\s*;",
                       text[start:text.index("endmodule", start)], re.M)
    table = re.findall(r"^\| `(\w+)` \| (in|out) \| (\d+) \|", told.stdout, re.M)
    assert {(port, kind, int(bits)) for port, kind, bits in table} == {
        (port, kind.removesuffix("put"), int(last or 0) + 1) for kind, last, port in found}
    assert len(table) == len(export.MEANINGS) == told.stdout.count("\n") - 2
    assert "`[1:0]` prediction, `[2]` error, `[3]` triggered" in told.stdout


def test_bring_up(call):
    assert call("trainer.toml --out out.v --bring-up out.hex --seed 7").exit_code == 0
    writes = bring_up_writes(SMALL, default_parameters(SMALL), random.seeds(7, 1))
    lines = [line.partition(" // ")[::2] for line in Path("out.hex").read_text().splitlines()]
    assert [(name, int(word, 16)) for word, name in lines] == [
        (name, registers(SMALL)[name].address << 32 | value) for name, value in writes]


@pytest.mark.parametrize("config", [SMALL, RECURRENT, Config(5, (4,), 2, 3, 4, 2, stable=True)],
                         ids=["small", "recurrent", "stable"])
def test_bring_up_writes_every_register(config):
    writes = bring_up_writes(config, default_parameters(config), random.seeds(1, 1))
    assert [name for name, _ in writes][-2:] == ["COMMAND", "MODE"]
    writable = {name for name, register in registers(config).items() if "w" in register.access}
    assert {name for name, _ in writes} == writable
    assert all(0 <= value < 1 << 32 for _, value in writes)


@pytest.mark.parametrize(("arguments", "words"), [
    ("trainer.toml --out no/out.v", "cannot write no/out.v: there is no folder no"),
    ("trainer.toml --out .", "cannot write .: it is a folder"),
    ("trainer.toml --out out.v --bring-up ./out.v", "must be two files, not both out.v"),
    ("trainer.toml --out trainer.toml",
     "FILE and --out must be two files, not both trainer.toml"),
    ("trainer.toml --out out.v --bring-up no/b", "cannot write no/b: there is no folder no"),
    ("trainer.toml --out out.v --name 1st", "begin with no digit, not '1st'"),
    ("trainer.toml --out out.v --board none", "board must be one of colorlight-5a75b, "),
    ("trainer.toml --out out.v --board no.toml", "no.toml: No such file or directory"),
    ("trainer.toml --out out.v --board icebreaker --registered", "--board icebreaker says how"),
    ("trainer.toml --out out.v --single-port --registered", "exclude each other"),
    ("trainer.toml --out out.v --bring-up b --seed -1",
     "seed must be between 0 and 4294967295, not -1"),
    ("trainer.toml --out out.v --seed 3", "--seed is for --bring-up, which is not given"),
    ("absent.toml --out out.v", "absent.toml: No such file or directory"),
])
def test_refusals(call, arguments, words):
    told = call(arguments)
    assert told.exit_code == 2 and told.stdout == ""
    assert words in told.stderr and told.stderr.count("\n") == 1
    assert [path.name for path in Path().iterdir()] == ["trainer.toml"]


def test_a_failure_leaves_what_was_there(call, monkeypatch):
    Path("out.v").write_text("before")

    def fail(*_):
        raise RuntimeError("yosys failed")

    monkeypatch.setattr(export, "convert", fail)
    assert call("trainer.toml --out out.v").exit_code == 1
    assert sorted(path.name for path in Path().iterdir()) == ["out.v", "trainer.toml"]
    assert Path("out.v").read_text() == "before"


def test_an_output_that_fails_leaves_no_other(call):
    Path("full").symlink_to("/dev/full")
    ended = call("trainer.toml --out out.v --bring-up full")
    assert (ended.exit_code, ended.stderr) == (2, "bep: full: No space left on device\n")
    assert sorted(path.name for path in Path().iterdir()) == ["full", "trainer.toml"]


def test_no_larger_than_any_part(call):
    Path("huge.toml").write_text(TOML.replace("= 5", "= 65535").replace("[4, 3]", "[65535, 65535]"))
    ended = call("huge.toml --out out.v")
    assert ended.exit_code == 2
    assert "huge.toml: layers must have at most 536870912 bits of weights" in ended.stderr
    assert not Path("out.v").exists()
