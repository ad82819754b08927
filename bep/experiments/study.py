"""A study of designs: what `bep explore` searches, for which objectives and constraints."""

import hashlib
import json
import operator
import re
from dataclasses import asdict, dataclass, replace

from bep.cost import estimate
from bep.flow import largest, memories, stores
from bep.flow.boards import target
from bep_model.checks import MOST_SEED, entries, integer, one_of
from bep_model.config import MOST_BATCH, NUMERICS_VERSION, divisors
from bep_model.data import catalogue
from bep_model.files import read_toml, record, telling
from bep_model.fit.hyper import Hyper
from bep_model.fit.presets import Preset

MAXIMIZED = ("accuracy", "trained_samples_per_second", "inferred_samples_per_second")
MINIMIZED = ("luts", "cells", "brams", "memory_bits", "microjoules_per_sample", "price")
OBJECTIVES = (*MAXIMIZED, *MINIMIZED)
RELATIONS = {">=": operator.ge, "<=": operator.le}


@dataclass(frozen=True)
class Space:
    """What a design is chosen from: least and most of a range, or a list of choices.

    Parameters
    ----------
    depth : choices
        Layers; 2 for sequences.
    width, counter_bits, group : ranges
        Neurons per layer; B_h; neurons per group.
    batch, weight_lanes, counter_lanes, encoding : choices
        Q is the largest divisor of P that is not above ``counter_lanes``.
    r, nu, thinning, balance : ranges
        Hyper-parameters (``bep_model.fit.hyper``); balance is p_r in parts of the thinning.
    """

    depth: tuple = (1, 2, 3)
    width: tuple = (16, 128)
    counter_bits: tuple = (4, 8)
    group: tuple = (5, 64)
    batch: tuple = (1,)
    weight_lanes: tuple = (8, 16, 32, 64)
    counter_lanes: tuple = (1, 2, 4, 8)
    encoding: tuple = ("default",)
    r: tuple = (0.1, 1.2)
    nu: tuple = (0.02, 1.0)
    thinning: tuple = (0.0625, 1.0)
    balance: tuple = (0.02, 2.0)

    LIMITS = {"depth": (1, 15), "width": (1, 65535), "counter_bits": (2, 15), "group": (1, 65535),
              "batch": (1, MOST_BATCH), "weight_lanes": (1, 4096), "counter_lanes": (1, 4096)}
    RANGES = ("width", "counter_bits", "group", "r", "nu", "thinning", "balance")

    def __post_init__(self):
        for name, values in asdict(self).items():
            values = tuple(entries(f"space.{name}", values))
            if not values:
                raise ValueError(f"space.{name} must not be empty")
            if name in self.LIMITS:
                values = tuple(integer(f"space.{name}", value, *self.LIMITS[name])
                               for value in values)
            if name in self.RANGES and (len(values) != 2 or not 0 < values[0] <= values[1]):
                raise ValueError(f"space.{name} must be the least and the most, above 0, not "
                                 f"{list(values)}")
            object.__setattr__(self, name, values)
        for name, value in (("r", self.r[1]), ("nu", self.nu[1]), ("thinning", self.thinning[1])):
            replace(Hyper(), **{name: value}).checked()


EVERYTHING = Space()
"""What a study without the table [space] searches."""


