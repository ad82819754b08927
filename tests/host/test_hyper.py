"""The table of hyper-parameters is consistent, and its users agree with it."""

import inspect
from dataclasses import fields, replace

import pytest

from bep.commands.hyper_options import with_hyper
from bep.commands.search import SPACE
from bep.commands.train import train
from bep_model.digests import told
from bep_model.fit.hyper import Hyper, described


@pytest.mark.parametrize("each", fields(Hyper), ids=lambda each: each.name)
def test_metadata(each):
    """Defaults and both ends of a range are allowed, values beyond are not; searches stay
    inside."""
    low, high, above = (each.metadata[name] for name in ("low", "high", "above"))
    assert type(each.default) is each.type
    for value in (each.default, *([] if above else [low]), *([] if high is None else [high])):
        assert getattr(Hyper(**{each.name: value}).checked(), each.name) == value
    for value in (low if above else low - 1, *([] if high is None else [high + 1])):
        with pytest.raises(ValueError, match=f"^{each.name} must be .*, not {value}$"):
            Hyper(**{each.name: value}).checked()
    if each.name in SPACE and each.type is float:
        assert low <= SPACE[each.name].low < SPACE[each.name].high <= high


def test_one_option_for_each():
    options = inspect.signature(train).parameters
    for each in fields(Hyper):
        option = options[each.name]
        if each.name != "sweep":  # whose default follows the batch
            assert option.default == each.default
            assert option.annotation.__metadata__[0].help == described(each)
    assert "hyper" not in options
    assert described(fields(Hyper)[1]) == "Gate as a part of the fan-in, between 0 and 1."


def test_options_become_hyper_parameters():
    @with_hyper
    def command(first, hyper, sweep, last=3):
        return first, hyper, sweep, last

    options = {each.name: each.default for each in fields(Hyper)}
    assert list(inspect.signature(command).parameters) == [
        "first", *(name for name in options if name != "sweep"), "sweep", "last"]
    assert command(first=1, **options | {"nu": 0.25, "sweep": 7}) == (1, Hyper(nu=0.25), 7, 3)


def test_what_enters_a_digest():
    """A digest covers everything but the defaults of later fields."""
    later = {"thinning_bits", "kappa", "shift", "delay"} | {
        each.name for each in fields(Hyper) if each.name.startswith("filter_")}
    assert set(told(Hyper())) == {each.name for each in fields(Hyper)} - later
    assert told(replace(Hyper(), kappa=0.5))["kappa"] == 0.5
