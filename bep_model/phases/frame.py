"""The fixed classifier: one prototype per class, by default a binary equiangular frame."""

import functools

import numpy as np

from bep_model.phases.bits import compiled
from bep_model.phases.random import seeds


def prototypes(config):
    """One prototype of K_L bits per class.

    With the code "random" they are pairwise as far apart as they evenly can be (Appendix C).
    Greedy coordinate descent begins with random bits of ``config.seed`` and flips an element
    whenever that lowers (sum of the pairwise inner products) + alpha * (their variance), until no
    flip does. Integers give the same result on every machine. The paper does not state alpha. Here
    it is half the number of classes: with far less some classes coincide, with far more the
    distances become even but small.

    With the code "thermometer", bit i of class c is 1 where i (C - 1) < c K_L: from class to class
    some more bits are 1, so that two classes are as far apart as their numbers.

    Parameters
    ----------
    config : Config

    Returns
    -------
    uint8 array (C, K_L)
        Bits; row c is rho_c.
    """
    classes, width = config.classes, config.layers[-1]
    if config.code == "thermometer":
        steps, heights = np.arange(width) * (classes - 1), np.arange(classes) * width
        return (steps < heights[:, np.newaxis]).astype(np.uint8)
    return _frame(classes, width, config.seed).copy()


@functools.lru_cache(maxsize=64)
def _frame(classes, width, seed):
    bits = seeds(seed, classes * width).reshape(classes, width) >> 31
    points = 2 * bits.T.astype(np.int64) - 1
    _descend(points, points.T @ points, classes // 2)
    return (points.T > 0).astype(np.uint8)


@compiled
def _descend(points, products, alpha):
    """Flip elements in place while the cost falls.

    With n pairs, S the sum of their products and Q that of the products' squares, the cost times
    n**2 is n**2 S + alpha (n Q - S**2), an integer.

    Parameters
    ----------
    points : int64 array (K, C)
        Elements -1 or 1, one column per class.
    products : int64 array (C, C)
        Inner products of the columns.
    alpha : int
    """
    width, classes = points.shape
    pairs = classes * (classes - 1) // 2
    total = (products.sum() - classes * width) // 2
    falling = True
    while falling:
        falling = False
        for i in range(width):
            for c in range(classes):
                p = points[i, c]
                column, dot = 0, 0
                for k in range(classes):
                    column += points[i, k]
                    dot += points[i, k] * products[c, k]
                d_total = -2 * p * (column - p)
                d_squares = -4 * p * (dot - p * products[c, c]) + 4 * (classes - 1)
                change = pairs * pairs * d_total + alpha * (
                    pairs * d_squares - 2 * total * d_total - d_total * d_total)
                if change < 0:
                    for k in range(classes):
                        if k != c:
                            products[c, k] -= 2 * p * points[i, k]
                            products[k, c] = products[c, k]
                    points[i, c] = -p
                    total += d_total
                    falling = True
