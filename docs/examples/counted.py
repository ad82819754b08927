"""A design of one's own that passes the ports of its trainer on, in Amaranth and as Verilog."""

from pathlib import Path

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import Out, connect, flipped

from bep_model import configuration
from bep_model.phases import frame
from bep_model.words import integers
from rtl.trainer import Trainer
from rtl.verilog import convert


class Counted(wiring.Component):
    """A trainer that counts its wrong predictions.

    Parameters
    ----------
    config : bep_model.Config

    Members
    -------
    bus, samples, results
        As of ``rtl.trainer.Trainer``.
    errors : Out(16)
        Results so far whose prediction is wrong.
    """

    PASSED = ("bus", "samples", "results")

    def __init__(self, config):
        self.trainer = Trainer(config, integers(frame.prototypes(config)))
        members = self.trainer.signature.members
        super().__init__({**{name: members[name] for name in self.PASSED}, "errors": Out(16)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.trainer = self.trainer
        for name in self.PASSED:
            connect(m, flipped(getattr(self, name)), getattr(self.trainer, name))
        with m.If(self.results.valid & self.results.ready):
            m.d.sync += self.errors.eq(self.errors + self.results.payload.error)
        return m


if __name__ == "__main__":
    config, _, _ = configuration.load(Path(__file__).with_name("learner.toml"))
    print(convert(Counted(config), "counted"), end="")
