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

    In a convolutional network ``windows`` marks the layer of filters. Its ``rows`` are filters, its
    ``words`` those of a cell, and ``outputs`` is the number of results, one per cell and filter.
    """
    offsets, first = range(max(2, slot_words(config))), config.network[0]
    fan_ins = [f for _, f in config.shapes]
    return data.StructLayout({
        "rows": range(max(config.classes, *config.layers) + 1),
        "words": range(max(*config.row_words, config.network[-1].words, first.cell_words
                           if first.window else 0) + 1),
        "skip": range(config.network[0].words + 1 if config.recurrent else 1),
        "address": range(max(2, config.sign_depth)),
        "source": offsets,
        "target": offsets,
        "fan_in": range(max(*fan_ins, config.layers[-1]) + 1),
        "gate": range(max(fan_ins) + 1),
        **({"stability": range(max(fan_ins) + 2)} if config.stable else {}),
        **({"windows": 1, "outputs": range(_outputs(config) + 1)} if config.convolutional else {}),
    })


def row_layout(config):
    """The result of one row: the activation and abs(z).

    ``open`` is the gate, abs(z) <= T_l; ``unstable``, if present, is abs(z) < kappa_l. The
    threshold of a filter can double abs(z). ``place``, if present, is the position that gave it.
    """
    largest = max(config.layers[-1], *(_magnitude(layer) for layer in config.network))
    return data.StructLayout({
        "activation": 1,
        "magnitude": range(largest + 1),
        "open": 1,
        **({"unstable": 1} if config.stable else {}),
        **({"place": place_layout(config)} if config.convolutional else {}),
    })


def kept_layout(config):
    """The result of a row of a hidden layer."""
    members = row_layout(config).members
    if config.convolutional:  # many, and the last layer sees much more than a filter
        members["magnitude"] = range(max(_magnitude(layer) for layer in config.network[:-1]) + 1)
    return data.StructLayout(members)


def _magnitude(layer):
    """Largest abs(z) of a layer."""
    return layer.fan_in << bool(layer.window)


def place_layout(config):
    """A position of a cell: the word of its patch, and the place of the patch in the word."""
    layer = config.network[0]
    return data.StructLayout({"part": range(layer.patches),
                              "word": range(layer.cell_words // layer.row_words)})


def patch_layout(config):
    """A word of a patch, or the end of a sample (``last``), which has the label.

    The word goes to ``offset`` of the sample's slot, there to the part ``part``.
    """
    layer = config.network[0]
    return data.StructLayout({
        "data": min(config.weight_lanes, layer.fan_in),
        "offset": range(max(2, slot_words(config))),
        "part": range(layer.patches),
        "last": 1,
        "label": ceil_log2(config.classes),
    })


def _outputs(config):
    """Largest number of activations, or logits, that one job of the forward phase gives."""
    return max(config.classes, *(layer.outputs for layer in config.network))


def target_layout():
    """Target of one neuron: its sign (1 for +1), and whether there is one at all."""
    return data.StructLayout({"sign": 1, "valid": 1})


def scanned_layout(config):
    """The target of one neuron of the state layer, or of a filter in a cell, with the position that
    gave the filter's product.
    """
    in_cell = {"cell": range(max(2, config.voters)), "place": place_layout(config)} \
        if config.convolutional else {}
    return data.StructLayout({
        "target": target_layout(), "neuron": range(_voted(config)), **in_cell})


def _voted(config):
    """Numbers of the neurons of layer 1, where it is voted on, and at least 2."""
    return max(2, *config.layers[:1 if config.convolutional else 2])


def open_row_layout(config):
    """A row that passes its target on: its address in the sign plane and the target's sign.

    In a recurrent or convolutional network also a step or cell that votes, see
    :func:`block_layout`.
    """
    depth = max(2, config.sign_depth, slot_words(config) if config.voters else 0)
    return data.StructLayout({"address": range(depth), "sign": 1})


def block_layout(config):
    """A step or cell that votes: the address of its block in the activation memory, the target's
    sign, and of a patch its place in the word.
    """
    part = {"part": range(config.network[0].patches)} if config.convolutional else {}
    return data.StructLayout({**open_row_layout(config).members, **part})


def backward_job_layout(config):
    """The layer that gets targets: the numbers of its columns and of words of P columns, from 1.

    ``first`` is the place of the first of these words in a row (recurrent networks).
    """
    return data.StructLayout({
        "columns": range(max(layer.outputs for layer in config.network) + 1),
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
    steps, outputs = max(1, config.max_steps), [layer.outputs for layer in config.network]
    return data.StructLayout({
        "rows": range(max(outputs) + 1),
        "group": range(max(config.layers) + 1),
        "address": range(max(2, config.sign_depth)),
        "words": range(max(config.row_words) + 1),
        "neuron": range(max(2, steps * sum(outputs[:-1]))),
        **({"newest": 1, "oldest": 1} if config.recurrent else {}),
    })


def span_layout(config):
    """The steps of a sequence that have targets: ``oldest`` (from 0) to ``length`` - 1."""
    steps = range(config.max_steps + 1)
    return data.StructLayout({"oldest": steps, "length": steps})


def winner_layout(config):
    """One winner: layer (0 for layer 1), row address, sign of the target, slot of the sample.

    Where layer 1 is voted on also ``neuron``, its place in the layer, and in a recurrent network
    ``span``. Rows of that layer have sign 1, because the votes include the targets
    (``rtl.engines.votes``).
    """
    voted = {"neuron": range(_voted(config))} if config.voters else {}
    if config.recurrent:
        voted["span"] = span_layout(config)
    return data.StructLayout({
        "layer": ceil_log2(config.depth),
        "address": range(max(2, config.sign_depth)),
        "sign": 1,
        "slot": range(config.max_batch + 1),
        **voted,
    })
