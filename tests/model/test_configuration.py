"""The one format of files that describe trainers: what is written is read, the wrong refused."""

from dataclasses import replace

import pytest

from bep_model import configuration, state
from bep_model.config import Config
from bep_model.data.catalogue import Encoding
from bep_model.files import read_toml
from bep_model.fit import presets
from bep_model.fit.hyper import Hyper
from bep_model.fit.presets import Preset
from bep_model.network import Network
from bep_model.parameters import Parameters, default_parameters

SMALL = Preset("digits", (16, 8), 5, 3, Hyper(r=0.25, group=4, batch=10, sweep=100))
SEQUENCES = Preset("PenDigits", (16, 8), 5, 3, Hyper(), Encoding(chunk=2, expand=32))
CONFIG = Config(192, (16, 8), 10, 5, weight_lanes=32, max_batch=20, seed=7)
RECURRENT = Config(32, (16, 8), 10, 5, max_steps=4)
PARAMETERS = Parameters.from_reals(CONFIG, p_r=0.2, batch=2, sweep=8)


@pytest.mark.parametrize(("config", "preset"), [
    (CONFIG, None), (CONFIG, SMALL), (RECURRENT, SEQUENCES),
    (RECURRENT, replace(SEQUENCES, encoding="default")),
    (CONFIG, replace(SMALL, dataset="mnist", encoding="median")),
    (CONFIG, replace(SMALL, validation=False, keep_best=False)),
    (replace(CONFIG, stable=True), replace(SMALL, hyper=replace(SMALL.hyper, kappa=0.5))),
])
def test_a_file_gives_back_what_was_written(tmp_path, config, preset):
    path = tmp_path / "small.toml"
    configuration.dump(path, config, preset=preset, comment="Found by hand.\n\nTwice.")
    parameters = default_parameters(config) if preset is None else preset.hyper.parameters(config)
    assert configuration.load(path) == (config, parameters, preset)
    assert configuration.load(str(path)) == configuration.load(path)
    assert path.read_text().startswith("# Found by hand.\n#\n# Twice.\n[trainer]\n")
    assert configuration.written(path) == path.read_text()


@pytest.mark.parametrize("preset", [None, SMALL])
def test_parameters_of_the_file_come_first(tmp_path, preset):
    configuration.dump(tmp_path / "a.toml", CONFIG, PARAMETERS, preset)
    assert configuration.load(tmp_path / "a.toml") == (CONFIG, PARAMETERS, preset)


@pytest.mark.parametrize("name", ["state.npz", "state"])
def test_a_state_file_says_what_is_built(tmp_path, name):
    network = Network(CONFIG)
    network.reset(1)
    state.save(tmp_path / name, network)
    wanted = (CONFIG, default_parameters(CONFIG), None)
    assert configuration.load(tmp_path / name) == wanted
    (tmp_path / "written.toml").write_text(configuration.written(tmp_path / name))
    assert configuration.load(tmp_path / "written.toml") == wanted
    with pytest.raises(ValueError, match=rf"{name} must have the table \[training\]"):
        configuration.trained(tmp_path / name)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:100])
    with pytest.raises(ValueError, match=rf"{name} is not a state file of format 1, or is damaged"):
        configuration.load(tmp_path / name)


TRAINER, TRAINING = "inputs = 192", "epochs = 3"


