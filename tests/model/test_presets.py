from dataclasses import replace

import pytest

from bep_model.data.catalogue import ARCHIVE, Encoding
from bep_model.fit import presets
from bep_model.fit.presets import Preset
from bep_model.fit.training import Hyper

SMALL = Preset("digits", (16, 8), 5, 3, Hyper(r=0.25, group=4, batch=10, sweep=100))
SEQUENCES = Preset("PenDigits", (16, 8), 5, 3, Hyper(), Encoding(chunk=2, expand=32))


def test_the_preset_of_the_digits_is_the_default():
    assert presets.load("digits-128-128-b7-online") == Preset(
        "digits", (128, 128), 7, 30, Hyper())


@pytest.mark.parametrize("name", presets.names())
def test_packaged_presets_are_named_by_what_they_are_and_say_how_they_were_found(name):
    assert presets.load(name).name == name
    assert (presets.FOLDER / f"{name}.toml").read_text().startswith("# ")


def test_there_are_presets_of_sequences_all_online():
    found = [preset for preset in map(presets.load, presets.names()) if preset.sequential]
    assert {preset.dataset for preset in found} == {*ARCHIVE, "s-mnist"}
    assert all(preset.hyper.batch == 1 and type(preset.encoding) is Encoding for preset in found)


@pytest.mark.parametrize("preset", [SMALL, SEQUENCES, replace(SEQUENCES, encoding="default"),
                                    replace(SMALL, dataset="mnist", encoding="median")])
def test_a_file_gives_back_what_was_written(tmp_path, preset):
    path = tmp_path / "small.toml"
    presets.dump(path, preset, "Found by hand.\n\nTwice.")
    assert presets.load(path) == presets.load(str(path)) == preset
    assert path.read_text().startswith("# Found by hand.\n#\n# Twice.\ndataset = ")


@pytest.mark.parametrize(("changes", "name"), [
    ({}, "digits-16-8-b5"),
    ({"counter_bits": 15, "hidden": [16]}, "digits-16"),
    ({"hyper": Hyper(batch=1)}, "digits-16-8-b5-online"),
    ({"hyper": Hyper(batch=1, kappa=0.3)}, "digits-16-8-b5-online-stable"),
    ({"dataset": "mnist", "encoding": "differences-99"}, "mnist-differences-99-16-8-b5"),
    ({"dataset": "s-mnist", "hyper": Hyper(batch=1)}, "s-mnist-16-8-b5"),
])
def test_names(changes, name):
    assert replace(SMALL, **changes).name == name


@pytest.mark.parametrize(("changes", "error", "text"), [
    ({"dataset": 3}, TypeError, "dataset must be a name, not 3"),
    ({"dataset": "PenDigits", "encoding": "median"}, ValueError, "PenDigits is a set of sequences"),
    ({"encoding": Encoding()}, ValueError, "digits is no set of sequences"),
    ({"dataset": "PenDigits", "hidden": (8,)}, ValueError, "a recurrent network must have 2 la"),
    ({"encoding": "median"}, ValueError, "digits has no encoding but \"default\", not 'median'"),
    ({"dataset": "mnist", "encoding": 3}, ValueError, "encoding must be one of .*, not 3"),
    ({"hidden": 16}, TypeError, "layers must be a list of integers, not 16"),
    ({"hidden": ()}, ValueError, "layers must have 1 to 15 entries, not 0"),
    ({"counter_bits": 16}, ValueError, "counter_bits must be between 2 and 15, not 16"),
    ({"epochs": 0}, ValueError, "epochs must be at least 1, not 0"),
    ({"epochs": 1.5}, TypeError, "epochs must be an integer, not 1.5"),
    ({"hyper": Hyper(nu=2)}, ValueError, "nu must be between 0 and 1, not 2"),
    ({"hyper": Hyper(batch=3)}, ValueError, r"sweep must be a multiple of the batch \(3\)"),
])
def test_wrong_values(changes, error, text):
    with pytest.raises(error, match=text):
        replace(SMALL, **changes)


@pytest.mark.parametrize(("old", "new", "error", "text"), [
    ("epochs = 3", "epochs = ", ValueError, "is not a TOML file: "),
    ("epochs = 3", "", ValueError, "the preset lacks the key 'epochs'"),
    ("epochs = 3", "epochs = 0", ValueError, "epochs must be at least 1, not 0"),
    ("epochs", "seed = 1\nepochs", ValueError, "the preset has no key 'seed'; it may have "),
    ("nu = ", "mu = ", ValueError, r"\[hyper\] has no key 'mu'; it may have r, nu, "),
    ("nu = 0.5", 'nu = "x"', TypeError, "nu must be a number, not 'x'"),
    ("group = 4", "group = true", TypeError, "group must be a number, not True"),
])
def test_wrong_files(tmp_path, old, new, error, text):
    path = tmp_path / "wrong.toml"
    presets.dump(path, SMALL, "")
    damaged(path, old, new, error, text)


def damaged(path, old, new, error, text):
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(error, match=rf"{path.name}:? {text}"):
        presets.load(path)


@pytest.mark.parametrize(("old", "new", "error", "text"), [
    ("chunk = 2", "chunks = 2", ValueError, r"\[encoding\] has no key 'chunks'; it may have windo"),
    ("chunk = 2", "chunk = 0", ValueError, "chunk must be at least 1, not 0"),
    ("chunk = 2", "chunk = 2.0", TypeError, r"chunk must be an integer, not 2\.0"),
    ("PenDigits", "digits", ValueError, "digits is no set of sequences"),
    ("[hyper]", "[hypers]", ValueError, "the preset has no key 'hypers'"),
])
def test_wrong_files_of_sequences(tmp_path, old, new, error, text):
    presets.dump(tmp_path / "odd.toml", SEQUENCES, "")
    damaged(tmp_path / "odd.toml", old, new, error, text)


def test_unknown_names_and_missing_files(tmp_path):
    with pytest.raises(ValueError, match=r"unknown preset 'mnist'; known are .*digits-128"):
        presets.load("mnist")
    with pytest.raises(FileNotFoundError):
        presets.load(tmp_path / "none.toml")
    path = tmp_path / "hyper.toml"
    path.write_text('dataset = "digits"\nhidden = [8]\ncounter_bits = 7\nepochs = 1\nhyper = 3\n')
    with pytest.raises(TypeError, match="hyper must be a table, not 3"):
        presets.load(path)
    path.write_bytes(b"\xff")
    with pytest.raises(ValueError, match=r"hyper\.toml is not a TOML file"):
        presets.load(path)
