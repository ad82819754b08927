"""Counting gates: the counted netlists compute what they are counted for."""

from functools import cache

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from bep.experiments import float_lane
from bep.experiments.integer_lane import Accumulate, Step
from bep.flow import gates
from rtl.parts.popcount import Popcount
from rtl.verilog import convert

GATES = {
    "AND": lambda a, b: a & b, "NAND": lambda a, b: ~(a & b), "OR": lambda a, b: a | b,
    "NOR": lambda a, b: ~(a | b), "XOR": lambda a, b: a ^ b, "XNOR": lambda a, b: ~(a ^ b),
    "ANDNOT": lambda a, b: a & ~b, "ORNOT": lambda a, b: a | ~b,
}


def evaluate(netlist, inputs, samples):
    """Outputs of a netlist of gates by name, object arrays of int, when its registers are wires.

    ``inputs`` are arrays of ``samples`` non-negative int; a value must not depend on itself.
    """
    values = {"0": np.zeros(samples, bool), "1": np.ones(samples, bool)}
    for name, words in inputs.items():
        for i, bit in enumerate(netlist["ports"][name]["bits"]):
            values[bit] = (np.asarray(words, object) >> i & 1).astype(bool)
    driver = {cell["connections"].get("Y", cell["connections"].get("Q"))[0]: cell
              for cell in netlist["cells"].values() if cell["type"] != "$scopeinfo"}
    for name, port in netlist["ports"].items():
        if port["direction"] == "input" and name not in inputs:
            values |= dict.fromkeys(port["bits"], values["0"])

    def solve(wanted):
        waiting = [wanted]
        while waiting:
            bit = waiting[-1]
            if bit in values:
                waiting.pop()
                continue
            cell = driver[bit]
            sources = [cell["connections"][pin][0] for pin in "ABD" if pin in cell["connections"]]
            if missing := [source for source in sources if source not in values]:
                waiting += missing
                continue
            kind = cell["type"].strip("$_")
            found = [values[source] for source in sources]
            values[bit] = GATES[kind](*found) if kind in GATES else \
                ~found[0] if kind == "NOT" else found[0]
        return values[wanted]

    return {name: sum(solve(bit).astype(object) << i for i, bit in enumerate(port["bits"]))
            for name, port in netlist["ports"].items() if port["direction"] == "output"}


@cache
def mapped(operator, form):
    return gates.netlists(float_lane.verilog(operator, form), "top", ("gates",))["gates"]


OPERATIONS = {"mul": np.multiply, "add": np.add, "div": np.divide, "sqrt": lambda a, b: np.sqrt(a)}
TINY = np.finfo(np.float32).tiny  # the smallest normal number of both formats


def decoded(words, significand):
    """float64 of words of a format; exponent 0 always is +0."""
    found = (words << 24 - significand).astype(np.uint32).view(np.float32).astype(np.float64)
    return np.where(abs(found) < TINY, 0, found)


def scaled(exact, significand):
    """float64 as multiples of the last bit that a word has, and that bit's exponent."""
    fraction, exponent = np.frexp(exact)
    return np.ldexp(fraction, significand), exponent - significand


def rounded(exact, significand):
    """Words of float64 as zkf documents it: ties to even; below the smallest normal number that or
    +0, whichever is nearer; above the largest number infinity.

    ``exact`` may be rounded already. Sums, products, quotients and roots of numbers of p bits that
    are first rounded to at least 2p + 2 bits round to p bits as if that had been all (Figueroa,
    "When is double rounding innocuous?", 1995); float64 has 53, and p is 24 at most.
    """
    number, exponent = scaled(exact, significand)
    nearest = np.ldexp(np.rint(number), exponent)
    nearest = np.where(abs(exact) < TINY, np.copysign(TINY, exact), nearest)
    nearest = np.where(abs(exact) < TINY / 2, 0, nearest)
    with np.errstate(over="ignore"):
        return nearest.astype(np.float32).view(np.uint32) >> 24 - significand


def result(operator, a, b, significand):
    """What an operator is to give before it is rounded. What IEEE 754 calls NaN is 0 in zkf, but
    the root of a negative number -infinity."""
    with np.errstate(divide="ignore", invalid="ignore"):
        exact = OPERATIONS[operator](decoded(a, significand), decoded(b, significand))
    return np.where(np.isnan(exact), -np.inf if operator == "sqrt" else 0, exact)


