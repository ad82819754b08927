"""Activity: netlists of iCE40 cells replayed, what published designs take, `bep energy`."""

import json
import tomllib

import numpy as np
import pytest
from amaranth.hdl import ClockSignal, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from hypothesis import given, settings
from hypothesis import strategies as st

from bep import cited
from bep.activity import netlist, power, published, trainer
from bep.activity.replay import replay, word_read, word_written
from bep.commands import energy as command
from bep.commands.verify import samples_for
from bep.flow import families
from bep.flow.boards import target
from bep.reports import documents, energy_report
from bep_model import configuration
from bep_model.config import Config
from bep_model.parameters import default_parameters

DOCS = "docs"
ONLINE = Config(20, (12, 8), 4, weight_lanes=8, counter_lanes=2)
BATCH = Config(9, (8, 8), 3, weight_lanes=8, counter_lanes=8, counter_bits=4, max_batch=5)


@pytest.fixture(scope="module")
def build_dir(tmp_path_factory):
    """For netlists and simulators, which several tests share."""
    return tmp_path_factory.mktemp("build")


def random_samples(config, count):
    """Samples of a dense configuration."""
    return samples_for(config, "random-prototypes", count, 1)


# Memories

@settings(deadline=None)  # compiles
@given(st.integers(0, 3), st.data())
def test_words_of_block_rams(mode, data):
    """Against an array of bits: a word of 16 >> mode bits at its address."""
    width, size = 16 >> mode, 1 << mode
    offset = (0, 0, 1, 3)[mode]
    word, above = data.draw(st.integers(0, 0xFFFF)), data.draw(st.integers(0, size - 1))
    # External bit i, at offset + i * size of the port, is bit i * size + above of the memory.
    bits = [word >> i * size + above & 1 for i in range(width)]
    assert word_read(word, mode, above) == sum(bit << offset + i * size
                                               for i, bit in enumerate(bits))
    given_bits = data.draw(st.integers(0, 0xFFFF))
    mask = data.draw(st.integers(0, 0xFFFF))
    new = word_written(word, given_bits, mask, mode, above, 0)
    for place in range(16):
        if mode == 0:
            kept = mask >> place & 1
            want = (word if kept else given_bits) >> place & 1
        else:
            written = place % size == above
            source = given_bits >> place - place % size + offset
            want = (source if written else word >> place) & 1
        assert new >> place & 1 == want, (mode, place)


def test_a_single_port_writes_what_its_mask_has():
    assert word_written(0x1234, 0xABCD, 0xF0F0, 0, 0, 1) == 0xA2C4


# Replay

