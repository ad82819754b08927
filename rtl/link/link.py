"""Host link: carries out request packets on the ports of a trainer."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import enum, stream, wiring
from amaranth.lib.wiring import In, Out

from bep_model.config import Config
from bep_model.protocol import Opcode, word_bytes
from bep_model.registers import registers
from rtl.engines.classify import result_layout
from rtl.engines.loader import sample_layout
from rtl.link.packets import Packets
from rtl.parts.state_port import state_signature
from rtl.parts.times import times
from rtl.registers import Bus


class Step(enum.Enum, shape=3):
    """What the request that is being carried out does next."""

    NEXT = 0
    """Begin an item if the payload has one more."""
    GATHER = 1
    """Shift an item's bytes from the payload into the word."""
    ADDRESS = 2
    """Take the first address of a state request; go on to the next word that is to be read."""
    ISSUE = 3
    """Hand the item to the trainer."""
    LOAD = 4
    """Take a register's value into the word."""
    SEND = 5
    """Shift the word out into the answer."""
    PASS = 6
    """Have the bytes of a counter word pass between payload or answer and the trainer."""


class Link(wiring.Component):
    """Carry out request packets on a trainer and answer each with one packet.

    Packets and opcodes are those of :mod:`bep_model.protocol`; :class:`rtl.link.packets.Packets`
    says what is refused. State addresses must stay below ``config.counter_depth``. Bits of an
    address, value or label that the trainer lacks are ignored.

    The trainer must be in a mode that takes samples before SAMPLES, and between samples before
    STATE_READ and STATE_WRITE; otherwise the answer is abandoned after ``timeout``. Samples that
    the trainer had taken by then stay taken, and their results are dropped; a counter word is
    written as a whole or not at all.

    Timing: besides the bytes' own time, an item of READ takes 4 cycles, of WRITE 7, a beat of a
    sample ``word_bytes(P) + 2`` while the trainer is ready. Reset abandons a request.

    Parameters
    ----------
    config : Config
    timeout : int
        Clock cycles, 1..2**32-1, rounded up to a power of two. It must exceed the longest wait for
        the trainer: a batch of updates and a reinforcement sweep, or an initialisation.

    Members
    -------
    i : In(stream.Signature(8))
        Bytes from the host.
    o : Out(stream.Signature(8))
        Bytes to the host.
    bus : Out(Bus)
        Registers, as in :func:`bep_model.registers.registers`.
    samples : Out(stream.Signature(sample_layout(config)))
        Beats of P bits, ``words[0]`` a sample; the label counts on the last.
    results : In(stream.Signature(result_layout(config)))
        One a sample.
    state : Out(state_signature(config))
        Requests to read and write counter words, and their bytes.
    busy : Out(1)
        A request is being carried out or answered.
    refused : Out(1)
        The last request was refused.

    Raises
    ------
    TypeError, ValueError
        For a ``config`` or ``timeout`` of wrong type or range, and for a configuration whose
        samples or counter words do not fit a packet.
    """

    def __init__(self, config, timeout):
        if not isinstance(config, Config):
            raise TypeError(f"config must be a Config, not {config!r}")
        self.config = config
        self.timeout = timeout
        self._packets = Packets(config, timeout)
        super().__init__({
            "i": In(stream.Signature(8)),
            "o": Out(stream.Signature(8)),
            "bus": Out(Bus),
            "samples": Out(stream.Signature(sample_layout(config))),
            "results": In(stream.Signature(result_layout(config))),
            "state": Out(state_signature(config)),
            "busy": Out(1),
            "refused": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.packets = packets = self._packets
        wiring.connect(m, wiring.flipped(self.i), packets.i)
        wiring.connect(m, packets.o, wiring.flipped(self.o))
        payload, answer = packets.payload, packets.answer

        beat_bytes = word_bytes(config.weight_lanes)
        step, state = Signal(Step), self.state
        # Bytes enter a word at the top, lowest first, and leave at the bottom.
        word = Signal(8 * max(6, beat_bytes))
        count = Signal(range(max(6, beat_bytes)))  # bytes left in it, less one
        beat = Signal(range(config.input_words * max(1, config.max_steps)))
        beats = config.input_words
        if config.recurrent:  # the length of a sample follows register STEPS
            steps = Signal.like(packets.steps)
            with m.If(self.bus.write & (self.bus.address == registers(config)["STEPS"].address)):
                m.d.sync += steps.eq(self.bus.write_data)
            m.d.comb += packets.steps.eq(steps)
            beats = times(steps, config.input_words)
        address = Signal.like(state.request.payload.address)
        addressed = Signal()  # the address of a state request has been taken
        result, taken = Signal(result_layout(config)), Signal()  # a result, until it is sent
        flags = Signal()  # its second byte is next
        is_ = {code: Signal(name=f"is_{code.name.lower()}") for code in Opcode}

        def top(count):
            """Return the last ``count`` bytes shifted in."""
            return word[len(word) - 8 * count:]

        last = beat == beats - 1
        m.d.comb += [
            *(signal.eq(packets.active & (packets.opcode == code)) for code, signal in is_.items()),
            self.busy.eq(packets.busy),
            self.refused.eq(packets.refused),
            packets.done.eq(packets.active & (step == Step.NEXT) & ~payload.valid),
            payload.ready.eq((step == Step.GATHER) | state.data.valid & state.data.ready
                             | last & self.samples.valid & self.samples.ready),
            self.bus.address.eq(Mux(is_[Opcode.WRITE], top(5)[:8], top(1))),
            self.bus.write.eq(is_[Opcode.WRITE] & (step == Step.ISSUE)),
            self.bus.write_data.eq(top(4)),
            self.samples.valid.eq(is_[Opcode.SAMPLES] & (step == Step.ISSUE)),
            self.samples.payload.data.eq(top(beat_bytes)),
            self.samples.payload.label.eq(payload.payload),  # it follows the last word
            state.request.valid.eq(packets.active & (step == Step.PASS)),
            state.request.payload.address.eq(address),
            state.request.payload.write.eq(is_[Opcode.STATE_WRITE]),
            state.data.valid.eq((step == Step.PASS) & is_[Opcode.STATE_WRITE]),
            state.data.payload.eq(payload.payload),
            state.reply.ready.eq(answer.ready),
            self.results.ready.eq(~taken),
            answer.valid.eq(step == Step.SEND),
            answer.payload.eq(word[:8]),
        ]
        with m.If(is_[Opcode.STATE_READ]):
            m.d.comb += [answer.valid.eq(state.reply.valid),
                         answer.payload.eq(state.reply.payload)]
        with m.If(self.results.valid & self.results.ready):
            m.d.sync += [taken.eq(1), result.eq(self.results.payload)]
        with m.If(is_[Opcode.SAMPLES]):
            m.d.comb += [
                answer.valid.eq(taken),
                answer.payload.eq(
                    Mux(flags, Cat(result.error, result.triggered), result.prediction)),
            ]
            with m.If(answer.valid & answer.ready):
                m.d.sync += [flags.eq(~flags), taken.eq(~flags)]

        shifted = Cat(word[8:], payload.payload)
        with m.Switch(step):
            with m.Case(Step.NEXT):
                m.d.sync += step.eq(Mux(payload.valid, Step.GATHER, Step.NEXT))
                with m.Switch(packets.opcode):
                    for code, size in ((Opcode.READ, 1), (Opcode.WRITE, 5),
                                       (Opcode.SAMPLES, beat_bytes), (Opcode.STATE_READ, 6),
                                       (Opcode.STATE_WRITE, 4)):
                        with m.Case(code):
                            m.d.sync += count.eq(size - 1)
                with m.If(payload.valid & addressed):
                    m.d.sync += step.eq(Step.PASS)
            with m.Case(Step.GATHER):
                m.d.sync += [word.eq(shifted), count.eq(count - 1)]
                with m.If(count == 0):
                    m.d.sync += step.eq(Step.ISSUE)
                    with m.If((is_[Opcode.STATE_READ] | is_[Opcode.STATE_WRITE]) & ~addressed):
                        m.d.sync += step.eq(Step.ADDRESS)
            with m.Case(Step.ADDRESS):
                m.d.sync += [addressed.eq(1), step.eq(Step.NEXT)]
                with m.If(~addressed):
                    m.d.sync += address.eq(Mux(is_[Opcode.STATE_READ], top(6)[:32], top(4)))
                with m.If(is_[Opcode.STATE_READ] & packets.owed):
                    m.d.sync += step.eq(Step.PASS)
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
                    # The last byte counts as owed until the next cycle, so look again then.
                    m.d.sync += [address.eq(address + 1), step.eq(
                        Mux(is_[Opcode.STATE_READ], Step.ADDRESS, Step.NEXT))]
        with m.If(~packets.active):  # what an abandoned request left behind is forgotten
            m.d.sync += [taken.eq(0), step.eq(Step.NEXT), addressed.eq(0), flags.eq(0), beat.eq(0)]
        return m
