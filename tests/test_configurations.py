"""The configuration files in docs/ are legal, and fit what they say they are for."""

from pathlib import Path

import pytest

from bep_model import configuration

FILES = sorted((Path(__file__).parent.parent / "docs" / "configurations").glob("*.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_loads(path):
    _, parameters = configuration.load(path)
    assert parameters is not None
    assert f"--config docs/configurations/{path.name}" in path.read_text(encoding="utf-8")
