"""Between arrays and the words that travel over a trainer's ports (counters: bep_model.state)."""

import numpy as np

from bep_model.state import counter_addresses, counters_to_words, integers, words_to_counters

__all__ = ["counter_addresses", "counters_to_words", "integers", "sample_words",
           "words_to_counters"]


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
        ``config.words[0]`` of them, per step; lanes beyond the sample are 0.
    """
    lanes = config.weight_lanes
    padded = np.zeros((*bits.shape[:-1], config.words[0] * lanes), np.uint8)
    padded[..., :bits.shape[-1]] = bits
    return integers(padded.reshape(-1, lanes))
