"""Convolutional layers: the same phases, with the positions of an image for steps.

Activations, targets and chosen positions of such a layer are one vector: cell after cell, row by
row, each with its K filters. So they are an image again, whose channels are the filters.
"""

import numpy as np

from bep_model.phases.bits import bit, copy, kernel, lowest, ones, popcount
from bep_model.phases.random import bernoulli
from bep_model.phases.select import keep_nearest
from bep_model.phases.update import renew_signs, step_by_sums


@kernel
def gather(layer, image, position, patch):
    """Copy the bits that a window sees: rows of a packed image, one after another.

    Parameters
    ----------
    layer : LAYER
    image : uint64 array
        Packed, row by row, pixel by pixel, channel by channel.
    position : int
        Row by row, 0..positions - 1.
    patch : uint64 array (ceil(F / 64),)
        Receives the bits; the unused ones are 0.
    """
    patch[:] = 0
    row, column = position // layer.grid_columns, position % layer.grid_columns
    source = layer.stride * (row * layer.image_bits + column * layer.channels)
    place = 0
    for _ in range(layer.window_rows):
        begin, left = source, layer.patch_bits
        while left > 0:
            count = min(left, 64 - (place & 63))
            shift = begin & 63
            bits = image[begin >> 6] >> np.uint64(shift)
            if shift + count > 64:
                bits |= image[(begin >> 6) + 1] << np.uint64(64 - shift)
            bits &= ~np.uint64(0) >> np.uint64(64 - count)
            patch[place >> 6] |= bits << np.uint64(place & 63)
            begin += count
            place += count
            left -= count
        source += layer.image_bits


