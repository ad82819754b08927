"""Programs by which a board trains without a host (docs/store.md), made from a training."""

from bep_model import memories, stored
from bep_model.fit import training
from bep_model.host import bring_up_writes
from bep_model.network import Network
from bep_model.phases import random
from bep_model.phases.order import epoch_stride
from bep_model.program import Kind, Step, assembled
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
        If a store cannot hold such data, a program not so many epochs.
    """
    described, image = stored.pack(config, data)
    network = Network(config)
    network.reset(seed)
    history = training.fit(network, data, epochs=epochs, hyper=hyper, seed=seed, order="chip")
    return described, assembled(steps(config, described, history, seed)) + image, network


def steps(config, described, history, seed):
    """The steps of a training, list of :class:`Step`.

    Parameters
    ----------
    config : Config
    described : StoredSet
        Whose header lies at ``memories.Flash.start``.
    history : list of Epoch
        One or more.
    seed : int
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
    for name, value in bring_up_writes(config, history[0].parameters, bank):
        write(**{name: value} | (length if name == "STEPS" else {}))
    step(Kind.AWAIT, "STATUS", 0)
    now = settings(config, history[0].parameters)
    for n, epoch in enumerate(history):
        wanted = settings(config, epoch.parameters)
        write(**{name: value for name, value in wanted.items() if value != now[name]})
        now = wanted
        write(STRIDE=epoch_stride(seed, epoch.epoch, described.train), EPOCH=described.train)
        step(Kind.AWAIT, "SAMPLES", (n + 1) * described.train)
        write(COMMAND=Command.FLUSH)
        step(Kind.AWAIT, "STATUS", 0)
    write(MODE=Mode.IDLE)
    return [*found, Step(Kind.END)]
