"""A disk that is full, or a file that may not grow: one line says which, and nothing is left."""

import resource
import subprocess

import pytest

from bep.commands.search import check_journal
from bep_model.config import Config
from bep_model.configuration import dump
from tests.host.programs import command, environment

CONFIG = Config(16, (8,), 2, counter_bits=3, weight_lanes=8, counter_lanes=8)
REASON = "File too large"

# Arguments, most KiB of a file, what the line names, and what stays.
CASES = {
    "train": ("train --epochs 1 --hidden 64 --save s.npz", 4, "s.npz.unfinished", []),
    "search": ("search --trials 12 --epochs 1 --hidden 8 --storage j", 4, "j", ["j"]),
    "search, at once": ("search --trials 1 --epochs 1 --hidden 8 --storage j", 0, "j", []),
    "search, its preset": ("search --trials 1 --epochs 1 --hidden 8 --out p", 0, "p", []),
    "export": ("export trainer.toml --out t.v", 40, "t.v", []),
    "build": ("build --config trainer.toml --board icebreaker", 40, "build", []),
    "build, placing": ("build --config trainer.toml --board icebreaker", 1000, "build", []),
    "verify": ("verify --config trainer.toml --samples 5", 100, "build/sim", []),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_told_in_one_line(case, tmp_path):
    """A limit of the size stands for the disk: the system refuses to write in the same places."""
    arguments, most, named, kept = CASES[case]
    dump(tmp_path / "trainer.toml", CONFIG)
    told = subprocess.run(
        command(*arguments.split()), cwd=tmp_path, env=environment(), text=True,
        capture_output=True, check=False, preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_FSIZE, (most << 10, resource.RLIM_INFINITY)))
    assert told.returncode == 2 and "Traceback" not in told.stderr
    *_, last = told.stderr.splitlines()
    assert last.startswith("bep: ") and last.endswith(f"{named}: {REASON}")
    assert told.stderr.count("bep: ") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["trainer.toml", *kept])
    if kept:
        assert check_journal(tmp_path / "j") == (tmp_path / "j").read_bytes() != b""
