"""The windows of convolutional layers from what a user says: a size, a stride, a pooling."""

from bep_model.checks import entries, integer
from bep_model.layers import Window


def windows_of(filters, image, size=None, stride=None, pool=None, base=()):
    """The windows of convolutional layers.

    Parameters
    ----------
    filters : sequence of int
        Filters of each layer.
    image : (int, int, int)
        What the first one sees.
    size, stride, pool : int, or sequence with one entry or one per layer, optional
        An entry of ``size`` can be rows and columns.
    base : sequence of Window, optional
        What is left out is as here. By default a window has 2/7 of the image's shorter side, but
        at least 3 pixels where there are so many, a quarter of that is the stride, and there is no
        pooling.

    Returns
    -------
    tuple of Window

    Raises
    ------
    TypeError, ValueError
        With the name ``filter_size``, ``stride`` or ``pool`` in the text.
    """
    count, found = len(filters), []
    sizes, strides, pools = (
        spread(name, values, count)
        for name, values in (("filter_size", size), ("stride", stride), ("pool", pool)))
    for l, width in enumerate(filters):
        window = base[l] if len(base) == count else suited(*image[:2])
        if sizes[l] is not None:
            sides = sizes[l] if hasattr(sizes[l], "__len__") else (sizes[l],) * 2
            rows, columns = (integer("filter_size", side, 1, high) for side, high in
                             zip(entries("filter_size", sides, 2), image, strict=False))
            window = window._replace(rows=rows, columns=columns)
            if len(base) != count:
                window = window._replace(stride=max(1, min(rows, columns) // 4))
        if strides[l] is not None:
            window = window._replace(stride=integer("stride", strides[l], 1, 65535))
        if pools[l] is not None:
            window = window._replace(pool=integer("pool", pools[l], 1, max(window.grid(image))))
        found.append(window)
        image = (*window.cells(image), width)
    return tuple(found)


def suited(rows, columns):
    """The default window for an image."""
    side = max(2 * min(rows, columns) // 7, min(3, rows, columns))
    return Window(side, side, max(1, side // 4))


def spread(name, values, count):
    """An entry for each of ``count`` layers; None where nothing is said."""
    if values is None or not hasattr(values, "__len__"):
        return [values] * count
    if len(values) not in (1, count):
        raise ValueError(f"{name} must have one entry, or one for each of the {count} "
                         f"convolutional layers, not {len(values)}")
    return list(values) if len(values) == count else list(values) * count
