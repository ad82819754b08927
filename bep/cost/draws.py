"""Random configurations for a board: what the cost model is fitted to, and tried on."""

import math

import numpy as np

from bep.flow.boards import target
from bep.flow.largest import fits
from bep_model.config import Config, divisors
from bep_model.layers import Window

LANES = {"icebreaker": (8, 16, 24, 32, 48, 64, 96),
         "ice40-hx8k-b-evn": (8, 16, 24, 32, 48, 64, 96),
         "ulx3s-85f": (8, 16, 32, 64, 100, 128, 196, 256, 392, 784)}
"""P, by the board that stands for its family."""

MOST_WITH_FILTERS = 128
"""P at most of the builds with filters."""

MOST_COUNTERS = {"icebreaker": 16, "ice40-hx8k-b-evn": 16, "ulx3s-85f": 196}
"""Q at most."""


def configurations(board, seed, filters=False):
    """Yield random configurations whose memories fit a board's part, without end.

    They are dense (0.7) or recurrent, online (0.5) or in batches, of 1 to 4 layers; or, with
    ``filters``, convolutional, with filters below 1 or 2 dense layers. Sizes are logarithmically
    uniform. The sequence depends on ``seed``, the board's name and ``filters`` only.
    """
    bits = np.random.default_rng([seed, *board.encode()])
    described = target(board)
    draw = convolutional if filters else drawn
    while True:
        config = draw(Dice(bits), board)
        if fits(config, described):
            yield config


class Dice:
    """Draws sizes and choices from a ``numpy.random.Generator``."""

    def __init__(self, bits):
        self.bits = bits

    def size(self, low, high):
        return int(np.exp(self.bits.uniform(np.log(low), np.log(high + 1))))

    def pick(self, values, p=None):
        return values[self.bits.choice(len(values), p=p)]

    def chance(self, p):
        return bool(self.bits.random() < p)

    def counter_bits(self):
        return 7 if self.chance(0.5) else self.pick((2, 3, 4, 5, 6, 8, 10, 12, 15))

    def counter_lanes(self, lanes, board):
        return self.pick([q for q in divisors(lanes) if q <= MOST_COUNTERS[board]])


def drawn(dice, board):
    """A dense or recurrent configuration."""
    recurrent = dice.chance(0.3)
    depth = 2 if recurrent else dice.pick((1, 2, 3, 4), (0.15, 0.5, 0.25, 0.1))
    lanes = dice.pick(LANES[board])
    return Config(
        inputs=dice.size(1 if recurrent else 16, 128 if recurrent else 1024),
        layers=tuple(dice.size(8, 256) for _ in range(depth)),
        classes=dice.size(2, 26),
        counter_bits=dice.counter_bits(),
        weight_lanes=lanes,
        counter_lanes=dice.counter_lanes(lanes, board),
        max_batch=1 if dice.chance(0.5) else dice.size(2, 256),
        max_steps=dice.size(4, 128) if recurrent else 0,
        stable=not recurrent and dice.chance(0.3))


def convolutional(dice, board):
    """A configuration with filters."""
    image = dice.size(8, 28), dice.size(8, 28), dice.pick((1, 2, 3, 4))
    window = Window(dice.size(2, 8), dice.size(2, 8), dice.pick((1, 2)))
    pool = min(dice.pick((1, 2, 3, 6)), *window.grid(image))
    lanes = dice.pick(LANES[board])
    return Config(
        inputs=math.prod(image),
        layers=tuple(dice.size(8, 128) for _ in range(dice.pick((2, 3)))),
        classes=dice.size(2, 26),
        counter_bits=dice.counter_bits(),
        weight_lanes=lanes,
        counter_lanes=dice.counter_lanes(lanes, board),
        max_batch=1 if dice.chance(0.7) else dice.size(2, 16),
        windows=(window._replace(pool=pool),),
        image=image)
