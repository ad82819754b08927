"""Random configurations for a board: what the cost model is fitted to, and tried on."""

import numpy as np

from bep.flow.boards import target
from bep.flow.largest import fits
from bep_model.config import Config, divisors

LANES = {"icebreaker": (8, 16, 24, 32, 48, 64, 96),
         "ulx3s-85f": (8, 16, 32, 64, 100, 128, 196, 256)}
"""P, by the board that stands for its family. Wider ones are placed for longer than they teach."""

MOST_COUNTERS = {"icebreaker": 16, "ulx3s-85f": 64}
"""Q at most."""


def configurations(board, seed):
    """Yield random configurations whose memories fit a board's part, without end.

    They are dense (0.7) or recurrent, online (0.5) or in batches, of 1 to 4 layers; sizes are
    logarithmically uniform. The sequence depends on ``seed`` and the board's name only.
    """
    bits = np.random.default_rng([seed, *board.encode()])
    described = target(board)
    while True:
        config = drawn(bits, board)
        if fits(config, described):
            yield config


def drawn(bits, board):
    """One configuration, from a ``numpy.random.Generator``."""
    def size(low, high):
        return int(np.exp(bits.uniform(np.log(low), np.log(high + 1))))

    def pick(values, p=None):
        return values[bits.choice(len(values), p=p)]

    recurrent = bits.random() < 0.3
    depth = 2 if recurrent else pick((1, 2, 3, 4), (0.15, 0.5, 0.25, 0.1))
    lanes = pick(LANES[board])
    return Config(
        inputs=size(1 if recurrent else 16, 128 if recurrent else 1024),
        layers=tuple(size(8, 256) for _ in range(depth)),
        classes=size(2, 26),
        counter_bits=7 if bits.random() < 0.5 else pick((2, 3, 4, 5, 6, 8, 10, 12, 15)),
        weight_lanes=lanes,
        counter_lanes=pick([q for q in divisors(lanes) if q <= MOST_COUNTERS[board]]),
        max_batch=1 if bits.random() < 0.5 else size(2, 256),
        max_steps=size(4, 128) if recurrent else 0,
        stable=not recurrent and bool(bits.random() < 0.3))
