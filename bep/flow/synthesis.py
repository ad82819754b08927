"""From a configuration to a bitstream and a report, with tools installed by pip."""

import hashlib
import json
import os
import shlex
from dataclasses import asdict
from pathlib import Path
from unittest.mock import patch

from bep.flow import clocks, memories, stores, toolchain
from bep.flow.boards import NAMES, target
from bep.flow.links import UART, USB
from bep.flow.platforms import check_resources, oscillator, platform_of
from bep_model.config import Config
from bep_model.files import telling
from sim import folders, processes

FOREIGN = " top.transport* %d"
"""Takes the memories of the transport out of what ``Family.collision`` declares: those of LUNA may
use such words, and a queue between two clocks has no such case."""


def build(config, board, seed=1, build_dir="build", progress=lambda what: None,
          clock=clocks.AUTO, store="none", weights=None, link=UART):
    """Make the bitstream of a trainer, or return one made earlier.

    The files go to ``build_dir/<board>-<digest>``: the bitstream ``top.bin`` or ``top.bit``, the
    tools' logs, and ``report.json``. The digest covers the whole design as RTLIL, constraints,
    commands, seed, and the versions of the tools. A build that fails leaves nothing behind. A
    search for the clock leaves the builds that it tried, and ``<board>-clock-<digest>.json``.

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
    clock : str or float
        ``"auto"``: the fastest that ``clocks.fastest`` finds; ``"off"``: the board's oscillator;
        MHz: that, or the nearest legal clock of the PLL below it.
    store : str
        The sample store, as for :func:`bep.flow.stores.make`.
    weights : sequence of int, optional
        As for :class:`rtl.inference.Inference`: a design that only infers.
    link : str
        What carries the bytes of the host, one of ``links.LINKS``.

    Returns
    -------
    dict
        board, part, store, link, luts, ffs, brams, spram, fmax_mhz, clock_mhz (of the bitstream),
        oscillator_mhz, baud (of the serial port, else None), pll (its numbers as
        ``clocks.Setting`` has them, or None), meets_clock, seed, versions,
        utilisation (used and available, by the names of the placer), cells (that of the logic
        cells: what says how full the part is), critical_path (worst path
        between registers: from, to, delay_ns, blocks it passes), digest (of the
        configuration), clocks (achieved and wanted MHz of every clock, by its net), folder,
        bitstream (its file there). LUTs and FFs are counted after
        synthesis; the placer adds some that only pass a signal on, see `utilisation`.

    Raises
    ------
    TypeError
        For a configuration or seed of another type.
    ValueError
        For an unknown board, a mistake in its file, a seed or clock out of range, or a network
        that is too large for the part; then the text says what would help.
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
    described.check_link(link)
    if weights is not None and store != "none":
        raise ValueError(f"store must be none for a design that only infers, not {store}")
    setting, settings = setting_of(clock, board, store, link)
    check_state(config, described, weights is not None)

    def route(setting):
        return routed(config, board, described, seed, Path(build_dir), progress, setting, store,
                      weights, link)

    if clock != clocks.AUTO or not settings:
        return route(setting)
    deciding = {"digest": config.digest, "board": asdict(described), "seed": seed, "store": store,
                "weights": weights and list(weights), "link": link,
                "settings": [each.hz for each in settings], "margin": clocks.MARGIN,
                "versions": toolchain.versions()}
    digest = hashlib.sha256(json.dumps(deciding).encode()).hexdigest()
    path = Path(build_dir) / f"{Path(board).stem}-clock-{digest[:12]}.json"
    return clocks.remembered(path, settings, route)


def setting_of(clock, board, store="none", link=UART):
    """The setting of the PLL for a clock, and all that a board has with this store and link.

    Parameters and errors as of :func:`build`.

    Returns
    -------
    (clocks.Setting or None, list of clocks.Setting)
        None for ``"auto"`` and ``"off"``.
    """
    described = target(board)
    with telling(board):
        settings = [setting for setting in described.settings(oscillator(described), link)
                    if setting.hz <= stores.fastest(store)]
    return None if clock in (clocks.AUTO, clocks.OFF) else clocks.wanted(clock, settings), settings


def routed(config, board, described, seed, build_dir, progress, setting, store, weights, link):
    """The report of :func:`build` for one setting of the PLL, or None."""
    name, versions = Path(board).stem, toolchain.versions()
    inference = weights is not None
    say = (lambda what: progress(f"{what}, {setting.hz / 1e6:.4g} MHz")) if setting else progress
    say("generating the design")
    with telling(board):
        plan, clock_hz = prepare(config, described, seed, setting, store, weights, link)

    def make(folder):
        implement(plan, folder, config, described, say, inference)
        placed = toolchain.placed(folder)
        return {
            "board": name,
            "part": described.part,
            "store": store,
            "link": link,
            **described.family.used(toolchain.cells(folder)),
            **toolchain.timing(folder, clock_hz),
            "oscillator_mhz": oscillator(described) / 1e6,
            "baud": described.rate(clock_hz) if link == UART else None,
            "pll": setting and asdict(setting),
            "seed": seed,
            "versions": versions,
            "utilisation": placed,
            "cells": placed[described.family.logic_cell],
            "digest": config.digest,
            "bitstream": described.family.bitstream,
        }
    return kept(plan, versions, build_dir, f"{name}-inference" if inference else name, make)


def synthesize(config, board, build_dir="build", progress=lambda what: None, store="none"):
    """Synthesise the design of a board without placing it, or return an earlier result.

    It may be larger than the part. Files go to ``build_dir/<board>-synthesis-<digest>``.

    Parameters
    ----------
    config : Config
    board, build_dir, progress, store
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
        plan, _ = prepare(config, described, seed=1, store=store)  # no matter which seed

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

    def fill(temporary):
        plan.extract(temporary)
        report = make(temporary)
        (temporary / "report.json").write_text(json.dumps(report, indent=2) + "\n",
                                               encoding="utf-8")
        return ["report.json", *([report["bitstream"]] if "bitstream" in report else [])]

    folders.kept(folder, fill)
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return report | {"folder": str(build_dir / folder.name)}


