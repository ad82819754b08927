"""Outputs that are written: whole or not at all, and not in place of what is no file."""

import errno
import json
import os
import pty
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bep import results
from bep_model import files
from bep_model.files import check_outputs, check_writable, replacing, write_all
from tests.host.programs import environment


def write(path, octets=b"new"):
    with replacing(path) as file:
        file.write(octets)


def left(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("target", ["there", "absent"])
@pytest.mark.parametrize("links", [1, 2])
def test_a_link_stays_and_its_target_is_replaced(links, target, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "there").write_bytes(b"old")
    (tmp_path / "link1").symlink_to(f"elsewhere/{target}")
    (tmp_path / "link2").symlink_to("link1")
    check_writable(tmp_path / f"link{links}")
    write(tmp_path / f"link{links}")
    assert (tmp_path / "link1").is_symlink() and (tmp_path / "link2").is_symlink()
    assert (tmp_path / "elsewhere" / target).read_bytes() == b"new"
    assert left(tmp_path) == ["elsewhere", "link1", "link2"]
    assert set(left(tmp_path / "elsewhere")) == {"there", target}


def test_a_pipe_is_written_to(tmp_path):
    path, read = tmp_path / "fifo", []
    os.mkfifo(path)
    octets = bytes(range(256)) * 1000  # more than a pipe holds
    thread = threading.Thread(target=lambda: read.append(path.read_bytes()))
    thread.start()
    write(path, octets)
    thread.join()
    assert read == [octets] and path.is_fifo() and left(tmp_path) == ["fifo"]


def test_a_device_is_written_to(tmp_path):
    master, slave = pty.openpty()
    name = os.ttyname(slave)
    before = left(tmp_path)
    for path in (name, tmp_path / "link"):
        if path != name:
            path.symlink_to(name)
        check_writable(path)
        write(path)
        assert os.read(master, 10) == b"new"
        assert stat.S_ISCHR(os.stat(name).st_mode)
    assert left(tmp_path) == [*before, "link"]
    os.close(master)
    os.close(slave)


def test_nothing_goes_to_a_pipe_if_the_work_fails(tmp_path):
    """Its reader gets nothing, not half of it: the pipe is not even opened."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with pytest.raises(KeyError), replacing(path) as file:
        file.write(b"half")
        raise KeyError


SCRIPT = """
import os, sys
from bep_model.files import check_writable, replacing
print("before")
check_writable(sys.argv[1])
with replacing(sys.argv[1]) as file:
    file.write(b"new\\n")
print("after")
"""


@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "log"])
@pytest.mark.parametrize("kind", ["pipe", "file"])
def test_standard_output(kind, name, tmp_path):
    """It stays what it is, in its order, be it a file, and be that named."""
    if (kind, name) == ("pipe", "log"):
        pytest.skip("a pipe has no name")
    arguments = [sys.executable, "-c", SCRIPT, name]
    with open(tmp_path / "log", "wb") as log:
        log.write(b"first\n")
        log.flush()
        told = subprocess.run(arguments, cwd=tmp_path, env=environment(), check=True,
                              stdout=log if kind == "file" else subprocess.PIPE)
    text = (tmp_path / "log").read_bytes() if kind == "file" else b"first\n" + told.stdout
    assert text == b"first\nbefore\nnew\nafter\n" and left(tmp_path) == ["log"]


def test_a_descriptor_that_is_a_file_is_written_to(tmp_path):
    with open(tmp_path / "log", "wb") as log:
        write(f"/dev/fd/{log.fileno()}")
        assert os.fstat(log.fileno()).st_size == 3
    assert (tmp_path / "log").read_bytes() == b"new" and left(tmp_path) == ["log"]


def read_only(tmp_path):
    (tmp_path / "out").touch(mode=0o444)
    return tmp_path / "out"


def a_socket(tmp_path):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp_path / "out"))
    return tmp_path / "out"


def loop(tmp_path):
    (tmp_path / "out").symlink_to("out")
    return tmp_path / "out"


def in_no_folder(tmp_path):
    return tmp_path / "missing" / "out"


def in_a_file(tmp_path):
    (tmp_path / "file").touch()
    return tmp_path / "file" / "out"


def link_into_no_folder(tmp_path):
    (tmp_path / "out").symlink_to("missing/out")
    return tmp_path / "out"


REFUSED = {
    "read-only": (read_only, "it is read-only"),
    "a socket": (a_socket, "it is a disk or a socket"),
    "a folder": (lambda tmp_path: tmp_path, "it is a folder"),
    "a loop": (loop, os.strerror(errno.ELOOP)),
    "no folder": (in_no_folder, "there is no folder .*/missing"),
    "a file as folder": (in_a_file, os.strerror(errno.ENOTDIR)),
    "a link into no folder": (link_into_no_folder, "there is no folder .*/missing"),
    "too long": (lambda tmp_path: tmp_path / ("x" * 256), os.strerror(errno.ENAMETOOLONG)),
    "in /proc": (lambda tmp_path: "/proc/new", "/proc/new"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_written_is_known_before(kind, tmp_path):
    make, text = REFUSED[kind]
    path = make(tmp_path)
    before = left(tmp_path)
    for call in (check_writable, write, lambda path: check_outputs(out=path)):
        with pytest.raises(OSError, match=text) as caught:
            call(path)
        assert str(path) in str(caught.value) and ".bep-" not in str(caught.value)
    assert left(tmp_path) == before


@pytest.mark.parametrize("permission", ["file", "folder"])
def test_permissions_that_are_lacking(permission, tmp_path, monkeypatch):
    """As root has none that are lacking, the system's answers are made up."""
    path = tmp_path / "out"
    path.touch()
    denied = PermissionError(errno.EACCES, os.strerror(errno.EACCES), "temporary")

    def refuse(*_, **__):
        raise denied

    if permission == "file":
        monkeypatch.setattr(os, "access", lambda asked, mode: asked != path)
    else:
        monkeypatch.setattr(files.tempfile, "mkstemp", refuse)
    for call in (check_writable, write):
        with pytest.raises(PermissionError, match=str(path)):
            call(path)


def test_a_working_folder_that_is_gone(tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    script = ("import os\nfrom bep_model.files import check_writable\nos.rmdir(os.getcwd())\n"
              "try: check_writable('out')\nexcept OSError as error: print(error)")
    told = subprocess.run([sys.executable, "-P", "-c", script], cwd=folder, env=environment(),
                          capture_output=True, text=True)
    assert told.returncode == 0 and "'out'" in told.stdout, told.stderr


KILLED = """
import os, signal, sys
from bep_model.files import replacing
with replacing(sys.argv[1]) as file:
    file.write(b"half")
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_process_left_is_removed_by_the_next_one(tmp_path):
    """Only of the same output, and not while another process is writing."""
    names = ["out", "other", "out"]
    programs = [subprocess.Popen([sys.executable, "-c", KILLED, tmp_path / name], text=True,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment())
                for name in names]
    assert all(program.stdout.readline() == "ready\n" for program in programs)
    (tmp_path / ".bep-mine").touch()
    assert len(left(tmp_path)) == 4
    for program in programs[:2]:
        program.kill()
        program.communicate()
    write(tmp_path / "out")
    assert len(left(tmp_path)) == 4 and {".bep-mine", "out"} < {*left(tmp_path)}
    write(tmp_path / "other")
    assert len(left(tmp_path)) == 4
    programs[2].communicate()
    assert programs[2].returncode == 0 and (tmp_path / "out").read_bytes() == b"half"
    assert left(tmp_path) == [".bep-mine", "other", "out"]


def test_a_name_as_long_as_can_be(tmp_path):
    path = tmp_path / ("x" * 255)
    check_writable(path)
    write(path)
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("name", ["out", "full", "missing/new"])
@pytest.mark.parametrize("last", [True, False])
def test_several_files_are_written_all_or_none(name, last, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("old").write_bytes(b"old")
    Path("full").symlink_to("/dev/full")
    read_only(Path())
    before = left(tmp_path)
    others = {"old": b"1", "new": b"2"}
    with pytest.raises(OSError, match=name):
        write_all(others | {name: b"3"} if last else {name: b"3"} | others)
    assert left(tmp_path) == before and Path("old").read_bytes() == b"old"
    write_all(others)
    assert Path("old").read_bytes() == b"1" and Path("new").read_bytes() == b"2"


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664])
def test_permissions_stay(mode, tmp_path):
    path = tmp_path / "out"
    path.touch()
    path.chmod(mode)
    write(path)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_stop_just_after_the_rename(tmp_path, monkeypatch):
    rename = os.replace

    def stopped(*given):
        rename(*given)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stopped)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "out")
    assert left(tmp_path) == ["out"]


@pytest.mark.parametrize(("inputs", "outputs", "names"), [
    ({}, {"--save": "a", "--json": "a"}, "--save and --json"),
    ({}, {"--save": "a", "--json": "./b/../a"}, "--save and --json"),
    ({}, {"--save": "link", "--json": "a"}, "--save and --json"),
    ({}, {"--save": "-", "--json": "-"}, "--save and --json"),
    ({"--start": "a"}, {"--json": "a"}, "--start and --json"),
    ({"--start": "link"}, {"--json": "a"}, "--start and --json"),
])
def test_two_files_are_different_ones(inputs, outputs, names, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "b").mkdir()
    (tmp_path / "a").write_text("old")
    (tmp_path / "link").symlink_to("a")
    with pytest.raises(ValueError, match=f"{names} must be two files, not both "):
        check_outputs(inputs, **outputs)
    check_outputs({"--start": "a", "--config": "a", "--board": None}, **{"--json": None})
    assert (tmp_path / "a").read_text() == "old"


def test_what_cannot_be_written_after_the_work_is_kept_elsewhere(tmp_path, monkeypatch):
    def full(path):
        (tmp_path / path.name).write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(files.tempfile, "tempdir", str(temporary))
    json_path = tmp_path / "out.json"

    def save(path):
        if path.parent == tmp_path:
            full(path)
        path.write_text("state")

    with pytest.raises(OSError, match=r"a\.npz: No space left on device; what belongs there is in "
                                      f"{temporary}/bep-"):
        results.deliver((tmp_path / "a.npz", save), (None, save),
                        (json_path, lambda path: results.write_json(path, {})))
    (kept,) = temporary.rglob("*.npz")
    assert kept.read_text() == "state" and json.loads(json_path.read_text()) == {}
    kept.unlink()
    kept.parent.rmdir()
    with pytest.raises(OSError, match=r"No space left on device: .*a\.npz"):  # neither there
        results.deliver((tmp_path / "a.npz", full))
    assert left(temporary) == []
