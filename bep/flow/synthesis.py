"""From a configuration to a bitstream and a report, with tools that pip installs."""

import hashlib
import json
import os
import shlex
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

from bep.flow import toolchain
from bep.flow.boards import BITS, NAMES, target
from bep_model.config import Config
from sim import folders, processes


def build(config, board, seed=1, build_dir="build", progress=lambda what: None):
    """Make the bitstream of a trainer, or find it made earlier.

    The files go to ``build_dir/<board>-<digest>``: the bitstream ``top.bin`` or ``top.bit``, the
    tools' logs, and ``report.json``. The digest covers the whole design as RTLIL, constraints,
    commands, seed, and the versions of the tools. A build that fails leaves nothing behind.

    Parameters
    ----------
    config : Config
    board : str
        See :func:`boards`.
    seed : int
        Of the placer, 0..2**31-1.
    build_dir : path
    progress : callable
        Called with a few words about each step.

    Returns
    -------
    dict
        board, part, luts, ffs, brams, spram, fmax_mhz, clock_mhz, meets_clock, seed, versions,
        utilisation (used and available, by the names of the placer), critical_path (worst path
        between registers: from, to, delay_ns, blocks it passes), digest (of the
        configuration), folder, bitstream (its file there). LUTs and FFs are those after
        synthesis; the placer adds some that only pass a signal on, see `utilisation`.

    Raises
    ------
    TypeError
        For a configuration or seed of another type.
    ValueError
        For an unknown board, a seed out of range, or a network larger than the part.
    FileNotFoundError
        If a tool is not installed.
    toolchain.ToolError
        If a tool fails.
    """
    if not isinstance(config, Config):
        raise TypeError(f"config must be a Config, not {config!r}")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise TypeError(f"seed must be an integer, not {seed!r}")
    if not 0 <= seed < 1 << 31:
        raise ValueError(f"seed must be between 0 and {(1 << 31) - 1}, not {seed}")
    described = target(board)
    check_state(config, described.available)
    versions = toolchain.versions()
    progress("generating the design")
    plan, clock_hz = prepare(config, described, seed)

    def make(folder):
        implement(plan, folder, described.available, progress)
        return {
            "board": board,
            "part": described.part,
            **toolchain.cells(folder),
            **toolchain.timing(folder, clock_hz),
            "seed": seed,
            "versions": versions,
            "utilisation": toolchain.placed(folder),
            "digest": config.digest,
            "bitstream": next(name for name in ("top.bin", "top.bit") if (folder / name).exists()),
        }
    return kept(plan, versions, Path(build_dir), board, make)


def synthesize(config, board, build_dir="build", progress=lambda what: None):
    """Synthesise the design of a board without placing it, or find that done earlier.

    It may be larger than the part. Files go to ``build_dir/<board>-synthesis-<digest>``.

    Parameters
    ----------
    config : Config
    board, build_dir, progress
        As for :func:`build`.

    Returns
    -------
    dict
        board, part, luts, ffs, brams, spram, versions, digest (of the configuration), folder.

    Raises
    ------
    ValueError, FileNotFoundError, toolchain.ToolError
        For an unknown board, a tool that is not installed, a tool that fails.
    """
    described = target(board)
    versions = toolchain.versions()
    progress("generating the design")
    plan, _ = prepare(config, described, seed=1)  # no matter which: nothing is placed

    def make(folder):
        progress("synthesis")
        for tool, arguments in commands(plan):
            if tool == "YOSYS":
                toolchain.run(tool, arguments, folder, "top.rpt")
        return {"board": board, "part": described.part, **toolchain.cells(folder),
                "versions": versions, "digest": config.digest}
    return kept(plan, versions, Path(build_dir), f"{board}-synthesis", make)


