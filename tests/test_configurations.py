"""The configuration files in docs/ are legal, and fit what they say they are for."""

from pathlib import Path

import pytest

from bep_model import configuration, presets

FILES = sorted((Path(__file__).parent.parent / "docs" / "configurations").glob("*.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_loads(path):
    _, parameters = configuration.load(path)
    assert parameters is not None
    assert f"--config docs/configurations/{path.name}" in path.read_text(encoding="utf-8")


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    path = tmp_path / "marked.toml"
    for load, file in ((configuration.load, FILES[0]),
                       (presets.load, presets.FOLDER / f"{presets.names()[0]}.toml")):
        path.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
        assert load(path) == load(file)
