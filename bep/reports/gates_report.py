"""docs/table-2.md: gates and bits per element, BEP beside trainers with gradients."""

import math
from pathlib import Path

from bep import cited, results
from bep.experiments.integer_lane import SHIFT
from bep.experiments.lanes import COUNTER_BITS, KEYS
from bep.reports.documents import render, stored, write

NAME = "table-2"
CLAIMED: dict = {"bep": {"forward": 10, "backward": 10, "update": 10},
           "adam-fp32": {"forward": 10, "backward": 1e4, "update": 1e4}}
"""The paper's Boolean gates per element; "adam-fp32" is quantisation-aware training with Adam."""
CLAIMED_BITS = {"bep": (16, 1, 1), "adam-fp32": (32, 1, 32, 64)}
HOLDS = math.sqrt(10)
"""A claim holds if the measured figure is within this factor: half an order of magnitude."""
BATCHES = (1, 100)
"""Samples per update of the trainers with gradients."""

ADAM = {"mul": 6, "add": 4, "sqrt": 1, "div": 1}
"""Operations per weight of Algorithm 1 in its more efficient order (``bep.cited.ADAM``, section 2).

m = b1 m + (1 - b1) g: 2 mul, 1 add. v = b2 v + (1 - b2) g g: 3 mul, 1 add.
w = w - a_t m / (sqrt(v) + e): 1 sqrt, 1 add, 1 div, 1 mul, 1 add. What depends on t alone is
computed once for all weights."""
SGD = {"mul": 1, "add": 1}
MAC = {"mul": 1, "add": 1}
SIGNED = {"add": 1}
"""A factor that is 1 or -1 only changes a sign."""

METHODS: dict = {
    # name: (title, format, operations for the inputs' and the weights' gradients, of the update,
    #        bits: latent weight, binary weight, gradient, moments)
    "adam-fp32": ("Adam, FP32", "fp32", MAC, ADAM, (32, 1, 32, 64)),
    "adam-fp32-signs": ("Adam, FP32, signs used", "fp32", SIGNED, ADAM, (32, 1, 32, 64)),
    "adam-bf16": ("Adam, bfloat16", "bf16", MAC, ADAM, (16, 1, 16, 32)),
    "adam-bf16-signs": ("Adam, bfloat16, signs used", "bf16", SIGNED, ADAM, (16, 1, 16, 32)),
    "sgd-bf16-signs": ("SGD, bfloat16, signs used", "bf16", SIGNED, SGD, (16, 1, 16, 0)),
}


def total(*parts):
    """Sum of (number, counts) by :data:`KEYS`."""
    return {key: sum(number * counts[key] for number, counts in parts) for key in KEYS}


def update(found, bits, elements, clocks, draws):
    """Counts of BEP's update lanes for elements that take so many clocks and random words in all.

    The lane of the Bernoulli words works in every clock, the random bank in every draw.
    """
    lane, word, bank = (found["lanes"][name]["per_lane"]
                        for name in (f"update-{bits}", "bernoulli", "bank"))
    return total((elements, lane), (clocks - elements, word), (draws, bank))


def methods(found, bits):
    """Counts per element of each method: {name: {"title", "bits", phases: counts}}.

    Phases are forward, inputs and weights (their gradients), backward (the sum), update. BEP with
    counters of ``bits`` bits has no gradients of weights, and one random word per update.
    """
    lanes, operators = found["lanes"], found["operators"]
    forward, column = lanes["forward"]["per_lane"], lanes["backward"]["per_lane"]
    nothing = total()
    table = {"bep": {"title": f"BEP, {bits}-bit counters", "bits": (bits,), "forward": forward,
                     "inputs": column, "weights": nothing,
                     "update": update(found, bits, 1, 1, 1)}}
    for name, (title, form, gradient, step, stored_bits) in METHODS.items():
        def count(operations, form=form):
            return total(*((number, operators[f"{form}-{operator}"])
                           for operator, number in operations.items()))
        table[name] = {"title": title, "bits": stored_bits, "forward": forward,
                       "inputs": count(gradient), "weights": count(gradient), "update": count(step)}
    step = total((1, operators["int8-step"]), (SHIFT, lanes["bank"]["per_lane"]))
    for name, title, front, product in (
            ("int8", "integers, 8-bit weights", operators["int8-mac"], "int8-mac"),
            ("int8-signs", "integers, binary weights", forward, "int8-signed-add")):
        table[name] = {"title": title, "bits": (8, 0, 32), "forward": front,
                       "inputs": operators[product], "weights": operators[product], "update": step}
    for each in table.values():
        each["backward"] = total((1, each["inputs"]), (1, each["weights"]))
    return table


def claims(table):
    """The paper's figures beside the measured ones, as dicts; ``factor`` is measured / claimed."""
    found = []
    for name, phases in CLAIMED.items():
        for phase, claimed in phases.items():
            measured = table[name][phase]["gates"]
            factor = measured / claimed
            found.append({"method": name, "title": table[name]["title"], "phase": phase,
                          "claimed": claimed, "measured": measured, "factor": factor,
                          "holds": 1 / HOLDS < factor < HOLDS})
    return found


def per_sample(found, table, bits):
    """Gates that work for one trained sample: lines with forward, backward, update, all."""
    steps, needed, lines = found["steps"], found["gradients"], []

    def line(title, forward, backward, stepped):
        lines.append({"title": title, "forward": forward, "backward": backward,
                      "update": stepped, "all": forward + backward + stepped})

    own = table["bep"]
    line(own["title"], steps["forward"] * own["forward"]["gates"],
         steps["backward"] * own["backward"]["gates"],
         sum(update(found, bits, steps[phase], steps[f"{phase}_clocks"], steps[f"{phase}_draws"])
             ["gates"] for phase in ("update", "reinforce")))
    for name, each in table.items():
        if name != "bep":
            for samples in BATCHES:
                line(f"{each['title']}, batch {samples}",
                     needed["forward"] * each["forward"]["gates"],
                     sum(needed[phase] * each[phase]["gates"] for phase in ("inputs", "weights")),
                     needed["update"] / samples * each["update"]["gates"])
    for each in lines:
        each["factor"] = each["all"] / lines[0]["all"]
    return lines


def number(value):
    """A figure with about three digits."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.1f}"


def text(found):
    """The page, from what `bep gates` stored."""
    bits = found["training"]["counter_bits"]
    table = methods(found, bits)
    own = [methods(found, each)["bep"] for each in COUNTER_BITS]
    return render(f"{NAME}.md.j2", found=found, table=table, widths=own, bits=bits,
                  claims=claims(table), lines=per_sample(found, table, bits), keys=KEYS,
                  claimed_bits=CLAIMED_BITS, n=number, short=results.short, paper=cited.PAPER,
                  adam=cited.ADAM, zkf=cited.ZKF, integer=cited.INTEGER,
                  operations=(ADAM, SGD), shift=SHIFT)


def page(docs):
    """Write DOCS/table-2.md from DOCS/results/table-2.json. Raises ValueError without that."""
    docs = Path(docs)
    found = stored(docs, NAME)
    if found is None:
        raise ValueError(f"there is no {docs / 'results' / NAME}.json yet: run `bep gates`")
    write(docs / f"{NAME}.md", text(found))
