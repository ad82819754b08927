"""Signals that ask the command to end, wherever they find it."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bep import cli, stopping
from bep_model.network import Network
from tests.host.programs import ROOT, command, environment

COMMANDS = ("train --epochs 100000", "search --trials 500", "verify --dataset digits",
            "reproduce random-prototypes --quick --seeds 60 --workers 1")


@pytest.mark.parametrize("arguments", COMMANDS)
def test_while_modules_are_loaded(arguments, tmp_path):
    """From the first line of our own on: before that, Python itself tells of Ctrl-C."""
    for delay in (0.05, 0.3, 0.8):
        with subprocess.Popen(
                [*command()[:1], "-X", "importtime", *command(*arguments.split())[1:]],
                cwd=tmp_path, env=environment(), text=True, stderr=subprocess.PIPE,
                stdout=subprocess.DEVNULL) as program:
            for line in program.stderr:
                if "bep.stopping" in line:
                    break
            time.sleep(delay)
            program.send_signal(signal.SIGINT)
            said = program.stderr.read()
        assert program.returncode == 130 and "Traceback" not in said, said
        assert "bep: stopped by SIGINT" in said
    assert [path.name for path in tmp_path.rglob(".*")] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_exception_that_a_function_called_by_c_swallows(number):
    called = ctypes.CFUNCTYPE(None)(lambda: os.kill(os.getpid(), number))
    with pytest.raises(stopping.Stopped) as caught, stopping.stoppable():
        called()
        time.sleep(5)
    assert caught.value.args == (number,)


def test_a_signal_that_comes_twice_does_not_stop_the_tidying():
    """`timeout` sends one to the process and one to its group."""
    tidied = []
    with pytest.raises(stopping.Stopped), stopping.stoppable():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGTERM)
            tidied.append(True)
    assert tidied


def test_who_does_not_want_to_wait_ends_the_process_at_once():
    script = ("import signal, time\nfrom bep import stopping\nstopping.PATIENCE = 0\n"
              "with stopping.stoppable():\n"
              "    try: signal.raise_signal(signal.SIGTERM)\n"
              "    finally:\n        time.sleep(0.01)\n"
              "        signal.raise_signal(signal.SIGTERM)\n"
              "        print('tidied')\n")
    told = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert (told.returncode, told.stdout) == (-signal.SIGTERM, "")


@pytest.mark.parametrize("fails", [False, True])
def test_a_signal_that_is_held_comes_after_the_block(fails):
    done = []
    with pytest.raises(stopping.Stopped), stopping.stoppable():
        with stopping.held():
            signal.raise_signal(signal.SIGTERM)
            done.append(True)
            if fails:
                raise RuntimeError("a child of the same group was stopped, too")
    assert done


def test_a_signal_while_nothing_is_begun():
    script = ("import signal\nfrom bep import stopping\n"
              "with stopping.at_once(): signal.raise_signal(signal.SIGHUP)")
    told = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert (told.returncode, told.stderr) == (129, "bep: stopped by SIGHUP\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_while_python_ends(number):
    """All is done: nothing is lost, and nothing is said of it."""
    script = f"""
import os, sys
from bep import cli
class Late:
    def __del__(self):
        os.write(1, b"late")
        os.kill(os.getpid(), {int(number)})
sys.modules["late"] = Late()  # is taken away after Python's own handling of signals
cli.app(["config", "digits-128-128-b7-online", "--out", "/dev/null"])
"""
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                          env=environment())
    assert (told.returncode, told.stdout, told.stderr) == (0, "late", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_experiments_while_their_workers_start(number, tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    script = f"""
import os, threading, time
from bep import cli
from bep.experiments import workers
start = workers.util.spawnv_passfds
def spawn(*given):  # a process starts: the signal comes in the middle of it
    threading.Timer(0.2, os.kill, (os.getpid(), {int(number)})).start()
    return start(*given)
