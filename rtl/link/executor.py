"""Carries out the requests of the host on the ports of a trainer."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import enum, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from bep_model.protocol import Opcode, word_bytes
from rtl.link.packets import Request
from rtl.parts.layouts import result_layout, sample_layout
from rtl.parts.state_port import state_signature
from rtl.parts.times import times
from rtl.registers import Bus


class Step(enum.Enum, shape=3):
    """Next action of the request that is being carried out."""

    NEXT = 0
    """Begin an item if the payload has one more."""
    GATHER = 1
    """Shift an item's bytes from the payload into the word."""
    ADDRESS = 2
    """Take the first address of a state request, or go on to the next word to read."""
    ISSUE = 3
    """Hand the item to the trainer."""
    LOAD = 4
    """Take a register's value into the word."""
    SEND = 5
    """Shift the word out into the answer."""
    PASS = 6
    """Pass the bytes of a counter word between the trainer and the payload or answer."""


class Results(wiring.Component):
    """Turn the result of a sample into two bytes: the prediction, then the flags.

    Timing: one byte per cycle, the first in the cycle after the result was taken. The next result
    is taken after both bytes.

    Parameters
    ----------
    config : Config

    Members
    -------
    i : In(stream.Signature(result_layout(config)))
        Results.
    o : Out(stream.Signature(8))
        Their bytes.
    drop : In(1)
        Discard bytes that have not been sent.
    """

    def __init__(self, config):
        self.config = config
        super().__init__({
            "i": In(stream.Signature(result_layout(config))),
            "o": Out(stream.Signature(8)),
            "drop": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        i, o = self.i, self.o
        result, taken = Signal.like(i.payload), Signal()  # the result to send
        flags = Signal()  # the second byte is next
        m.d.comb += [
            i.ready.eq(~taken),
            o.valid.eq(taken),
            o.payload.eq(Mux(flags, Cat(result.error, result.triggered), result.prediction)),
        ]
        with m.If(i.valid & i.ready):
            m.d.sync += [taken.eq(1), result.eq(i.payload)]
        with m.If(o.valid & o.ready):
            m.d.sync += [flags.eq(~flags), taken.eq(~flags)]
        with m.If(self.drop):
            m.d.sync += [taken.eq(0), flags.eq(0)]
        return m


class Executor(wiring.Component):
    """Carry out one request after another, and supply the payloads of their answers.

    Requests STORE are somebody else's.

    Timing: see :class:`rtl.link.link.Link`.

    Parameters
    ----------
    config : Config
    counters : bool
        There are counters. Else ``state`` is not used.

    Members
    -------
    request : In(Request)
    bus, samples, results, state
        As in :class:`rtl.link.link.Link`.
    steps : In(range(T_max + 1))
        Value of register STEPS, the steps of a sample; only in a recurrent trainer.
    """

    def __init__(self, config, counters=True):
        self.config = config
        self.counters = counters
        super().__init__({
            **({"steps": In(range(config.max_steps + 1))} if config.recurrent else {}),
            "request": In(Request),
            "bus": Out(Bus),
            "samples": Out(stream.Signature(sample_layout(config))),
            "results": In(stream.Signature(result_layout(config))),
            "state": Out(state_signature(config)),
        })

    def elaborate(self, platform):
        m = Module()
        config, state, request = self.config, self.state, self.request
        answer = request.answer
        # A register before all that takes bytes: the way from the store is long, as is that of the
        # enables of a word of many lanes.
        payload = stream.Signature(8).create(path=("payload",))
        m.d.comb += request.payload.ready.eq(~payload.valid | payload.ready)
        with m.If(request.payload.ready):
            m.d.sync += [payload.valid.eq(request.payload.valid & request.active),
                         payload.payload.eq(request.payload.payload)]
        m.submodules.results = results = Results(config)
        connect(m, flipped(self.results), results.i)

        sizes = {Opcode.READ: 1, Opcode.WRITE: 5, Opcode.SAMPLES: word_bytes(config.weight_lanes),
                 Opcode.STATE_READ: 6, Opcode.STATE_WRITE: 4}  # bytes to gather
        is_ = {code: Signal(name=f"is_{code.name.lower()}") for code in Opcode}
        reads, writes = is_[Opcode.STATE_READ], is_[Opcode.STATE_WRITE]
        step = Signal(Step)
        # Bytes enter a word at the high end, lowest byte first, and leave at the low end.
        word = Signal(8 * max(sizes.values()))
        count = Signal(range(max(sizes.values())))  # bytes left in the word, minus one
        gathered = {code: word[len(word) - 8 * size:] for code, size in sizes.items()}
        beat = Signal(range(config.input_words * max(1, config.max_steps)))
        beats = times(self.steps, config.input_words) if config.recurrent else config.input_words
        last = beat == beats - 1
        # The label is there. This is a register, because much of the trainer depends on it.
        labelled = Signal()
        m.d.sync += labelled.eq((step == Step.ISSUE) & payload.valid)
        # Registers too, because all registers compare the address. The word stays for a write.
        m.d.sync += self.bus.write.eq(is_[Opcode.WRITE] & (step == Step.ISSUE))
        address = Signal.like(state.request.payload.address)
        addressed = Signal()  # the address of a state request has been taken
        m.d.comb += [
            *(signal.eq(request.active & (request.opcode == code)) for code, signal in is_.items()
              if self.counters or code not in (Opcode.STATE_READ, Opcode.STATE_WRITE)),
            request.done.eq(request.active & (step == Step.NEXT)
                            & ~payload.valid & ~request.payload.valid),
            payload.ready.eq((step == Step.GATHER) | state.data.valid & state.data.ready
                             | last & self.samples.valid & self.samples.ready),
            self.bus.write_data.eq(gathered[Opcode.WRITE][8:]),
            self.samples.valid.eq(is_[Opcode.SAMPLES] & (step == Step.ISSUE) & (labelled | ~last)),
            self.samples.payload.data.eq(gathered[Opcode.SAMPLES]),
            self.samples.payload.label.eq(payload.payload),  # it follows the last word
            state.request.valid.eq(request.active & (step == Step.PASS)),
            state.request.payload.address.eq(address),
            state.request.payload.write.eq(writes),
            state.data.valid.eq(writes & (step == Step.PASS) & payload.valid),
            state.data.payload.eq(payload.payload),
            state.reply.ready.eq(answer.ready),
            results.drop.eq(~request.active),
            results.o.ready.eq(is_[Opcode.SAMPLES] & answer.ready),
            answer.valid.eq(step == Step.SEND),
            answer.payload.eq(word[:8]),
        ]
        for signal, source in ((reads, state.reply), (is_[Opcode.SAMPLES], results.o)):
            with m.If(signal):
                m.d.comb += [answer.valid.eq(source.valid), answer.payload.eq(source.payload)]

        with m.Switch(step):
            with m.Case(Step.NEXT):
                with m.Switch(request.opcode):
                    for code, size in sizes.items():
                        with m.Case(code):
                            m.d.sync += count.eq(size - 1)
                with m.If(payload.valid):
                    m.d.sync += [step.eq(Mux(addressed, Step.PASS, Step.GATHER)),
                                 self.bus.address.eq(payload.payload)]  # an item's first byte
            with m.Case(Step.GATHER):
                with m.If(payload.valid):
                    m.d.sync += [word.eq(Cat(word[8:], payload.payload)), count.eq(count - 1)]
                    with m.If(count == 0):
                        m.d.sync += step.eq(Mux(reads | writes, Step.ADDRESS, Step.ISSUE))
            with m.Case(Step.ADDRESS):
                m.d.sync += [addressed.eq(1), step.eq(Mux(reads & request.owed,
                                                          Step.PASS, Step.NEXT))]
                with m.If(~addressed):
                    m.d.sync += address.eq(Mux(
                        reads, gathered[Opcode.STATE_READ][:32], gathered[Opcode.STATE_WRITE]))
            with m.Case(Step.ISSUE):
                with m.If(is_[Opcode.READ]):
                    m.d.sync += step.eq(Step.LOAD)
                with m.If(is_[Opcode.WRITE]):
                    m.d.sync += step.eq(Step.NEXT)
                with m.If(self.samples.valid & self.samples.ready):
                    m.d.sync += [step.eq(Step.NEXT), beat.eq(Mux(last, 0, beat + 1))]
            with m.Case(Step.LOAD):
                m.d.sync += [step.eq(Step.SEND), count.eq(4 - 1), word[:32].eq(self.bus.read_data)]
            with m.Case(Step.SEND):
                with m.If(answer.ready):
                    m.d.sync += [word[:32].eq(word[8:40]), count.eq(count - 1)]
                    with m.If(count == 0):
                        m.d.sync += step.eq(Step.NEXT)
            with m.Case(Step.PASS):
                with m.If(state.request.ready):
                    # The last byte counts as owed until the next cycle, so check again then.
                    m.d.sync += [address.eq(address + 1),
                                 step.eq(Mux(reads, Step.ADDRESS, Step.NEXT))]
        with m.If(~request.active):  # discard the state of an abandoned request
            m.d.sync += [step.eq(Step.NEXT), addressed.eq(0), beat.eq(0), payload.valid.eq(0)]
        return m
