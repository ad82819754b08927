"""Running the synthesis tools (YoWASP, installed by pip) and reading their reports."""

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

from bep.flow import families
from sim import processes

PACKAGES = ("amaranth", "amaranth-boards", *families.PACKAGES)
"""Packages that, besides the design, determine a bitstream."""


class ToolError(processes.ProgramError):
    """A tool ended with an error; the text is the end of its output."""


def run(program, arguments, folder, log=None):
    """Run a tool to its end.

    Parameters
    ----------
    program : str
        As its package installs it.
    arguments : list of str
        File names relative to ``folder``: the tools are WebAssembly and do not see every folder of
        the system, but always their working folder.
    folder : path
        The tools' temporary files are there, too.
    log : str, optional
        File in ``folder`` that the tool itself logs to.

    Raises
    ------
    ToolError
        If it ends with an error.
    FileNotFoundError
        If it is not installed.
    """
    found = importlib.metadata.entry_points(group="console_scripts", name=program)
    if not found:
        raise not_installed(program)
    (entry,) = {(each.module, each.attr) for each in found}
    # -P: a file in the folder must not be taken for a module
    command = [sys.executable, "-P", "-c", "import sys; from {} import {} as main; sys.exit(main())"
               .format(*entry), *arguments]
    env = processes.environment(TMPDIR=str(Path(folder).absolute()))
    ended = processes.run(command, cwd=folder, env=env, encoding="utf-8", errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if ended.returncode:
        said = ended.stdout
        if log is not None and (Path(folder) / log).exists():
            said += (Path(folder) / log).read_text(encoding="utf-8", errors="replace")
        raise ToolError(f"{program} failed:\n" + "\n".join(said.splitlines()[-15:]))


def not_installed(what):
    """The exception for a missing tool or package."""
    return FileNotFoundError(f"{what} is not installed: pip install 'bep-trainer[flow]'")


def versions():
    """Return the versions of the Python packages that determine a bitstream, by name.

    Raises
    ------
    FileNotFoundError
        If one is not installed.
    """
    try:
        return {package: importlib.metadata.version(package) for package in PACKAGES}
    except importlib.metadata.PackageNotFoundError as error:
        raise not_installed(error.name) from None


def cells(folder):
    """Return how many cells of each type there are after synthesis."""
    statistics = json.loads((folder / "top.stat.json").read_text(encoding="utf-8"))
    return statistics["design"]["num_cells_by_type"]


def placed(folder):
    """Return what nextpnr used and had available, for every kind of cell that was used."""
    report = json.loads((folder / "top.report.json").read_text(encoding="utf-8"))
    return {name: entry for name, entry in report["utilization"].items() if entry["used"]}


def timing(folder, clock_hz):
    """Return fmax_mhz, clock_mhz, meets_clock, critical_path and clocks of the routed design.

    The Fmax is that of the clock in Hz; if there are others, they must be met as well.
    """
    report = json.loads((folder / "top.report.json").read_text(encoding="utf-8"))
    clocks = {net: [round(clock[key], 2) for key in ("achieved", "constraint")]
              for net, clock in report["fmax"].items()}
    ours = {net for net, (_, wanted) in clocks.items() if abs(wanted * 1e6 / clock_hz - 1) < 1e-3}
    fmax = min(clock["achieved"] for net, clock in report["fmax"].items() if net in ours)
    worst = {}
    for path in report["critical_paths"]:
        delay = sum(piece["delay"] for piece in path["path"])
        inside = path["from"] == path["to"] and path["from"].split()[-1] in ours
        if inside and delay > worst.get("delay_ns", 0):
            ends = path["path"][0]["from"]["cell"], path["path"][-1]["to"]["cell"]
            passed = [piece["to"]["cell"].rpartition(".")[0] for piece in path["path"]]
            worst = {"from": ends[0], "to": ends[1], "delay_ns": round(delay, 2),
                     "blocks": list(dict.fromkeys(passed))}
    return {
        "fmax_mhz": round(fmax, 2),
        "clock_mhz": clock_hz / 1e6,
        "meets_clock": fmax * 1e6 >= clock_hz and all(
            achieved >= wanted for net, (achieved, wanted) in clocks.items() if net not in ours),
        "critical_path": worst,
        "clocks": clocks,
    }


def overused(log):
    """The kind of cell of which a part has too few, from nextpnr's log: cell, used, available.

    None if nextpnr failed for another reason.
    """
    for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else ():
        words = line.replace("/", " ").split()
        if len(words) == 5 and words[0] == "Info:" and words[4].endswith("%"):
            name, used, available = words[1].rstrip(":"), int(words[2]), int(words[3])
            if used > available:
                return name, used, available
    return None
