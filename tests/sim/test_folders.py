"""Temporary folders are always removed, and folders count only when they are complete."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rtl.verilog import convert
from sim import folders, verilator
from tests.sim.adder import Adder

KILLED = """
import os, signal, sys
from pathlib import Path
from sim import folders
with folders.temporary(sys.argv[1]) as folder:
    (folder / "file").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_temporary_folder_is_gone_after_its_block(tmp_path):
    with pytest.raises(KeyError), folders.temporary(tmp_path / "a" / "b") as folder:
        (folder / "file").touch()
        assert folder.parent == tmp_path / "a" / "b"
        raise KeyError
    assert names(tmp_path) == []


@pytest.mark.parametrize("there", ["", "a", "a/b"])
def test_folders_that_are_made_for_it_go_if_they_are_empty(there, tmp_path):
    (tmp_path / there).mkdir(parents=True, exist_ok=True)
    for used in (False, True):
        with folders.temporary(tmp_path / "a" / "b") as folder:
            if used:
                (folder.parent / "new").touch()
        assert (tmp_path / "a" / "b").exists() == (used or there == "a/b")
        assert (tmp_path / "a").exists() == (used or there != "")


def test_many_processes_make_and_remove_one_parent(tmp_path):
    script = ("import sys\nfrom sim import folders\n"
              "for _ in range(100):\n    with folders.temporary(sys.argv[1]): pass")
    programs = [subprocess.Popen([sys.executable, "-c", script, tmp_path / "a" / "b"],
                                 cwd=Path(__file__).parents[2]) for _ in range(3)]
    assert [program.wait(timeout=60) for program in programs] == [0, 0, 0]
    assert [path.name for path in tmp_path.rglob("*") if path.name not in ("a", "b")] == []


def test_where_no_folder_can_be(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    for place, text in (("file", "^here must be a folder, not file"), ("/proc/a", "/proc/a"),
                        ("file/a", "^here must be a folder, not file/a"), ("/proc", "/proc"),
                        ("link", "^here must be a folder, not link")):
        with pytest.raises(OSError, match=text) as caught:
            folders.check_writable(here=Path(place))
        assert folders.UNFINISHED not in str(caught.value)


SAID = {"by the system": OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        "by a program": RuntimeError("ccABC.s: No space left on device\nmake ended with 2")}


@pytest.mark.parametrize("error", SAID.values(), ids=SAID)
def test_a_full_disk_is_said_of_the_parent(error, tmp_path):
    with pytest.raises(OSError) as caught, folders.temporary(tmp_path):
        raise error
    assert str(caught.value) == f"[Errno 28] No space left on device: '{tmp_path}'"


@pytest.mark.parametrize("fails", [False, True])
def test_a_full_disk_of_which_nobody_has_said_anything(fails, tmp_path, monkeypatch):
    """A program may end well and leave half a file: nothing is published then."""
    full = list(os.statvfs(tmp_path))
    full[3] = full[4] = 1  # free blocks
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(full))
    with pytest.raises(OSError, match=f"No space left on device: '{tmp_path}'"):
        with folders.temporary(tmp_path) as own:
            (own / "new").mkdir()
            if fails:
                raise ValueError("unexpected end of JSON")
            folders.publish(own / "new", tmp_path / "kept", [])
    assert names(tmp_path) == []


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    (tmp_path / ".git-x").mkdir()
    subprocess.run([sys.executable, "-c", KILLED, tmp_path], cwd=Path(__file__).parents[2])
    assert len(names(tmp_path)) == 2
    with folders.temporary(tmp_path) as mine:
        assert names(tmp_path) == sorted([".git-x", mine.name])
        with folders.temporary(tmp_path) as second:  # the owner of the first one is alive
            assert names(tmp_path) == sorted([".git-x", mine.name, second.name])
    assert names(tmp_path) == [".git-x"]


@pytest.fixture
def published(tmp_path):
    """A complete folder."""
    with folders.temporary(tmp_path) as own:
        (own / "new").mkdir()
        (own / "new" / "data").write_text("abc")
        (own / "new" / "data").chmod(0o755)
        (own / "new" / "other").write_text("not sealed")
        folders.publish(own / "new", tmp_path / "kept", ["data"], "data")
    return tmp_path / "kept"


DAMAGE = {
    "empty": lambda folder: [path.unlink() for path in folder.iterdir()],
    "absent": shutil.rmtree,
    "no seal": lambda folder: (folder / folders.SEAL).unlink(),
    "empty seal": lambda folder: (folder / folders.SEAL).write_text("{}"),
    "list": lambda folder: (folder / folders.SEAL).write_text("[1]"),
    "half a seal": lambda folder: (folder / folders.SEAL).write_text('{"data": "'),
    "no file": lambda folder: (folder / "data").unlink(),
    "short file": lambda folder: (folder / "data").write_text("ab"),
    "other file": lambda folder: (folder / "data").write_text("abd"),
    "not to be run": lambda folder: (folder / "data").chmod(0o644),
    "file instead": lambda folder: (shutil.rmtree(folder), folder.write_text("x")),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_folder_is_replaced_a_complete_one_is_not(published, damage, tmp_path):
    assert folders.complete(published, "data")
    with folders.temporary(tmp_path) as own:
        for text, broken in (("abcd", False), ("abcde", True)):
            if broken:
                damage(published)
                assert not folders.complete(published, "data")
            (own / "new").mkdir()
            (own / "new" / "data").write_text(text)
            (own / "new" / "data").chmod(0o755)
            folders.publish(own / "new", published, ["data"], "data")
            assert (published / "data").read_text() == ("abcde" if broken else "abc")
            shutil.rmtree(own / "new", ignore_errors=True)
    assert folders.complete(published, "data") and names(tmp_path) == ["kept"]


def test_damaged_simulators_and_libraries_are_built_again(tmp_path):
    text = convert(Adder())
    simulator = verilator.build(text, tmp_path)
    assert os.access(simulator / "top", os.X_OK)
    (library,) = simulator.parent.glob("library-*")
    (simulator / "top").write_bytes((simulator / "top").read_bytes()[:1000])
    next(library.glob("*.o")).unlink()
    assert verilator.build(text, tmp_path) == simulator
    assert folders.complete(simulator) and folders.complete(library)
    verilator.run(simulator, "tests.sim.adder", tmp_path / "run", variables={
        "BENCH_SEED": "1", "BENCH_IDLE": "0", "BENCH_BACKPRESSURE": "0"})
