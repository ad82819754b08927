"""Experiments of recurrent networks, as triples (labels, run, the paper's percent)."""

from dataclasses import replace

from bep.experiments.series_runs import SeriesRun
from bep_model.data.series import UCR
from bep_model.fit import series_presets

PAPER = dict(zip(UCR, (94.65, 95.47, 97.13, 79.78, 82.64), strict=True))
"""Test accuracy in percent, Table 1: 1,035 state neurons, 3-fold cross-validation."""


def preset(dataset, kind="256-256-b7", width=None):
    """Run of a data set's preset, with another width of both layers if asked for."""
    found = series_presets.load(f"{dataset}-{kind}")
    return SeriesRun(dataset, found.hidden if width is None else (width, width),
                     epochs=found.epochs, counter_bits=found.counter_bits,
                     encoding=found.encoding, hyper=found.hyper)


def ucr():
    """Table 1, and the sizes that fit small hardware, online and with 7-bit counters."""
    for dataset in UCR:
        sizes = [preset(dataset, width=width) for width in (256, 128, 64)]
        for run in (preset(dataset, "1035-1035"), *sizes):
            yield _labels(run), run, PAPER[dataset]
        run = replace(sizes[0], encoding=replace(sizes[0].encoding, chunk=1))
        yield _labels(run), run, PAPER[dataset]


def _labels(run):
    return {"data set": run.dataset, "K_s": run.hidden[0], "B_h": run.counter_bits,
            "samples per step": run.encoding.chunk}


def thermometer():
    """Table 3: bits of the thermometer, with as many random features throughout."""
    for dataset in UCR:
        for bits in (1, 10, 20, 50, 100):
            run = preset(dataset)
            expand = run.encoding.expand or 256
            run = replace(run, encoding=replace(run.encoding, bits=bits, expand=expand),
                          epochs=15 if dataset == "PenDigits" else run.epochs)
            yield {"data set": dataset, "bits": bits}, run, None


def windows():
    """The last rows of MNIST's images (Figure 3), with fewer samples; last, the best point."""
    for width in (128, 256):
        for rows in (7, 14, 21, 28):
            run = preset("s-mnist", width=width)
            run = replace(run, encoding=replace(run.encoding, window=rows),
                          train_samples=20000, epochs=6)
            yield _image_labels(run), run, None
    run = preset("s-mnist")
    yield _image_labels(run), run, None


def _image_labels(run):
    return {"K_s": run.hidden[0], "rows": run.encoding.window or 28,
            "training samples": run.train_samples or 50000}


def horizons():
    """Steps that get targets (Figure 8), with fewer samples and two rows of pixels per step."""
    for chunk in (7, 4):
        steps = -(-28 // chunk)
        for horizon in (1, 2, 4, 7)[:4 if steps > 4 else 3]:
            run = preset("s-mnist")
            run = replace(run, encoding=replace(run.encoding, chunk=chunk), train_samples=20000,
                          epochs=6, hyper=replace(run.hyper, horizon=horizon))
            yield {"steps": steps, "horizon": horizon}, run, None