def kept(plan, versions, build_dir, name, make):
    """The report in the folder of a plan; unless that is complete, it is made anew by ``make``.

    ``make`` is called with a folder of the plan's files, which stays only if it returns a report.
    """
    digest = hashlib.sha256(plan.digest() + json.dumps(versions).encode()).hexdigest()
    folder = Path(build_dir).absolute() / f"{name}-{digest[:12]}"
    if not folders.complete(folder):
        with folders.temporary(folder.parent) as own:
            temporary = own / "build"
            temporary.mkdir()
            plan.extract(temporary)
            report = make(temporary)
            (temporary / "report.json").write_text(json.dumps(report, indent=2) + "\n",
                                                   encoding="utf-8")
            made = [report["bitstream"]] if "bitstream" in report else []
            folders.publish(temporary, folder, ["report.json", *made])
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return report | {"folder": str(build_dir / folder.name)}


def prepare(config, described, seed):
    """Return Amaranth's build plan, the same whenever the design is, and the clock in Hz."""
    module, _, name = described.platform.partition(":")
    platform = getattr(import_module(module), name)()
    # Amaranth takes options from the environment. Boards that are programmed by a tool of their
    # own ask for it even when only building.
    with patch.dict(os.environ, processes.environment(OPENFPGALOADER="none", **toolchain.TOOLS),
                    clear=True):
        plan = platform.prepare(
            described.top(config), "top",
            emit_src=False,  # source locations would put the folder of the checkout into the plan
            synth_opts=described.synth_opts,
            # No word is read and written in one cycle, or else what is read is not used: without
            # this, yosys adds logic to every memory for the old value in that case.
            script_after_read="setparam -set COLLISION_X_MASK 1'1 t:$memrd_v2",
            script_after_synth="tee -o top.stat.json stat -json",
            nextpnr_opts=["--seed", str(seed), "--report", "top.report.json"],
        )
    return plan, round(platform.default_clk_frequency)


def commands(plan):
    """The tools that a build plan runs in order: pairs (key of toolchain.TOOLS, arguments)."""
    for line in plan.files["build_top.sh"].splitlines():
        if line.startswith('"$'):
            tool, *arguments = shlex.split(line)
            yield tool.removeprefix("$"), arguments


def implement(plan, folder, available, progress):
    """Carry out the commands of a build plan that was extracted into ``folder``.

    Raises ValueError if the design turns out larger than the part, and toolchain.ToolError.
    """
    what = {"YOSYS": "synthesis", "NEXTPNR_ICE40": "place and route",
            "NEXTPNR_ECP5": "place and route", "ICEPACK": "bitstream", "ECPPACK": "bitstream"}
    for tool, arguments in commands(plan):
        log = next((name for name in ("top.rpt", "top.tim") if name in arguments), None)
        progress(what[tool])
        try:
            toolchain.run(tool, arguments, folder, log)
        except toolchain.ToolError:
            if tool.startswith("NEXTPNR"):
                check_placed(folder / "top.tim")
            raise
        if tool == "YOSYS":
            check(toolchain.cells(folder), available)


def check(used, available, approximately=""):
    """Raise ValueError if a part has too little of a resource."""
    lacking = [f"{approximately}{used[key]} of {available[key]} {name}"
               for key, name in NAMES.items() if used.get(key, 0) > available[key]]
    if lacking:
        raise ValueError(f"network larger than the part: needs {' and '.join(lacking)}")


def check_state(config, available):
    """Raise ValueError if the memories of a part could not hold the state, however it is packed.

    It spares the generation of a design that is hopeless.
    """
    signs = config.sign_depth * config.weight_lanes
    counters = config.counter_depth * config.counter_lanes * (config.counter_bits - 1)
    bits = sum(available[key] * available[bits] for key, bits in BITS.items())
    if signs + counters > bits:
        raise ValueError(f"network larger than the part: needs {signs + counters} of {bits} bits "
                         "of memory for weights and counters")


def check_placed(log):
    """Raise ValueError if the log of a placer that failed says that a resource did not suffice."""
    for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else ():
        words = line.replace("/", " ").split()
        if len(words) == 5 and words[0] == "Info:" and words[4].endswith("%"):
            name, used, available = words[1].rstrip(":"), int(words[2]), int(words[3])
            if used > available:
                raise ValueError(f"network larger than the part: needs {used} of {available} "
                                 f"{name} cells")
