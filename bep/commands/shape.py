"""Options that give a trainer's shape, where no file does."""

import inspect
from typing import Annotated, Any

from typer import Option

from bep.commands import options
from bep_model import configuration
from bep_model.checks import called
from bep_model.config import Config
from bep_model.parameters import default_parameters

OPTIONS: dict[str, Any] = {
    "hidden": (list[int], "Neurons per layer: --hidden 64 64 [default: 64 64]."),
    "inputs": (int, "Bits per sample [default: 192]."),
    "classes": (int, "[default: 10]"),
    "counter_bits": (int, "B_h [default: 7]."),
    "weight_lanes": (int, "P, weight bits per cycle [default: 64]."),
    "counter_lanes": (int, "Q, counters per cycle [default: 8]."),
    "max_batch": (int, "Most samples per application of updates [default: 1]."),
}
"""Types and texts of the options."""

LEFT_OUT: dict[str, Any] = {"inputs": 192, "layers": (64, 64), "classes": 10}
"""What options leave out of a configuration's shape."""


def with_shape(function):
    """Give a command the options of a shape in place of its argument ``given``: those that are
    there, by the names of :class:`Config`."""
    added = {name: inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None,
        annotation=Annotated[kind | None, Option(rich_help_panel=options.NETWORK, help=text)])
        for name, (kind, text) in OPTIONS.items()}

    def made(values):
        return {"layers" if name == "hidden" else name: value for name, value in values.items()
                if value is not None and value != []}
    return options.instead(function, "given", added, made)


def described(source, given):
    """The configuration of a source, or, without one, of the options that are ``given``.

    Raises ValueError for both, and what :class:`Config` and ``configuration.buildable`` do.
    """
    if source is None:
        with called({"layers": "hidden"}):
            config = Config(**LEFT_OUT | given)
        return configuration.Configuration(config, default_parameters(config))
    if given:
        raise ValueError(f"the configuration is either a file or options, not both: {source} "
                         f"and {', '.join(given)}")
    return configuration.buildable(source)
