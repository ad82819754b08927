"""Folders of images, a folder per class. Needs Pillow (the extra ``images``)."""

import math

import numpy as np
from PIL import Image

from bep_model.data.idx import LIMIT


def read(folder, flat=False):
    """Images of one size as grey levels.

    Parameters
    ----------
    folder : Path
        With a folder per class, in which there is nothing but images; names with a dot in front do
        not count.
    flat : bool
        The images may be in the folder itself.

    Returns
    -------
    (uint8 array (N, rows, columns), array of str (N,) or None)
        Images in the order of their names, class by class, and the names of their folders; None
        if there are no folders.

    Raises
    ------
    ValueError
        For a file that is no image, images of different sizes, too large ones, or none; starts
        with the path.
        OSError if one cannot be read.
    """
    inside = _names(folder)
    folders = [path for path in inside if path.is_dir()]
    if not folders and not (flat and inside):
        raise ValueError(f"{folder} must have {'images, or ' if flat else ''}a folder of images "
                         "for each class")
    if beside := [path.name for path in inside if folders and not path.is_dir()]:
        raise ValueError(f"{folder} has {beside[0]} beside the folders of the classes: each image "
                         "must be in one of them")
    for each in folders:
        if not _names(each):
            raise ValueError(f"{each} has no images: each folder must hold those of a class")
    paths = [path for each in folders for path in _names(each)] or inside
    images = []
    for path in paths:
        images.append(_grey(path, LIMIT // len(paths)))
        if images[-1].shape != images[0].shape:
            raise ValueError(f"{path} has {_size(images[-1])} pixels, {paths[0]} {_size(images[0])}"
                             ": all images must have one size")
    return np.stack(images), np.array([path.parent.name for path in paths]) if folders else None


def _names(folder):
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _grey(path, most):
    """An image of at most so many pixels."""
    try:
        with open(path, "rb") as file, Image.open(file) as image:
            if math.prod(image.size) <= most:
                return np.asarray(image.convert("L"))
            size = " x ".join(map(str, reversed(image.size)))
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = str(error) if "BytesIO" not in str(error) and "cannot identify" not in str(error) \
            else "its format is unknown"
        raise ValueError(f"{path} is no image: {reason}") from None
    raise ValueError(f"{path} has {size} pixels; of so many images each may have at most {most}")


def _size(image):
    return " x ".join(map(str, image.shape))
