"""The training loop of the golden model: epochs, order of samples, schedules, history."""

import time
from dataclasses import dataclass, fields, replace
from functools import partial

import numpy as np

from bep_model.checks import MOST_EPOCHS, integer, one_of
from bep_model.data.augment import shifted
from bep_model.fit import delay
from bep_model.fit.hyper import Hyper, has
from bep_model.fit.schedule import GroupSchedule
from bep_model.parameters import Parameters
from bep_model.phases import order as permutation


@dataclass(frozen=True)
class Epoch:
    """What happened in one epoch.

    ``error`` is the part (0..1) of training samples that were predicted wrongly before their
    update, ``triggered`` the part that triggered one. ``validation_accuracy`` (0..1) is None
    without validation samples. ``parameters`` are those of this epoch, so that a trainer in
    hardware can repeat the run. ``seconds`` counts training alone.
    """

    epoch: int
    error: float
    triggered: float
    validation_accuracy: float | None
    parameters: Parameters
    seconds: float


def epoch_order(seed, epoch, n):
    """Order of ``n`` samples in epoch ``epoch`` (from 0): a permutation, int64 (n,)."""
    return permutation.sorted_keys([seed, epoch], n)


def chip_order(seed, epoch, n):
    """The same of a trainer with a sample store, which computes it (docs/algorithm.md)."""
    rows = permutation.shuffled(n)
    return rows[permutation.order(n, permutation.epoch_stride(seed, epoch, n))] if n else rows


CALIBRATED = 500
"""Training samples, the first ones, from which the thresholds of filters come."""

ORDERS = {"host": epoch_order, "chip": chip_order}
"""The orders of samples by name."""


def accuracy(network, samples):
    """Part (0..1) of the samples that the network predicts correctly; None if there are none."""
    if not len(samples):
        return None
    predictions = network.predict(samples.x, samples.lengths)
    return float(np.mean(predictions == samples.labels))


def balanced_accuracy(network, samples):
    """Mean over the classes of the part (0..1) of their samples that the network predicts
    correctly; classes without samples do not count. None if there are no samples."""
    if not len(samples):
        return None
    right = network.predict(samples.x, samples.lengths) == samples.labels
    return float(np.mean([right[samples.labels == c].mean() for c in np.unique(samples.labels)]))


def confusion(labels, predictions, classes):
    """How many samples of each class were predicted as each class: int64 (C, C), of class c in row
    c.

    Parameters
    ----------
    labels, predictions : int arrays (N,)
        0..C-1.
    classes : int
        C.
    """
    pairs = np.asarray(labels, np.int64) * classes + np.asarray(predictions, np.int64)
    return np.bincount(pairs, minlength=classes ** 2).reshape(classes, classes)


def speed(history, count):
    """Trained samples per second of epochs of ``count`` samples; None without any."""
    seconds = sum(epoch.seconds for epoch in history)
    return len(history) * count / seconds if seconds else None


class Teacher:
    """Trains a network for one epoch after another; another one may take its samples elsewhere.

    Parameters
    ----------
    network : Network
    data : Dataset
    order : str
        One of :data:`ORDERS`.
    """

    def __init__(self, network, data, order="host"):
        self.network, self.data, self.order = network, data, order

    def epoch(self, seed, epoch, parameters, augment=None):
        """Train for epoch ``epoch`` (from 0); ``augment`` as for :func:`fit`.

        Returns
        -------
        (float, float)
            Parts (0..1) of the samples that were predicted wrongly, and that triggered an update.
        """
        samples = met(self.data.train, augment, epoch)
        rows = ORDERS[self.order](seed, epoch, len(samples))
        lengths = None if samples.lengths is None else samples.lengths[rows]
        results = self.network.train(samples.x[rows], samples.labels[rows], parameters, lengths)
        self.network.flush(parameters)
        return float(np.mean(results.error)), float(np.mean(results.triggered))

    def validate(self):
        """Part (0..1) of the validation samples that are predicted correctly; None without any."""
        return accuracy(self.network, self.data.validation)


def augmenting(config, hyper):
    """The ``augment`` of :func:`fit` that hyper-parameters ask for; None for none."""
    return partial(shifted, image=config.image, most=hyper.shift) if hyper.shift else None


def met(samples, augment, epoch):
    """Training samples as an epoch, from 0 on, has them."""
    return samples if augment is None else augment(samples, epoch=epoch)


def check(config, data, epochs, hyper, keep_best=False):
    """Check the arguments of :func:`fit`; return the :class:`Parameters` of the first epoch.

    Raises TypeError or ValueError for data that do not have the configuration's shape, or values
    that are not allowed.
    """
    integer("epochs", epochs, 0, MOST_EPOCHS)
    data.check(config)
    parameters = hyper.parameters(config)
    for each in fields(hyper):
        value, what = getattr(hyper, each.name), each.metadata["only"]
        if value != each.default and not has(config, what):
            raise ValueError(f"{each.name} must be {each.default} without {what}, not {value}")
    if hyper.shift and hyper.shift >= min(config.image[:2]):
        raise ValueError("shift must be less than the image's rows and columns, "
                         f"{min(config.image[:2])}, not {hyper.shift}")
    if hyper.delay:
        delay.check(config, hyper.delay, data.train.first(CALIBRATED))
    GroupSchedule(config, parameters.groups, hyper.patience)
    if hyper.patience and not len(data.validation):
        raise ValueError("patience needs validation samples; hold some out or set patience to 0")
    if keep_best and not len(data.validation):
        raise ValueError("keep_best needs validation samples; hold some out")
    return parameters


