"""Presets of recurrent networks, as :mod:`bep_model.fit.presets` has them of the others.

A preset is named ``<data set>-<K_s>-<K_y>[-b<B_h>]`` (no suffix: 15).
"""

from dataclasses import dataclass, fields
from pathlib import Path

from bep_model.checks import integer
from bep_model.config import Config
from bep_model.data.series import Encoding
from bep_model.files import read_toml
from bep_model.fit.training import Hyper

FOLDER = Path(__file__).with_name("presets") / "series"


@dataclass(frozen=True)
class SeriesPreset:
    """All that the training of a recurrent network needs but its seeds.

    Parameters
    ----------
    dataset : str
        As for :func:`bep_model.data.series.load`.
    hidden : sequence of int
        K_s and K_y.
    counter_bits : int
        B_h, 2..15.
    epochs : int
        1 or more; the best one on validation data is meant to be kept.
    encoding : Encoding
    hyper : Hyper

    Raises
    ------
    TypeError, ValueError
        For a value that is not allowed, with the value in the text.
    """

    dataset: str
    hidden: tuple
    counter_bits: int
    epochs: int
    encoding: Encoding
    hyper: Hyper

    def __post_init__(self):
        object.__setattr__(self, "epochs", integer("epochs", self.epochs, 1))
        # Inputs, steps and classes come with the data; no check of the others depends on them.
        config = Config(1, self.hidden, 2, self.counter_bits, max_batch=self.hyper.batch,
                        max_steps=1)
        object.__setattr__(self, "hidden", config.layers)
        self.hyper.parameters(config)


def names():
    """Names of the presets that come with the package, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name):
    """Read the preset of this name.

    Returns
    -------
    SeriesPreset

    Raises
    ------
    ValueError, TypeError
        For an unknown name, an unknown or missing key, or a value that is not allowed.
    """
    if name not in names():
        raise ValueError(f"unknown preset {name!r}; known are {', '.join(names())}")
    path = FOLDER / f"{name}.toml"
    table = read_toml(path)
    try:
        return _built(SeriesPreset, table | {"encoding": _built(Encoding, table["encoding"]),
                                             "hyper": _built(Hyper, table["hyper"])})
    except KeyError as error:
        raise ValueError(f"{path}: the preset lacks the key {error}") from None
    except (TypeError, ValueError) as error:
        raise type(error)(f"{path}: {error}") from None


def _built(cls, table):
    known = [field.name for field in fields(cls)]
    for key in table:
        if key not in known:
            raise ValueError(f"there is no key {key!r}; there may be {', '.join(known)}")
    return cls(**table)
