"""Carry out a job in a Verilator simulation."""

import tempfile
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from sim import folders
from sim.verilator import PORTS, build, run


def simulate(job, verilog, *, bench="sim.trainer_bench", root="build", waves=False, files=None,
             look=None):
    """Simulate a trainer.

    Parameters
    ----------
    job : Job
    verilog : str
        ``rtl.verilog.convert(Trainer(job.config, prototypes))``.
    bench : str
        Module of the bench; ``sim.board_bench`` takes the Verilog of its ``Pins``.
    root : path
        Build folder.
    waves : bool
        Keep the run's folder ``sim/run-*`` with waves in ``dump.vcd``, even after a failure.
    files : dict of str to bytes, optional
        More files in the run's folder, by their names.
    look : callable, optional
        Called at the end with the path of waves of the ports, which are not kept.

    Returns
    -------
    dict of arrays
        What ``sim.bench.Bench.carry_out`` wrote.

    Raises
    ------
    SimulationError
    """
    traced = PORTS if look else waves
    simulator = build(verilog, root, waves=traced)
    place = simulator.parent
    with (nullcontext(tempfile.mkdtemp(prefix="run-", dir=place)) if waves
          else folders.temporary(place)) as folder:
        folder = Path(folder)
        job.save(folder / "job.npz")
        for name, octets in (files or {}).items():
            (folder / name).write_bytes(octets)
        run(simulator, bench, folder, waves=traced, variables={
            "BENCH_JOB": str(folder / "job.npz"), "BENCH_OUT": str(folder / "observations.npz")})
        if look:
            look(folder / "dump.vcd")
        with np.load(folder / "observations.npz") as file:
            return dict(file)
