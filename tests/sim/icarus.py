"""Builds and runs simulations with Icarus Verilog where it is installed (it is not on PyPI)."""

import os
import shutil
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner

from sim.verilator import TOP

GENERATIONS = ("2001", "2005-sv", "2012")
"""Versions of the language for ``iverilog -g``: the first one, the first that evaluates constants
differently, and the one that cocotb uses."""

needed = pytest.mark.skipif(not (shutil.which("iverilog") and shutil.which("vvp")),
                            reason="Icarus Verilog (iverilog, vvp) is not installed")


def simulate(job, verilog, folder, generation="2012"):
    """Carry out a job in Icarus Verilog.

    Parameters
    ----------
    job : Job
    verilog : str
        ``rtl.verilog.convert(Trainer(job.config, prototypes))``.
    folder : Path
        An empty one.
    generation : str
        One of :data:`GENERATIONS`.

    Returns
    -------
    dict of arrays
        What ``sim.bench.Bench.carry_out`` wrote.
    """
    (folder / "top.v").write_text(verilog)
    job.save(folder / "job.npz")
    runner = get_runner("icarus")
    options = dict(hdl_toplevel=TOP, build_dir=folder)
    # cocotb tells Icarus -g2012; the last one counts.
    runner.build(sources=[folder / "top.v"], build_args=[f"-g{generation}"], always=True,
                 timescale=("1ns", "1ps"), log_file=folder / "build.log", **options)
    outside_pytest = {key: value for key, value in os.environ.items()
                      if key != "PYTEST_CURRENT_TEST"}
    with patch.dict(os.environ, outside_pytest, clear=True):
        results = runner.test(
            test_module="sim.trainer_bench", hdl_toplevel_lang="verilog", test_dir=folder,
            log_file=folder / "simulation.log", results_xml=str(folder / "results.xml"),
            extra_env={"BENCH_JOB": str(folder / "job.npz"),
                       "BENCH_OUT": str(folder / "observations.npz")}, **options)
    assert get_results(Path(results)) == (1, 0), (folder / "simulation.log").read_text()[-4000:]
    with np.load(folder / "observations.npz") as file:
        return dict(file)
