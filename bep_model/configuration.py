"""Configuration files: TOML with the table [trainer] and perhaps [parameters]."""

from dataclasses import asdict

import tomli_w

from bep_model.config import Config
from bep_model.files import read_toml, record, replacing
from bep_model.parameters import Parameters


def load(path):
    """Read a configuration file.

    Returns
    -------
    (Config, Parameters or None)
        The table ``[trainer]``, and the table ``[parameters]`` if there is one.

    Raises
    ------
    ValueError
        For text that is not TOML, or an unknown or missing key; TypeError, ValueError and OSError
        as the values deserve. Every message starts with the path.
    """
    tables = read_toml(path)
    unknown = set(tables) - {"trainer", "parameters"}
    if unknown or "trainer" not in tables:
        raise ValueError(f"{path} must have the table [trainer] and may have [parameters], "
                         f"not {sorted(tables)}")
    try:
        config = record(Config, "[trainer]", tables["trainer"])
        if "parameters" not in tables:
            return config, None
        return config, record(Parameters, "[parameters]", tables["parameters"]).validate(config)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{path}: {error}") from None


def dump(path, config, parameters=None):
    """Write a configuration file that :func:`load` reads back as equal objects."""
    tables = {"trainer": asdict(config)}
    if parameters is not None:
        tables["parameters"] = asdict(parameters)
    with replacing(path) as file:
        file.write(tomli_w.dumps(tables).encode())
