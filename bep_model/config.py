"""One frozen configuration per trainer; every width, depth and address derives from it."""

import hashlib
import json
import math
from dataclasses import dataclass, field
from functools import cached_property

from bep_model.checks import MOST_SEED, entries, integer, integers, one_of
from bep_model.digests import LATE, told
from bep_model.layers import Window, layers_of

NUMERICS_VERSION = 1
"""To be increased whenever the same configuration, seed and data would give other counters."""

MOST_BATCH = 1024
"""Samples per application of updates."""

MOST_INPUTS = 65535
"""Bits per sample, or per time step."""

MOST_CLASSES = 256

CODES = ("random", "thermometer")
"""How the class prototypes are made, see :func:`bep_model.phases.frame.prototypes`."""

MOST_BITS = 1 << 29
"""Of weights and counters: about what the largest FPGAs have in memory."""


MOST_CELLS = 32767
"""Cells of a convolutional layer: a sum over them takes 16 bits."""


def divisors(n):
    """All divisors of ``n``, ascending: the legal group sizes of a layer of ``n`` neurons."""
    return tuple(d for d in range(1, n + 1) if n % d == 0)


def windows(name, values):
    """The windows of convolutional layers as a tuple of :class:`Window`, each checked by type and
    range: at least 1. Raises TypeError or ValueError."""
    found = []
    for l, entry in enumerate(entries(name, values)):
        if not 2 <= len(entries(f"{name}[{l}]", entry)) <= 4:
            raise ValueError(f"{name}[{l}] must have rows, columns, stride and pool, not {entry}")
        found.append(Window(*(
            integer(f"{name}[{l}].{part}", value, 1, 65535)
            for part, value in zip(Window._fields, entry, strict=False))))
    return tuple(found)


def check_window(name, layer):
    """Raise ValueError unless the window of a :class:`Layer` suits the image that it sees."""
    window, (rows, columns, _) = layer.window, layer.image
    if window.rows > rows or window.columns > columns:
        raise ValueError(f"{name} must fit into the image of {rows} x {columns} that it sees, not "
                         f"{window.rows} x {window.columns}")
    if window.pool > max(layer.grid):
        raise ValueError(f"{name}.pool must be at most {max(layer.grid)}, the positions there are, "
                         f"not {window.pool}")
    cells = math.prod(layer.cells)
    if cells > MOST_CELLS or 2 * layer.fan_in * cells >= 1 << 31:
        raise ValueError(f"{name} must have at most {MOST_CELLS} cells, and less than 2**30 bits "
                         f"in their patches, not {cells} cells of {layer.fan_in}")


def check_gateware(config):
    """Raise ValueError for a network that only the golden model has."""
    if len(config.windows) > 1:
        raise ValueError("windows must have at most one entry for gateware, which has one "
                         "convolutional layer at most, not "
                         f"{[list(window) for window in config.windows]}")


