"""Command-line options made from the table of hyper-parameters."""

import inspect
from dataclasses import fields
from typing import Annotated

from typer import Option

from bep.commands import options
from bep_model.fit.hyper import FILTERS, SEQUENCES, Hyper, described

PANELS = {SEQUENCES: options.SEQUENCES, FILTERS: options.FILTERS, None: options.HYPER}
"""Topics of the help, by what a hyper-parameter is for."""


def with_hyper(function):
    """Give a command an option for every hyper-parameter, in place of its argument ``hyper``.

    The values are checked. Hyper-parameters for which ``function`` has options of its own keep
    their default in ``hyper``.
    """
    own = inspect.signature(function).parameters
    added = {each.name: inspect.Parameter(
        each.name, inspect.Parameter.KEYWORD_ONLY, default=each.default,
        annotation=Annotated[each.type, Option(
            help=described(each), rich_help_panel=PANELS[each.metadata["only"]])])
        for each in fields(Hyper) if each.name not in own}

    return options.instead(function, "hyper", added, lambda given: Hyper(**given).checked())
