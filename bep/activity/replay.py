"""Replay of a netlist, clock by clock, that counts how often each net changes.

After a clock edge, a change passes each cell in one unit of time, so that paths of different
lengths make glitches, as in the part; the delays themselves are not the part's.
"""

from typing import NamedTuple

import numpy as np

from bep_model.phases.bits import compiled

OFFSETS = np.array([0, 0, 1, 3])
"""Where the bits of a port begin that a block RAM uses in each mode."""
DEEPEST = 1000
"""Units of time after which a design that still changes has a loop."""


class Activity(NamedTuple):
    """What changed in the clocks that were counted."""

    clocks: int
    changes: np.ndarray
    """int64 (nets,): all changes, glitches among them."""
    settled: np.ndarray
    """int64 (nets,): clocks that ended with another value."""
    reads: np.ndarray
    """int64 (rams,): words read."""
    writes: np.ndarray
    """int64 (rams,): words written."""
    mismatches: int
    """Clocks after the reset in which an output was not as recorded."""


def replay(netlist, ports, begin, end):
    """Replay a recorded simulation.

    Parameters
    ----------
    netlist : bep.activity.netlist.Netlist
    ports : dict of str to uint8 array (clocks, bits)
        The value of every port before each clock edge; those of outputs are compared, a stream's
        payload while it is valid.
    begin, end : int
        The clocks that are counted.

    Returns
    -------
    Activity

    Raises
    ------
    ValueError
        For a port that was not recorded, or a loop without a flip-flop.
    """
    def gathered(direction):
        chosen = [(name, nets) for name, (way, nets) in netlist.ports.items()
                  if way == direction and name != "clk"]
        if lacking := [name for name, _ in chosen if name not in ports]:
            raise ValueError(f"ports that were not recorded: {', '.join(lacking)}")
        values = [ports[name] for name, _ in chosen]
        return np.concatenate([nets for _, nets in chosen]), np.concatenate(values, axis=1)

    inputs, given = gathered("input")
    outputs, wanted = gathered("output")
    cared = np.concatenate([matters(ports, name) for name, (way, _) in netlist.ports.items()
                            if way == "output"], axis=1)
    first, order = fan_out(netlist)
    resets = np.flatnonzero(ports["rst"])
    compared = resets[-1] + 1 if len(resets) else 0
    changes, settled = np.zeros((2, netlist.nets), np.int64)
    reads, writes = np.zeros((2, len(netlist.contents)), np.int64)
    mismatches = run(netlist.logic, netlist.flip_flops, netlist.rams, netlist.contents.copy(),
                     first, order, inputs, given, outputs, wanted, cared, compared, begin, end,
                     changes, settled, reads, writes)
    if mismatches < 0:
        raise ValueError("the netlist has a loop without a flip-flop")
    return Activity(end - begin, changes, settled, reads, writes, mismatches)


def matters(ports, name):
    """Whether the bits of a port say anything, bool array (clocks, bits)."""
    stream, _, member = name.rpartition("__")
    valid = ports[f"{stream}__valid"] > 0 if member == "payload" else np.True_
    return np.broadcast_to(valid, ports[name].shape)


def fan_out(netlist):
    """The cells of ``netlist.logic`` that read a net: ``order[first[net]:first[net + 1]]``."""
    nets = netlist.logic.inputs.ravel()
    cells = np.repeat(np.arange(len(netlist.logic.table), dtype=np.int32), 4)
    first = np.zeros(netlist.nets + 1, np.int64)
    np.cumsum(np.bincount(nets, minlength=netlist.nets), out=first[1:])
    return first, cells[np.argsort(nets, kind="stable")]


@compiled
def number(value, nets):
    """The number at some nets, lowest bit first."""
    total = np.int64(0)
    for i in range(len(nets)):
        total |= np.int64(value[nets[i]]) << i
    return total


@compiled
def word_read(word, mode, above):
    """What a memory gives for a word, in a mode, with the address above its lowest 8 bits."""
    if mode == 0:
        return word
    found, size, offset = 0, 1 << mode, OFFSETS[mode]
    for start in range(0, 16, size):
        found |= (word >> (start + above % size) & 1) << (start + offset)
    return found


