"""Inputs of a network: checked against its configuration, and packed for the kernels."""

import numpy as np

from bep_model.phases.bits import pack


def samples(config, x, lengths=None):
    """N samples as the kernels take them.

    Parameters
    ----------
    config : Config
    x : integer or bool array (N, K_0), or (N, T', K_x) of a recurrent network
        Bits 0 or 1; 1 <= T' <= T_max.
    lengths : integer array (N,), optional
        Steps of each sequence, 1..T'; all T' without it.

    Returns
    -------
    (uint64 array (N, T', words), int64 array (N,))
        Packed x, and the steps of each sample. Without recurrence T' and all steps are 1.

    Raises
    ------
    TypeError, ValueError
        For another dtype, shape or value.
    """
    x = np.asarray(x)
    if x.dtype.kind not in "bui":
        raise TypeError(f"x must be integers or bool, not {x.dtype}")
    steps = f"1..{config.max_steps}, " if config.recurrent else ""
    if x.ndim != 2 + config.recurrent or x.shape[-1] != config.inputs or (
            config.recurrent and not 1 <= x.shape[1] <= config.max_steps):
        raise ValueError(f"x must have shape (N, {steps}{config.inputs}), not {x.shape}")
    check_range("x", x, 0, 1)
    if lengths is not None and not config.recurrent:
        raise ValueError("lengths are for recurrent networks, max_steps of this one is 0")
    packed = pack(x if config.recurrent else x[:, np.newaxis])
    most = packed.shape[1]
    if lengths is None:
        return packed, np.full(len(x), most, np.int64)
    return packed, _integers("lengths", lengths, len(x), 1, most)


def labels(config, values, n):
    """Return the labels of ``n`` samples as int64 array; raises TypeError or ValueError."""
    return _integers("labels", values, n, 0, config.classes - 1)


def _integers(name, values, n, low, high):
    values = np.asarray(values)
    if values.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers, not {values.dtype}")
    if values.shape != (n,):
        raise ValueError(f"{name} must have shape ({n},), not {values.shape}")
    check_range(name, values, low, high)
    return values.astype(np.int64)


def check_counters(config, l, dtype, shape):
    """Raise TypeError or ValueError unless type and shape are those of layer l's counters."""
    if dtype.kind not in "iu":
        raise TypeError(f"counters of layer {l} must be integers, not {dtype}")
    if shape != config.shapes[l - 1]:
        raise ValueError(f"counters of layer {l} must have shape {config.shapes[l - 1]}, "
                         f"not {shape}")


def thresholds(config, values):
    """Thresholds of the convolutional layers, int32 arrays (K_l,); raises TypeError or ValueError.

    Those of layer l are within -F_l..F_l.
    """
    arrays = [np.asarray(layer) for layer in values]
    if len(arrays) != len(config.windows):
        raise ValueError(f"thresholds must have {len(config.windows)} layers, not {len(arrays)}")
    for l, (array, (_, fan_in)) in enumerate(zip(arrays, config.shapes, strict=False), 1):
        check_thresholds(config, l, array.dtype, array.shape)
        check_range(f"thresholds of layer {l}", array, -fan_in, fan_in)
    return tuple(array.astype(np.int32) for array in arrays)


def check_thresholds(config, l, dtype, shape):
    """Raise TypeError or ValueError unless type and shape are those of layer l's thresholds."""
    if dtype.kind not in "iu":
        raise TypeError(f"thresholds of layer {l} must be integers, not {dtype}")
    if shape != config.shapes[l - 1][:1]:
        raise ValueError(f"thresholds of layer {l} must have shape {config.shapes[l - 1][:1]}, "
                         f"not {shape}")


def check_range(name, values, low, high):
    """Raise ValueError if a value of the array is outside low..high; the text has that value."""
    # Compared as Python's integers, since the bounds may not fit the array's type.
    for value in (int(values.min()), int(values.max())) if values.size else ():
        if not low <= value <= high:
            raise ValueError(f"{name} must be between {low} and {high}, not {value}")


def npy_head(entry):
    """Read the head of a NumPy array in a file; what follows is the array.

    Its format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

    Parameters
    ----------
    entry : binary file
        At its beginning.

    Returns
    -------
    (tuple of int, bool, numpy.dtype)
        Shape, whether column by column, type.

    Raises
    ------
    ValueError
        For anything else.
    """
    version = np.lib.format.read_magic(entry)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(entry)
    return np.lib.format.read_array_header_2_0(entry)
