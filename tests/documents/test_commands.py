"""The commands that documents tell: the README's chain is carried out, all others can be parsed."""

import re
import shlex
import shutil
import tomllib
from pathlib import Path

import pytest
from sklearn.datasets import load_wine

from bep import cli
from bep_model import configuration
from tests.host.programs import bep

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FILES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")),
         *sorted((ROOT / "docs").glob("*/*.toml"))]


def chain():
    """The block of the README that leads from a table to a bitstream."""
    block, = (block for block in re.findall(r"^```\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
              if "mine.csv" in block)
    return [shlex.split(line)[1:] for line in block.splitlines()]


def test_the_chain_of_the_readme(tmp_path):
    """From an empty folder, but for the table that it is about."""
    wine = load_wine()
    (tmp_path / "mine.csv").write_text("".join(
        f"{','.join(map(str, x))},{wine.target_names[c]}\n"
        for x, c in zip(wine.data, wine.target, strict=True)))
    for library in ROOT.glob("build/sim/library-*"):  # takes long, and is the same for all designs
        shutil.copytree(library, tmp_path / "build" / "sim" / library.name)
    commands = chain()
    assert [command[0] for command in commands] == [
        "train", "predict", "search", "verify", "build"]
    for command in commands:
        # One build, not one for every clock that is tried.
        told = bep(*command, *["--clock", "off"] * (command[0] == "build"), cwd=tmp_path)
        assert told.returncode == 0, told.stderr
        if command[0] == "build":
            name = re.search(r"program it with: iceprog (\S+)", told.stderr)
            assert name and (tmp_path / name[1]).stat().st_size > 10_000
    config, _, preset = configuration.load(tmp_path / "best.toml")
    assert config == configuration.load(tmp_path / "trained.npz").config
    assert config == configuration.load(tmp_path / "trainer.toml").config
    assert (preset.dataset, config.inputs, config.classes) == ("mine.csv", 13 * 8, 3)


def test_the_configuration_of_the_readme(tmp_path):
    block, = re.findall(r"^```toml\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    (tmp_path / "a.toml").write_text(block)
    config, parameters, preset = configuration.load(tmp_path / "a.toml")
    assert parameters.margin == 64 and preset.hyper.parameters(config).margin == 64
    assert tomllib.loads(block).keys() == {"trainer", "parameters", "training"}


def told(path):
    """Command lines of a document, those between backticks and those of its blocks."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in re.findall(r"(?:^(?:#   )?|`)(bep [a-z]+(?: [^`\n]*)?)", text, re.MULTILINE):
        words = shlex.split(line, comments=True)
        if words[1] in cli.COMMANDS:
            yield words[1:]


LINES = {" ".join(words): words for path in FILES for words in told(path)}


@pytest.mark.parametrize("words", LINES.values(), ids=LINES)
def test_options_that_documents_tell(words):
    command = cli.load(words[0])
    if words[1:]:
        command = getattr(command, "commands", {words[1]: command})[words[1]]
    known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    given = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert given <= known | {"--help"}


def test_command_lines_are_found():
    assert len(LINES) > 40
