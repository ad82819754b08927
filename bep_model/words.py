"""Conversion between arrays and the words at a trainer's ports."""

import numpy as np


def sample_words(config, bits):
    """Words of P bits of one sample, lowest first.

    Parameters
    ----------
    config : Config
    bits : uint8 array (K_0,)
        Or (T, K_0), a sequence.

    Returns
    -------
    list of int
        ``config.input_words`` of them, per step; lanes beyond the sample are 0.
    """
    lanes = config.weight_lanes
    padded = np.zeros((*bits.shape[:-1], config.input_words * lanes), np.uint8)
    padded[..., :bits.shape[-1]] = bits
    return integers(padded.reshape(-1, lanes))


def counter_addresses(config):
    """Address of every counter word: layers, rows and words ascending."""
    return [layer.counter_address(row, word) for layer in config.network
            for row in range(layer.neurons) for word in range(layer.counter_words)]


def counters_to_words(config, counters):
    """Counter words in the order of :func:`counter_addresses`.

    Parameters
    ----------
    config : Config
    counters : sequence of int16 arrays (K_l, F_l)

    Returns
    -------
    list of int
        Lane i, two's complement, is in bits ``i * B_h`` and up.
    """
    q, b = config.counter_lanes, config.counter_bits
    result = []
    for layer, values in zip(config.network, counters, strict=True):
        padded = np.zeros((layer.neurons, layer.counter_words * q), np.int16)
        padded[:, _lanes(layer)] = values
        bits = (padded[..., None] >> np.arange(b)) & 1
        result += integers(bits.astype(np.uint8).reshape(-1, q * b))
    return result


def sign_words(config, counters):
    """Words of P bits that the sign plane holds for counters, rows of layer 1 first.

    Parameters
    ----------
    config : Config
    counters : sequence of int16 arrays (K_l, F_l)

    Returns
    -------
    list of int
        ``config.bases[-1]`` of them; a bit is 1 for a weight of +1, and beyond a section.
    """
    lanes, result = config.weight_lanes, []
    for layer, values in zip(config.network, counters, strict=True):
        rows, place, first = np.ones((layer.neurons, layer.row_words * lanes), np.uint8), 0, 0
        for part, words in zip(layer.sections, layer.section_words, strict=True):
            rows[:, place:place + part] = values[:, first:first + part] >= 0
            place, first = place + words * lanes, first + part
        result += integers(rows.reshape(-1, lanes))
    return result


def weight_words(network):
    """What a design that only infers is built with: :func:`sign_words`, then the thresholds."""
    return sign_words(network.config, network.counters) + [
        int(theta) for layer in network.thresholds for theta in layer]


def words_to_counters(config, words):
    """Inverse of :func:`counters_to_words`: a tuple of int16 arrays (K_l, F_l)."""
    q, b = config.counter_lanes, config.counter_bits
    size = -(-q * b // 8)
    data = np.frombuffer(b"".join(word.to_bytes(size, "little") for word in words), np.uint8)
    bits = np.unpackbits(data.reshape(-1, size), axis=1, count=q * b, bitorder="little")
    values = (bits.reshape(-1, q, b).astype(np.int32) << np.arange(b)).sum(axis=2)
    values -= (values >> (b - 1)) << b
    counters, start = [], 0
    for layer in config.network:
        end = start + layer.neurons * layer.counter_words
        rows = values[start:end].reshape(layer.neurons, layer.counter_words * q)
        counters.append(rows[:, _lanes(layer)].astype(np.int16))
        start = end
    return tuple(counters)


def _lanes(layer):
    """Positions of a row's counters among all lanes of its counter words."""
    return [word * layer.counter_lanes + lane
            for word, (_, _, count) in enumerate(layer.spans) for lane in range(count)]


def integers(bits):
    """Each row of a uint8 array of bits as an integer, first bit lowest: a list of int."""
    return [int.from_bytes(row.tobytes(), "little")
            for row in np.packbits(bits, axis=1, bitorder="little")]
