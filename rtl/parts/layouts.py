"""Layouts of all payloads between the components of a trainer."""

from amaranth.lib import data
from amaranth.utils import ceil_log2

from rtl.parts.memory import slot_words


def sample_layout(config):
    """One beat of a sample: P input bits, lowest word first; the label is used on the last beat.

    The words of a sequence come step by step.
    """
    return data.StructLayout({"data": config.weight_lanes, "label": ceil_log2(config.classes)})


def result_layout(config):
    """The result of a sample that the trainer reports."""
    return data.StructLayout({
        "prediction": ceil_log2(config.classes),
        "error": 1,
        "triggered": 1,
    })


def forward_job_layout(config):
    """A job of :class:`rtl.engines.forward.Forward`: rows, and the input to multiply them with.

    ``rows`` and ``words`` are numbers from 1; ``skip`` words at the end of each row are left out;
    ``address`` is that of the first row in the sign plane; ``source`` and ``target`` are offsets in
    the activation memory; ``fan_in`` is F_l, ``gate`` T_l and ``stability``, if present, kappa_l.
    """
    offsets = range(max(2, slot_words(config)))
    fan_ins = [f for _, f in config.shapes]
    return data.StructLayout({
        "rows": range(max(config.classes, *config.layers) + 1),
        "words": range(max(*config.row_words, config.network[-1].words) + 1),
        "skip": range(config.network[0].words + 1 if config.recurrent else 1),
        "address": range(max(2, config.sign_depth)),
        "source": offsets,
        "target": offsets,
        "fan_in": range(max(*fan_ins, config.layers[-1]) + 1),
        "gate": range(max(fan_ins) + 1),
        **({"stability": range(max(fan_ins) + 2)} if config.stable else {}),
    })


def row_layout(config):
    """The result of one row: the activation and abs(z).

    ``open`` is the gate, abs(z) <= T_l; ``unstable``, if present, is abs(z) < kappa_l.
    """
    return data.StructLayout({
        "activation": 1,
        "magnitude": range(max(config.layers[-1], *(f for _, f in config.shapes)) + 1),
        "open": 1,
        **({"unstable": 1} if config.stable else {}),
    })


def target_layout():
    """Target of one neuron: its sign (1 for +1), and whether there is one at all."""
    return data.StructLayout({"sign": 1, "valid": 1})


def scanned_layout(config):
    """The target of one neuron of the state layer."""
    return data.StructLayout({"target": target_layout(), "neuron": range(max(2, *config.layers))})


def open_row_layout(config):
    """A row that passes its target on: its address in the sign plane and the target's sign.

    In a recurrent network also a step that votes, with the address of its block in the activation
    memory.
    """
    depth = max(2, config.sign_depth, slot_words(config) if config.recurrent else 0)
    return data.StructLayout({"address": range(depth), "sign": 1})


def backward_job_layout(config):
    """The layer that gets targets: the numbers of its columns and of words of P columns, from 1.

    ``first`` is the place of the first of these words in a row (recurrent networks).
    """
    return data.StructLayout({
        "columns": range(max(config.layers) + 1),
        "words": range(max(*config.row_words,
                           0 if config.recurrent else config.network[-1].words) + 1),
        "first": range(config.input_words + 1 if config.recurrent else 1),
    })


def select_job_layout(config):
    """The layer to scan: its number of rows and group size, both from 1, and the place of its rows.

    ``address`` is that of the first row in the sign plane, ``words`` the words per row; ``neuron``
    is the first row's place in the neuron memory (hidden layers). In a recurrent network ``newest``
    and ``oldest`` mark the scans of the last step and of the first step that has targets.
    """
    steps = max(1, config.max_steps)
    return data.StructLayout({
        "rows": range(max(config.layers) + 1),
        "group": range(max(config.layers) + 1),
        "address": range(max(2, config.sign_depth)),
        "words": range(max(config.row_words) + 1),
        "neuron": range(max(2, steps * sum(config.layers[:-1]))),
        **({"newest": 1, "oldest": 1} if config.recurrent else {}),
    })


def span_layout(config):
    """The steps of a sequence that have targets: ``oldest`` (from 0) to ``length`` - 1."""
    steps = range(config.max_steps + 1)
    return data.StructLayout({"oldest": steps, "length": steps})


def winner_layout(config):
    """One winner: layer (0 for layer 1), row address, sign of the target, slot of the sample.

    In a recurrent network also ``neuron``, its place in the layer, and ``span``. Rows of the state
    layer have sign 1, because the votes include the targets (``rtl.engines.votes``).
    """
    through_time = {"neuron": range(max(2, *config.layers)), "span": span_layout(config)} \
        if config.recurrent else {}
    return data.StructLayout({
        "layer": ceil_log2(config.depth),
        "address": range(max(2, config.sign_depth)),
        "sign": 1,
        "slot": range(config.max_batch + 1),
        **through_time,
    })