@dataclass(frozen=True)
class Config:
    """What is fixed when a trainer is built.

    Layers are numbered as in the paper, 1..L. :attr:`network` describes them, layer l at index l -
    1; the other properties per layer are taken from it, in the same order.

    Parameters
    ----------
    inputs : int
        K_0, bits per sample, 1..65535.
    layers : sequence of int
        K_1..K_L, neurons per layer, each 1..65535, 1 to 15 layers; weights and counters take at
        most 2**29 bits.
    classes : int
        C, rows of the fixed classifier, 2..256.
    counter_bits : int
        B_h, stored bits per counter, 2..15 (the paper's hidden weight has B_h + 1 bits).
    weight_lanes : int
        P, weight bits per cycle, 1..4096.
    counter_lanes : int
        Q, counters per cycle, a divisor of P. It is part of the numerics, because it decides which
        random bit each counter gets (docs/algorithm.md, "Random bits").
    max_batch : int
        Most samples per application of updates, 1..1024.
    seed : int
        Seed of the class prototypes, 0..2**32-1.
    max_steps : int
        T_max, most steps of a sequence, 1..1024; 0 for a network without recurrence. A recurrent
        network has two layers: the state K_s, whose input at step t is [x_t | s_(t-1)], and the
        output K_y, which sees the last state (docs/algorithm.md, "Recurrent networks").
    stable : bool
        Whether neurons that are barely right can win their group too, by registers kappa_1..kappa_L
        (docs/algorithm.md, "Stability"; not in the paper). Recurrent and convolutional networks do
        not have this.
    image : sequence of int
        Rows, columns and channels of a sample that is an image; () without convolution. Bit
        ``(row * columns + column) * channels + channel``.
    windows : sequence of Window
        Of the convolutional layers, which come first: layer l has K_l filters of this window
        (docs/algorithm.md, "Convolution"). At least one layer has none.
    code : str
        How the class prototypes are made: "random", the paper's frame, or "thermometer", for
        classes in an order (docs/algorithm.md, "Classes in an order"); of C classes in K_L >= C - 1
        bits.

    Raises
    ------
    TypeError
        For a value that is not an integer (or list of integers).
    ValueError
        For a value out of range, naming the value and what is allowed.
    """

    inputs: int
    layers: tuple
    classes: int
    counter_bits: int = 7
    weight_lanes: int = 64
    counter_lanes: int = 8
    max_batch: int = 1
    seed: int = 1
    max_steps: int = field(default=0, metadata=LATE)
    stable: bool = field(default=False, metadata=LATE)
    image: tuple = field(default=(), metadata=LATE)
    windows: tuple = field(default=(), metadata=LATE)
    code: str = field(default=CODES[0], metadata=LATE)

    def __post_init__(self):
        self._integer("inputs", 1, MOST_INPUTS)
        layers = integers("layers", self.layers, None, 1, 65535)
        if not 1 <= len(layers) <= 15:
            raise ValueError(f"layers must have 1 to 15 entries, not {len(layers)}")
        object.__setattr__(self, "layers", layers)
        self._integer("classes", 2, MOST_CLASSES)
        self._integer("counter_bits", 2, 15)
        self._integer("weight_lanes", 1, 4096)
        self._integer("counter_lanes", 1, 4096)
        if self.weight_lanes % self.counter_lanes:
            raise ValueError(
                f"counter_lanes must divide weight_lanes ({self.weight_lanes}), "
                f"not {self.counter_lanes}"
            )
        self._integer("max_batch", 1, MOST_BATCH)
        self._integer("seed", 0, MOST_SEED)
        self._integer("max_steps", 0, 1024)
        if self.recurrent and len(layers) != 2:
            raise ValueError("a recurrent network must have 2 layers (state and output), "
                             f"not {len(layers)}")
        if not isinstance(self.stable, bool):
            raise TypeError(f"stable must be true or false, not {self.stable!r}")
        if self.stable and self.recurrent:
            raise ValueError("a recurrent network has no stability: stable must be false")
        one_of("code", self.code, CODES)
        if self.code == "thermometer" and layers[-1] < self.classes - 1:
            raise ValueError(f"code must be random where the last layer has fewer than the "
                             f"{self.classes - 1} neurons that tell {self.classes} classes apart, "
                             f"not thermometer of {layers[-1]}")
        object.__setattr__(self, "windows", windows("windows", self.windows))
        object.__setattr__(self, "image", integers("image", self.image, None, 1, MOST_INPUTS))
        if self.windows:
            self._check_convolution()
        elif self.image:
            raise ValueError(f"image must be empty without windows, not {list(self.image)}")
        if self.memory_bits > MOST_BITS:  # before memory runs out here
            raise ValueError(f"layers must have at most {MOST_BITS} bits of weights and counters, "
                             f"not {self.memory_bits}")

    def _integer(self, name, low, high):
        object.__setattr__(self, name, integer(name, getattr(self, name), low, high))

    def _check_convolution(self):
        if self.recurrent:
            raise ValueError("a recurrent network has no convolution: windows must be empty")
        if self.stable:
            raise ValueError("a convolutional network has no stability: stable must be false")
        if len(self.windows) >= len(self.layers):
            raise ValueError(f"windows must have fewer entries than layers ({len(self.layers)}), "
                             f"not {len(self.windows)}")
        if len(self.image) != 3 or math.prod(self.image) != self.inputs:
            raise ValueError("image must be rows, columns and channels of a sample's "
                             f"{self.inputs} bits, not {list(self.image)}")
        for l, layer in enumerate(self.network[:len(self.windows)]):
            check_window(f"windows[{l}]", layer)

    # Shape of the network

    @cached_property
    def network(self):
        """The trained layers 1..L, a tuple of :class:`bep_model.layers.Layer`, layer 1 first."""
        return layers_of(self)

    @property
    def depth(self):
        """L, the number of trained layers."""
        return len(self.layers)

    @property
    def recurrent(self):
        """Whether layer 1 sees its own activations of the step before."""
        return self.max_steps > 0

    @property
    def convolutional(self):
        """Whether the first layers are filters, which see windows of an image."""
        return bool(self.windows)

    @property
    def filters(self):
        """K_l of the convolutional layers."""
        return self.layers[:len(self.windows)]

    @property
    def voters(self):
        """Most blocks of inputs that vote on a row of layer 1 (docs/algorithm.md): the steps of a
        sequence, or the cells of an image; 0 for other networks.
        """
        layer = self.network[0]
        return math.prod(layer.cells) if layer.window else self.max_steps

    @property
    def widths(self):
        """K_0..K_L: inputs, then neurons per layer."""
        return (self.inputs, *self.layers)

    @property
    def shapes(self):
        """Shape (K_l, F_l) of the counters of layers 1..L."""
        return tuple((layer.neurons, layer.fan_in) for layer in self.network)

    @property
    def counter_range(self):
        """Lowest and highest value of a counter."""
        half = 1 << (self.counter_bits - 1)
        return -half, half - 1

    # Words and addresses, as the layers have them

    @property
    def input_words(self):
        """Words of P bits in which the inputs of one step are sent."""
        return math.ceil(self.inputs / self.weight_lanes)

    @cached_property
    def row_words(self):
        """Sign-plane words in a row of layer 1..L."""
        return tuple(layer.row_words for layer in self.network)

    @cached_property
    def counter_words(self):
        """Counter words in a row of layer 1..L."""
        return tuple(layer.counter_words for layer in self.network)

    @cached_property
    def bases(self):
        """Sign-plane addresses of row 0 of layers 1..L, then of the first class prototype."""
        return (*(layer.base for layer in self.network), self.network[-1].end)

    @property
    def sign_depth(self):
        """Words in the sign plane: the rows of all layers, then the class prototypes."""
        return self.bases[-1] + self.classes * self.network[-1].words

    @property
    def subwords(self):
        """P / Q, counter words per sign word."""
        return self.network[0].subwords

    @property
    def subword_bits(self):
        """Low address bits of the counter plane that select the word within a sign word."""
        return self.network[0].subword_bits

    @property
    def counter_depth(self):
        """Words in the counter plane."""
        return self.bases[-1] << self.subword_bits

    @property
    def memory_bits(self):
        """Bits of both planes: the signs of all weights, and the other bits of their counters."""
        return (self.sign_depth * self.weight_lanes
                + self.counter_depth * self.counter_lanes * (self.counter_bits - 1))

    @property
    def generators(self):
        """32-bit generators in the random bank."""
        return math.ceil(self.counter_lanes / 32)

    # Identity, TOML

    @cached_property
    def digest(self):
        """SHA-256 over the configuration and the version of the numerics, as 64 hex digits."""
        text = json.dumps({"numerics": NUMERICS_VERSION} | told(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def identifier(self):
        """First 32 bits of the digest, which the hardware reports."""
        return int(self.digest[:8], 16)
