"""Pool: the largest product of a cell, and the position that gave it."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from rtl.parts.delay import delay
from rtl.parts.layouts import place_layout


class Pool(wiring.Component):
    """The largest of the popcounts of a cell's positions, the first one of equal ones: the pooling
    of ``convolve`` in ``bep_model.phases.convolution``.

    Timing
    ------
    In each clock with ``valid`` there come the popcounts of some positions. ``done`` is high
    ``latency`` clocks after those with ``last``, together with ``largest`` and ``place``.

    Parameters
    ----------
    config : Config

    Members
    -------
    valid, first, last : In(1)
        The first and the last popcounts of a cell.
    counts : In(data.ArrayLayout(range(F_1 + 1), patches))
    there : In(patches)
        The positions that exist: a cell at the image's border can have fewer of them. The first one
        of a cell always exists.
    done : Out(1)
    largest : Out(range(F_1 + 1))
    place : Out(place_layout(config))
    """

    def __init__(self, config):
        layer = config.network[0]
        self.config = config
        self.count = layer.patches
        self.words = layer.cell_words // layer.row_words
        super().__init__({
            "valid": In(1), "first": In(1), "last": In(1),
            "counts": In(data.ArrayLayout(range(layer.fan_in + 1), layer.patches)),
            "there": In(layer.patches),
            "done": Out(1),
            "largest": Out(range(layer.fan_in + 1)),
            "place": Out(place_layout(config)),
        })

    @property
    def latency(self):
        """Clocks from the last popcounts of a cell to ``done``."""
        return (self.count - 1).bit_length() + (self.words > 1)

    def elaborate(self, platform):
        m = Module()

        # Positions that are compared at once: a tree. The key of one that does not exist is 0.
        places = [(Cat(there, Mux(there, count, 0)), i)
                  for i, (there, count) in enumerate(zip(self.there, self.counts, strict=True))]
        levels = (self.count - 1).bit_length()
        for level in range(levels):
            best = []
            for i in range(0, len(places), 2):
                (key, place), *other = places[i:i + 2]
                here = Signal.like(key, name=f"key{level}_{i}", reset_less=True)
                at = Signal(range(self.count), name=f"place{level}_{i}", reset_less=True)
                m.d.sync += [here.eq(key), at.eq(place)]
                for later, later_place in other:
                    with m.If(later > key):
                        m.d.sync += [here.eq(later), at.eq(later_place)]
                best.append((here, at))
            places = best
        key, part = places[0]
        valid, first, last = (delay(m, signal, levels, name) for signal, name in
                              ((self.valid, "valid"), (self.first, "first"), (self.last, "last")))
        if self.words == 1:
            m.d.comb += [self.done.eq(valid), self.largest.eq(key >> 1), self.place.part.eq(part)]
            return m

        # Then one after the other.
        best = Signal.like(key)
        place = Signal.like(self.place)
        word = Signal(range(self.words))
        m.d.sync += self.done.eq(valid & last)
        with m.If(valid):
            m.d.sync += word.eq(Mux(last, 0, word + 1))
            with m.If(first | (key > best)):
                m.d.sync += [best.eq(key), place.part.eq(part), place.word.eq(word)]
        m.d.comb += [self.largest.eq(best >> 1), self.place.eq(place)]
        return m
