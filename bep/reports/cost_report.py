"""docs/cost-model.md and results/cost-model.json: what the cost model predicts beside builds."""

from pathlib import Path
from statistics import mean, median

from bep import results
from bep.cost import fit
from bep.experiments.builds import current
from bep.flow import memories
from bep.reports import documents
from bep_model.fit.presets import net_name

NAMES = {"luts": "LUT4", "ffs": "flip-flops", "cells": "logic cells", "fmax_mhz": "Fmax"}
FITTED = tuple(NAMES)


def compared(build, fits):
    """The entry of a build in cost-model.json, with its prediction."""
    predicted, _ = fit.values(fits, build.sizes, build.paths, build.family)
    return {"configuration": build.entry["config"], "board": build.board, "family": build.family,
            "seed": build.seed, "draw": build.entry["draw"], "store": build.store,
            "held_out": build.held_out,
            "predicted": predicted | memories.built(build.config, build.described, build.store),
            "measured": build.measured}


def error(entry, what):
    """Relative error of a fitted value; None if there is no measured one."""
    measured = entry["measured"][what]
    return measured and entry["predicted"][what]["value"] / measured - 1


def covered(entry, what):
    """Whether a measured value is inside of the interval."""
    found = entry["predicted"][what]
    return found["low"] <= entry["measured"][what] <= found["high"]


def summary(entries):
    """Median and worst errors by family, for builds of the fit and held-out ones, as JSON."""
    lines = []
    for family in dict.fromkeys(each["family"] for each in entries):
        for held_out in (False, True):
            some = [each for each in entries if each["seed"] == 1
                    and (each["family"], each["held_out"]) == (family, held_out)]
            if some:
                lines.append({"family": family, "held_out": held_out, "builds": len(some),
                              **{what: errors(some, what) for what in FITTED},
                              "memories_exact": sum(map(exact, some))})
    return lines


def exact(entry):
    """Whether the numbers of memory blocks are as predicted."""
    return all(entry["predicted"][key] == entry["measured"][key] for key in ("brams", "spram"))


def errors(entries, what):
    """Median and worst absolute relative error, and how many are inside of the interval."""
    found = [each for each in entries if each["measured"][what]]
    sizes = [abs(error(each, what)) for each in found]
    return {"builds": len(found), "median": median(sizes), "worst": max(sizes),
            "inside": sum(covered(each, what) for each in found)} if found else None


def noise(builds):
    """Fmax of designs that were placed with several seeds, by board, as JSON."""
    groups = {}
    for build in builds:
        if build.measured["fmax_mhz"]:
            groups.setdefault((build.board, build.store, build.config.digest), []).append(build)
    return [{"board": board, "draw": of[0].entry["draw"], "seeds": len(of),
             "fmax_mhz": sorted(build.measured["fmax_mhz"] for build in of),
             "spread": (max(fmax) - min(fmax)) / mean(fmax)}
            for (board, *_), of in groups.items() if len(of) > 1
            and (fmax := [build.measured["fmax_mhz"] for build in of])]


def page(stored):
    """The text of docs/cost-model.md, from the contents of cost-model.json."""
    def fraction(value):
        return f"{100 * value:.1f} %"

    table = [["family", "builds", "used for",
              *(f"{name}: median, worst, inside" for name in NAMES.values()),
              "memories exact"]]
    for line in stored["summary"]:
        table.append([line["family"], str(line["builds"]),
                      "trial" if line["held_out"] else "fit", *(
                          f"{fraction(line[what]['median'])}, {fraction(line[what]['worst'])}, "
                          f"{line[what]['inside']} of {line[what]['builds']}"
                          if line[what] else "" for what in FITTED),
                      f"{line['memories_exact']} of {line['builds']}"])
    seeds = [["board", "draw", "seeds", "Fmax, MHz", "spread"]]
    seeds += [[each["board"], "{} {}".format(*each["draw"]), str(each["seeds"]),
               ", ".join(f"{fmax:.1f}" for fmax in each["fmax_mhz"]), fraction(each["spread"])]
              for each in stored["noise"]]
    builds = [["board", "draw", "network", "B_h", "P, Q", "batch", "T", "stable", "store", "for",
               "LUT4", "flip-flops", "cells", "Fmax, MHz", "block RAM"]]
    for each in stored["builds"]:
        if each["seed"] == 1:
            builds.append(row(each))
    fits = stored["fit"]
    sizes = [["term", *(NAMES[what] for what in fit.SIZES)]]
    sizes += [[f"{component}: {term}", *(value(fits[what], component, term)
                                         for what in fit.SIZES)] for component, term in named(fits)]
    periods = [["term", "ns"]]
    periods += [[term, f"{coefficient:.3g}"]
                for _, term, coefficient in fits["period_ns"]["coefficients"]]
    widths = [["family", *(f"{NAMES.get(what, 'clock period')}: builds, interval"
                           for what in fits)]]
    widths += [[family, *(f"{one['builds'][family]}, ±{fraction(one['spread'][family])}"
                          for one in fits.values())] for family in fits["luts"]["builds"]]
    return documents.render("cost-model.md.j2", summary=table, noise=seeds, builds=builds,
                            sizes=sizes, periods=periods, widths=widths,
                            covered=fit.COVERED, confidence=fit.CONFIDENCE,
                            count=len(builds) - 1, older=stored["other_gateware"])


def row(each):
    """A build's line of the page: predicted and measured."""
    config, predicted, measured = each["configuration"], each["predicted"], each["measured"]
    return [each["board"], "{} {}".format(*each["draw"]),
            f"{config['inputs']}-{net_name(config['layers'], config.get('windows', ()))}"
            f"-{config['classes']}",
            str(config["counter_bits"]), f"{config['weight_lanes']}, {config['counter_lanes']}",
            str(config["max_batch"]), str(config["max_steps"] or ""),
            "yes" if config["stable"] else "", each["store"].replace("none", ""),
            "trial" if each["held_out"] else "fit",
            *(f"{predicted[what]['value']:,.0f}, {measured[what]:,}" if measured[what] else
              f"{predicted[what]['value']:,.0f}" for what in fit.SIZES),
            f"{predicted['fmax_mhz']['value']:.1f}, {measured['fmax_mhz']:.1f}"
            if measured["fmax_mhz"] else f"{predicted['fmax_mhz']['value']:.1f}",
            f"{predicted['brams']}, {measured['brams']}"]


def named(fits):
    """The terms that any size of a family has, in order."""
    return list(dict.fromkeys((component, term) for what in fit.SIZES
                              for component, term, _ in fits[what]["coefficients"]))


def value(fit_of, component, term):
    """A coefficient as a text, nothing for 0."""
    return next((f"{coefficient:.3g}" for *key, coefficient in fit_of["coefficients"]
                 if key == [component, term]), "")


def write(entries, docs):
    """Write cost-model.json and cost-model.md into a folder of documents, from a file of builds.

    Return the fit.
    """
    builds = [fit.Build(entry) for entry in entries]
    fits = fit.fitted(builds)
    found = [compared(build, fits) for build in builds]
    stored = {"summary": summary(found), "noise": noise(builds), "fit": fits, "builds": found,
              "other_gateware": sum(not current(entry) for entry in entries)}
    docs = Path(docs)
    (docs / "results").mkdir(parents=True, exist_ok=True)
    results.write_json(docs / "results" / "cost-model.json", stored)
    documents.write(docs / "cost-model.md", page(stored))
    return fits
