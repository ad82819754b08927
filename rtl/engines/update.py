"""Update: steps the counters of rows up or down by 1 with saturation, Q counters at a time."""

from itertools import pairwise

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.engines.backward import ballot_signature
from rtl.engines.random import Bernoulli, draw_signature
from rtl.engines.rows import Operation, Rows
from rtl.parts.delay import delay
from rtl.parts.lanes import Lanes
from rtl.parts.layouts import winner_layout
from rtl.parts.memory import activation_ports, counter_ports, sign_ports, slot_offsets, slot_words
from rtl.parts.state_port import StatePort, state_signature
from rtl.parts.tables import lookup

update_control = wiring.Signature({
    "run": Out(1), "operation": Out(Operation), "access_enable": Out(1),
    "busy": In(1), "waiting": In(1), "access_pending": In(1), "access_write": In(1)})
"""How the sequencer drives :class:`Update`.

While ``run`` is high, rows are taken. It may fall only when ``busy`` is low and no row is offered,
and rise only when no access is in progress. ``operation`` is steady while ``run`` is high, except
that REINFORCE may follow STEP when ``busy`` is low and no row is offered; STEP must be set one
clock before ``run`` rises. While ``access_enable`` is high, a request may begin. It must be low
while ``run`` is high, and may fall only when nothing is in the pipeline and there is no request.

``busy``: the pipeline holds words that a read in the next clock would not yet see. ``waiting``: the
pipeline is empty and no row is offered. ``access_pending``: there is a request, or the pipeline is
not empty. ``access_write``: there is a request to write.
"""


