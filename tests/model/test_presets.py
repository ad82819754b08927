import math
from dataclasses import replace

import pytest

from bep_model import configuration
from bep_model.config import Config
from bep_model.data import catalogue
from bep_model.data.catalogue import ARCHIVE, Encoding
from bep_model.fit import presets
from bep_model.fit.presets import Preset
from bep_model.fit.training import Hyper

SMALL = Preset("digits", (16, 8), 5, 3, Hyper(r=0.25, group=4, batch=10, sweep=100))
SEQUENCES = Preset("PenDigits", (16, 8), 5, 3, Hyper(), Encoding(chunk=2, expand=32))


def config_of(preset):
    """A trainer of a preset, for data of 9 bits."""
    return Config(9, preset.hidden, 3, preset.counter_bits, max_batch=preset.hyper.batch,
                  max_steps=4 * preset.sequential, stable=preset.hyper.stable)


def load(name):
    return configuration.load(name).preset


def test_the_preset_of_the_digits_is_the_default():
    assert load("digits-128-128-b7-online") == Preset(
        "digits", (128, 128), 7, 30, Hyper())


@pytest.mark.parametrize("name", presets.names())
def test_packaged_presets_are_named_by_what_they_are_and_say_how_they_were_found(name):
    assert load(name).name == name
    assert (presets.FOLDER / f"{name}.toml").read_text().startswith("# ")


def test_there_are_presets_of_sequences_all_online():
    found = [preset for preset in map(load, presets.names()) if preset.sequential]
    assert {preset.dataset for preset in found} == {*ARCHIVE, "s-mnist"}
    assert all(preset.hyper.batch == 1 and type(preset.encoding) is Encoding for preset in found)


@pytest.mark.parametrize("name", presets.names())
def test_packaged_presets_have_a_trainer_for_their_data(name):
    config, _, preset = configuration.load(name)
    known, encoding = catalogue.SETS[preset.dataset], preset.encoding
    steps = 0
    if preset.sequential:
        length, dimensions = known.shape
        steps = math.ceil(min(length, encoding.window or length) / encoding.chunk)
        inputs = encoding.expand or encoding.bits * encoding.chunk * dimensions
        inputs = 2 * inputs + 1 if encoding.pairs else inputs
    else:
        kind, chosen = catalogue.image_encoding(encoding)
        bits = 3 if preset.dataset == "digits" else catalogue.bits_per_pixel(encoding) \
            if kind in ("levels", "local") else 1
        inputs = bits * math.prod(known.shape) if kind in ("levels", "local", "median") else chosen
    assert preset.windows or (config.weight_lanes, config.counter_lanes) == (64, 8)
    assert config == Config(inputs, preset.hidden, known.classes, preset.counter_bits,
                            max_batch=preset.hyper.batch, max_steps=steps,
                            weight_lanes=config.weight_lanes, counter_lanes=config.counter_lanes,
                            stable=preset.hyper.stable, windows=preset.windows,
                            image=(*known.shape, bits) if preset.windows else ())


@pytest.mark.parametrize(("changes", "name"), [
    ({}, "digits-16-8-b5"),
    ({"counter_bits": 15, "hidden": [16]}, "digits-16"),
    ({"hyper": Hyper(batch=1)}, "digits-16-8-b5-online"),
    ({"hyper": Hyper(batch=1, kappa=0.3)}, "digits-16-8-b5-online-stable"),
    ({"dataset": "mnist", "encoding": "differences-99"}, "mnist-differences-99-16-8-b5"),
    ({"dataset": "s-mnist", "hyper": Hyper(batch=1)}, "s-mnist-16-8-b5"),
])
def test_names(changes, name):
    assert replace(SMALL, **changes).name == name


@pytest.mark.parametrize(("changes", "error", "text"), [
    ({"dataset": 3}, TypeError, "dataset must be a name, not 3"),
    ({"dataset": "PenDigits", "encoding": "median"}, ValueError, "PenDigits is a set of sequences"),
    ({"encoding": Encoding()}, ValueError, "digits is no set of sequences"),
    ({"dataset": "PenDigits", "hidden": (8,)}, ValueError, "a recurrent network must have 2 la"),
    ({"encoding": "median"}, ValueError, "digits has no encoding but \"default\", not 'median'"),
    ({"dataset": "mnist", "encoding": 3}, ValueError, "encoding must be one of .*, not 3"),
    ({"hidden": 16}, TypeError, "layers must be a list of integers, not 16"),
    ({"hidden": ()}, ValueError, "layers must have 1 to 15 entries, not 0"),
    ({"counter_bits": 16}, ValueError, "counter_bits must be between 2 and 15, not 16"),
    ({"epochs": 0}, ValueError, "epochs must be between 1 and 1000000, not 0"),
    ({"epochs": 1.5}, TypeError, "epochs must be an integer, not 1.5"),
    ({"hyper": Hyper(nu=2)}, ValueError, "nu must be between 0 and 1, not 2"),
    ({"hyper": Hyper(batch=3)}, ValueError, r"sweep must be a multiple of the batch \(3\)"),
])
def test_wrong_values(changes, error, text):
    with pytest.raises(error, match=text):
        replace(SMALL, **changes)
