"""Patches: what every window sees, where it belongs, and when samples end."""

import numpy as np
import pytest
from amaranth.hdl import Value

from bep_model.config import Config
from rtl.engines.patches import Patches

from .bench import Bench, collect, drive, generator, number, row_words

SHAPES = {
    "one pixel": ((1, 1, 1), (1, 1), 4),
    "every pixel": ((3, 4, 1), (1, 1), 8),
    "whole image": ((3, 4, 2), (3, 4), 8),
    "stride": ((7, 5, 2), (2, 3, 2), 8),
    "pixels are left": ((8, 9, 1), (2, 2, 3), 8),
    "rows are left": ((5, 4, 1), (2, 4, 2), 4),
    "cells": ((8, 8, 1), (2, 2, 1, 3), 8),
    "patches side by side": ((8, 8, 1), (2, 2, 1, 2), 18),
    "some side by side": ((8, 8, 1), (2, 2, 1, 3), 8),
    "long patches": ((7, 7, 2), (3, 3, 1, 2), 6),
    "channels across beats": ((6, 5, 3), (2, 2), 10),
    "more channels than lanes": ((3, 2, 11), (2, 1), 4),
}


def patches(config, bits):
    """(offset, part, data) of every word in order: position by position, and its words."""
    layer, image = config.network[0], bits.reshape(config.image)
    window, lanes = layer.window, config.weight_lanes
    for y, x in np.ndindex(layer.grid):
        top, left = y * window.stride, x * window.stride
        patch = image[top:top + window.rows, left:left + window.columns].ravel()
        cell = y // window.pool * layer.cells[1] + x // window.pool
        word, part = divmod(y % window.pool * window.pool + x % window.pool, layer.patches)
        first = cell * layer.cell_words + word * layer.row_words
        words = row_words(patch, lanes) if layer.row_words > 1 else [number(patch)]
        yield from ((first + i, part, value) for i, value in enumerate(words))


@pytest.mark.parametrize("rest", [0, 0.4])
@pytest.mark.parametrize("name", SHAPES)
def test_images(name, rest):
    """Three images; with rests, both streams stop at random."""
    image, window, lanes = SHAPES[name]
    config = Config(int(np.prod(image)), (3, 2), 5, 3, lanes, lanes, image=image, windows=(window,))
    rng = generator(*image, int(10 * rest))
    images = rng.integers(0, 2, (3, config.inputs), np.uint8)
    labels = [4, 1, 3]
    dut = Patches(config)
    expected = []
    for bits, label in zip(images, labels, strict=True):
        expected += [(*entry, None) for entry in patches(config, bits)]
        expected.append((None, None, None, label))
    taken = []

    async def feed(ctx):
        beats = [{"data": word, "label": label if n == config.input_words - 1 else 7 - label}
                 for bits, label in zip(images, labels, strict=True)
                 for n, word in enumerate(row_words(bits, lanes))]
        await drive(ctx, dut.samples, beats, rng, rest)

    async def take(ctx):
        taken.extend(await collect(ctx, dut.o, len(expected), rng, rest))

    Bench(dut).run(feed, take)
    layout = dut.o.payload.shape()

    def field(word, name):
        return word >> layout[name].offset & ((1 << layout[name].width) - 1)

    assert [(None, None, None, field(word, "label")) if field(word, "last") else
            (*(field(word, name) for name in ("offset", "part", "data")), None)
            for word in taken] == expected
    assert len(Value.cast(dut.o.payload)) == layout.size
