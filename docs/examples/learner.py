"""A design of one's own around a trainer, in Amaranth: it learns the samples of a ROM."""

from pathlib import Path

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Out
from amaranth.sim import Simulator

from bep_model import configuration
from bep_model.host import bring_up_writes
from bep_model.phases import frame, random
from bep_model.registers import registers
from bep_model.words import integers, sample_words
from rtl.parts.layouts import sample_layout
from rtl.trainer import Trainer


class Learner(wiring.Component):
    """Trains repeatedly on the samples of a ROM, and counts the wrong predictions.

    Parameters
    ----------
    config : bep_model.Config
    parameters : bep_model.Parameters
    x : uint8 array (N, K_0)
        Bits of the samples.
    labels : int array (N,)
    seed : int
        Of the random bank.

    Members
    -------
    epochs : Out(16)
        Number of passes over all samples.
    errors : Out(16)
        Wrong predictions in the last complete epoch.
    """

    epochs: Out(16)
    errors: Out(16)

    def __init__(self, config, parameters, x, labels, seed=1):
        self.config, self.parameters, self.x, self.labels = config, parameters, x, labels
        self.bank = random.seeds(seed, config.generators)
        # Fixed when the trainer is built: shape, lanes and prototypes.
        self.trainer = Trainer(config, integers(frame.prototypes(config)))
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.submodules.trainer = self.trainer
        self.bring_up(m, self.trainer.bus)
        self.feed(m, self.trainer.samples)
        self.count(m, self.trainer.results)
        return m

    def bring_up(self, m, bus):
        """Writes one register per clock, from a ROM; then the registers keep their values."""
        table = registers(self.config)
        writes = [table[name].address << 32 | value for name, value in
                  bring_up_writes(self.config, self.parameters, self.bank)]
        m.submodules.writes = rom = Memory(shape=40, depth=len(writes), init=writes)
        read = rom.read_port()
        step = Signal(range(len(writes) + 1))
        with m.If(step != len(writes)):
            m.d.sync += step.eq(step + 1)
        m.d.sync += bus.write.eq(step != len(writes))  # with what the ROM answers
        m.d.comb += [
            read.addr.eq(step),
            bus.address.eq(read.data[32:]),
            bus.write_data.eq(read.data[:32]),
        ]

    def feed(self, m, samples):
        """Sends the words of all samples, again and again, as fast as the trainer takes them."""
        words = [{"data": word, "label": int(label)}
                 for bits, label in zip(self.x, self.labels, strict=True)
                 for word in sample_words(self.config, bits)]
        m.submodules.samples = rom = Memory(shape=sample_layout(self.config), depth=len(words),
                                            init=words)
        read = rom.read_port()
        place = Signal(range(len(words)))
        following = Mux(place == len(words) - 1, 0, place + 1)
        m.d.comb += [samples.payload.eq(read.data), read.addr.eq(place)]
        m.d.sync += samples.valid.eq(1)  # from the second clock on the ROM has answered
        with m.If(samples.valid & samples.ready):
            m.d.comb += read.addr.eq(following)
            m.d.sync += place.eq(following)

    def count(self, m, results):
        """Takes every result at once; otherwise the trainer would wait."""
        sample, wrong = Signal(range(len(self.x))), Signal(16)
        m.d.comb += results.ready.eq(1)
        with m.If(results.valid):
            m.d.sync += [sample.eq(sample + 1), wrong.eq(wrong + results.payload.error)]
            with m.If(sample == len(self.x) - 1):
                m.d.sync += [
                    sample.eq(0), wrong.eq(0),
                    self.epochs.eq(self.epochs + 1),
                    self.errors.eq(wrong + results.payload.error),
                ]


def simulate(learner, epochs):
    """Simulate some epochs.

    Returns
    -------
    (list of int, list of (int, int, int))
        Errors of each epoch; prediction, error and triggered of each sample.
    """
    errors, seen, results = [], [], learner.trainer.results

    async def watch(ctx):
        while len(errors) < epochs:
            _, _, valid, result, epoch = await ctx.tick().sample(
                results.valid, results.payload, learner.epochs)
            if valid:
                seen.append((result.prediction, result.error, result.triggered))
            if epoch > len(errors):
                errors.append(ctx.get(learner.errors))

    simulator = Simulator(learner)
    simulator.add_clock(1e-6)
    simulator.add_testbench(watch)
    simulator.run()
    return errors, seen


if __name__ == "__main__":
    from samples import samples

    config, parameters, _ = configuration.load(Path(__file__).with_name("learner.toml"))
    errors, _ = simulate(Learner(config, parameters, *samples(config)), epochs=4)
    print("errors of each epoch:", *errors)
