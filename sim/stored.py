"""Co-simulation of a board at its pins whose sample store feeds it."""

import numpy as np

from bep_model.fit.training import chip_order
from bep_model.phases import frame
from bep_model.protocol import COUNTERS
from bep_model.words import integers
from rtl.cycles import BETWEEN, formulas_of
from sim import chips, folders, processes
from sim.board_bench import Pins
from sim.compare import compare
from sim.expected import COUNTED, expected
from sim.simulate import simulate

NOT_SENT = ("prediction", "error", "triggered")
"""What a trainer does not send of stored samples: it counts them."""


def check_stored(job, store, *, fill=False, command="", progress=None, root="build", waves=False,
                 **options):
    """Carry out a job from the sample store of a simulated board, and in the golden model.

    Parameters
    ----------
    job : Job
        Run n has the order ``chip_order(job.seed, n, N)`` of all N samples.
    store : wiring.Component
        As for :class:`rtl.board.Board`.
    fill : bool
        Fill the store over the link. Else a chip holds the set from the start; block RAM is filled
        anyway.
    command, progress, root, waves
        As for :func:`sim.check.check`.
    **options
        Of ``rtl.trainer.Trainer``.

    Returns
    -------
    dict
        - ``mismatches``, ``compared_counters``, ``report``: as of :func:`sim.check.check`; compared
          are the counters, the random bank, and all performance counters but that of waiting;
        - ``samples``, ``errors``, ``triggered``, ``updates``: counted by the gateware;
        - ``cycles_per_sample``: clocks from sample to sample at the pins, by run;
        - ``core_cycles_per_sample``: those of a trainer whose samples are always there, by run;
        - ``fed``: the latter divided by the former, by run.

    Raises
    ------
    SimulationError
        When the simulation does not build or run to its end, a chip's rule is broken included.
    """
    for n, run in enumerate(job.runs):
        np.testing.assert_array_equal(run.order, chip_order(job.seed, n, len(job.x)))
    prototypes = integers(frame.prototypes(job.config))
    with folders.temporary(root) as own, processes.grouped(TMPDIR=str(own)):
        pins = Pins(job.config, prototypes, store, **options)
        verilog = pins.verilog()
    files = {} if fill or pins.chip is None else {
        chips.CONTENT: pins.chip.content(job.packed()[1])}
    want = expected(job, formulas_of(job.config, options), progress)
    got = simulate(job, verilog, bench="sim.store_bench", root=root, waves=waves,
                   files=files)
    comparison = compare(job, want | {kind: np.empty(0, np.int64) for kind in NOT_SENT}, got,
                         command, timed=False)
    performance = got["performance"]
    counted = dict(zip((name.lower() for name in COUNTERS),
                       (performance[-1] - performance[0]).tolist(), strict=True))
    working = np.diff(want["performance"][:, len(COUNTED):].sum(axis=1))
    core = working / len(job.x) + BETWEEN
    return {
        "mismatches": comparison.mismatches,
        "compared_counters": comparison.compared_counters,
        "report": comparison.report,
        **{name.lower(): counted[name.lower()] for name in COUNTED},
        "cycles_per_sample": got["paces"].tolist(),
        "core_cycles_per_sample": core.tolist(),
        "fed": (core / got["paces"]).tolist(),
    }
