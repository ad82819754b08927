"""Programs by which a board trains without a host (docs/store.md), made from a training."""

from bep_model import memories, stored
from bep_model.fit import training
from bep_model.host import bring_up_writes
from bep_model.network import Network
from bep_model.phases import random
from bep_model.phases.order import epoch_stride
from bep_model.program import MOST, Kind, Step, assembled, check_length
from bep_model.protocol import Command, Mode, slot_bits
from bep_model.registers import WORD, link_registers, registers, settings


def autostart(config, data, *, epochs, hyper, seed):
    """A set for a flash chip, and before it the program that trains on it.

    What the program writes in an epoch depends on the errors of the one before, so the golden model
    trains first: as :func:`bep_model.fit.training.fit` in the order "chip", from a reset with
    ``seed``. The board then does the same.

    Parameters
    ----------
    config : Config
    data : Dataset
    epochs : int
        1 or more.
    hyper : Hyper
    seed : int

    Returns
    -------
    (StoredSet, bytes, Network)
        The bytes belong at address :data:`bep_model.program.START` of the chip. The network was
        trained.

    Raises
    ------
    ValueError
        If a store cannot hold such data, a program not so many epochs: as soon as that is known.
    """
    first = training.check(config, data, epochs, hyper)
    described, image = stored.pack(config, data)
    network = Network(config)
    training.begin(network, data.train.x, hyper, seed)
    thresholds = network.thresholds
    least = len(steps(config, described, [
        training.Epoch(n, 0, 0, None, first, 0) for n in range(min(epochs, MOST))], seed,
        thresholds))
    check_length(least)
    history: list[training.Epoch] = []

    def progress(epoch):
        nonlocal least
        if history:
            least += len(changes(config, history[-1].parameters, epoch.parameters))
            check_length(least)
        history.append(epoch)

    training.fit(network, data, epochs=epochs, hyper=hyper, seed=seed, order="chip",
                 progress=progress)
    program = assembled(steps(config, described, history, seed, thresholds))
    return described, program + image, network


def changes(config, before, after):
    """Values of registers, by name, that differ between the parameters of two epochs."""
    old, new = (settings(config, parameters) for parameters in (before, after))
    return {name: value for name, value in new.items() if value != old[name]}


def steps(config, described, history, seed, thresholds=()):
    """The steps of a training, list of :class:`Step`.

    Parameters
    ----------
    config : Config
    described : StoredSet
        Whose header lies at ``memories.Flash.start``.
    history : list of Epoch
        One or more.
    seed : int
    thresholds : sequence of int32 arrays (K_l,)
        Of the filters of a convolutional network.
    """
    table = registers(config) | link_registers()
    found = []

    def step(kind, name, value):
        found.append(Step(kind, table[name].address, value & WORD))

    def write(**values):
        for name, value in values.items():
            step(Kind.WRITE, name, int(value))

    part = described.parts(config)["all"]
    length = {"STEPS": described.steps} if config.recurrent else {}
    write(**length, BASE=part.base + (memories.Flash.start >> slot_bits(config)), STRIDE=1,
          CHECK=part.count)
    step(Kind.EXPECT, "CHECK", described.checksum)
    bank = random.seeds(seed, config.generators)
    for name, value in bring_up_writes(config, history[0].parameters, bank, thresholds):
        write(**{name: value} | (length if name == "STEPS" else {}))
    step(Kind.AWAIT, "STATUS", 0)
    for n, epoch in enumerate(history):
        write(**changes(config, history[max(0, n - 1)].parameters, epoch.parameters))
        write(STRIDE=epoch_stride(seed, epoch.epoch, described.train), EPOCH=described.train)
        step(Kind.AWAIT, "SAMPLES", (n + 1) * described.train)
        write(COMMAND=Command.FLUSH)
        step(Kind.AWAIT, "STATUS", 0)
    write(MODE=Mode.IDLE)
    return [*found, Step(Kind.END)]
