"""Patches: what the windows of a convolutional layer see, cut out of an image that streams by."""

from math import gcd

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.parts.layouts import patch_layout, sample_layout
from rtl.parts.tables import lookup


class Patches(wiring.Component):
    """Cuts the patches of all positions out of an image (docs/algorithm.md, "Convolution"):
    ``gather`` of ``bep_model.phases.convolution``.

    The image passes pixel by pixel through a shift register that holds the rows of a window, so
    that a patch is always in the same places of it.

    Timing
    ------
    A beat is taken in one clock, in which no pixel moves; then one pixel moves per clock. A patch
    that is complete stops the pixels until its words have left, one per clock. After the last pixel
    the item with ``last`` leaves; it has no patch.

    Parameters
    ----------
    config : Config

    Members
    -------
    samples : In(stream.Signature(sample_layout(config)))
    o : Out(stream.Signature(patch_layout(config)))
    """

    def __init__(self, config):
        self.config = config
        super().__init__({
            "samples": In(stream.Signature(sample_layout(config))),
            "o": Out(stream.Signature(patch_layout(config))),
        })

    def elaborate(self, platform):
        m = Module()
        layer, lanes = self.config.network[0], self.config.weight_lanes
        (rows, columns, channels), window = layer.image, layer.window
        due, ending, move = Signal(), Signal(), Signal()
        pixel, left = self._pixels(m, move, ending, channels, lanes)

        # Where the pixel is. A position is complete every `stride` pixels after the window's first
        # row and column.
        line, column = Signal(range(rows)), Signal(range(columns))
        row_wait = Signal(range(max(window.rows, window.stride)), init=window.rows - 1)
        column_wait = Signal(range(max(window.columns, window.stride)), init=window.columns - 1)
        ends, complete = column == columns - 1, row_wait == 0
        final = ends & (line == rows - 1)
        seen = Signal(((window.rows - 1) * columns + window.columns) * channels)
        with m.If(move):
            m.d.sync += [
                seen.eq(Cat(seen, pixel)[channels:]),
                column.eq(Mux(ends, 0, column + 1)),
                column_wait.eq(Mux(column_wait == 0, window.stride - 1, column_wait - 1)),
                due.eq(complete & (column_wait == 0)),
            ]
            with m.If(ends):
                m.d.sync += [
                    line.eq(line + 1), column_wait.eq(window.columns - 1),
                    row_wait.eq(Mux(complete, window.stride - 1, row_wait - 1)),
                ]
            with m.If(final):
                m.d.sync += [line.eq(0), row_wait.eq(window.rows - 1), ending.eq(1), left.eq(0)]

        width, span = layer.image[1] * channels, window.columns * channels
        patch = Cat(*(seen[row * width:row * width + span] for row in range(window.rows)),
                    Const(0, -layer.fan_in % lanes))
        word = Signal(range(layer.row_words))
        o, leaves = self.o.payload, self.o.valid & self.o.ready
        passed = leaves & (word == layer.row_words - 1)
        m.d.comb += [
            move.eq((left >= channels) & ~due & ~ending),
            self.o.valid.eq(due | ending),
            o.last.eq(~due),
            o.data.eq(patch.word_select(word, lanes) if layer.row_words > 1
                      else patch),
        ]
        with m.If(due):
            with m.If(leaves):
                m.d.sync += word.eq(word + 1)
            with m.If(passed):
                m.d.sync += [word.eq(0), due.eq(0)]
        with m.Elif(leaves):
            m.d.sync += ending.eq(0)
        self._place(m, due & passed, leaves & ~due, word)
        return m

    def _pixels(self, m, move, ending, channels, lanes):
        """Cut beats into pixels. Return the next pixel, and how many bits are left; ``move`` takes
        the pixel. While ``ending`` is high no beat is taken, because the label is still needed.
        """
        samples = self.samples
        bits = Signal(lanes + channels - 1)
        left = Signal(range(lanes + channels))
        label = Signal.like(samples.payload.label)
        m.d.comb += [samples.ready.eq((left < channels) & ~ending), self.o.payload.label.eq(label)]
        with m.If(move):
            m.d.sync += [bits.eq(bits >> channels), left.eq(left - channels)]
        with m.If(samples.valid & samples.ready):
            m.d.sync += [left.eq(left + lanes), label.eq(samples.payload.label)]
            with m.Switch(left):
                for rest in range(0, channels, gcd(lanes, channels)):
                    with m.Case(rest):
                        m.d.sync += bits.eq(
                            Cat(bits[:rest], samples.payload.data) if rest
                            else samples.payload.data)
        return bits[:channels], left

    def _place(self, m, passed, restart, word):
        """Tell where the present patch belongs: cell by cell, then position by position."""
        layer, o = self.config.network[0], self.o.payload
        columns, pool = layer.grid[1], layer.window.pool
        column = Signal(range(columns))
        row_in, column_in = Signal(range(pool)), Signal(range(pool))
        cells = layer.cells[1] * layer.cell_words
        first, cell = Signal.like(o.offset), Signal.like(o.offset)  # of the row of cells, and cell
        with m.If(passed):
            m.d.sync += [column.eq(column + 1), column_in.eq(column_in + 1)]
            with m.If(column_in == pool - 1):
                m.d.sync += [column_in.eq(0), cell.eq(cell + layer.cell_words)]
            with m.If(column == columns - 1):
                m.d.sync += [column.eq(0), column_in.eq(0), cell.eq(first),
                             row_in.eq(row_in + 1)]
                with m.If(row_in == pool - 1):
                    m.d.sync += [row_in.eq(0), first.eq(first + cells), cell.eq(first + cells)]
        with m.If(restart):
            m.d.sync += [row_in.eq(0), column_in.eq(0), column.eq(0), first.eq(0), cell.eq(0)]
        places = [divmod(row * pool + column, layer.patches)
                  for row in range(pool) for column in range(1 << (pool - 1).bit_length())]
        place = Cat(column_in, row_in)
        m.d.comb += [
            o.offset.eq(cell + lookup(place, [at * layer.row_words for at, _ in places]) + word),
            o.part.eq(lookup(place, [part for _, part in places])),
        ]
