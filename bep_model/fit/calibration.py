"""Probabilities from logits. Training does not use them."""

import math

import numpy as np
from sklearn.metrics import log_loss


def fixed(config):
    """The temperature without held-out samples: sqrt(K_L), the deviation of a random logit."""
    return math.sqrt(config.layers[-1])


def probabilities(logits, temperature):
    """Softmax of logits (N, C) over the temperature: float64 (N, C)."""
    z = logits / temperature
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def temperature(config, logits, labels):
    """The temperature of the least log loss, from 1/16 to 16 times :func:`fixed`.

    It is one of four per octave; of equals the higher one.

    Parameters
    ----------
    config : Config
    logits : integer array (N, C)
        Of samples that were not trained.
    labels : integer array (N,)
    """
    tried = [fixed(config) * 2 ** (k / 4) for k in range(16, -17, -1)]
    return min(tried, key=lambda t: log_loss(labels, probabilities(logits, t),
                                             labels=range(config.classes)))
