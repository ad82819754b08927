"""Elements that a trained sample takes in each phase, counted in a golden-model training.

An element is one weight in one phase: a bit that is compared, a column counter that counts, a
counter that steps.
"""

import numpy as np

from bep.flow.throughput import over_run, spread, train
from bep_model.fit import training
from bep_model.network import Network
from rtl.engines.random import Bernoulli

COUNTS = ("triggered", "forward", "backward", "update", "update_clocks", "update_draws",
          "reinforce", "reinforce_clocks", "reinforce_draws")
"""What :func:`bep` counts. Draws are elements times the random words for each; clocks likewise,
but one at least."""


def weighted(elements, p):
    """Elements, times their clocks, times their draws, at probability p / 2**16."""
    return np.array([elements, elements * Bernoulli.clocks(p), elements * Bernoulli.draws(p)])


def batch(network, parameters, x, labels):
    """Train on one batch; return the sums of :data:`COUNTS` without those of reinforcement."""
    config = network.config
    weights = [layer.neurons * layer.fan_in for layer in config.network]
    total = np.zeros(6)
    for sample, label in zip(x, labels, strict=True):
        phase = network.phases(sample, label, parameters)
        opened = sum(len(phase.passing[l][0]) * config.layers[l - 1]
                     for l in range(1, config.depth))
        stepped = sum(len(won) * layer.fan_in
                      for won, layer in zip(phase.winners, config.network, strict=True))
        forward = sum(weights) + config.classes * config.layers[-1]
        total += [phase.triggered, forward, opened, *weighted(stepped, parameters.thinning)]
    network.train(x, labels, parameters)
    return total


def bep(config, data, preset, seed=1, epochs=5, samples=2000, counted=lambda samples: None):
    """Elements per trained sample, means over a run.

    Parameters
    ----------
    config : Config
        Not recurrent.
    data : Dataset
        With validation samples, if the preset has them.
    preset : Preset
    seed : int
        Of the run.
    epochs, samples : int
        Whole run trained; in so many epochs, evenly spread, the first samples are counted.
    counted : callable
        Called with the number of samples just counted.

    Returns
    -------
    dict of str to float
        By :data:`COUNTS`, and ``accuracy``, 0..1, on the test part.
    """
    history, states, accuracy = train(config, data, preset, seed)
    by_epoch = {}
    for e in spread(len(history), epochs):
        parameters, state = history[e].parameters, states[e]
        network = Network(config)
        network.restore(state.counters, state.bank, state.since_sweep)
        rows = training.epoch_order(seed, history[e].epoch, len(data.train))[:samples]
        total = np.zeros(6)
        for i in range(0, len(rows), parameters.batch):
            part = rows[i:i + parameters.batch]
            total += batch(network, parameters, data.train.x[part], data.train.labels[part])
            counted(len(part))
        swept = sum(weighted(layer.neurons * layer.fan_in, p) for p, layer in
                    zip(parameters.reinforce, config.network, strict=True) if p)
        by_epoch[e] = np.concatenate([total / len(rows), swept / parameters.sweep
                                      if np.any(swept) else np.zeros(3)])
    means = over_run(by_epoch, len(history))
    return dict(zip(COUNTS, map(float, means), strict=True)) | {"accuracy": accuracy}


def gradients(config):
    """Elements per sample of a trainer with gradients in the same network, whose classifier is
    fixed, too: every sample changes every weight.

    ``update`` is for batches of one sample.
    """
    weights = [layer.neurons * layer.fan_in for layer in config.network]
    classifier = config.classes * config.layers[-1]
    return {"forward": sum(weights) + classifier, "inputs": sum(weights[1:]) + classifier,
            "weights": sum(weights), "update": sum(weights)}