@dataclass(frozen=True)
class Study:
    """What a study file says (docs/explore.md); ``prices`` are pairs of a board and a number.

    Raises TypeError or ValueError with the key and the value in the text.
    """

    dataset: str
    boards: tuple
    objectives: tuple
    trials: int
    epochs: int
    constraints: tuple = ()
    seed: int = 1
    train_samples: int | None = None
    store: str = "none"
    space: Space = EVERYTHING
    prices: tuple = ()

    def __post_init__(self):
        if not isinstance(self.dataset, str):
            raise TypeError(f"dataset must be a name, not {self.dataset!r}")
        for name in ("boards", "objectives", "constraints"):
            values = tuple(entries(name, getattr(self, name)))
            if len(set(values)) < len(values):
                raise ValueError(f"{name} must differ, not {list(values)}")
            object.__setattr__(self, name, values)
        if not isinstance(self.space, Space):
            object.__setattr__(self, "space", record(Space, "[space]", self.space))
        if not self.boards:
            raise ValueError("boards must not be empty")
        if not 1 <= len(self.objectives) <= 4:
            raise ValueError(f"objectives must be 1 to 4, not {len(self.objectives)}")
        for objective in self.objectives:
            one_of("objectives", objective, OBJECTIVES)
        for constraint in self.constraints:
            parsed(constraint)
        for name, low, high in (("trials", 1, 1_000_000), ("epochs", 1, 10_000),
                                ("seed", 0, MOST_SEED)):
            object.__setattr__(self, name, integer(name, getattr(self, name), low, high))
        if self.train_samples is not None:
            integer("train_samples", self.train_samples, 1)
        self._check_boards()
        self._check_prices()
        for encoding in self.space.encoding:
            catalogue.encoding_of(self.dataset, encoding)
        if catalogue.sequential(self.dataset) and self.space.depth != (2,):
            raise ValueError("space.depth must be [2] for sequences, whose network is recurrent, "
                             f"not {list(self.space.depth)}")

    def _check_boards(self):
        stores.check(self.store)
        for board in self.boards:
            described = target(board)
            if self.store != "none" and not largest.can_have(described, self.store):
                raise ValueError(f"store must suit all boards; {board} has no {self.store}")

    def _check_prices(self):
        """Make pairs of a table; what they are in is the user's affair."""
        if not isinstance(self.prices, dict | tuple):
            raise TypeError(f"[prices] must be a table of boards, not {self.prices!r}")
        prices = dict(self.prices)
        for board, price in prices.items():
            one_of("[prices]", board, self.boards)
            if isinstance(price, bool) or not isinstance(price, int | float) or not price > 0:
                raise ValueError(f"prices.{board} must be a number above 0, not {price!r}")
        named = {*self.objectives, *(parsed(constraint)[0] for constraint in self.constraints)}
        if "price" in named and (lacking := [name for name in self.boards if name not in prices]):
            raise ValueError(f"the objective price needs a table [prices] with {lacking[0]}")
        object.__setattr__(self, "prices", tuple(prices.items()))

    @property
    def digest(self):
        """What makes a study another one, 16 hex digits: everything but the number of trials."""
        told = {"numerics": NUMERICS_VERSION, "fits": estimate.model()} | asdict(self)
        del told["trials"]
        if not self.prices:  # studies are older than them
            del told["prices"]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def directions(self):
        """Of the objectives, as Optuna names them."""
        return ["maximize" if name in MAXIMIZED else "minimize" for name in self.objectives]

    def preset(self, trial):
        """The training, the lanes (P, Q) and the board that an Optuna trial stands for."""
        space = self.space

        def choice(name):
            return trial.suggest_categorical(name, getattr(space, name))

        def whole(name, suggested=None):
            return trial.suggest_int(suggested or name, *getattr(space, name),
                                     log=name != "counter_bits")

        def real(name, digits=3):
            low, high = getattr(space, name)
            return min(high, round(trial.suggest_float(name, low, high, log=name != "r"), digits))

        board = trial.suggest_categorical("board", self.boards)
        hidden = tuple(whole("width", f"width_{l}") for l in range(1, choice("depth") + 1))
        lanes, thinning, batch = choice("weight_lanes"), real("thinning"), choice("batch")
        most = choice("counter_lanes")
        hyper = replace(
            Hyper(), r=real("r"), nu=real("nu"), group=whole("group"), thinning=thinning,
            p_r=round(real("balance") * thinning, 3), batch=batch,
            sweep=batch * -(-200 // batch), reinforce_bits=16)
        preset = Preset(self.dataset, hidden, whole("counter_bits"), self.epochs, hyper,
                        encoding=choice("encoding"))
        return preset, (lanes, max(q for q in divisors(lanes) if q <= most)), board


def parsed(constraint):
    """(objective, relation, number) of a constraint; raises ValueError for another text."""
    found = re.fullmatch(r"(\w+)\s*(>=|<=)\s*([\d.]+(?:e\d+)?)", str(constraint).strip())
    if found is None or found[1] not in OBJECTIVES:
        raise ValueError(f"constraints must be like {OBJECTIVES[1]} >= 10000, of "
                         f"{', '.join(OBJECTIVES)}, not {constraint!r}")
    return found[1], found[2], float(found[3])


def load(path):
    """The :class:`Study` in a file; raises OSError, and ValueError or TypeError with the path."""
    table = read_toml(path)
    with telling(path):
        return record(Study, "the study", table)


def values(config, predicted, price=None):
    """Every objective but the accuracy, of a design with this estimate, on a board of this price;
    None where unknown."""
    def middle(key):
        return predicted[key]["value"]

    energy = predicted["microjoules_per_sample"]
    return {
        "trained_samples_per_second": middle("board_samples_per_second"),
        "inferred_samples_per_second": middle("board_inferred_samples_per_second"),
        "luts": middle("luts"), "cells": middle("cells"), "brams": predicted["brams"],
        "memory_bits": config.memory_bits,
        "microjoules_per_sample": energy and sum(energy) / 2,
        "price": price,
    }


def violations(study, predicted, found):
    """How far a design is from fitting the part and from the constraints: texts by number above 0.

    Parameters
    ----------
    study : Study
    predicted : dict
        Of :func:`bep.cost.estimate.estimate`.
    found : dict
        :func:`values`, with ``accuracy`` if it is known.

    Yields
    ------
    (float, str)
        Relative excess, and a text that says so.
    """
    needs = {"luts": found["cells"], "brams": predicted["brams"], "spram": predicted["spram"]}
    for _, excess, text in memories.beyond(needs, predicted["available"]):
        yield excess, text
    for constraint in study.constraints:
        name, relation, limit = parsed(constraint)
        value = found.get(name)
        if value is not None and not RELATIONS[relation](value, limit):
            yield abs(value - limit) / max(abs(limit), 1e-9), f"not {constraint}: {value:,.4g}"
