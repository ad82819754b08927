"""The orders in which rows of a job follow one another through the update engine."""

from collections import Counter
from itertools import pairwise, product

from sim.expected import Expected


class _Orders(Expected):
    """The golden model, which carries out a job and records the rows of every batch in order."""

    def __init__(self, job):
        super().__init__(job)
        self.found = Counter()

    def count(self, run, phases, training):
        if not training or run.parameters.thinning == 0:
            return
        rows = [(sample, l, int(neuron)) for sample, phase in enumerate(phases)
                for l in reversed(range(self.config.depth)) for neuron in phase.winners[l]]
        for (sample, l, neuron), (sample_after, l_after, neuron_after) in pairwise(rows):
            self.found[sample == sample_after, l + 1, l_after + 1, neuron == neuron_after] += 1


def rows(job):
    """Counter of the pairs of rows that follow one another in a batch.

    A key tells whether both belong to one sample, the layers (1..L) of the first and the second,
    and whether their neurons have the same index (in one layer they are then the same row).
    """
    orders = _Orders(job)
    orders.arrays()
    return orders.found


def possible(config):
    """All keys that :func:`rows` can have: a sample's layers go down, its rows up."""
    for same_sample, before, after, same_neuron in product(
            (True, False), range(1, config.depth + 1), range(1, config.depth + 1), (True, False)):
        if not (same_sample and (after > before or (after == before and same_neuron))):
            yield same_sample, before, after, same_neuron
