"""What the size of a trainer depends on: for each component, numbers that a configuration gives."""

import math
from collections import Counter

from bep.flow import memories, stores

OF_REGISTERS = {
    ("link and control", "always"), ("forward", "per weight lane"),
    ("update", "counter bits of the lanes"), ("recurrence", "per weight lane"),
    ("filters", "per weight lane")}


def terms(config, described, store="none"):
    """The terms of a design's size, as a dict by (component, term).

    The number of look-up tables, of flip-flops or of logic cells is a sum of them, each with a
    coefficient (:mod:`bep.cost.fit`). All are at least 0.

    Parameters
    ----------
    config : Config
    described : bep.flow.boards.Target
    store : str
        As for :func:`bep.flow.stores.make`.

    Returns
    -------
    dict of (str, str) to float
    """
    lanes, counters = config.weight_lanes, config.counter_lanes
    product = max(fan_in for _, fan_in in config.shapes).bit_length()
    address = config.sign_depth.bit_length()
    neurons = max(config.layers).bit_length()
    recurrent, batches = float(config.recurrent), config.max_batch.bit_length() - 1
    found = {
        ("link and control", "always"): 1,
        ("link and control", "per layer"): config.depth,
        ("link and control", "bits of an address"): address,
        ("forward", "per weight lane"): lanes,
        ("forward", "per neuron of a word"): min(lanes, max(config.layers)),
        ("forward", "bits of a product"): product,
        ("classify", "bits of a logit and a label"):
            config.layers[-1].bit_length() + (config.classes - 1).bit_length(),
        ("backward", "always"): float(config.depth > 1),
        ("backward", "per column counter"): columns(config)[0],
        ("backward", "bits of the column counters"): math.prod(columns(config)),
        ("select", "bits of a number of a neuron"): neurons,
        ("select", "stability"): float(config.stable),
        ("update", "counter bits of the lanes"): counters * config.counter_bits,
        ("update", "per counter lane"): counters,
        ("update", "choice of the lanes"): lanes - counters,
        ("random bank", "bits"): 32 * config.generators,
        ("recurrence", "always"): recurrent,
        ("recurrence", "per weight lane"): recurrent * lanes,
        ("recurrence", "bits of a number of a step"): config.max_steps.bit_length(),
        ("batches", "bits of a number of a slot"): batches,
    }
    found |= of_filters(config)
    found |= of_memories(config, described)
    if store != "none":
        found["store", stores.chip(store)] = 1
    return {own(key, described): float(value) for key, value in found.items()}


def own(key, described):
    """The key of a term, with the kind of part if the term has a coefficient for each.

    What differs: an ECP5 has registers behind its memories, so more stages hold a word. The shared
    coefficients make do with half the builds.
    """
    component, term = key
    kind = described.family.name.split()[0]
    return (component, f"{term}, {kind}" if key in OF_REGISTERS else term)


def columns(config):
    """The column counters of the backward phase and bits of each, see ``rtl.engines.backward``."""
    if config.depth == 1:
        return 0, 0
    number = config.weight_lanes if config.voters else min(
        config.weight_lanes, max(config.layers[:-1]))
    rows = (*config.layers[0 if config.recurrent else 1:], config.voters)
    return number, max(rows).bit_length() + 1


def of_filters(config):
    """Terms of a convolutional layer: its patches are cut out of a shift register that holds the
    rows of a window, and those that lie side by side in a word have sums of their own."""
    if not config.convolutional:
        return {}
    layer = config.network[0]
    (_, columns, channels), window = layer.image, layer.window
    return {
        ("filters", "always"): 1,
        ("filters", "per weight lane"): config.weight_lanes,
        ("filters", "bits of the rows of a window"):
            ((window.rows - 1) * columns + window.columns) * channels,
        ("filters", "bits of a patch of several words"): layer.fan_in * (layer.row_words > 1),
        ("filters", "bits of sums side by side"):
            layer.patches * layer.fan_in.bit_length() * (layer.patches > 1),
    }


def of_memories(config, described):
    """Terms of the memories: those that are no blocks, and what is around blocks."""
    found, sums = memories.of(config, described)[0], Counter()
    for memory in found:
        kind, blocks, around = memories.mapped(memory, described.family)
        if kind == memories.LOGIC:
            sums["bits in flip-flops" if memory.groups else "bits of ROM"] += \
                memory.width * memory.depth
        else:
            sums[f"bits of choices between blocks of {kind}"] += around
            if kind == memories.LUT_RAM:
                sums[f"blocks of {kind}"] += blocks
    return {("memories", name): number for name, number in sums.items()}


def paths(config, described, store="none"):
    """The terms of the clock period: what lengthens a path between registers, as a dict like that
    of :func:`terms`."""
    blocks = memories.needed(config, described)["brams"]
    bits = {
        "always": 1,
        "doublings of the weight lanes": math.log2(config.weight_lanes),
        "doublings of the counter lanes": math.log2(config.counter_lanes),
        "bits of an address": config.sign_depth.bit_length(),
        "bits of a product": max(fan_in for _, fan_in in config.shapes).bit_length(),
        # The paths of the link are longer than what a single layer makes shorter.
        "doublings of the layers": math.log2(max(2, config.depth)),
        "stability": config.stable,
        # Sums over steps and positions are in a memory of their own.
        "bits of a number of a neuron with such sums":
            bool(config.voters) * config.layers[0].bit_length(),
        "bits of a number of a slot": config.max_batch.bit_length() - 1,
        "a store": store != "none",
        "root of the block RAMs": math.sqrt(blocks),
    }
    family = described.family.name
    return {("path", f"{name}, {family}"): float(value) for name, value in bits.items()}
