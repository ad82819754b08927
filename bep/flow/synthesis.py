"""From a configuration to a bitstream and a report, with tools installed by pip."""

import hashlib
import json
import os
import shlex
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

from amaranth import vendor
from amaranth.build import Pins

from bep.flow import memories, toolchain
from bep.flow.boards import NAMES, target
from bep_model.config import Config
from bep_model.files import telling
from sim import folders, processes


def build(config, board, seed=1, build_dir="build", progress=lambda what: None, weights=None):
    """Make the bitstream of a trainer, or return one made earlier.

    The files go to ``build_dir/<board>-<digest>``: the bitstream ``top.bin`` or ``top.bit``, the
    tools' logs, and ``report.json``. The digest covers the whole design as RTLIL, constraints,
    commands, seed, and the versions of the tools. A build that fails leaves nothing behind.

    Parameters
    ----------
    config : Config
    board : str
        As for :func:`bep.flow.boards.target`.
    seed : int
        Of the placer, 0..2**31-1.
    build_dir : path
    progress : callable
        Called with a short text about each step.
    weights : sequence of int, optional
        As for :class:`rtl.inference.Inference`: a design that only infers.

    Returns
    -------
    dict
        board, part, luts, ffs, brams, spram, fmax_mhz, clock_mhz, meets_clock, seed, versions,
        utilisation (used and available, by the names of the placer), cells (that of the logic
        cells: what says how full the part is), critical_path (worst path
        between registers: from, to, delay_ns, blocks it passes), digest (of the
        configuration), folder, bitstream (its file there). LUTs and FFs are counted after
        synthesis; the placer adds some that only pass a signal on, see `utilisation`.

    Raises
    ------
    TypeError
        For a configuration or seed of another type.
    ValueError
        For an unknown board, a mistake in its file, a seed out of range, or a network that is too
        large for the part; then the text says what would help.
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
    name = Path(board).stem
    inference = weights is not None
    check_state(config, described, inference)
    versions = toolchain.versions()
    progress("generating the design")
    with telling(board):
        plan, clock_hz = prepare(config, described, seed, weights)

    def make(folder):
        implement(plan, folder, config, described, progress, inference)
        return {
            "board": name,
            "part": described.part,
            **described.family.used(toolchain.cells(folder)),
            **toolchain.timing(folder, clock_hz),
            "seed": seed,
            "versions": versions,
            "utilisation": toolchain.placed(folder),
            "digest": config.digest,
            "bitstream": described.family.bitstream,
        }
    kind = f"{name}-inference" if inference else name
    report = kept(plan, versions, Path(build_dir), kind, make)
    return report | {"cells": report["utilisation"][described.family.logic_cell]}


def synthesize(config, board, build_dir="build", progress=lambda what: None):
    """Synthesise the design of a board without placing it, or return an earlier result.

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
    family, name = described.family, Path(board).stem
    versions = toolchain.versions()
    progress("generating the design")
    with telling(board):
        plan, _ = prepare(config, described, seed=1)  # no matter which: nothing is placed

    def make(folder):
        tool, arguments = next(commands(plan))
        progress(family.steps[tool])
        toolchain.run(family.tools[tool], arguments, folder, "top.rpt")
        return {"board": name, "part": described.part, **family.used(toolchain.cells(folder)),
                "versions": versions, "digest": config.digest}
    return kept(plan, versions, Path(build_dir), f"{name}-synthesis", make)