@pytest.mark.parametrize(("old", "new", "error", "text"), [
    (TRAINER, "inputs = ", ValueError, "is not a TOML file: "),
    (TRAINER, "", ValueError, r"\[trainer\] lacks the key 'inputs'"),
    (TRAINER, "lanes = 4", ValueError, r"\[trainer\] has no key 'lanes'; it may have inputs, "),
    (TRAINER, "inputs = 0", ValueError, "inputs must be between 1 and 65535, not 0"),
    (TRAINER, 'inputs = "a"', TypeError, "inputs must be an integer, not 'a'"),
    ("max_batch = 20", "max_batch = 9", ValueError, "batch must be between 1 and 9, not 10"),
    ("max_steps = 0", "max_steps = 4", ValueError, "max_steps must be 0 for the dataset digits"),
    ("[trainer]", "[trainee]", ValueError, r"must have the table \[trainer\] and may have "
                                           r"\[parameters\] and \[training\]; it has trainee"),
    ("[training]", "[train]", ValueError, r"must have the table \[trainer\] and may have"),
    (TRAINING, "", ValueError, r"\[training\] lacks the key 'epochs'"),
    (TRAINING, "epochs = 0", ValueError, "epochs must be between 1 and 1000000, not 0"),
    (TRAINING, "epochs = 3\nseed = 1", ValueError, r"\[training\] has no key 'seed'; it may have "),
    (TRAINING, "epochs = 3\nhidden = [8]", ValueError, r"\[training\] has no key 'hidden'"),
    ("keep_best = true", "keep_best = 1", TypeError, "keep_best must be true or false, not 1"),
    ("validation = true", "validation = false", ValueError,
     "keep_best and patience need validation samples: validation must be true"),
    ("nu = ", "mu = ", ValueError, r"\[training.hyper\] has no key 'mu'; it may have r, nu, "),
    ("nu = 0.5", 'nu = "x"', TypeError, "nu must be a number, not 'x'"),
    ("kappa = 0.0", 'kappa = "x"', TypeError, "kappa must be a number, not 'x'"),
    ("kappa = 0.0", "kappa = 0.5", ValueError, "stabilities must be 0 without stable = true"),
    ("group = 4", "group = true", TypeError, "group must be an integer, not True"),
    ("[training.hyper]", "[training.hypers]", ValueError, r"\[training\] has no key 'hypers'"),
    ('encoding = "default"', "encoding = 3", ValueError, "digits has no encoding but \"default\""),
])
def test_wrong_files(tmp_path, old, new, error, text):
    configuration.dump(tmp_path / "odd.toml", CONFIG, preset=SMALL)
    damaged(tmp_path / "odd.toml", old, new, error, text)


def damaged(path, old, new, error, text):
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(error, match=rf"{path.name}:? {text}") as caught:
        configuration.load(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(("old", "new", "error", "text"), [
    ("chunk = 2", "chunks = 2", ValueError, r"\[training.encoding\] has no key 'chunks'; it may "),
    ("chunk = 2", "chunk = 0", ValueError, "chunk must be at least 1, not 0"),
    ("chunk = 2", "chunk = 2.0", TypeError, r"chunk must be an integer, not 2\.0"),
    ("PenDigits", "digits", ValueError,
     "chunk must be left out for digits, which is no set of sequences, not 2"),
    ("max_steps = 4", "max_steps = 0", ValueError,
     "max_steps must be 1 or more for the dataset PenDigits, not 0"),
])
def test_wrong_files_of_sequences(tmp_path, old, new, error, text):
    configuration.dump(tmp_path / "odd.toml", RECURRENT, preset=SEQUENCES)
    damaged(tmp_path / "odd.toml", old, new, error, text)


TABLES = ("trainer", "parameters", "training", "training.hyper")


@pytest.mark.parametrize("value", ["5", '"text"', "[1]", "[{}]", "true"])
@pytest.mark.parametrize("name", TABLES)
def test_what_is_no_table(tmp_path, name, value):
    path = tmp_path / "wrong.toml"
    configuration.dump(path, CONFIG, PARAMETERS, SMALL)
    tables = {key: "\n".join(f"{name} = {inline(entry)}" for name, entry in table.items())
              for key, table in read_toml(path).items() if key != name}
    outer, _, inner = name.partition(".")
    text = f"{name} = {value}\n" if not inner else ""
    for key, lines in tables.items():
        if inner and key == outer:
            lines = "\n".join(f"hyper = {value}" if line.startswith("hyper") else line
                              for line in lines.splitlines())
        text += f"[{key}]\n{lines}\n"
    path.write_text(text)
    with pytest.raises(TypeError, match=rf"^{path}: \[{name}\] must be a table, not "):
        configuration.load(path)


def inline(value):
    """A value as TOML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {inline(each)}" for key, each in value.items()) + "}"
    return repr(value).lower() if isinstance(value, bool) else repr(value)


def test_unknown_names_and_missing_files(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"unknown preset 'mnist'; known are .*digits"):
        configuration.load("mnist")
    for name in ("none.toml", "folder/none"):
        with pytest.raises(FileNotFoundError):
            configuration.load(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    configuration.dump("mnist", CONFIG)  # a file that is there needs no ending
    assert configuration.load("mnist").config == CONFIG
    name = presets.names()[0]
    assert configuration.load(name) == configuration.load(presets.FOLDER / f"{name}.toml")
