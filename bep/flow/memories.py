"""Memory blocks that a trainer needs, found without synthesis, and the lanes with which it fits."""

from dataclasses import replace
from functools import lru_cache
from types import SimpleNamespace
from typing import NamedTuple

from amaranth.hdl import Fragment, Instance
from amaranth.hdl._mem import MemoryInstance

from bep.flow import families, stores
from bep_model.config import divisors
from bep_model.protocol import payload_bytes
from rtl.engines.credit import Credit
from rtl.engines.open_rows import OpenRows
from rtl.engines.prototype import Prototype
from rtl.engines.select import Neurons
from rtl.engines.thresholds import Thresholds
from rtl.engines.votes import Votes
from rtl.engines.winners import Winners
from rtl.link.buffer import Buffer
from rtl.memories import Memories
from rtl.parts.memory import ActivationMemory, SignPlane

FEWER_LANES = "fewer weight_lanes or counter_lanes take less logic"
NO_SPRAM = "weights are in block RAM, because SPRAM cannot be initialised"
SMALLER = "fewer counter_bits or smaller layers take less memory"


class Memory(NamedTuple):
    """``depth`` words of ``width`` bits in ``groups`` that are written separately; 0 for a ROM."""

    width: int
    depth: int
    groups: int


def of(config, described, inference=False):
    """Return the memories of the gateware for a board, and its number of SPRAM blocks.

    With ``inference`` it only infers.
    """
    return _of(config, described.part, inference)


@lru_cache(maxsize=4)  # an estimate asks several times
def _of(config, part, inference):
    family, platform = families.of(part), SimpleNamespace(device=part)
    return inside([Fragment.get(holder, platform)
                   for holder in holders(config, family, inference)], family)


def holders(config, family, inference):
    """Yield the components of the gateware that have a memory each, as Trainer, Inference and Link
    put them in: they are elaborated much faster than the whole design. Contents do not matter.
    """
    prototypes = [0] * config.classes
    yield Buffer(payload_bytes(config))
    if inference:
        lean = replace(config, max_batch=1, stable=False)
        yield SignPlane(lean, prototypes, [0] * config.bases[-1])
        yield ActivationMemory(lean)
        if config.convolutional:
            yield Thresholds(lean, [0] * config.layers[0])
        return
    yield Memories(config, prototypes, family.single_port)
    yield Prototype(config, prototypes)
    yield Winners(config)
    if config.depth > 1:
        yield OpenRows(config)
        yield Neurons(config)
    if config.voters:
        yield Votes(config)
        yield Credit(config)
    if config.convolutional:
        yield Thresholds(config)


def inside(fragments, family):
    """The memories in elaborated fragments, and their number of SPRAM blocks."""
    memories, spram = [], 0
    waiting = list(fragments)
    while waiting:
        fragment = waiting.pop()
        waiting += [inside for inside, *_ in fragment.subfragments]
        if isinstance(fragment, MemoryInstance):
            data = fragment._data
            groups = [len(port._en) for port in fragment._write_ports]
            width = len(fragment._read_ports[0]._data)
            memories.append(Memory(width, data.depth, max(groups, default=0)))
        elif isinstance(fragment, Instance):
            spram += fragment.type in family.cells["spram"]
    return memories, spram


