"""The timing diagrams show what the gateware does."""

import importlib
import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "diagrams"


@pytest.fixture(scope="module")
def record():
    """The module that records the diagrams."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        yield importlib.import_module("record")


def test_they_are_recorded(record):
    """Source and picture of each are those of a simulation now (if not: ``make diagrams``)."""
    kept = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()
            if path.suffix in (".json", ".svg")}
    assert kept == record.files()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_lanes(path):
    """Every lane covers all clocks, and has a text for every new value."""
    signals = json.loads(path.read_text(encoding="utf-8"))["signal"]
    assert len({len(signal["wave"]) for signal in signals}) == 1
    assert all(signal["wave"].count("=") == len(signal.get("data", ())) for signal in signals)


def test_a_lane(record):
    """Values become WaveDrom's letters: the same again, no value, the same but new."""
    texts, fresh = ["1", "1", None, None, "2", "2", "3"], [1, 0, 0, 1, 0, 1, 0]
    assert record.lane("a", texts, fresh) == {
        "name": "a", "wave": "=.x.===", "data": ["1", "2", "2", "3"]}
    assert record.level([{"a": 0}, {"a": 1}, {"a": 1}, {"a": 0}], "a")["wave"] == "01.0"