def prepare(config, described, seed, setting=None, store="none", weights=None, link=UART):
    """Return Amaranth's build plan, which depends on the design only, and the clock in Hz.

    The clock is that of a ``clocks.Setting`` of the PLL, or the oscillator's.

    Raises ValueError for a board whose file does not suit its platform.
    """
    platform, family = platform_of(described), described.family
    check_resources(platform, described, store, link)
    # Amaranth takes options from the environment. Boards that are programmed by a tool of their
    # own ask for it even when only building.
    env = processes.environment(OPENFPGALOADER="none", **family.tools)
    with patch.dict(os.environ, env, clear=True):
        plan = platform.prepare(
            described.top(config, setting, store, weights, link), "top",
            emit_src=False,  # source locations would put the checkout's folder into the plan
            synth_opts=family.synth_opts,
            script_after_read=family.collision + FOREIGN * (link == USB),
            script_after_synth="tee -o top.stat.json stat -json",
            # A clock that is missed is no failure of the tool: the report tells.
            nextpnr_opts=["--seed", str(seed), "--report", "top.report.json",
                          "--timing-allow-fail"],
        )
    return plan, setting.hz if setting else round(platform.default_clk_frequency)


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
    bits = sum(described.memory_bits.values())
    if config.memory_bits > bits:
        raise too_large([f"{config.memory_bits} of {bits} bits of memory for weights and counters"],
                        memories.SMALLER)


def too_large(needs, *advice):
    """The exception for a design that does not fit, with its needs and advice."""
    return ValueError("; ".join([f"network larger than the part: needs {' and '.join(needs)}",
                                 *advice]))