def cost(memory, shape):
    """(cost, number, bits around) of the blocks of a :class:`bep.flow.families.Shape` that hold a
    memory.

    Costs are those of yosys' pass memory_libmap: those of the blocks themselves, and half a point
    for each bit of multiplexers and decoders where a memory is several blocks deep.
    """
    width, depth, groups = memory
    below = -(-depth // shape.depth)
    padded = max(1, groups) * -(-width // max(1, groups) // shape.part) * shape.part
    number = -(-below * padded // shape.width)
    around = (below - 1) * width + (below * groups if below > 1 else 0)
    return shape.cost * number + around / 2, number, around


LOGIC, LUT_RAM, BLOCK_RAM = "logic", "distributed RAM", "block RAM"
"""What a memory can be mapped to; logic is flip-flops, or look-up tables of a ROM."""


def mapped(memory, family):
    """(one of the above, number of its blocks, bits around them) that yosys takes for a memory.

    A bit in logic costs 1, a bit of a ROM 1/16. Of equal costs the first one counts, in the order
    of the library.
    """
    width, depth, groups = memory
    choices = [(width * depth / (1 if groups else 16), LOGIC, 0, 0)]
    for kind, shapes in ((LUT_RAM, family.lut_rams if groups else ()),
                         (BLOCK_RAM, family.block_rams)):
        for shape in shapes:
            price, number, around = cost(memory, shape)
            choices.append((price, kind, number, around))
    return min(choices, key=lambda each: each[0])[1:]


def block_rams(memory, family):
    """Block RAMs of :func:`mapped`."""
    kind, number, _ = mapped(memory, family)
    return number if kind == BLOCK_RAM else 0


def needed(config, described, inference=False):
    """Block RAMs and SPRAM blocks of a design, by the keys of ``bep.flow.boards.NAMES``."""
    memories, spram = of(config, described, inference)
    return {"brams": sum(block_rams(memory, described.family) for memory in memories),
            "spram": spram}


def lacking(config, described, inference=False):
    """The keys of :func:`needed` of which the part has too little."""
    return [key for key, need in needed(config, described, inference).items()
            if need > described.available[key]]


def window(config, described, store="none", inference=False):
    """Bytes for requests under way on the link: those of the family, 0 if no block RAM is left."""
    size = described.family.window
    taken = _with_queues(config, described, store, inference, size)["brams"]
    return size if taken <= described.available["brams"] else 0


def built(config, described, store="none", inference=False):
    """As :func:`needed`, with the store and the window that the board's design has."""
    return _with_queues(config, described, store, inference,
                        window(config, described, store, inference))


def _with_queues(config, described, store, inference, size):
    """As :func:`needed`, with the store and a window of ``size`` bytes."""
    found = needed(config, described, inference)
    depths = [size - 1] * bool(size)  # one byte is in a register
    if (bits := stores.block_bits(store)) is not None:
        depths.append(1 << bits)
    found["brams"] += sum(block_rams(Memory(8, depth, 1), described.family) for depth in depths)
    return found


def beyond(needs, available):
    """Of what a part has too little for a design that was estimated.

    Parameters
    ----------
    needs : dict
        luts (the logic cells), brams and spram; None for what is not known.
    available : dict
        The same of the part.

    Yields
    ------
    (str, float, str)
        Key, relative excess above 0, and a text that says so.
    """
    for key, name in (("luts", "logic cells"), ("brams", "block RAMs"), ("spram", "SPRAM blocks")):
        need, whole = needs[key], available[key]
        if need is not None and need > whole:
            yield key, need / max(1, whole) - 1, f"{need:,.0f} of {whole:,} {name}"


def fitting(config, described, inference=False):
    """The same network with fewer lanes, so that its memories fit the part; None if none do.

    Weight lanes are tried from the largest down: the numbers at which the longest row needs one
    more word each. The first one with enough block RAMs is taken; then counter lanes, its divisors,
    are tried in the same way until the SPRAM blocks suffice.
    """
    longest = max(fan_in for _, fan_in in config.shapes)
    lanes = {config.weight_lanes, *(-(-longest // words // 8) * 8 for words in range(1, longest))}
    for weight_lanes in sorted(lanes, reverse=True):
        most = config.counter_lanes if weight_lanes <= config.weight_lanes else 0
        while most:
            counter_lanes = max(q for q in divisors(weight_lanes) if q <= most)
            other = replace(config, weight_lanes=weight_lanes, counter_lanes=counter_lanes)
            over = lacking(other, described, inference)
            if not over:
                return other
            most = 0 if "brams" in over else counter_lanes - 1
    return None


def smaller(config, described):
    """A network whose inference fits the part: all layers a few 32nds smaller; None if none is."""
    for part in range(31, 0, -1):
        other = replace(config, layers=[max(1, k * part // 32) for k in config.layers])
        if needed(other, described, inference=True)["brams"] <= described.available["brams"]:
            return other
    return None


def advice(config, described, lacking, inference=False):
    """Advice, as texts, for a design that needs too much of the resources ``lacking``."""
    if inference:
        yield from advice_on_inference(config, described, lacking)
        return
    if {"luts", "ffs"} & set(lacking):
        yield FEWER_LANES
    if {"brams", "spram"} & set(lacking):
        other = fitting(config, described)
        yield SMALLER if other is None else (
            f"its memories fit with weight_lanes = {other.weight_lanes} and counter_lanes = "
            f"{other.counter_lanes}")


def advice_on_inference(config, described, lacking):
    """As :func:`advice`, for a design that only infers."""
    if {"luts", "ffs"} & set(lacking):
        yield "fewer weight_lanes take less logic"
    if "brams" in lacking:
        if described.available["spram"]:
            yield NO_SPRAM
        if (other := fitting(config, described, inference=True)) is not None:
            yield f"the same network fits with weight_lanes = {other.weight_lanes}"
        elif (other := smaller(config, described)) is not None:
            yield f"a network {'-'.join(map(str, other.widths))} fits"
