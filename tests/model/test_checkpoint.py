"""A training that was stopped goes on from its checkpoint to the same end."""

import os
from dataclasses import replace

import numpy as np
import pytest

from bep_model.config import Config
from bep_model.data import augment, datasets
from bep_model.fit import training
from bep_model.fit.checkpoint import Checkpoint
from bep_model.fit.training import Hyper
from bep_model.network import Network

EPOCHS = 6
KINDS = {
    "online": (Hyper(group=4), {}),
    "batches": (Hyper(group=4, batch=7, sweep=14), {}),
    "reinforcement across epochs": (Hyper(group=4, sweep=4000, p_r=2.0), {}),
    "annealing": (Hyper(group=4, anneal=0.1), {}),
    "groups grow": (Hyper(group=4, patience=1), {}),
    "the best epoch": (Hyper(group=4), {"keep_best": True}),
    "noise": (Hyper(group=4), {"augment": lambda samples, epoch: replace(augment.swapped(
        replace(samples, lengths=None), 0.25, 1, epoch), lengths=samples.lengths)}),
    "all": (Hyper(group=2, batch=7, sweep=14, anneal=0.1, patience=2, p_r=1.0),
            {"keep_best": True}),
}


@pytest.fixture(scope="module")
def plain():
    return datasets.load("digits").limit(100), Config(192, (16, 8), 10, 5, max_batch=7)


@pytest.fixture(scope="module")
def sequences():
    data = datasets.random_prototypes(inputs=60, classes=4, train=200, test=1)

    def folded(samples):
        return replace(samples, x=samples.x.reshape(-1, 5, 12),
                       lengths=np.arange(len(samples)) % 5 + 1)

    parts = {name: folded(getattr(data, name)) for name in ("train", "validation", "test")}
    return replace(data, **parts), Config(12, (16, 8), 4, 5, max_batch=7, max_steps=5)


class Stop(Exception):
    pass


def fit(data, config, hyper, options, checkpoint=None, stop=None):
    """Train anew, or from a checkpoint, to the end or to an epoch; return all that came out."""
    network = Network(config)
    network.reset(3)
    seen = []

    def progress(epoch):
        seen.append(epoch)
        if epoch.epoch == stop:
            raise Stop

    history = training.fit(network, data, epochs=EPOCHS, hyper=hyper, seed=3, progress=progress,
                           checkpoint=checkpoint, **options)
    assert seen == history
    return ([layer.tolist() for layer in network.counters], network.bank.tolist(),
            network.sweep_count, [replace(epoch, seconds=0) for epoch in history])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("data", ["plain", "sequences"])
def test_it_goes_on_to_the_same_end(kind, data, tmp_path, request):
    hyper, options = KINDS[kind]
    data, config = request.getfixturevalue(data)
    checkpoint = Checkpoint(tmp_path / "unfinished")
    whole = fit(data, config, hyper, options)
    for stop in (0, 3, EPOCHS - 1):  # one after another: it is stopped several times
        with pytest.raises(Stop):
            fit(data, config, hyper, options, checkpoint, stop)
    assert fit(data, config, hyper, options, checkpoint) == whole
    assert fit(data, config, hyper, options, checkpoint) == whole
    checkpoint.remove()
    checkpoint.remove()
    assert list(tmp_path.iterdir()) == []


FOREIGN = {
    "empty": lambda octets: b"", "a text": lambda octets: b"mine\n",
    "half a beginning": lambda octets: octets[:3], "another file": lambda octets: octets[58:],
}
DAMAGED = {
    "only a beginning": lambda octets: octets[:4], "cut off": lambda octets: octets[:-1],
    "a bit": lambda octets: octets[:99] + bytes([octets[99] ^ 1]) + octets[100:],
}


@pytest.mark.parametrize("kind", [*FOREIGN, *DAMAGED, "a folder", "a pipe", "a link to nothing"])
def test_what_cannot_be_gone_on_from_is_refused_and_stays(kind, plain, tmp_path):
    checkpoint = Checkpoint(tmp_path / "unfinished")
    fit(*plain, Hyper(group=4), {}, checkpoint)
    octets = checkpoint.path.read_bytes()
    if change := (FOREIGN | DAMAGED).get(kind):
        octets = change(octets)
        checkpoint.path.write_bytes(octets)
    else:
        checkpoint.path.unlink()
        {"a folder": os.mkdir, "a pipe": os.mkfifo}.get(
            kind, lambda path: path.symlink_to("nothing"))(checkpoint.path)
    before = os.lstat(checkpoint.path)
    text = "is damaged: remove it" if kind in DAMAGED else "is no file of unfinished epochs: move"
    for call in (checkpoint.epochs, lambda: fit(*plain, Hyper(group=4), {}, checkpoint)):
        with pytest.raises(ValueError, match=f"unfinished {text}"):
            call()
    assert os.lstat(checkpoint.path).st_ino == before.st_ino
    assert kind not in FOREIGN | DAMAGED or checkpoint.path.read_bytes() == octets


@pytest.mark.parametrize(("change", "text"), [
    (dict(hyper=Hyper(group=8)), "group 4, not 8"), (dict(seed=4), "seed 3, not 4"),
    (dict(epochs=7), "epochs 2, not 7"), (dict(keep_best=True), "keep_best False, not True"),
    (dict(config=Config(192, (16, 16), 10, 5, max_batch=7)),
     r"layers \[16, 8\], not \[16, 16\], other counters"),
    (dict(config=Config(192, (16, 8), 10, 5, max_batch=7, seed=9)), "prototype_seed 1, not 9"),
    (dict(start=9), "other counters"), (dict(samples=90), "other data")])
def test_that_of_another_training_is_refused(change, text, plain, tmp_path):
    data, config = plain
    checkpoint = Checkpoint(tmp_path / "unfinished")

    def train(hyper=Hyper(group=4), seed=3, epochs=2, keep_best=False,  # noqa: B008
              config=config, start=3, samples=100):
        network = Network(config)
        network.reset(start)
        training.fit(network, data.limit(samples), epochs=epochs, hyper=hyper, seed=seed,
                     keep_best=keep_best, checkpoint=checkpoint)

    train()
    before = checkpoint.path.read_bytes()
    train()
    with pytest.raises(ValueError, match=f"unfinished is of a training with {text}: give"):
        train(**change)
    assert checkpoint.path.read_bytes() == before


@pytest.mark.parametrize("name", ["a.npz", "x" * 255, "ö" * 127])
def test_its_name_is_short_enough(name, tmp_path):
    checkpoint = Checkpoint.beside(tmp_path / name)
    checkpoint.path.touch()
    assert checkpoint.path.name.endswith(".unfinished") and checkpoint.path.parent == tmp_path
