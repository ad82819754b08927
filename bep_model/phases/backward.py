"""Phase 3, backward: from the targets of a layer to those before it (Eq. 2, 5, 7)."""

import numpy as np

from bep_model.phases.bits import kernel, ones, popcount


@kernel
def gate(z, threshold, valid, passing):
    """Neurons of a layer with a target and an open gate, abs(z_j) <= T (Eq. 5).

    Parameters
    ----------
    z : int32 array (K,)
    threshold : int
        T, 0..F.
    valid : uint64 array (ceil(K / 64),)
        Packed, which neurons have a target; those beyond K do not count.
    passing : uint64 array (ceil(K / 64),)
        Receives them, packed.
    """
    for word in range(passing.shape[0]):
        packed = np.uint64(0)
        for j in range(64 * word, min(64 * word + 64, z.shape[0])):
            packed |= np.uint64(abs(z[j]) <= threshold) << np.uint64(j & 63)
        passing[word] = packed & valid[word]


@kernel
def backward(columns, targets, passing, literal, u, targets_below, valid_below):
    """Targets of layer l from those of layer l + 1.

    u_i is the sum of t_j w_ji over the passing neurons j of layer l + 1. Like z it is an XNOR and a
    popcount, along the columns of W_(l+1). The target of neuron i is sign(u_i); u_i = 0 gives none.

    Parameters
    ----------
    columns : uint64 array (ceil(K_(l+1) / 64), K_l)
        Visible weights of layer l + 1 by columns: word k of all columns in row k.
    targets : uint64 array (ceil(K_(l+1) / 64),)
        Packed targets of layer l + 1.
    passing : uint64 array (ceil(K_(l+1) / 64),)
        Neurons of layer l + 1 with a target and an open gate.
    literal : bool
        Take sign(0) = +1 for the target instead of none.
    u : int32 array (K_l,)
        Receives the sums.
    targets_below, valid_below : uint64 array (ceil(K_l / 64),)
        Receive the packed targets of layer l and which of its neurons have one; a neuron without
        a target has target bit 0.
    """
    u[:] = ones(passing)
    fours = passing.shape[0] & ~3  # as in the forward phase
    for k in range(0, fours, 4):
        a, b, c, d = targets[k], targets[k + 1], targets[k + 2], targets[k + 3]
        e, f, g, h = passing[k], passing[k + 1], passing[k + 2], passing[k + 3]
        for i in range(u.shape[0]):
            differing = (popcount((columns[k, i] ^ a) & e) + popcount((columns[k + 1, i] ^ b) & f)
                         + popcount((columns[k + 2, i] ^ c) & g)
                         + popcount((columns[k + 3, i] ^ d) & h))
            u[i] -= np.int32(2 * differing)
    for k in range(fours, passing.shape[0]):
        a, e = targets[k], passing[k]
        for i in range(u.shape[0]):
            u[i] -= np.int32(2 * popcount((columns[k, i] ^ a) & e))
    for word in range(targets_below.shape[0]):
        target = np.uint64(0)
        valid = np.uint64(0)
        for i in range(64 * word, min(64 * word + 64, u.shape[0])):
            place = np.uint64(i & 63)
            target |= np.uint64(u[i] > 0 or (literal and u[i] == 0)) << place
            valid |= np.uint64(u[i] != 0 or literal) << place
        targets_below[word] = target
        valid_below[word] = valid


@kernel
def backward_through_time(columns, z, threshold, targets, valid, passing, oldest, literal, u):
    """Targets of a layer with state at the steps before the last (docs/algorithm.md).

    Parameters
    ----------
    columns : uint64 array (ceil(K_s / 64), K_s)
        Visible weights of its state section, as for :func:`backward`.
    z : int32 array (T, K_s)
    threshold : int
        T_l, of its gate.
    targets, valid : uint64 array (T, ceil(K_s / 64))
        Packed, as for :func:`backward`: input for the last step, output for those before.
    passing : uint64 array (T, ceil(K_s / 64))
        Receives the neurons with a target and an open gate of every step after ``oldest``.
    oldest : int
        The first step, from 0, that gets targets; those before it get none.
    literal : bool
    u : int32 array (K_s,)
        As for :func:`backward`.
    """
    valid[:oldest] = 0
    for t in range(z.shape[0] - 1, oldest, -1):
        gate(z[t], threshold, valid[t], passing[t])
        backward(columns, targets[t], passing[t], literal, u, targets[t - 1], valid[t - 1])