def begin(network, x, hyper, seed):
    """Give a network the state in which a training begins: seeded, with thresholds for its training
    samples ``x``, bits (N, K_0), if it has filters, and with a delay line if it shall have one."""
    network.reset(seed)
    if hyper.delay:
        network.load([delay.line(network.config, hyper.delay), *network.counters[1:]])
    if network.config.convolutional and len(x):
        network.set_thresholds(x[:CALIBRATED], hyper.filter_quantile)


def fit(network, data, *, epochs, hyper=None, seed=0, progress=None, keep_best=False,
        augment=None, checkpoint=None, order="host", teacher=None, until=None):
    """Train a network, beginning with its present counters and random bank.

    Every epoch ends with a flush. Then its error sets the reinforcement of the next epoch, and its
    validation accuracy the group sizes (docs/algorithm.md, "Schedules").

    Parameters
    ----------
    network : Network
    data : Dataset
    epochs : int
        0 or more.
    hyper : Hyper, optional
    seed : int
        Seed of the order of samples.
    progress : callable, optional
        Called with each :class:`Epoch` as it ends.
    keep_best : bool
        End with the counters of the first epoch of the best validation accuracy, not of the last
        epoch (a host does the same through the state port). Needs validation samples.
    augment : callable, optional
        Called with the training samples and ``epoch``, its number from 0 on. Returns the samples
        for that epoch: the same number, in the same order. By default as ``hyper.shift`` says.
    checkpoint : Checkpoint, optional
        Written after every epoch. A call with the same arguments and the same network goes on from
        there, to the same end; ``progress`` is called with the earlier epochs, too. The caller
        removes it.
    order : str
        Which of :data:`ORDERS` the samples have.
    teacher : Teacher, optional
        By default one with ``network``, ``data`` and ``order``; another one has its own order.
    until : int, optional
        How many of the epochs are done at the end of this call, by default all; the checkpoint has
        what another call needs to go on. ``keep_best`` counts at the end of all.

    Returns
    -------
    list of Epoch
        Those of earlier calls included.

    Raises
    ------
    TypeError, ValueError
        As :func:`check`; ValueError for a checkpoint of another training, or beyond ``until``.
    OSError
        If the checkpoint cannot be read or written.
    """
    hyper = (hyper or Hyper()).checked()
    integer("seed", seed, 0)
    one_of("order", order, ORDERS)
    config = network.config
    if hyper.shift and augment is not None:
        raise ValueError(f"shift must be 0 with another augment, not {hyper.shift}")
    augment = augment or augmenting(config, hyper)
    teacher = teacher or Teacher(network, data, order)
    order = teacher.order
    if hyper.shift and order == "chip":
        raise ValueError("shift must be 0 in the order chip, whose samples lie in the store as "
                         f"they are, not {hyper.shift}")
    parameters, epochs = check(config, data, epochs, hyper, keep_best), int(epochs)
    until = epochs if until is None else integer("until", until, 0, epochs)
    groups = GroupSchedule(config, parameters.groups, hyper.patience)
    history, thinning = [], parameters.thinning
    kept = network.counters if keep_best else ()

    def ended(entry):
        """Take an epoch into the history; return the parameters of the next one."""
        history.append(entry)
        if progress is not None:
            progress(entry)
        return replace(
            entry.parameters, reinforce=hyper.reinforcement(config, 100 * entry.error),
            groups=groups.update(entry.validation_accuracy) if hyper.patience
            else entry.parameters.groups)

    if checkpoint is not None:
        done, kept = checkpoint.begin(network, data, epochs=epochs, hyper=hyper, seed=int(seed),
                                      keep_best=bool(keep_best), order=order)
        if len(done) > until:
            raise ValueError(f"until must be at least the {len(done)} epochs that are done, "
                             f"not {until}")
        for entry in done:
            parameters = ended(entry)
    best = max((entry.validation_accuracy or 0.0 for entry in history), default=-1.0)
    for epoch in range(len(history), until):
        parameters = replace(parameters, thinning=hyper.annealed(thinning, epoch, epochs),
                             rates=hyper.rates(config, epoch, epochs))
        start = time.perf_counter()
        error, triggered = teacher.epoch(seed, epoch, parameters, augment)
        seconds = time.perf_counter() - start
        entry = Epoch(epoch, error, triggered, teacher.validate(), parameters, seconds)
        held = entry.validation_accuracy
        if keep_best and held is not None and held > best:
            best, kept = held, network.counters
        if checkpoint is not None:
            checkpoint.write(network, [*history, entry], kept)
        parameters = ended(entry)
    if keep_best and until == epochs:
        network.load(kept)
    return history