class Glitch(wiring.Component):
    """a XOR (a through three cells): without glitches it never changes."""

    def __init__(self):
        super().__init__({"a": In(1), "out": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.d.sync += Signal(name="kept").eq(self.a)  # a clock
        way = self.a
        for i in range(3):
            step = Signal(name=f"step_{i}")
            # A cell that Yosys does not simplify.
            m.submodules[f"cell_{i}"] = Instance(
                "SB_LUT4", p_LUT_INIT=0xAAAA, i_I0=way, i_I1=0, i_I2=0, i_I3=0, o_O=step)
            way = step
        m.submodules.last = Instance("SB_LUT4", p_LUT_INIT=0x6666, i_I0=self.a, i_I1=way, i_I2=0,
                                     i_I3=0, o_O=self.out)
        return m


def test_glitches_are_counted(tmp_path):
    cells = netlist.mapped(Glitch(), tmp_path)
    a = np.array([[0], [0], [1], [1], [0]], np.uint8)
    ports = {"rst": 0 * a, "a": a, "out": 0 * a}
    found = replay(cells, ports, 0, 5)
    out = cells.ports["out"][1][0]
    assert (found.changes[out], found.settled[out]) == (4, 0)  # 0, 1, 0 at each change of a
    assert found.mismatches == 0
    (net,) = cells.ports["a"][1]
    assert found.changes[net] == 2 and cells.loads[net] == 2


class Kinds(wiring.Component):
    """One of each kind of memory, written and read in every clock, beside its shadow."""

    def __init__(self):
        super().__init__({"address": In(4), "data": In(16), "write": In(1), "read": Out(16)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.ram = Instance(
            "SB_SPRAM256KA", i_ADDRESS=self.address, i_DATAIN=self.data, i_MASKWREN=0b1111,
            i_WREN=self.write, i_CHIPSELECT=1, i_CLOCK=ClockSignal(), i_STANDBY=0, i_SLEEP=0,
            i_POWEROFF=1, o_DATAOUT=self.read)
        return m


def test_single_port_memory(tmp_path):
    cells = netlist.mapped(Kinds(), tmp_path)
    rng = np.random.default_rng(1)
    clocks, memory, held = 300, {}, 0
    address, data = rng.integers(0, 16, clocks), rng.integers(0, 1 << 16, clocks)
    write = rng.integers(0, 2, clocks)
    read = []
    for k in range(clocks):
        read.append(held)
        if write[k]:
            memory[address[k]] = data[k]
        else:
            held = memory.get(address[k], 0)

    def bits(values, width):
        return (np.array(values)[:, None] >> np.arange(width) & 1).astype(np.uint8)
    ports = {"rst": bits(0 * write, 1), "address": bits(address, 4), "data": bits(data, 16),
             "write": bits(write, 1), "read": bits(read, 16)}
    found = replay(cells, ports, 0, clocks)
    assert found.mismatches == 0
    assert found.writes[0] == write[:-1].sum() and found.reads[0] == clocks - 1 - found.writes[0]


@pytest.mark.parametrize("config", [ONLINE, BATCH], ids=["online", "batch"])
def test_a_trainers_netlist_does_what_its_simulation_does(config, build_dir):
    parameters, board = default_parameters(config), target("icebreaker")
    cells, ports, (begin, end) = trainer.recording(
        config, parameters, random_samples(config, 12), board, build_dir=build_dir)
    found = replay(cells, ports, begin, end)
    assert found.mismatches == 0 and found.clocks > 12 * 8
    assert (found.changes >= found.settled).all() and found.settled.sum() > 0
    assert (found.reads + found.writes).any()
    # A netlist that is not the design's is found, and so is a port that nobody recorded.
    table = cells.logic.table.copy()
    table[0] ^= 0xFFFF
    wrong = cells._replace(logic=cells.logic._replace(table=table))
    assert replay(wrong, ports, begin, end).mismatches > 0
    del ports["results__valid"]
    with pytest.raises(ValueError, match="not recorded: results__valid"):
        replay(cells, ports, begin, end)


def test_unknown_cells_are_named():
    module = {"cells": {"odd": {"type": "SB_MAC16", "connections": {}}}, "ports": {}}
    with pytest.raises(ValueError, match="a cell odd of the type SB_MAC16"):
        netlist.netlist(module)


# What a change takes

def test_the_model_is_that_of_the_published_designs(build_dir):
    found = {each["design"]: each for each in published.compared(build_dir)}
    one, product = found["a counter of 28 bits"], found["two counters of 8 bits, multiplied"]
    assert one["changes"] == pytest.approx(power.COUNTER_CHANGES, rel=1e-3)
    # Beside the product there is a counter, as in what its current is compared with.
    assert product["changes"] - one["changes"] == pytest.approx(power.PRODUCT_CHANGES, rel=1e-3)
    for each in found.values():
        low, high = each["modelled_mw"]
        assert low / each["measured_mw"] - 1 == pytest.approx(0, abs=0.07), each
        assert high / each["measured_mw"] - 1 == pytest.approx(0, abs=0.07), each


def test_bands_have_two_ends_in_order():
    for band in (power.CHANGE, power.FLIP_FLOP, power.BLOCK, power.SINGLE, power.PLL):
        assert 0 <= band.low < band.high
    assert power.CHANGE.high / power.CHANGE.low < 1.15  # the low end foretells the multiplier


def test_the_model_without_a_netlist_holds_the_trainers():
    """The figures per cell are those of docs/energy.md, rounded outwards."""
    found = documents.stored(DOCS, "energy")
    low, high = energy_report.per_cell(found["designs"])
    model = families.ICE40UP.energy["iCE40UP5K"]
    assert 0.95 * low < model.per_cell[0] <= low and high <= model.per_cell[1] < 1.05 * high
    least, most = model.power(cited.SYNTZULU_MHZ, cited.SYNTZULU_CELLS)
    assert least < most


def test_the_page_is_made_from_its_results():
    with open(f"{DOCS}/energy.md", encoding="utf-8") as file:
        assert file.read() == energy_report.text(documents.stored(DOCS, "energy"))


# The command

ENTRY = {"picojoules_per_clock": {"clock tree": [52, 52], "logic": [90.0, 110.0],
                                  "flip-flops": [0, 30], "block RAM": [10.0, 30.0],
                                  "SPRAM": [0, 0]}, "changes_per_clock": 700.0}
READING = {"volts": 1.2, "waiting_ma": 3.0, "training_ma": 5.7, "mhz": 27.0,
           "samples_per_second": 27000}


def test_a_measurement_is_compared_without_what_waiting_takes():
    found = command.compared(READING, ENTRY)
    assert found["picojoules_per_clock"] == pytest.approx(1e3 * 2.7 * 1.2 / 27)
    assert found["modelled_picojoules_per_clock"] == [100, 140]
    assert found["picojoules_per_change"] == pytest.approx((120 - 20) / 700)
    assert found["microjoules_per_sample"] == pytest.approx(5.7 * 1.2 * 1e3 / 27000)


@pytest.mark.parametrize(("text", "said"), [
    ("volts = ", "is not a TOML file"),
    ("volts = 1.2", "must have the keys volts, waiting_ma"),
    ("volts = true\nwaiting_ma = 1\ntraining_ma = 2\nmhz = 3\nsamples_per_second = 4",
     "volts must be a number above 0, not True"),
    ("volts = 1.2\nwaiting_ma = 3\ntraining_ma = 2\nmhz = 3\nsamples_per_second = 4",
     "training_ma must be above waiting_ma, 3, not 2"),
    ("volts = 1.2\nwaiting_ma = -3\ntraining_ma = 2\nmhz = 3\nsamples_per_second = 4",
     "waiting_ma must be a number above 0, not -3"),
])
def test_measurements_that_are_none(text, said, tmp_path):
    path = tmp_path / "reading.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=said) as error:
        command.read(path)
    assert str(path) in str(error.value)
    assert tomllib.loads("\n".join(f"{key} = {value}" for key, value in READING.items())) == READING


@pytest.mark.parametrize(("options", "said"), [
    ({"board": "ulx3s-85f"}, "board must have an iCE40UP5K, .* not LFE5U-85F"),
    ({"board": "nonsense"}, "nonsense"),
    ({"clock": 0.0}, "clock must be above 0 and at most"),
    ({"clock": 1e6}, "clock must be above 0 and at most"),
    ({"samples": 0}, "samples must be between 1 and"),
    ({"sources": []}, "give a configuration"),
    ({"sources": ["a", "b"]}, "several sources are for --docs"),
])
def test_bad_options(options, said, tmp_path):
    given = {"sources": ["digits-48-48-b7-online"], "build_dir": tmp_path / "build",
             "board": "icebreaker", "samples": 5, "seed": 1, "data": None, "clock": None,
             "measured": None, "docs": None, "json": None} | options
    with pytest.raises(ValueError, match=said):
        command.command(**given)
    assert not list(tmp_path.iterdir())


def test_whole_command(build_dir, tmp_path):
    path, out, reading = (tmp_path / name for name in ("trainer.toml", "out.json", "reading.toml"))
    path.write_text(configuration.text(ONLINE, default_parameters(ONLINE)))
    reading.write_text("\n".join(f"{key} = {value}" for key, value in READING.items()))
    command.command(sources=[path], board="icebreaker", samples=5, seed=1, data=None, clock=None,
                    measured=reading, docs=None, build_dir=build_dir, json=out)
    found = json.loads(out.read_text())
    assert found["part"].startswith("iCE40UP5K") and found["samples"] == 5
    low, high = found["milliwatts"]
    assert 0 < low < high < 50
    assert found["microjoules_per_sample"] == pytest.approx(
        [each * 1e3 / found["samples_per_second"] for each in (low, high)])
    assert found["measurement"]["picojoules_per_clock"] > 0