workers.util.spawnv_passfds = spawn
cli.app(["reproduce", "random-prototypes", "--quick", "--seeds", "60", "--workers", "1"])
"""
    began = time.monotonic()
    path = tmp_path / "main.py"  # multiprocessing starts processes from a file
    path.write_text(f"if __name__ == '__main__':\n{script.replace(chr(10), chr(10) + '    ')}")
    told = subprocess.run([sys.executable, path], cwd=tmp_path, capture_output=True, text=True,
                          env=environment(TMPDIR=str(temporary)), timeout=60)
    assert told.returncode == 128 + number, told.stderr
    assert time.monotonic() - began < 30
    assert told.stderr.splitlines()[-1] == (
        f"bep: stopped by {number.name}: 0 of 240 runs are in build/results; the same command "
        "goes on from there")
    assert "Traceback" not in told.stderr
    assert list(temporary.iterdir()) == list((tmp_path / "build/results").iterdir()) == []


SMALL = ("train", "--hidden", "16", "16", "--train-samples", "60", "--epochs", "2")


def bep(*arguments):
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


@pytest.mark.parametrize("stop", ["at once", "later"])
def test_training_that_is_stopped_goes_on(stop, tmp_path, monkeypatch):
    whole, out = tmp_path / "whole.npz", tmp_path / "out.npz"
    assert bep(*SMALL, "--save", whole).exit_code == 0
    train, calls = Network.train, []

    def stopping(network, x, *given, **options):
        calls.append(len(x))
        if calls.count(60) == (1 if stop == "at once" else 2):
            raise KeyboardInterrupt
        return train(network, x, *given, **options)

    monkeypatch.setattr(Network, "train", stopping)
    ended = bep(*SMALL, "--save", out)
    assert ended.exit_code == 130
    assert ended.stderr.splitlines()[-1] == "bep: stopped by SIGINT: " + (
        "before the end of an epoch nothing is kept" if stop == "at once" else
        f"1 of 2 epochs are in {out}.unfinished; the same command goes on from there")
    monkeypatch.setattr(Network, "train", train)
    if stop == "later":
        assert bep(*SMALL, "--seed", 9, "--save", out).stderr == (
            f"bep: {out}.unfinished is of a training with seed 1, not 9, other counters: give its "
            "options to go on with it, or remove it to begin anew\n")
    ended = bep(*SMALL, "--save", out)
    assert ended.exit_code == 0
    assert (f"going on from {out}.unfinished, 1 of 2 epochs" in ended.stderr) == (stop == "later")
    assert ("epochs: 0 of 2" in ended.stderr) == (stop == "at once")
    assert out.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.npz", "whole.npz"]


def test_without_a_file_nothing_is_kept(monkeypatch):
    monkeypatch.setattr("bep_model.fit.training.fit", lambda *_, **__: signal.raise_signal(2))
    assert bep(*SMALL).stderr.splitlines()[-1] == (
        "bep: stopped by SIGINT: nothing is kept, which --save with a plain file would change")


@pytest.mark.parametrize("place", ["datasets.load", "results.versions", "results.deliver",
                                   "results.table"])
@pytest.mark.parametrize("began", ["once", "twice"])
def test_wherever_training_is_stopped_it_tells_what_is_kept(began, place, tmp_path, monkeypatch):
    """Also before the first epoch of those that are left, and when all are done."""
    out = tmp_path / "out.npz"
    if began == "twice":
        with monkeypatch.context() as patch:
            patch.setattr("bep.commands.train.results.versions", lambda *_: 1 / 0)
            assert bep(*SMALL, "--save", out).exit_code == 1
    monkeypatch.setattr(f"bep.commands.train.{place}", lambda *_, **__: signal.raise_signal(2))
    kept = "before the end of an epoch nothing is kept" \
        if (began, place) == ("once", "datasets.load") else \
        f"2 of 2 epochs are in {out}.unfinished; the same command goes on from there"
    ended = bep(*SMALL, "--save", out)
    assert ended.stderr.splitlines()[-1] == f"bep: stopped by SIGINT: {kept}"
    monkeypatch.undo()
    assert bep(*SMALL, "--save", out).exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out.npz"]


@pytest.mark.parametrize("option", ["--save", "--json"])
def test_a_file_of_another_ones_is_not_lost(option, tmp_path):
    out = tmp_path / "out"
    Path(f"{out}.unfinished").write_text("mine")
    ended = bep(*SMALL, option, out)
    assert ended.exit_code == 2 and ended.stderr == (
        f"bep: {out}.unfinished is no file of unfinished epochs: move it away, it would be "
        "overwritten\n")
    assert Path(f"{out}.unfinished").read_text() == "mine" and not out.exists()
