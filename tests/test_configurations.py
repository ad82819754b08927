"""The configuration files in docs/ are legal, and their comments and users agree with them."""

from pathlib import Path

import pytest

from bep.experiments import designs
from bep.flow.boards import target
from bep_model import configuration
from bep_model.files import read_toml
from bep_model.fit import presets

FILES = sorted((Path(__file__).parent.parent / "docs" / "configurations").glob("*.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_loads(path):
    assert "parameters" in read_toml(path)
    configuration.load(path)
    assert f"--config docs/configurations/{path.name}" in path.read_text(encoding="utf-8")


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    path = tmp_path / "marked.toml"
    for load, file in ((configuration.load, FILES[0]), (read_toml, FILES[0]),
                       (configuration.load, presets.FOLDER / f"{presets.names()[0]}.toml")):
        path.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
        assert load(path) == load(file)


WRONG = {"two marks": 2 * b"\xef\xbb\xbf", "UTF-16": "a = 1".encode("utf-16"), "Latin": b"# \xe9",
         "unfinished": b"[trainer", "twice": b"a = 1\na = 2", "deep": b"a = " + 9999 * b"[",
         "long": b"a = 1" + 5000 * b"0", "zero": b"\0"}


@pytest.mark.parametrize("content", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("load", [configuration.load, designs.load, target])
def test_files_that_are_no_toml(tmp_path, load, content):
    path = tmp_path / "wrong.toml"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"wrong\.toml is not a TOML file: "):
        load(path)
