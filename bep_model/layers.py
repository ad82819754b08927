"""A network as a list of layers: the shape of each, and where its rows lie in memory."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple


class Window(NamedTuple):
    """Where the filters of a convolutional layer look (docs/algorithm.md)."""

    rows: int
    columns: int
    stride: int = 1
    """Distance of two positions, in both directions."""
    pool: int = 1
    """Positions in each direction of a cell, of which the largest z counts."""

    def grid(self, image):
        """Rows and columns of its positions on an image (rows, columns, channels)."""
        return ((image[0] - self.rows) // self.stride + 1,
                (image[1] - self.columns) // self.stride + 1)

    def cells(self, image):
        """Rows and columns of the cells, into which the positions are pooled."""
        return tuple(math.ceil(n / self.pool) for n in self.grid(image))


@dataclass(frozen=True)
class Layer:
    """One trained layer.

    A sample passes the layer in steps: one, or those of a sequence if the layer has state. Of a
    convolutional layer the neurons are filters, which see a window of an image at every position.
    A row holds the weights of one neuron. It is cut into words of ``weight_lanes`` bits in the sign
    plane and of ``counter_lanes`` counters in the counter plane; each section of the input begins a
    new word. One sign word corresponds to ``weight_lanes // counter_lanes`` counter words.

    Parameters
    ----------
    neurons : int
        K_l.
    sections : tuple of int
        The parts of its input, in the order of a row's counters: (K_(l-1),); with state
        (K_x, K_s), the second being its own activations of the step before.
    state : bool
        Whether it sees its activations of the step before.
    steps : int
        Most steps of a sample: T_max with state, else 1.
    base : int
        Sign-plane address of row 0.
    weight_lanes, counter_lanes : int
        P and Q.
    window : Window or None
        Of a convolutional layer.
    image : (int, int, int)
        Rows, columns and channels of the image that it sees; () of another layer.
    """

    neurons: int
    sections: tuple
    state: bool
    steps: int
    base: int
    weight_lanes: int
    counter_lanes: int
    window: Window | None = None
    image: tuple = ()

    @property
    def fan_in(self):
        """F_l, weights of a neuron."""
        return sum(self.sections)

    @cached_property
    def grid(self):
        """Rows and columns of the positions of a filter."""
        assert self.window is not None
        return self.window.grid(self.image)

    @cached_property
    def cells(self):
        """Rows and columns of the cells, into which the positions are pooled."""
        assert self.window is not None
        return self.window.cells(self.image)

    @property
    def outputs(self):
        """Activations of one step, in all cells of a convolutional layer."""
        return self.neurons * (math.prod(self.cells) if self.window else 1)

    @property
    def patches(self):
        """Patches in a word of P bits: of positions of one cell, which are looked at in one clock.

        A patch of several words has them for itself.
        """
        assert self.window is not None
        return max(1, min(self.window.pool**2, self.weight_lanes // self.fan_in))

    @property
    def cell_words(self):
        """Words of P bits that hold the patches of a cell."""
        assert self.window is not None
        return math.ceil(self.window.pool**2 / self.patches) * self.row_words

    def there(self, bottom, right, word):
        """Which positions exist that have their patches side by side in a word of a cell.

        Parameters
        ----------
        bottom, right : bool
            The cell is in the last row, or column, of cells, which can have fewer positions.
        word : int
            Of patches in the cell, from 0.

        Returns
        -------
        int
            Bit i is that of the i-th patch.
        """
        assert self.window is not None
        pool = self.window.pool
        rows, columns = ((count - 1) % pool + 1 if last else pool
                         for count, last in zip(self.grid, (bottom, right), strict=True))
        places = range(word * self.patches, (word + 1) * self.patches)
        return sum(int(place // pool < rows and place % pool < columns) << i
                   for i, place in enumerate(places))

    @property
    def words(self):
        """Words of P bits that hold its activations of one step."""
        return math.ceil(self.outputs / self.weight_lanes)

    @cached_property
    def section_words(self):
        """Sign-plane words of each section of a row."""
        return tuple(math.ceil(part / self.weight_lanes) for part in self.sections)

    @cached_property
    def row_words(self):
        """Sign-plane words in a row."""
        return sum(self.section_words)

    @property
    def counter_words(self):
        """Words of Q counters in a row that hold at least one counter."""
        return len(self.spans)

    @property
    def subwords(self):
        """P / Q, counter words per sign word."""
        return self.weight_lanes // self.counter_lanes

    @property
    def subword_bits(self):
        """Low address bits of the counter plane that select the word within a sign word."""
        return (self.subwords - 1).bit_length()

    @property
    def end(self):
        """Sign-plane address after the last row."""
        return self.base + self.neurons * self.row_words

    @cached_property
    def spans(self):
        """Where the counters of a row are: (offset, first, count) for each counter word.

        The word is ``offset`` words after the first one of its row; its lane i < ``count`` is the
        counter of input ``first + i``.
        """
        return tuple(self._spans())

    def _spans(self):
        sign_word = first = 0
        for part, words in zip(self.sections, self.section_words, strict=True):
            for word in range(math.ceil(part / self.counter_lanes)):
                whole, subword = divmod(word, self.subwords)
                done = word * self.counter_lanes
                yield ((sign_word + whole << self.subword_bits) | subword, first + done,
                       min(self.counter_lanes, part - done))
            sign_word += words
            first += part

    def counter_address(self, row, word):
        """Counter-plane address of counter word ``word`` of row ``row``; see :attr:`spans`."""
        return (self.base + row * self.row_words << self.subword_bits) + self.spans[word][0]


def layers_of(config):
    """The trained layers 1..L of a configuration, rows one after another in the sign plane."""
    below, image, base, layers = config.inputs, config.image, 0, []
    for l, neurons in enumerate(config.layers):
        state = config.recurrent and not layers
        sections, window = (below, neurons) if state else (below,), None
        if l < len(config.windows):
            window = config.windows[l]
            sections = (window.rows * window.columns * image[2],)
        layer = Layer(neurons, sections, state, config.max_steps if state else 1, base,
                      config.weight_lanes, config.counter_lanes, window, image if window else ())
        if window:
            image = (*layer.cells, neurons)
        layers.append(layer)
        below, base = layer.outputs, layer.end
    return tuple(layers)
