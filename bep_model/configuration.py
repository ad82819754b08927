"""Files that describe a trainer, all of one format: TOML with tables of what is built and trained.

``[trainer]`` is the :class:`Config`, ``[parameters]`` the registers, ``[training]`` the
:class:`Preset` but for what the trainer says of it. Presets of the package are such files, too.
"""

from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import tomli_w

from bep_model.config import Config, check_gateware
from bep_model.data.catalogue import Encoding
from bep_model.files import read_toml, record, replacing, telling
from bep_model.fit import presets
from bep_model.fit.hyper import Hyper
from bep_model.fit.presets import Preset
from bep_model.parameters import Parameters, default_parameters

ARCHIVE = b"PK\x03\x04"
"""What a state file begins with, and no file of TOML."""


class Configuration(NamedTuple):
    """What is built, the registers that it begins with, and its training, None if nobody says."""

    config: Config
    parameters: Parameters
    preset: Preset | None = None


def load(source):
    """Read what describes a trainer.

    Parameters
    ----------
    source : str or path-like
        A configuration file, a state file (docs/state.md), which knows what is built, or the name
        of a preset.

    Returns
    -------
    Configuration
        Without ``[parameters]`` in the file, those of the first epoch of its training, or else the
        default ones.

    Raises
    ------
    ValueError
        For an unknown preset, text that is not TOML, and an unknown or missing key; TypeError,
        ValueError and OSError as the values deserve. Messages about a file start with its path.
    """
    path = locate(source)
    if is_state(path):
        from bep_model import state  # with the kernels, which no other file needs

        config, _ = state.describe(path)
        return Configuration(config, default_parameters(config))
    tables = read_toml(path)
    unknown = sorted(set(tables) - {"trainer", "parameters", "training"})
    if "trainer" not in tables or unknown:
        raise ValueError(f"{path} must have the table [trainer] and may have [parameters] and "
                         f"[training]; it has {', '.join(unknown or tables) or 'none'}")
    with telling(path):
        config = record(Config, "[trainer]", tables["trainer"])
        parameters, preset = default_parameters(config), None
        if "training" in tables:
            preset = _preset(config, tables["training"])
            parameters = preset.hyper.parameters(config)
        if "parameters" in tables:
            parameters = record(Parameters, "[parameters]", tables["parameters"]).validate(config)
        return Configuration(config, parameters, preset)


def trained(source):
    """What :func:`load` reads, which must say how the trainer is trained; else ValueError."""
    found = load(source)
    if found.preset is None:
        raise ValueError(f"{source} must have the table [training]")
    return found


def buildable(source):
    """What :func:`load` reads, which must be of a network that gateware has; else ValueError."""
    found = load(source)
    with telling(source):
        check_gateware(found.config)
    return found


def text(config, parameters=None, preset=None, comment=""):
    """A configuration file that :func:`load` reads back, under lines of a comment."""
    tables = {"trainer": {name: value for name, value in asdict(config).items() if value != ()}}
    if parameters is not None:
        tables["parameters"] = asdict(parameters)
    if preset is not None:
        tables["training"] = preset.table()
    head = "".join(f"# {line}".rstrip() + "\n" for line in comment.splitlines())
    return head + tomli_w.dumps(tables)


def dump(path, config, parameters=None, preset=None, comment=""):
    """Write :func:`text`; raises OSError, and an existing file then stays as it was."""
    with replacing(path) as file:
        file.write(text(config, parameters, preset, comment).encode())


def written(source):
    """The text of a configuration file for what :func:`load` reads, which raises what it does."""
    config = load(source).config
    path = locate(source)
    return text(config) if is_state(path) else path.read_text(encoding="utf-8-sig")


def locate(source):
    """The file that ``source`` names; raises as :func:`load`."""
    path = Path(source)
    if str(source) in presets.names():
        return presets.FOLDER / f"{source}.toml"
    if path.parent == Path() and not path.suffix and not path.exists():
        raise ValueError(f"unknown preset {str(source)!r}; known are "
                         f"{', '.join(presets.names())}; nor is there a file of this name")
    return path


def is_state(source):
    """Whether what ``source`` names is a state file; raises as :func:`load`."""
    with open(locate(source), "rb") as file:
        return file.read(len(ARCHIVE)) == ARCHIVE


def _preset(config, table):
    """The preset of a table ``[training]``."""
    nested = {"hyper": Hyper, "encoding": Encoding}
    if isinstance(table, dict):
        table = {key: record(nested[key], f"[training.{key}]", value)
                 if key == "hyper" or (key == "encoding" and isinstance(value, dict)) else value
                 for key, value in table.items()}
    preset = record(Preset, "[training]", table, hidden=config.layers,
                    counter_bits=config.counter_bits, windows=config.windows)
    if preset.sequential != config.recurrent:
        steps = "1 or more" if preset.sequential else "0"
        raise ValueError(f"max_steps must be {steps} for the dataset {preset.dataset}, not "
                         f"{config.max_steps}")
    return preset
