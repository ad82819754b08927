"""Trainer: it keeps the contracts of its parts, and reads no word in the clock it is written.

The whole trainer is too deep for an induction: a sample takes at least some forty clocks. So this
is proved for a bounded number of clocks after power-on, with all external inputs free, and asserted
in simulations of whole jobs for several configurations.
"""

from unittest.mock import patch

import pytest
from amaranth.asserts import AnyConst, AnySeq
from amaranth.hdl import Assert, Assume, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import connect, flipped

from bep_model.config import Config, divisors
from bep_model.phases import frame
from bep_model.protocol import Mode
from bep_model.words import integers
from rtl.engines.random import Bank
from rtl.engines.update import Operation
from rtl.parts.delay import delay
from rtl.registers import Registers
from rtl.trainer import Trainer
from rtl.verilog import convert
from sim.simulate import simulate
from tests.sim import configurations, recurrent
from tests.sim.jobs import job, learning_job

from .contract import state_contract, update_contract, winners_contract
from .prove import collision, open_up, prove

CASES = {name: configurations.CASES[name] for name in (
    "online-reinforced", "three-subwords", "single-port-batch")}
CASES |= {f"recurrent-{name}": recurrent.CASES[name] for name in ("unequal-lengths", "registered")}

TINY = {"mlp": Config(2, (2, 2), 2, 2, 2, 2),
        "recurrent": Config(2, (2, 2), 2, 2, 2, 2, max_steps=2)}
CLOCKS = 12
"""Clocks of the bounded proof. They cover commands, sweeps of two rows, the state port, and the
start of a sample. Each clock more makes the proof take half as long again; 20 clocks, a minute and
a half, were proved by hand."""


def checks(m, trainer, claim):
    """Elaborate the trainer into ``m``; ``claim(condition, text)`` gives a statement, like Assert.

    Return the internal signals by name.
    """
    config = trainer.config
    m.submodules.trainer, inside, memories = open_up(trainer)
    update_contract(m, config, trainer.update, claim)
    head, tail = inside["winners.head"], inside["winners.tail"]
    winners_contract(
        m, config.max_batch * sum(config.layers), memories["winners.memory"]._write_ports[0]._en,
        inside["sequencer.winners__commit"], inside["sequencer.winners__drop"],
        (tail - head)[:len(head)], claim)
    # A sweep reads activations too, but does not use them.
    update = trainer.update
    steps = inside["forward.activations__en"] | (update.control.operation == Operation.STEP)
    for name, memory in memories.items():
        if name.startswith("memories."):
            now = steps if name.startswith("memories.activations") else 1
            m.d.comb += claim(~(collision(memory) & now), f"{name} read while written")
    if trainer.single_port:
        m.d.comb += claim(~(update.counters.en & update.write_counters.en),
                          "single port read and written")
    for name in ("signs_arbiter", "counters_arbiter", "activations_arbiter", "activations"):
        m.d.comb += claim(~inside[f"memories.{name}.conflict"], f"conflict at {name}")

    # These memories are read in every clock, but the data are used only in some clocks.
    used = {"winners": inside["winners.fetched"]}
    if config.depth > 1:
        used["neurons"] = inside["sequencer.select__hidden"] & inside["select.late_valid_0"]
        used["open_rows"] = inside["backward.fetched_0"]
    if config.recurrent:
        used["open_rows"] &= ~inside["batches.update__run"]
        used["votes"] = inside["backward.fetched_0"] & inside["batches.update__run"]
        used["select.credit"] = inside["select.late_valid_0"] & inside["sequencer.select__hidden"]
    for name, now in used.items():
        memory = "targets" if name == "votes" else "memory"
        collided = delay(m, collision(memories[f"{name}.{memory}"]), 1, f"{name}_collided")
        m.d.comb += claim(~(collided & now), f"{name} read while written")
    return inside


class AnyParameters(Registers):
    """Parameters are arbitrary legal constants; mode and commands are arbitrary in every clock."""

    def elaborate(self, platform):
        m = Module()
        config, parameters = self.config, self.parameters
        for _, _, signal in parameters.signature.flatten(parameters):
            m.d.comb += signal.eq(AnyConst(signal.shape()))
        few_draws = (0, 1 << 15, 1 << 16)
        legal = {
            "thinning": few_draws, "batch": range(1, config.max_batch + 1), "sweep": (1, 2),
            **{f"group_{l}": divisors(k) for l, k in enumerate(config.layers, 1)},
            **{f"reinforce_{l}": few_draws[:2] for l in range(1, config.depth + 1)},
        }
        if config.recurrent:
            legal["steps"] = range(1, config.max_steps + 1)
            legal["horizon"] = range(1, config.max_steps + 2)
        for name, values in legal.items():
            m.d.comb += Assume(Value.cast(getattr(parameters, name)).matches(*values))
        m.d.comb += [parameters.mode.eq(AnySeq(2)), Assume(parameters.mode < len(Mode))]
        host = self.host
        m.d.sync += host.command.eq(host.command & ~host.done | AnySeq(3))
        return m


class AnyBits(Bank):
    """Random bits are arbitrary in every clock."""

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.draw.word.eq(AnySeq(self.lanes))
        return m


@pytest.mark.parametrize("single_port", [False, True])
@pytest.mark.parametrize("kind", TINY)
def test_first_clocks(kind, single_port):
    trainer = Trainer(TINY[kind], (0b01, 0b10), single_port)
    m = Module()
    with patch("rtl.trainer.Registers", AnyParameters), patch("rtl.trainer.Bank", AnyBits):
        inside = checks(m, trainer, Assert)
    if single_port:  # as after a reset; else the first sweep would take all the clocks
        inside["batches.defined"]._init = 1
    for s in (trainer.samples.valid, trainer.samples.payload, trainer.results.ready,
              trainer.state.request.valid, trainer.state.request.payload,
              trainer.state.data.valid, trainer.state.data.payload, trainer.state.reply.ready):
        s = Value.cast(s)
        m.d.comb += s.eq(AnySeq(s.shape()))
    state_contract(m, trainer.state, Assume)
    prove(f"trainer-{kind}-{'one-port' if single_port else 'two-ports'}", m, CLOCKS, mode="bmc")


class Checked(wiring.Component):
    """A trainer that stops the simulation when a claim does not hold."""

    def __init__(self, trainer):
        self.trainer = trainer
        super().__init__(trainer.signature)

    def elaborate(self, platform):
        m = Module()
        faults = {}

        def claim(condition, text):
            faults[text] = Signal(name="fault")
            return faults[text].eq(~condition)

        checks(m, self.trainer, claim)
        m.d.sync += [Assert(~fault, text) for text, fault in faults.items()]
        connect(m, flipped(self), self.trainer)
        return m


@pytest.mark.parametrize("name", CASES)
def test_whole_job(name):
    case = CASES[name]
    trainer = Trainer(case.config, integers(frame.prototypes(case.config)), **case.options)
    verilog = convert(Checked(trainer))
    simulate(job(case), verilog)
    simulate(learning_job(case), verilog)
