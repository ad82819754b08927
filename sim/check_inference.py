"""Co-simulation of a design that only infers, against the golden model."""

import numpy as np

from bep_model.parameters import default_parameters
from bep_model.phases import frame
from bep_model.protocol import Mode
from bep_model.words import integers, weight_words
from rtl.inference import Inference
from rtl.verilog import convert
from sim import folders, processes
from sim.job import Job, Run
from sim.simulate import simulate


def check_inference(network, samples, seed=1, *, idle=0.0, backpressure=0.0, root="build",
                    waves=False, **options):
    """Infer samples in the golden model and in the simulated gateware, and compare all results.

    Parameters
    ----------
    network : Network
        The weights.
    samples : Samples
        At least one.
    seed : int
        Of idle times and backpressure.
    idle, backpressure : float
        As for :class:`sim.job.Job`.
    root, waves
        As for :func:`sim.simulate.simulate`.
    **options
        Of ``rtl.inference.Inference``.

    Returns
    -------
    dict
        - ``samples``, ``errors``: wrong predictions of the gateware;
        - ``mismatches``: samples of which any result differs; ``report``: the first of them;
        - ``cycles_per_sample``: clock cycles from the first word to the last result, divided by the
          samples; it includes idle times;
        - ``seconds``, ``simulated_samples_per_second``: of the simulation, without its build.

    Raises
    ------
    SimulationError
        When the simulation does not build or run to its end.
    """
    config, count = network.config, len(samples)
    job = Job(config, samples.x, samples.labels,
              [Run(default_parameters(config), np.arange(count), Mode.INFER)], network.bank,
              seed=seed, idle=idle, backpressure=backpressure, lengths=samples.lengths)
    design = Inference(config, integers(frame.prototypes(config)),
                       weight_words(network), **options)
    with folders.temporary(root) as own, processes.grouped(TMPDIR=str(own)):
        verilog = convert(design)
    got = simulate(job, verilog, bench="sim.inference_bench", root=root, waves=waves)
    prediction = network.predict(samples.x, samples.lengths)
    want = {"prediction": prediction, "error": prediction != samples.labels,
            "triggered": np.zeros(count, int)}
    differs = np.any([got[name] != want[name] for name in want], axis=0)
    report = ""
    if differs.any():
        first = int(np.argmax(differs))
        report = f"sample {first}: " + ", ".join(
            f"{name} {int(got[name][first])} instead of {int(want[name][first])}" for name in want)
    seconds = float(got["seconds"])
    return {
        "samples": count,
        "errors": int(got["error"].sum()),
        "mismatches": int(differs.sum()),
        "report": report,
        "cycles_per_sample": int(got["clocks"]) / count,
        "seconds": seconds,
        "simulated_samples_per_second": count / seconds,
    }