@kernel
def convolve(layer, signs, thresholds, image, patch, patches, keys, z, chosen, activations):
    """Forward: z of a cell is the largest of its positions, the first one on a tie.

    Filter after filter goes over all patches at once, so that the inner loops are over positions.

    Parameters
    ----------
    layer : LAYER
    signs : uint64 array (ceil(F / 64), K)
        Visible weights, as for :func:`bep_model.phases.forward.forward`.
    thresholds : int32 array (K,)
        theta, -F..F.
    image : uint64 array
    patch : uint64 array (ceil(F / 64),)
    patches : uint64 array (at least ceil(F / 64) * positions,)
    keys : int64 array (at least positions,)
        Scratch.
    z, chosen : int32 array (cells * K,)
        Receive W a - theta, -2 F..2 F, and the positions that gave it.
    activations : uint64 array (ceil(cells * K / 64),)
    """
    words, filters = signs.shape
    positions = layer.grid_rows * layer.grid_columns
    patches = patches[:words * positions].reshape(words, positions)
    keys = keys[:positions]
    for position in range(positions):
        gather(layer, image, position, patch)
        copy(patch, patches[:, position])
    for k in range(filters):
        # The bits in which a patch differs from the filter, then the position: the least key of a
        # cell is that of its largest z, and of these of the first one.
        for position in range(positions):
            keys[position] = position
        for word in range(words):
            differ(signs[word, k], patches[word], keys)
        if layer.pool > 1:
            pool(layer, keys)
        highest = layer.fan_in - thresholds[k]
        for cell in range(z.shape[0] // filters):
            z[cell * filters + k] = np.int32(highest - 2 * (keys[cell] >> 16))
            chosen[cell * filters + k] = np.int32(keys[cell] & 0xFFFF)
    for word in range(activations.shape[0]):
        packed = np.uint64(0)
        for i in range(64 * word, min(64 * word + 64, z.shape[0])):
            packed |= np.uint64(z[i] >= 0) << np.uint64(i & 63)
        activations[word] = packed


@kernel
def differ(sign, patches, keys):
    """Add to every key in how many bits of a word the patch differs from a filter."""
    for position in range(keys.shape[0]):
        keys[position] += np.int64(popcount(sign ^ patches[position])) << 16


@kernel
def pool(layer, keys):
    """Replace the first keys by the least ones of the cells, which come no later."""
    columns, cell = layer.grid_columns, 0
    for top in range(0, layer.grid_rows, layer.pool):
        least = keys[top * columns:(top + 1) * columns]
        for row in range(top + 1, min(top + layer.pool, layer.grid_rows)):
            lower = keys[row * columns:(row + 1) * columns]
            for column in range(columns):
                least[column] = min(least[column], lower[column])
        for left in range(0, columns, layer.pool):
            best = least[left]
            for column in range(left + 1, min(left + layer.pool, columns)):
                best = min(best, least[column])
            keys[cell] = best
            cell += 1


@kernel
def backward_windows(layer, signs, targets, passing, chosen, literal, u, targets_below,
                     valid_below):
    """Targets of the layer below a convolutional one, as :func:`backward` gives them.

    u_i is the sum over the passing cells and filters whose chosen position sees element i.

    Parameters
    ----------
    layer : LAYER
    signs : uint64 array (ceil(F / 64), K)
    targets, passing : uint64 array (ceil(cells * K / 64),)
    chosen : int32 array (cells * K,)
    literal : bool
    u : int32 array (elements of the layer below,)
        Receives the sums. The cells below are the pixels here.
    targets_below, valid_below : uint64 array (ceil(elements / 64),)
    """
    u[:] = 0
    for word in range(passing.shape[0]):
        left = passing[word]
        while left:
            i = 64 * word + lowest(left)
            left &= left - np.uint64(1)
            k, target = i % layer.neurons, bit(targets, i)
            row, column = chosen[i] // layer.grid_columns, chosen[i] % layer.grid_columns
            source = layer.stride * (row * layer.image_bits + column * layer.channels)
            for place in range(layer.fan_in):
                at = source + place // layer.patch_bits * layer.image_bits \
                    + place % layer.patch_bits
                u[at] += np.int32(1 if bit(signs[:, k], place) == target else -1)
    for word in range(targets_below.shape[0]):
        target, valid = np.uint64(0), np.uint64(0)
        for i in range(64 * word, min(64 * word + 64, u.shape[0])):
            place = np.uint64(i & 63)
            target |= np.uint64(u[i] > 0 or (literal and u[i] == 0)) << place
            valid |= np.uint64(u[i] != 0 or literal) << place
        targets_below[word], valid_below[word] = target, valid


@kernel
def keep_passing(passing, targets, valid):
    """Take their targets from the neurons whose gate is closed; all are packed."""
    for word in range(passing.shape[0]):
        valid[word] = passing[word]
        targets[word] &= passing[word]


@kernel
def select_filters(z, targets, valid, group, sums, winners):
    """In each group, of the filters that disagree with their targets over the cells the nearest.

    As :func:`bep_model.phases.select.select_through_time`, with cells for steps.

    Parameters
    ----------
    z : int32 array (cells * K,)
    targets, valid : uint64 array (ceil(cells * K / 64),)
    group : int
    sums : int32 array (K,)
        Receives sigma.
    winners : uint64 array (ceil(K / 64),)
    """
    filters = sums.shape[0]
    sums[:] = 0
    for word in range(valid.shape[0]):
        left = valid[word]
        while left:
            i = 64 * word + lowest(left)
            left &= left - np.uint64(1)
            sums[i % filters] += z[i] if bit(targets, i) else -z[i]
    winners[:] = 0
    for k in range(filters):
        winners[k >> 6] |= np.uint64(sums[k] < 0) << np.uint64(k & 63)
    keep_nearest(sums, group, winners)


@kernel
def update_filters(layer, counters, signs, columns, image, patch, targets, valid, chosen, winners,
                   thinning, bank, lanes, drawn, scratch, sums, down, taken):
    """Apply the updates of one sample to a convolutional layer, filters ascending.

    A winner takes one step per counter: the sign of the sum, over the cells where it has a target,
    of target times input at the chosen position; a sum of 0 is no step.

    Parameters
    ----------
    layer : LAYER
    counters, signs, columns
        As for :func:`bep_model.phases.update.update`.
    image, patch, targets, valid, chosen
        As for :func:`convolve` and :func:`select_filters`.
    winners : uint64 array (ceil(K / 64),)
    thinning, bank, lanes, drawn, scratch, sums, down, taken
        As for :func:`bep_model.phases.update.update_through_time`.
    """
    if thinning == 0:
        return
    bernoulli(bank, lanes, thinning, layer.sections[:1], drawn[:ones(winners)], scratch)
    at = 0
    for word in range(winners.shape[0]):
        left = winners[word]
        while left:
            k = 64 * word + lowest(left)
            left &= left - np.uint64(1)
            sums[:] = 0
            for i in range(k, layer.outputs, layer.neurons):
                if bit(valid, i):
                    gather(layer, image, chosen[i], patch)
                    vote(patch, bit(targets, i), sums)
            step_by_sums(counters[k], sums, 1, drawn[at], down, taken)
            renew_signs(counters[k], signs, columns, k)
            at += 1


@kernel
def vote(patch, target, sums):
    """Add target times input to the sum of every counter."""
    flip = np.uint64(0) if target else ~np.uint64(0)
    for word in range(patch.shape[0]):
        agreeing = patch[word] ^ flip
        for i in range(64):
            agrees = np.int16((agreeing >> np.uint64(i)) & np.uint64(1))
            sums[64 * word + i] += np.int16(2 * agrees - 1)