def operands(significand):
    """Words a and b of a format, 8 bits of exponent."""
    rng = np.random.default_rng(1)
    stored = significand - 1
    sign = 1 << 8 + stored

    def words(spread, samples=3000):
        """Exponents up to ``spread`` from that of 1."""
        return (rng.integers(2, size=samples) * sign
                | rng.integers(127 - spread, 128 + spread, samples) << stored
                | rng.integers(1 << stored, size=samples))

    pairs = [(words(spread), words(spread)) for spread in (4, 40, 126)]
    # Half the bits of the significands: products and sums halfway between two words.
    pairs += [tuple(words(8) >> significand // 2 - 1 << significand // 2 - 1 for _ in range(2))]
    # Cancellation, to 0 and to the last bit.
    a = words(40)
    pairs += [(a, a ^ sign), (a, (a ^ sign) + 1)]
    if significand == 8:  # all pairs of significands
        pairs += [tuple(words(40, 1 << 14) >> stored << stored | fraction.ravel()
                        for fraction in np.indices((1 << stored, 1 << stored)))]
    one, infinity, smallest = 127 << stored, 255 << stored, 1 << stored
    corners = np.array([0, smallest >> 1, smallest, smallest + 1, smallest | smallest >> 1,
                        one - 1, one, one + 1, infinity - 1, infinity])
    corners = np.append(corners, corners | sign)
    pairs += [tuple(each.ravel() for each in np.meshgrid(corners, corners))]
    return (np.concatenate(each) for each in zip(*pairs, strict=True))


@pytest.mark.parametrize("form", float_lane.FORMATS)
@pytest.mark.parametrize("operator", float_lane.OPERATORS)
def test_what_is_counted_is_floating_point(operator, form):
    """Bit for bit, by the netlist whose gates are counted."""
    significand = float_lane.FORMATS[form][1]
    a, b = operands(significand)
    exact = result(operator, a, b, significand)
    found = evaluate(mapped(operator, form), {"a": a, "b": b}, len(a))["y"]
    np.testing.assert_array_equal(found.astype(np.uint32), rounded(exact, significand))
    halfway = scaled(exact[np.isfinite(exact)], significand)[0] % 1 == 0.5
    assert operator in ("div", "sqrt") or halfway.sum() > 500


@pytest.mark.parametrize("operator", float_lane.OPERATORS)
def test_the_reference_is_float32(operator):
    """NumPy's, where that is normal or +0: the reference of the test above rounds by itself."""
    a, b = operands(24)
    with np.errstate(all="ignore"):
        right = OPERATIONS[operator](*(decoded(each, 24).astype(np.float32) for each in (a, b)))
    normal = (abs(right) >= TINY) | (right.view(np.uint32) == 0)
    assert normal.mean() > 0.4
    np.testing.assert_array_equal(rounded(result(operator, a, b, 24), 24)[normal],
                                  right.view(np.uint32)[normal])


def bits_of(values, bits):
    return np.asarray(values, object) & ((1 << bits) - 1)


@pytest.mark.parametrize("binary", [False, True])
def test_accumulate(binary):
    rng = np.random.default_rng(2)
    a, b = rng.integers(-128, 128, (2, 500))
    a[:3] = -128
    b = (b > 0).astype(int) if binary else b
    netlist = gates.netlists(convert(Accumulate(binary)), "top", ("gates",))["gates"]
    # The register is taken out: its output is an input here, its input an output.
    inputs = {"a": bits_of(a, 8), "b": bits_of(b, 8)}
    driven = dict(netlist, cells={
        name: cell for name, cell in netlist["cells"].items() if "DFF" not in cell["type"]})
    registers = [cell["connections"] for cell in netlist["cells"].values() if "DFF" in cell["type"]]
    before = rng.integers(-2**31, 2**31, 500)
    for clear in (0, 1):
        order = netlist["ports"]["total"]["bits"]
        after = {pins["Q"][0]: pins["D"][0] for pins in registers}
        ports = {name: port for name, port in netlist["ports"].items() if name != "total"} | {
            "before": {"direction": "input", "bits": order},
            "after": {"direction": "output", "bits": [after[bit] for bit in order]}}
        found = evaluate(dict(driven, ports=ports), inputs | {
            "clear": np.full(500, clear), "before": bits_of(before, 32)}, 500)
        right = (0 if clear else before) + a * (2 * b - 1 if binary else b)
        np.testing.assert_array_equal(found["after"], bits_of(right, 32))


def test_step():
    rng = np.random.default_rng(3)
    weight, gradient, random = (rng.integers(-128, 128, 2000), rng.integers(-2**31, 2**31, 2000),
                                rng.integers(0, 1 << 16, 2000))
    gradient[:1500] >>= 9  # not all saturate
    netlist = gates.netlists(convert(Step()), "top", ("gates",))["gates"]
    found = evaluate(netlist, {"weight": bits_of(weight, 8), "gradient": bits_of(gradient, 32),
                               "random": random}, 2000)
    right = np.clip(weight - (gradient + random >> 16), -128, 127)
    np.testing.assert_array_equal(found["o"], bits_of(right, 8))
    assert {-128, 127} < set(right.tolist())


def test_popcount():
    rng = np.random.default_rng(4)
    a, b = rng.integers(0, 1 << 16, (2, 300))
    netlist = gates.netlists(convert(Popcount(16)), "top", ("nand2",))["nand2"]
    found = evaluate(netlist, {"a": a, "b": b}, 300)
    np.testing.assert_array_equal(found["o"], [16 - int(x ^ y).bit_count() for x, y in
                                               zip(a, b, strict=True)])


class Known(wiring.Component):
    """An XOR into a register, and a memory of 8 words of 5 bits."""

    a: In(2)
    data: In(5)
    o: Out(1)
    read: Out(5)

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(shape=5, depth=8, init=[])
        write, read = memory.write_port(), memory.read_port()
        m.d.comb += [write.addr.eq(self.data), write.data.eq(self.data), write.en.eq(1),
                     read.addr.eq(self.a), read.en.eq(1), self.read.eq(read.data)]
        m.d.sync += self.o.eq(self.a[0] ^ self.a[1])
        return m


def test_known_sizes():
    found = gates.of_component(Known())
    assert found["memory_bits"] == 40
    # The register's reset is an AND with an inverter, which XOR, NAND and look-up table contain.
    assert found["gates"] in (2, 3) and found["nand2"] > found["gates"] and found["lut4"] == 1
    assert found["ffs"] == 1


def test_a_cell_that_is_no_gate_is_told():
    text = "module top(input a, output y); other cell_(.a(a), .y(y)); endmodule"
    other = "(* blackbox *) module other(input a, output y); endmodule"
    with pytest.raises(ValueError, match=r"cells that are no gates: other$"):
        gates.count(f"{text}\n{other}", "top")