class Update(wiring.Component):
    """Steps the counters of whole rows: ``update`` and ``reinforce`` of ``bep_model.phases``.

    A row is read, stepped and written back word by word: h changes by +1 or -1 in every lane whose
    random bit is 1, with saturation at both ends of B_h bits. Lanes beyond the fan-in stay as they
    are. The sign of h is stored in the sign plane (1 for h >= 0), the other bits in the counter
    plane.

    Timing
    ------
    A word takes max(1, d) clocks, where d is the number of draws for its probability
    (``Bernoulli.draws``); with ``single_port`` it takes the next even number. One clock is lost
    before the first row of each layer in a sweep, and none between other rows. A word is written
    ``latency`` clocks after it was read. If a row is still in the pipeline for another slot, the
    same row waits until it has been written. The rows of a sweep must differ, and so must all rows
    of a run if max_batch is 1.

    State port: a request begins when the pipeline is empty. Its first bytes can pass ``latency``
    clocks later, then more in every second clock. ``request.ready`` is high with the last bytes;
    the word is written two clocks later. A request that is withdrawn before that has no effect.
    Accesses and runs do not overlap.

    Parameters
    ----------
    config : Config
    single_port : bool
        The counter plane cannot be read and written in one clock.
    read_latency : int
        Clocks from an address to the data, of all three memories.
    port_bytes : int
        Bytes per transfer of the state port. The port is never wider than a counter word.

    Members
    -------
    control : In(update_control)
    thinning : In(range(2**16 + 1))
        q, for STEP; it must be steady when ``operation`` must be.
    reinforce : In(16)
        p of the layer ``rows.payload.layer``, for REINFORCE.
    rows : In(stream.Signature(winner_layout(config)))
        Rows to process; ``sign`` and ``slot`` are used for STEP only.
    idle : Out(1)
        The pipeline is empty; there may be requests.
    state : In(state_signature(config, port_bytes))
        State port; unused lanes read as 0 and must be written as 0.
    signs, counters, activations : In(ReadPort.Signature)
    write_signs, write_counters : In(WritePort.Signature)
    draw : In(draw_signature(Q))
    source : In(range(words per slot))
        Offset of the output layer's input, in a recurrent network.
    ballot : In(ballot_signature(config))
        The votes on the next sign word of a row of layer 1, in a recurrent or convolutional
        network; STEP waits for them.

    Raises
    ------
    ValueError
        If ``read_latency`` is not 1 with ``single_port``: words would be read and written in the
        same clocks.
    """

    def __init__(self, config, single_port=False, read_latency=1, port_bytes=1):
        if single_port and read_latency != 1:
            raise ValueError(f"read_latency must be 1 with single_port, not {read_latency}")
        self.config = config
        self.single_port = single_port
        self.read_latency = read_latency
        self.port_bytes = port_bytes
        (signs, write_signs), (counters, write_counters) = sign_ports(config), counter_ports(config)
        source = {"source": In(range(max(2, slot_words(config))))} if config.recurrent else {}
        ballot = {"ballot": In(ballot_signature(config))} if config.voters else {}
        super().__init__({
            "control": In(update_control),
            "thinning": In(range(2**16 + 1)),
            "reinforce": In(16),
            "rows": In(stream.Signature(winner_layout(config))),
            "idle": Out(1),
            "state": In(state_signature(config, port_bytes)),
            "signs": In(signs),
            "counters": In(counters),
            "activations": In(activation_ports(config)[0]),
            "write_signs": In(write_signs),
            "write_counters": In(write_counters),
            "draw": In(draw_signature(config.counter_lanes)),
            **source, **ballot,
        })

    @property
    def latency(self):
        """Clocks from reading a word to writing it."""
        return 2 + self.read_latency

    def dwell(self, p):
        """Clocks per word at probability ``p`` / 2**16."""
        clocks = Bernoulli.clocks(p)
        return clocks + clocks % 2 if self.single_port else clocks

    def cycles(self, rows, first=1):
        """Return the clocks in which rows are processed.

        Parameters
        ----------
        rows : sequence of (int, hashable, int, int)
            For each row: the clock from which it is offered (one clock later for the first row of a
            layer in a sweep), which row it is, its number of words, and p in units of 2**-16.
        first : int
            The first clock of ``run``.

        Returns
        -------
        list of (int, int)
            For each row, the clock in which its processing begins, and that of its last read.
        """
        result, clock, ends = [], first - 1, {}
        for offered, row, words, p in rows:
            begin = max(clock + 1, offered)
            at = begin + Bernoulli.clocks(p) - 1
            if row in ends:
                at = max(at, ends[row] + self.latency + 1)
            if self.single_port:
                at += (at - first) % 2
            ends[row] = clock = at + (words - 1) * self.dwell(p)
            result.append((begin, clock))
        return result

    def elaborate(self, platform):
        m = Module()
        config, control, late = self.config, self.control, self.read_latency
        m.submodules.rows = rows = Rows(config, self.single_port, late)
        m.submodules.lanes = lanes = Lanes(
            config.counter_lanes, config.counter_bits, len(self.state.data.payload))
        m.submodules.port = port = StatePort(config, self.port_bytes)
        connect(m, flipped(self.rows), rows.i)
        connect(m, flipped(self.draw), rows.draw)
        connect(m, flipped(self.state), port.state)
        connect(m, port.shift, lanes.shift)
        working = Signal(self.latency)  # stages that hold a word
        m.d.sync += working.eq(Cat(rows.go | port.start, working[:-2],
                                   Mux(control.run, working[-2], port.store)))
        request = self.state.request
        m.d.comb += [
            rows.run.eq(control.run),
            rows.operation.eq(control.operation),
            rows.thinning.eq(self.thinning),
            rows.reinforce.eq(self.reinforce),
            rows.working.eq(working),
            port.enable.eq(control.access_enable),
            port.idle.eq(self.idle),
            port.answered.eq(working[-2]),
            self.idle.eq(~(working.any() | port.store)),
            control.busy.eq(working[:-1].any()),
            control.waiting.eq(self.idle & ~self.rows.valid),
            control.access_pending.eq(request.valid | ~self.idle),
            control.access_write.eq(request.valid & request.payload.write),
        ]

        # Stage 0: read a word.
        row, part = self.rows.payload, config.subword_bits
        address = Signal.like(self.counters.addr)
        with m.If(control.run):
            m.d.comb += address.eq(Cat(rows.subword, row.address + rows.word))
        with m.Else():
            m.d.comb += address.eq(request.payload.address)
        begins = rows.go & (rows.subword == 0)  # a sign word
        source = self.source if config.recurrent else lookup(
            row.layer, slot_offsets(config)[:config.depth])
        offset = (source + rows.word)[:len(self.activations.addr) - len(row.slot)]
        m.d.comb += [
            self.counters.addr.eq(address),
            self.counters.en.eq(port.start | rows.go),
            self.signs.addr.eq(address >> part),
            self.signs.en.eq(port.start | begins),
            self.activations.addr.eq(Cat(offset, row.slot)),
            self.activations.en.eq(begins & ~rows.voted),
        ]

        # Stages 1 and 2, when the memories have answered: which lanes step, and in which direction.
        # Signals to all lanes come from registers.
        initialise = control.run & (control.operation == Operation.INITIALISE)
        address1 = delay(m, address, late, "address1")
        lanes_of = address1[:part], len(lanes.steps)
        m.d.comb += [
            lanes.low.eq(self.counters.data),
            lanes.positive.eq(self.signs.data.word_select(*lanes_of)),
            lanes.inputs.eq(self.activations.data.word_select(*lanes_of)),
            lanes.target.eq(delay(m, row.sign, late, "target")),
            lanes.stepping.eq(delay(m, control.operation == Operation.STEP, 1, "stepping")),
            lanes.initialising.eq(delay(m, initialise, 1, "initialising")),
            lanes.running.eq(delay(m, control.run, 1, "running")),
            lanes.steps.eq(rows.bits),
        ]
        if config.voters:
            self._vote(m, rows, lanes, lanes_of)
        # Initialisation steps a lane up from -1 if its drawn bit is 1 or it is beyond the fan-in.
        for first, others, beyond in self._limits(rows):
            with m.If(delay(m, beyond, late, f"beyond{first}")):
                m.d.comb += lanes.steps[first:others].eq(
                    lanes.initialising.replicate(others - first))

        # Stage 3: write to both planes.
        address3 = delay(m, address1, 2, "address3")
        m.d.comb += [
            self.write_counters.addr.eq(address3),
            self.write_counters.en.eq(working[-1]),
            self.write_counters.data.eq(lanes.result_low),
            self.write_signs.addr.eq(address3 >> part),
            self.write_signs.en.eq(working[-1] << address3[:part]),
            self.write_signs.data.eq(lanes.result_positive.replicate(config.subwords)),
        ]
        return m

    def _vote(self, m, rows, lanes, lanes_of):
        """Let the votes decide which counters of a row may step, and in which direction."""
        ballot, late = self.ballot, self.read_latency
        up = Signal.like(ballot.up, name="taken_up")
        changed = Signal.like(ballot.changed, name="taken_changed")
        m.d.comb += [rows.ballot.eq(ballot.valid),
                     ballot.taken.eq(rows.go & rows.voted & (rows.subword == 0))]
        with m.If(ballot.taken):
            m.d.sync += [up.eq(ballot.up), changed.eq(ballot.changed)]
        up, changed = (delay(m, votes, late - 1, "votes").word_select(*lanes_of)
                       for votes in (up, changed))
        with m.If(delay(m, rows.voted, late, "voted1")):
            m.d.comb += [lanes.inputs.eq(up), lanes.steps.eq(rows.bits & changed)]

    def _limits(self, rows):
        """Find the lanes of the present word that are beyond the fan-in.

        Yield ranges of lanes, as first lane and end, and whether the range is beyond the fan-in.
        """
        config, lanes, layer = self.config, self.config.counter_lanes, self.rows.payload.layer
        rests = [rest(layer.sections[-1], lanes) for layer in config.network]
        between = rest(config.inputs, lanes) if config.recurrent else lanes
        limits = sorted({*rests, between, lanes})
        for first, others in pairwise(limits):
            yield first, others, (rows.last & lookup(layer, [int(n <= first) for n in rests])
                                  | rows.section & int(between <= first))


def rest(count, lanes):
    """Lanes that hold a counter in the last word of ``count`` counters."""
    return count - (-(-count // lanes) - 1) * lanes
