"""Settings of `bep train` for sequences that nobody tuned for: by the rule, or by `--auto`."""

import shlex
from dataclasses import asdict, replace

from bep import results
from bep.commands import options
from bep_model.checks import number
from bep_model.data import catalogue
from bep_model.data.catalogue import Encoding
from bep_model.fit import choice, rule
from bep_model.fit.rule import Settings

CHOSEN = ("window", "chunk", "bits", "expand", "pairs", "r", "nu", "group", "p_r",
          "horizon", "delay")
"""The options that --auto chooses."""
SECONDS = (1, 1_000_000)
"""Least and most of --auto."""


def values(preset):
    """Values of options that a preset stands for, by their names, as they are given."""
    return of_settings(Settings(preset.encoding, preset.hyper)) | {
        name: getattr(preset, name) for name in ("hidden", "epochs", "keep_best")}


def of_settings(settings):
    """The same of :class:`Settings`; without an expansion, ``expand`` is 0."""
    encoding = asdict(settings.encoding)
    return asdict(settings.hyper) | encoding | {"expand": encoding["expand"] or 0}


def settled(context, **values):
    """Those of the ``values`` of options, by name, that somebody gave."""
    names = options.given(context)
    return {name: value for name, value in values.items() if name in names}


def untold(context, told, **values):
    """``values`` of options, by name, with those of ``told`` for what nobody gave."""
    return {name: told[name] for name in values} | settled(context, **values)


def check(context, seconds, dataset, validation):
    """Raise TypeError or ValueError unless ``--auto`` has a budget and data, and nothing says
    already what it chooses."""
    number("auto", seconds, *SECONDS)
    if not catalogue.sequential(dataset):
        raise ValueError(f"auto must be left out for {dataset}, which is no set of sequences, not "
                         f"{seconds:g}")
    if validation is False:
        raise ValueError("auto needs validation samples: give no --no-validation")
    for name in ("source", "start"):
        if context.params.get(name) is not None:
            option = "--config" if name == "source" else "--start"
            raise ValueError(f"auto is for a new training: {option} {context.params[name]} has "
                             "settings of its own")
    if names := sorted(options.given(context) & {*CHOSEN, "steps"}):
        named = ", ".join(f"--{name.replace('_', '-')}" for name in names)
        raise ValueError(f"auto chooses {named}: leave out either")


def command(context, settings, hidden, epochs, keep_best):
    """The command line that was given, with what was chosen for it instead of --auto."""
    told = of_settings(settings)
    told = {name: told[name] for name in (*CHOSEN, "reinforce_bits", "sweep")} | {
        "hidden": hidden, "epochs": epochs, "keep_best": keep_best}
    words = ["bep", "train"]
    for option in context.command.params:
        value = told.get(option.name)
        if value is None and option.name in options.given(context) - {"auto"}:
            value = context.params[option.name]
        if isinstance(value, bool):
            words.append((option.opts if value else option.secondary_opts)[0])
        elif value is not None:
            several = isinstance(value, list | tuple)
            words += [option.opts[0], *map(str, value if several else [value])]
    return shlex.join(words)


def compiled(network, samples, parameters):
    """Nothing to do, but the model's loops are compiled now, outside the time that is reported."""
    network.train(samples.train.x[:0], samples.train.labels[:0], parameters)
    network.flush(parameters)


def choose(base, seconds, load, trained, shape, **training):
    """The best settings around a base, those of the rule, within a time; what was tried, for JSON.

    ``load``, ``trained`` and ``training`` are as of :func:`bep_model.fit.choice.choose`, ``shape``
    is that of the sequences.
    """
    every = rule.candidates(base, shape)
    with results.Stages() as stages:
        done = stages.begin("settings", len(every))
        tried = choice.choose(every, load, trained, seconds=seconds, progress=lambda tried: done(
            1, f"best {choice.best(tried).accuracy:.1%}"), **training)
    theirs, found = of_settings(base), choice.best(tried)
    table = [{"changed": {name: value for name, value in of_settings(each.settings).items()
                          if value != theirs[name]}, "validation_accuracy": each.accuracy}
             for each in tried]
    changed = ", ".join(f"{name} {value}" for name, value in
                        table[tried.index(found)]["changed"].items())
    results.say(f"{len(tried)} of {len(every)} settings tried; best, with {found.accuracy:.1%} of "
                f"the validation samples per class, is the rule with {changed or 'no change'}"
                + (f" (as it is {tried[0].accuracy:.1%})" if changed else ""))
    return found.settings, table


def kept(unfinished, base):
    """The :class:`Settings` of the training in the file of unfinished epochs; None without one."""
    found = unfinished.position()
    if found is None:
        return None
    results.say(f"--auto chose before what is in {unfinished.path}")
    told = found.defaults
    return Settings(Encoding(**{name: told[name] for name in asdict(base.encoding)}),
                    replace(base.hyper, **{name: told[name] for name in asdict(base.hyper)
                                           if name in CHOSEN}))
