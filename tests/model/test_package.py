"""The package as it is installed: its names, its cache of compiled kernels."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import bep_model
from bep_model.phases import bits

ROOT = Path(__file__).parents[2]


def python(program, *options, root=ROOT, **environment):
    """The output of a program in a process of its own."""
    kept = {name: value for name, value in os.environ.items()
            if name not in ("XDG_CACHE_HOME", "NUMBA_CACHE_DIR")}
    done = subprocess.run([sys.executable, "-W", "error", *options, "-c", program], cwd=root,
                          capture_output=True, text=True,
                          env=kept | {"PYTHONPATH": str(root)} | environment)
    assert not done.returncode, done.stderr
    return done.stdout


def test_the_public_names_are_there():
    for name in bep_model.__all__:
        assert getattr(bep_model, name).__name__ == name
    assert set(bep_model.__all__) <= set(dir(bep_model))
    with pytest.raises(AttributeError, match="module 'bep_model' has no attribute 'Nothing'"):
        bep_model.Nothing  # noqa: B018
    assert bep_model.load is bep_model.state.load


def test_importing_the_package_is_cheap():
    loaded = "{'numpy', 'numba', 'sklearn'} & set(sys.modules)"
    assert python(f"import sys, bep_model; print({loaded})").strip() == "set()"
    assert python("from bep_model import *; print(Config(5, (6,), 2).depth)").strip() == "1"


KERNEL = ("from bep_model.phases import bits; import numpy as np; "
          "print(bits._CACHE, bits.lowest(np.uint64(8)), bits.lowest.stats.cache_hits.total())")


@pytest.fixture
def unwritable(tmp_path):
    """A copy of the package that cannot be written: files are in the place of folders."""
    shutil.copytree(ROOT / "bep_model", tmp_path / "bep_model",
                    ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "bep_model" / "__pycache__").touch()
    return tmp_path


def test_kernels_are_compiled_where_nothing_can_be_written(unwritable):
    for _ in range(2):
        assert python(KERNEL, "-B", root=unwritable, HOME=os.devnull).split() == ["None", "3", "0"]


@pytest.mark.parametrize("name", ["HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR"])
def test_kernels_are_kept_where_it_can_be_written(unwritable, name):
    place = {"HOME": os.devnull, name: str(unwritable / "place")}
    folder, result, hits = python(KERNEL, "-B", root=unwritable, **place).split()
    assert folder.startswith(place[name]) and (result, hits) == ("3", "0")
    assert python(KERNEL, "-B", root=unwritable, **place).split() == [folder, "3", "1"]


def test_any_changed_source_is_another_cache(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    digests = set()
    for path, text in (("x.py", "1"), ("a/y.py", "1"), ("a/b/z.py", "1"), ("a/b/z.py", "2"),
                       ("a/z.py", "2"), ("x.py", "")):
        (tmp_path / path).write_text(text)
        digests.add(bits.sources_digest(tmp_path))
    assert len(digests) == 6
    (tmp_path / "notes.txt").write_text("no source")
    assert bits.sources_digest(tmp_path) in digests


def test_the_first_compilation_is_said_once(unwritable):
    program = ("import sys; sys.stderr = sys.stdout; "
               "import numpy as np; from bep_model.phases import bits; bits.lowest(np.uint64(8)); "
               "bits.bit(np.ones(1, np.uint64), 0)")
    told = python(program, "-B", root=unwritable, HOME=os.devnull)
    assert told == "compiling the golden model for this processor (10 to 60 s) ...\n"
    place = {"HOME": str(unwritable / "place")}
    assert "the first time only" in python(program, "-B", root=unwritable, **place)
    assert not python(program, "-B", root=unwritable, **place)
