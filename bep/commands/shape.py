"""Options that give a trainer's shape, where no file does."""

from typing import Annotated, Any

from typer import Option

from bep.commands import options
from bep_model import configuration
from bep_model.checks import called
from bep_model.config import Config
from bep_model.parameters import default_parameters

Hidden = Annotated[list[int] | None, Option(
    rich_help_panel=options.NETWORK,
    help="Neurons per layer: --hidden 64 64 [default: 64 64].")]
Inputs = Annotated[int | None, Option(
    rich_help_panel=options.NETWORK, help="Bits per sample [default: 192].")]
Classes = Annotated[int | None, Option(
    rich_help_panel=options.NETWORK, help="[default: 10]")]
CounterBits = Annotated[int | None, Option(
    rich_help_panel=options.NETWORK, help="B_h [default: 7].")]
WeightLanes = Annotated[int | None, Option(
    rich_help_panel=options.NETWORK, help="P, weight bits per cycle [default: 64].")]
CounterLanes = Annotated[int | None, Option(
    rich_help_panel=options.NETWORK, help="Q, counters per cycle [default: 8].")]
MaxBatch = Annotated[int | None, Option(
    rich_help_panel=options.NETWORK,
    help="Most samples per application of updates [default: 1].")]

LEFT_OUT: dict[str, Any] = {"inputs": 192, "layers": (64, 64), "classes": 10}
"""What options leave out of a configuration's shape."""


def described(source, **given):
    """The configuration of a source, or, without one, of these options; None stands for not given.

    Raises ValueError for both, and what :class:`Config` and ``configuration.load`` do.
    """
    shape: dict[str, Any] = {name: value for name, value in given.items()
                             if value is not None and value != []}
    if source is None:
        with called({"layers": "hidden"}):
            config = Config(**LEFT_OUT | shape)
        return configuration.Configuration(config, default_parameters(config))
    if shape:
        raise ValueError(f"the configuration is either a file or options, not both: {source} "
                         f"and {', '.join(shape)}")
    return configuration.load(source)
