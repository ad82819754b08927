"""Counters with which the state of a recurrent network is a delay line (docs/algorithm.md)."""

import numpy as np


def stages(config, features):
    """Stages of a delay line of ``features`` bits per step.

    Raises ValueError for a network that has no place for one.
    """
    state, inputs = config.layers[0], config.inputs
    if not inputs % 2:
        raise ValueError("delay needs inputs that are pairs of a bit and its complement, and a 1: "
                         f"their number must be odd, not {inputs}")
    if features > inputs // 2:
        raise ValueError(f"delay must be at most {inputs // 2}, the pairs of a step's inputs, "
                         f"not {features}")
    if state % (2 * features) != 1 or state == 1:
        raise ValueError(f"a delay of {features} needs a state of {2 * features} neurons for each "
                         f"step that it keeps, and one more, not {state}")
    return state // (2 * features)


def check(config, features, samples):
    """Raise ValueError unless there is a place for a delay line, and the bits of ``samples`` are
    pairs and a 1."""
    stages(config, features)
    there = np.ones(samples.x.shape[:2], bool)
    if samples.lengths is not None:
        there = np.arange(samples.x.shape[1]) < samples.lengths[:, None]
    bits = samples.x[there]
    if (bits[:, :-1:2] == bits[:, 1::2]).any() or not bits[:, -1].all():
        raise ValueError("delay needs inputs that are pairs of a bit and its complement, and a 1")


def windows(pairs, features):
    """First pair and last one (+ 1) that each feature sees: an odd number of neighbours; the
    windows are evenly spread."""
    width = pairs // features | 1
    width -= 2 * (width > pairs)
    first = np.arange(features) * (pairs - width) // max(1, features - 1)
    return first, first + width


def line(config, features):
    """Counters of the state layer, int16 (K_s, K_x + K_s): 0 where the weight is +1, -1 where it is
    -1, as after a reset.

    Neurons 2 i and 2 i + 1 always have opposite states, and inputs 2 j and 2 j + 1 opposite bits. A
    pair for which a neuron has equal weights cancels. That with weights +1, -1 is what neuron 2 i
    copies, and neuron 2 i + 1, with -1, +1, turns over. Those of the first stage copy the majority
    of the inputs in a window; those of a later one the stage before. In the first step, which has
    no state, the 1 decides: neuron 2 i is +1. The last neuron is always +1, and cancels the 1 in
    all others. It makes z of the output layer odd, so that no target passes to the state if its
    gate is 0 (``nu``).

    Raises ValueError as :func:`stages`.
    """
    count = stages(config, features)
    state, inputs = config.layers[0], config.inputs
    weights = np.ones((state, inputs + state), np.int16)
    begin, end = windows(inputs // 2, features)
    before = inputs + 2 * np.arange(features * (count - 1))
    seen = [*zip(2 * begin, 2 * end, strict=True), *zip(before, before + 2, strict=True)]
    for pair, (begin, end) in enumerate(seen):
        weights[2 * pair, begin + 1:end:2] = -1
        weights[2 * pair + 1, begin:end:2] = -1
    weights[1:-1:2, inputs - 1] = -1
    weights[:-1:2, -1] = -1
    return np.where(weights > 0, 0, -1).astype(np.int16)