@compiled
def word_written(word, data, mask, mode, above, single):
    """A memory's word after a write."""
    if mode == 0:
        written = mask if single else ~mask
    else:
        size, offset, source, data, written = 1 << mode, OFFSETS[mode], data, 0, 0
        for start in range(0, 16, size):
            place = start + above % size
            data |= (source >> (start + offset) & 1) << place
            written |= 1 << place
    return (word & ~written | data & written) & 0xFFFF


@compiled
def edge(value, flip_flops, rams, contents, nets, values, count, reads, writes):
    """What a clock edge changes: fills nets and their new values, and returns how many."""
    changed = 0
    for i in range(len(flip_flops.data)):
        if value[flip_flops.enable[i]]:
            new = flip_flops.value[i] if value[flip_flops.reset[i]] else value[flip_flops.data[i]]
            if new != value[flip_flops.output[i]]:
                nets[changed], values[changed] = flip_flops.output[i], new
                changed += 1
    for i in range(len(rams.single)):
        writing = value[rams.write[i, 0]] and value[rams.write[i, 1]]
        if value[rams.read[i, 0]] and value[rams.read[i, 1]] and not (rams.single[i] and writing):
            reads[i] += count
            address = number(value, rams.read_address[i])
            word = contents[i, address if rams.single[i] else address & 255]
            word = word_read(np.int64(word), rams.read_mode[i], address >> 8)
            for k in range(16):
                new = np.uint8(word >> k & 1)
                if new != value[rams.output[i, k]] and rams.output[i, k] != 2:
                    nets[changed], values[changed] = rams.output[i, k], new
                    changed += 1
        if writing:
            writes[i] += count
            address = number(value, rams.write_address[i])
            place = address if rams.single[i] else address & 255
            contents[i, place] = word_written(
                np.int64(contents[i, place]), number(value, rams.data[i]),
                number(value, rams.mask[i]), rams.write_mode[i], address >> 8, rams.single[i])
    return changed


@compiled
def run(logic, flip_flops, rams, contents, first, order, inputs, given, outputs, wanted, cared,
        compared, begin, end, changes, settled, reads, writes):
    """Replay; fill the arrays of :class:`Activity`, and return its mismatches, or -1 for a loop."""
    nets = len(changes)
    value, before = np.zeros(nets, np.uint8), np.zeros(nets, np.uint8)
    value[1] = before[1] = 1
    touched, is_touched = np.empty(nets, np.int32), np.zeros(nets, np.bool_)
    waiting = np.zeros(len(logic.table), np.bool_)
    queue = np.arange(len(logic.table), dtype=np.int32)  # at the start all are evaluated
    queued, mismatches = len(queue), 0
    new_nets, new_values = np.empty(2 * nets, np.int32), np.empty(2 * nets, np.uint8)
    for clock in range(len(given)):
        count = begin <= clock < end
        changed = 0
        if clock:
            changed = edge(value, flip_flops, rams, contents, new_nets, new_values, count, reads,
                           writes)
        for i in range(len(inputs)):
            if given[clock, i] != value[inputs[i]]:
                new_nets[changed], new_values[changed] = inputs[i], given[clock, i]
                changed += 1
        number_touched = 0
        for _ in range(DEEPEST):
            for i in range(changed):
                net = new_nets[i]
                value[net] = new_values[i]
                changes[net] += count
                if not is_touched[net]:
                    is_touched[net] = True
                    touched[number_touched] = net
                    number_touched += 1
                for k in range(first[net], first[net + 1]):
                    if not waiting[order[k]]:
                        waiting[order[k]] = True
                        queue[queued] = order[k]
                        queued += 1
            if not queued:
                break
            changed = 0
            for i in range(queued):
                cell = queue[i]
                waiting[cell] = False
                place = (value[logic.inputs[cell, 0]] | value[logic.inputs[cell, 1]] << 1
                         | value[logic.inputs[cell, 2]] << 2 | value[logic.inputs[cell, 3]] << 3)
                new = np.uint8(logic.table[cell] >> place & 1)
                if new != value[logic.output[cell]] and logic.output[cell] != 2:
                    new_nets[changed], new_values[changed] = logic.output[cell], new
                    changed += 1
            queued = 0
        else:
            return -1
        for i in range(number_touched):
            net = touched[i]
            is_touched[net] = False
            if value[net] != before[net]:
                before[net] = value[net]
                settled[net] += count
        for i in range(len(outputs) if clock >= compared else 0):
            if cared[clock, i] and value[outputs[i]] != wanted[clock, i]:
                mismatches += 1
                break
    return mismatches
