"""The fitted part of the cost model: sums of terms with coefficients that are not negative."""

import numpy as np

from bep.cost.terms import paths, terms
from bep.flow.boards import target
from bep_model.config import Config

SIZES = ("luts", "ffs", "cells")
"""Sums of :func:`bep.cost.terms.terms`; the clock period is one of :func:`bep.cost.terms.paths`."""

COVERED, CONFIDENCE = 0.9, 0.8
"""At least this part of builds like those of the fit is inside of the stated interval, and how sure
that is."""

FEWEST = 3
"""Builds of a family to fit to."""


class Build:
    """A build that was measured, as a file of builds has it (:mod:`bep.experiments.builds`)."""

    def __init__(self, entry):
        self.entry = entry
        self.config, self.described = Config(**entry["config"]), target(entry["board"])
        self.family, self.held_out = self.described.family.name, entry["held_out"]
        self.store = entry["store"]
        self.measured, self.seed, self.board = entry["measured"], entry["seed"], entry["board"]
        self.sizes = terms(self.config, self.described, self.store)
        self.paths = paths(self.config, self.described, self.store)

    def of(self, what):
        """The terms and the measured value of one of :data:`SIZES`, or of the period in ns."""
        if what == "period_ns":
            fmax = self.measured["fmax_mhz"]
            return self.paths, fmax and 1e3 / fmax
        return self.sizes, self.measured[what]


def fitted(builds):
    """Fit the model to builds that are not held out and were placed with seed 1.

    Parameters
    ----------
    builds : sequence of Build

    Returns
    -------
    dict
        JSON; for each of :data:`SIZES` and ``period_ns``: ``coefficients``, a list of (component,
        term, coefficient); by family, ``spread``, the relative half-width of the interval, and
        ``builds``, their number. The interval comes from their errors if each is left out in turn.

    Raises
    ------
    ValueError
        For fewer than :data:`FEWEST` builds of a family.
    """
    used = [build for build in builds if not build.held_out and build.seed == 1]
    for family in dict.fromkeys(build.family for build in builds):
        count = sum(build.family == family and bool(build.measured["fmax_mhz"]) for build in used)
        if count < FEWEST:
            raise ValueError(f"there must be at least {FEWEST} builds to fit to, routed with seed "
                             f"1 and not held out, of the {family}, not {count}")
    return {what: one([(build.family, *build.of(what)) for build in used if build.of(what)[1]])
            for what in (*SIZES, "period_ns")}


def one(rows):
    """The fit of one quantity, to (family, terms, value) of builds."""
    keys = list(dict.fromkeys(key for _, found, _ in rows for key in found))
    values = np.array([value for *_, value in rows])
    matrix = np.array([[found.get(key, 0) for key in keys] for _, found, _ in rows])
    matrix = matrix / values[:, None]  # relative errors count
    errors = {}
    for i, (family, *_) in enumerate(rows):
        others = np.arange(len(rows)) != i
        errors.setdefault(family, []).append(abs(matrix[i] @ solve(matrix[others]) - 1))
    return {"coefficients": [[*key, float(f"{value:.4g}")]
                             for key, value in zip(keys, solve(matrix), strict=True) if value],
            "spread": {family: half_width(found) for family, found in errors.items()},
            "builds": {family: len(found) for family, found in errors.items()}}


def half_width(errors):
    """Of an interval that holds :data:`COVERED` of builds with such errors, with
    :data:`CONFIDENCE`: a tolerance limit without an assumption about their distribution (Wilks,
    "Determination of sample sizes for setting tolerance limits", Annals of Mathematical Statistics
    12, 1941). With too few builds for that it is their largest error."""
    from scipy.stats import binom  # slow to import, and only for who fits

    rank = min(len(errors), int(binom.ppf(CONFIDENCE, len(errors), COVERED)) + 1)
    return min(0.99, float(f"{sorted(errors)[rank - 1]:.3g}"))


def solve(matrix):
    """The non-negative x for which ``matrix @ x`` is nearest to 1."""
    from scipy.optimize import nnls  # slow to import, and only for who fits

    scale = np.maximum(np.abs(matrix).max(axis=0), 1e-12)
    return nnls(matrix / scale, np.ones(len(matrix)))[0] / scale


def predicted(fit, found, family):
    """The sum of a fit for the terms of a design, as {value, low, high}, and its parts by
    component."""
    parts = {}
    for component, term, coefficient in fit["coefficients"]:
        if (component, term) in found:
            parts[component] = parts.get(component, 0) + coefficient * found[component, term]
    value, spread = sum(parts.values()), fit["spread"][family]
    return {"value": value, "low": value * (1 - spread), "high": value * (1 + spread)}, parts


def values(fits, sizes, paths, family):
    """What a fit says of a design with these terms of its size and of its clock period.

    Returns
    -------
    (dict, dict)
        :data:`SIZES` and ``fmax_mhz``, as {value, low, high}; the sizes by component.
    """
    found, components = {}, {}
    for what in SIZES:
        found[what], parts = predicted(fits[what], sizes, family)
        for component, value in parts.items():
            components.setdefault(component, {})[what] = value
    found["cells"] = {end: max(found["cells"][end], found["luts"][end])
                      for end in found["cells"]}  # each has a look-up table at most
    period, _ = predicted(fits["period_ns"], paths, family)
    found["fmax_mhz"] = {end: 1e3 / period[other] for end, other in
                         (("value", "value"), ("low", "high"), ("high", "low"))}
    return found, components
