"""Samples for the examples: noisy copies of one random pattern per class."""

import sys

import numpy as np

from bep_model import configuration
from bep_model.words import sample_words


def samples(config, count=48, noise=0.15, seed=1):
    """Bits, uint8 array (count, K_0), and labels, int array (count,)."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(config.classes, size=count)
    patterns = rng.integers(2, size=(config.classes, config.inputs), dtype=np.uint8)
    return patterns[labels] ^ (rng.random((count, config.inputs)) < noise), labels


def memory_file(config, x, labels):
    """Text for $readmemh: the words of each sample, lowest inputs first, the label above them."""
    return "".join(f"{int(label) << config.weight_lanes | word:x}\n"
                   for bits, label in zip(x, labels, strict=True)
                   for word in sample_words(config, bits))


if __name__ == "__main__":
    config = configuration.load(sys.argv[1]).config
    print(end=memory_file(config, *samples(config)))
