"""Speed of the golden model, on one core, against a plain NumPy loop: ``make bench-model``."""

import time
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from bep import results
from bep_model.config import Config
from bep_model.data.datasets import random_prototypes
from bep_model.files import check_writable
from bep_model.network import Network
from bep_model.parameters import Parameters

SEED = 1
SAMPLES = 20000
NUMPY_SAMPLES = 2000

CASES = (
    # name, layers, B_h, run-time parameters, samples/s to reach
    ("batch 100", (512, 512), 15, {"batch": 100, "sweep": 100, "p_r": 0.5, "group": 16}, 10000),
    ("batch 100", (525, 525), 15, {"batch": 100, "sweep": 100, "p_r": 0.5, "group": 15}, 12000),
    ("online", (75, 75), 7, {"batch": 1, "sweep": 100, "p_r": 0.2, "group": 15}, 20000),
)


def numpy_loop(network, x, labels, parameters):
    """Train sample by sample with NumPy's own operations; return the predictions.

    It starts from the network's counters and computes the same, except that reinforcement takes its
    random bits from NumPy. Products are float32, which is exact at these widths, because NumPy has
    no fast integer products.

    Parameters
    ----------
    network : Network
        Not changed.
    x : uint8 array (N, K_0)
    labels : int64 array (N,)
    parameters : Parameters
        With thinning off.

    Returns
    -------
    int64 array (N,)
    """
    low, high = network.config.counter_range
    counters = [layer.copy() for layer in network.counters]
    weights = [np.where(h >= 0, 1, -1).astype(np.float32) for h in counters]
    prototypes = 2 * network.prototypes.astype(np.float32) - 1
    rng = np.random.default_rng(SEED)
    predictions = np.empty(len(x), np.int64)
    pending, since_sweep, depth = [], 0, len(counters)
    for n, (row, label) in enumerate(zip(x, labels, strict=True)):
        activations, zs = [2 * row.astype(np.float32) - 1], []
        for w in weights:
            zs.append(w @ activations[-1])
            activations.append(np.where(zs[-1] >= 0, 1, -1).astype(np.float32))
        y = prototypes @ activations[-1]
        predictions[n] = y.argmax()
        corrections = []
        if y[label] - np.delete(y, label).max() < parameters.margin:
            target = prototypes[label]
            for l in range(depth - 1, -1, -1):
                stability = np.abs(zs[l])
                wrong = target * activations[l + 1] < 0
                cost = np.where(wrong, stability, np.inf).reshape(-1, parameters.groups[l])
                winners = cost.argmin(1) + np.arange(len(cost)) * parameters.groups[l]
                winners = winners[wrong[winners]]
                steps = np.outer(target[winners], activations[l]).astype(np.int16)
                corrections.append((l, winners, steps))
                if l:
                    target = np.sign((target * (stability <= parameters.gates[l])) @ weights[l])
        pending.append(corrections)
        if len(pending) < parameters.batch:
            continue
        for corrections in pending:
            for l, winners, steps in corrections:
                counters[l][winners] = np.clip(counters[l][winners] + steps, low, high)
                weights[l][winners] = np.where(counters[l][winners] >= 0, 1, -1)
        since_sweep += len(pending)
        pending = []
        if since_sweep >= parameters.sweep:
            since_sweep = 0
            for h, p in zip(counters, parameters.reinforce, strict=True):
                taken = rng.integers(0, 1 << 16, h.shape, np.uint16) < p
                h += np.where(h >= 0, taken, -taken.astype(np.int16))
                np.clip(h, low, high, out=h)
    return predictions


def measure(name, layers, counter_bits, options, target):
    """Time one case; return a dict of its figures.

    The time is that of the computing thread, so that other work on the machine disturbs as little
    as possible. The data are random prototypes of 784 bits, with as many updates as in the first
    epoch of Fashion-MNIST.
    """
    config = Config(784, layers, 10, counter_bits=counter_bits, max_batch=options["batch"])
    parameters = Parameters.from_reals(config, **options)
    data = random_prototypes(train=SAMPLES, test=1, inputs=784, flip=0.43, seed=SEED).train
    network = Network(config)
    network.train(data.x[:1], data.labels[:1], parameters)  # compiles
    network.reset(SEED)

    def timed(train, part):
        x, labels = data.x[part], data.labels[part]
        began = time.thread_time()
        result = train(x, labels, parameters)
        return result, time.thread_time() - began

    start, rest = slice(0, NUMPY_SAMPLES), slice(NUMPY_SAMPLES, None)
    slow, numpy_seconds = timed(partial(numpy_loop, network), start)
    fast, start_seconds = timed(network.train, start)  # the ratio compares the same samples
    _, rest_seconds = timed(network.train, rest)
    rate = SAMPLES / (start_seconds + rest_seconds)

    same = parameters.sweep  # up to the first sweep the two compute the same
    if not np.array_equal(fast.prediction[:same], slow[:same]):
        raise RuntimeError(f"model and NumPy loop predict differently: {layers}, {name}")
    return {
        "network": "-".join(map(str, config.widths)), "mode": name, "counter_bits": counter_bits,
        "samples_per_second": round(rate), "target": target, "reached": rate >= target,
        "numpy_samples_per_second": round(NUMPY_SAMPLES / numpy_seconds),
        "ratio": round(numpy_seconds / start_seconds, 1),
    }


def main(json: Annotated[Path | None, typer.Option(help="Write the figures to this file.")] = None):
    """Measure the samples per second that the golden model trains on one core."""
    try:
        check_writable(json)
    except OSError as error:
        results.console.print(f"Error: {error}", style="red")
        raise typer.Exit(2) from None
    figures = [measure(*case) for case in CASES]
    view = Table(title=f"Golden model, one core, {SAMPLES} samples of 784 bits, reinforcement on")
    for heading in ("network", "mode", "B_h", "samples/s", "target", "NumPy loop", "ratio"):
        view.add_column(heading, justify="left" if heading in ("network", "mode") else "right")
    for f in figures:
        view.add_row(f["network"], f["mode"], str(f["counter_bits"]), str(f["samples_per_second"]),
                     str(f["target"]), str(f["numpy_samples_per_second"]), str(f["ratio"]))
    results.console.print(view)
    if json is not None:
        results.write_json(json, {"versions": results.versions("numpy", "numba"),
                                  "samples": SAMPLES, "seed": SEED, "cases": figures})


if __name__ == "__main__":
    typer.run(main)