def kept(plan, versions, build_dir, name, make):
    """The report in the folder of a plan; ``make`` makes it anew unless the folder is complete.

    ``make`` is called with a folder of the plan's files, which is kept only if it returns a report.
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


def prepare(config, described, seed, weights=None):
    """Return Amaranth's build plan, which depends on the design only, and the clock in Hz.

    Raises ValueError for a board whose file does not suit its platform.
    """
    platform, family = platform_of(described), described.family
    check_resources(platform, described)
    # Amaranth takes options from the environment. Boards that are programmed by a tool of their
    # own ask for it even when only building.
    env = processes.environment(OPENFPGALOADER="none", **family.tools)
    with patch.dict(os.environ, env, clear=True):
        plan = platform.prepare(
            described.top(config, weights), "top",
            emit_src=False,  # source locations would put the checkout's folder into the plan
            synth_opts=family.synth_opts,
            script_after_read=family.collision,
            script_after_synth="tee -o top.stat.json stat -json",
            nextpnr_opts=["--seed", str(seed), "--report", "top.report.json"],
        )
    return plan, round(platform.default_clk_frequency)


def platform_of(described):
    """The platform of amaranth-boards that a :class:`bep.flow.boards.Target` names.

    Raises ValueError if it does not exist or has another part.
    """
    module, _, name = described.platform.partition(":")
    try:
        platform = getattr(import_module(module), name)()
    except (ModuleNotFoundError, AttributeError, TypeError, ValueError) as error:
        if getattr(error, "name", None) == "amaranth_boards":
            raise  # it is not installed
        raise ValueError(f"platform must be MODULE:CLASS of amaranth-boards, not "
                         f"{described.platform!r}: {error}") from None
    family = described.family
    part = family.naming.format(platform) if isinstance(
        platform, getattr(vendor, family.platform)) else platform.device
    if part != described.part:
        raise ValueError(f"part must be {part}, which {described.platform} has, not "
                         f"{described.part}")
    return platform


def check_resources(platform, described):
    """Raise ValueError, with the key, for a port, button or LED that the platform does not have."""
    if ("uart", 0) not in platform.resources:
        raise ValueError(f"platform must have a serial port, and {described.platform} has none")
    taken = {}
    for key, direction in (("reset", "i"), ("busy", "o"), ("refused", "o")):
        wanted = getattr(described, key)
        if wanted is None:
            continue
        pins = {name: resource.ios[0].names[0] for name, resource in platform.resources.items()
                if isinstance(resource.ios[0], Pins) and len(resource.ios[0].names) == 1
                and resource.ios[0].dir in (direction, "io") and resource.clock is None}
        if tuple(wanted) not in pins:
            known = ", ".join(json.dumps(name) for name in pins)
            raise ValueError(f"{key} must be one of {known} of {described.platform}, not "
                             f"{json.dumps(wanted)}")
        other = taken.setdefault(pins[tuple(wanted)], key)
        if other != key:
            raise ValueError(f"{key} must be another pin than {other}, not {json.dumps(wanted)}")


def commands(plan):
    """The tools that a build plan runs in order: pairs (key of Family.tools, arguments)."""
    for line in plan.files["build_top.sh"].splitlines():
        if line.startswith('"$'):
            tool, *arguments = shlex.split(line)
            yield tool.removeprefix("$"), arguments


def implement(plan, folder, config, described, progress, inference=False):
    """Run the commands of a build plan that was extracted into ``folder``.

    Raises ValueError if the design is larger than the part, and toolchain.ToolError.
    """
    family = described.family
    for tool, arguments in commands(plan):
        log = next((name for name in ("top.rpt", "top.tim") if name in arguments), None)
        step = family.steps[tool]
        progress(step)
        try:
            toolchain.run(family.tools[tool], arguments, folder, log)
        except toolchain.ToolError:
            if step == "place and route" and (over := toolchain.overused(folder / log)):
                name, used, available = over
                raise too_large([f"{used} of {available} {name} cells"],
                                memories.FEWER_LANES) from None
            raise
        if step == "synthesis":
            check(config, described, family.used(toolchain.cells(folder)), inference)


def check(config, described, used, inference=False):
    """Raise ValueError if the part has too little of a resource."""
    available = described.available
    lacking = [key for key in NAMES if used[key] > available[key]]
    if lacking:
        raise too_large([f"{used[key]} of {available[key]} {NAMES[key]}" for key in lacking],
                        *memories.advice(config, described, lacking, inference))


def check_state(config, described, inference=False):
    """Raise ValueError if the memories of a part cannot hold the state, however it is packed.

    So no hopeless design is generated. Inference has the weights in block RAM, or in look-up
    tables of 16 bits if that is less.
    """
    if inference:
        bits = (described.available["brams"] * described.family.bits["brams"]
                + 16 * described.available["luts"])
        needed = sum(neurons * fan_in for neurons, fan_in in config.shapes)
        if needed > bits:
            raise too_large([f"{needed} of {bits} bits of initialised memory for weights"],
                            *memories.advice(config, described, ["brams"], inference))
        return
    bits = sum(described.available[key] * each for key, each in described.family.bits.items())
    if config.memory_bits > bits:
        raise too_large([f"{config.memory_bits} of {bits} bits of memory for weights and counters"],
                        memories.SMALLER)


def too_large(needs, *advice):
    """The exception for a design that does not fit, with its needs and advice."""
    return ValueError("; ".join([f"network larger than the part: needs {' and '.join(needs)}",
                                 *advice]))
